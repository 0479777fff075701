import { StaddleError } from '@staddle/kernel';
import type { TaskVerb } from './machines.ts';

/** No handler of this process goes by the module and name that a new task asks for. */
export class UnknownHandlerError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_HANDLER';
  override readonly field = 'handler';
  readonly module: string;
  readonly handler: string;

  constructor(module: string, handler: string, known: readonly string[]) {
    super(`no handler ${JSON.stringify(handler)} for module ${JSON.stringify(module)}; known handlers: ${known.join(', ') || 'none'}`);
    this.module = module;
    this.handler = handler;
  }
}

/** A field of a new task, or the reason of a change, breaks a rule. */
export class InvalidTaskError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_TASK';
  override readonly field: string;

  constructor(field: string, rule: string) {
    super(`${field} ${rule}`);
    this.field = field;
  }
}

/** The handler does not accept the payload. Handlers throw it from `parsePayload` to name the field at fault. */
export class InvalidPayloadError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_PAYLOAD';
  /** `payload`, or a path inside it: `payload.url`. */
  override readonly field: string;

  constructor(field: string, rule: string, options?: ErrorOptions) {
    super(`${field} ${rule}`, options);
    this.field = field;
  }
}

/** The trigger is not well formed. `cause` is the error of `@staddle/cron`, with the position and the rule. */
export class InvalidTriggerError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_TRIGGER';
  /** `trigger`, or the key at fault: `trigger.expr`. */
  override readonly field: string;

  constructor(field: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.field = field;
  }
}

/** The trigger of a new task has no instant left. */
export class TriggerExhaustedError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_TRIGGER_EXHAUSTED';
  override readonly field = 'trigger';

  constructor(rule: string) {
    super(`trigger has no instant left: ${rule}`);
  }
}

/** A live task of the module has the business key already. */
export class TaskConflictError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_CONFLICT';
  override readonly field = 'bizKey';
  /** The task that has the key. */
  readonly existingUid: string;

  constructor(module: string, bizKey: string, existingUid: string) {
    super(`module ${JSON.stringify(module)} has a live task with bizKey ${JSON.stringify(bizKey)}: ${existingUid}`);
    this.existingUid = existingUid;
  }
}

export class TaskNotFoundError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_TASK_NOT_FOUND';
  readonly uid: string;

  constructor(uid: string) {
    super(`there is no task ${JSON.stringify(uid)}`);
    this.uid = uid;
  }
}

export class RunNotFoundError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_RUN_NOT_FOUND';
  readonly uid: string;

  constructor(uid: string) {
    super(`there is no run ${JSON.stringify(uid)}`);
    this.uid = uid;
  }
}

/** The task is in a state that does not accept the verb. */
export class IllegalTransitionError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_STATE';
  /** The state the task is in: `FINISHED`. */
  readonly state: string;
  /** The verbs that the state accepts. */
  readonly allowed: readonly TaskVerb[];

  constructor(uid: string, verb: TaskVerb, state: string, allowed: readonly TaskVerb[]) {
    super(`cannot ${verb} task ${uid}, which is ${state}; allowed: ${allowed.join(', ')}`);
    this.state = state;
    this.allowed = allowed;
  }
}

/** The task was changed since the caller read it. */
export class VersionMismatchError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_VERSION';
  readonly expected: number;
  readonly actual: number;

  constructor(uid: string, expected: number, actual: number) {
    super(`task ${uid} is at version ${actual}, not ${expected}`);
    this.expected = expected;
    this.actual = actual;
  }
}

/** A filter, limit or cursor of a list is none. */
export class InvalidQueryError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_QUERY';
  override readonly field: string;

  constructor(field: string, value: unknown, rule: string) {
    super(`${field} ${JSON.stringify(value) ?? String(value)} ${rule}`);
    this.field = field;
  }
}

/** This process may no longer act for the run: its lease ended, or someone else took the run over. */
export class LeaseLostError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_LEASE_LOST';

  constructor(runUid: string, why: string) {
    super(`the lease on run ${runUid} is lost: ${why}`);
  }
}

/** The handler took longer than it may. */
export class HandlerTimeoutError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_TIMEOUT';

  constructor(timeoutMs: number) {
    super(`the handler took longer than its timeout of ${timeoutMs} ms`);
  }
}

/** The process stops, and its deadline for running handlers has passed. */
export class StoppingError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_STOPPING';
  override readonly retryable = true;

  constructor() {
    super('the process is stopping; the run goes back to be started again');
  }
}

/** Every process that took the run up went away before it ended: the handler is suspected of ending them. */
export class PoisonedRunError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_POISON';

  constructor(claims: number) {
    super(`the run was taken up ${claims} times and its owner went away each time`);
  }
}

/** Its task was deleted before the run started. */
export class RunCancelledError extends StaddleError {
  override readonly code = 'ERR_DISPATCH_CANCELLED';

  constructor(reason: string | null) {
    super(`the task was deleted before the run started${reason === null ? '' : `: ${reason}`}`);
  }
}

export type DispatchErrorCode =
  | UnknownHandlerError['code']
  | InvalidTaskError['code']
  | InvalidPayloadError['code']
  | InvalidTriggerError['code']
  | TriggerExhaustedError['code']
  | TaskConflictError['code']
  | TaskNotFoundError['code']
  | RunNotFoundError['code']
  | IllegalTransitionError['code']
  | VersionMismatchError['code']
  | InvalidQueryError['code']
  | LeaseLostError['code']
  | HandlerTimeoutError['code']
  | StoppingError['code']
  | PoisonedRunError['code']
  | RunCancelledError['code'];
