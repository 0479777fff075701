import { inspect, type InspectOptions } from 'node:util';
import { StaddleError } from '@staddle/kernel';

/** The name of one of the seven fields of a cron expression. */
export type CronPart = 'second' | 'minute' | 'hour' | 'day of month' | 'month' | 'day of week' | 'year';

export interface CronFault {
  readonly expression: string;
  /** The offending piece of the expression. */
  readonly value: string;
  /** Index of the first character of `value` in the expression, from 0. */
  readonly position: number;
  readonly part?: CronPart | undefined;
  readonly rule: string;
  /** Path of the expression in the trigger. Default: `expr`. */
  readonly field?: string | undefined;
}

/** A cron expression outside the grammar, or one that can never match. */
export class CronSyntaxError extends StaddleError {
  override readonly code = 'ERR_CRON_SYNTAX';
  /** `expr`, or the dotted path of the expression in a trigger made of several: `of.1.expr`. */
  override readonly field: string;
  readonly expression: string;
  readonly value: string;
  readonly position: number;
  readonly part: CronPart | undefined;
  readonly rule: string;

  constructor({ expression, value, position, part, rule, field = 'expr' }: CronFault, options?: ErrorOptions) {
    const place = value === expression ? undefined : `at position ${position} of ${show(expression)}`;
    super(sentence(field === 'expr' ? undefined : `${field}:`, `cron ${part ?? 'expression'}`, showGiven(value), place, rule), options);
    this.field = field;
    this.expression = expression;
    this.value = value;
    this.position = position;
    this.part = part;
    this.rule = rule;
  }
}

/** A trigger that is not well formed: wrong kind, unknown or missing key, value out of bounds, unknown time zone. */
export class TriggerSyntaxError extends StaddleError {
  override readonly code = 'ERR_CRON_TRIGGER';
  /** The key of the trigger, or a dotted path (`of.1.every`, `exclude.0`); undefined when the trigger as a whole is at fault. */
  declare readonly field?: string;
  readonly value: unknown;
  readonly rule: string;

  constructor(field: string | undefined, value: unknown, rule: string, options?: ErrorOptions) {
    super(sentence('trigger', field === undefined ? undefined : showPlace(field), showGiven(value), rule), options);
    if (field !== undefined) this.field = field;
    this.value = value;
    this.rule = rule;
  }
}

/** Does something with a trigger inside another one. What is thrown is an error of the outer one: a syntax error names the path, any other stays as it is. */
export function withPath<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw errorWithin(path, error);
  }
}

function errorWithin(path: string, error: unknown): unknown {
  if (error instanceof CronSyntaxError) return new CronSyntaxError({ ...error, field: `${path}.${error.field}` }, { cause: error.cause });
  if (error instanceof TriggerSyntaxError) return new TriggerSyntaxError(error.field === undefined ? path : `${path}.${error.field}`, error.value, error.rule, { cause: error.cause });
  return error;
}

/** `next` was asked of a trigger whose times depend on when it is created: call `resolve` first. */
export class TriggerUnresolvedError extends StaddleError {
  override readonly code = 'ERR_CRON_UNRESOLVED';
  readonly kind: string;

  constructor(kind: string) {
    super(`trigger of kind ${kind} has no times before resolve(nowMs, { seed }) ties it to an instant and a name`);
    this.kind = kind;
  }
}

/** A question for a time took too many steps: the trigger is too sparse, or leaves out too much. */
export class TriggerTooSparseError extends StaddleError {
  override readonly code = 'ERR_CRON_TOO_SPARSE';
  /** How many candidates were looked at. */
  readonly steps: number;

  constructor(steps: number) {
    super(`no time of the trigger was found in ${steps} steps: it is too sparse, or leaves out too much`);
    this.steps = steps;
  }
}

/** A number that is no instant: NaN, or for `resolve` outside 1970 to 9999. */
export class InvalidInstantError extends StaddleError {
  override readonly code = 'ERR_CRON_INSTANT';
  readonly value: unknown;

  constructor(value: unknown, rule: string) {
    super(`instant ${show(value)} ${rule}`);
    this.value = value;
  }
}

/** A schedule with a bad name, option or trigger, or a scheduler with a bad option. */
export class InvalidScheduleError extends StaddleError {
  override readonly code = 'ERR_CRON_SCHEDULE';
  override readonly field: string;
  readonly value: unknown;
  readonly rule: string;

  constructor(field: string, value: unknown, rule: string) {
    super(sentence('schedule', field, showGiven(value), rule));
    this.field = field;
    this.value = value;
    this.rule = rule;
  }
}

/** There is a schedule of this name already. */
export class ScheduleExistsError extends StaddleError {
  override readonly code = 'ERR_CRON_SCHEDULE_EXISTS';
  readonly scheduleName: string;

  constructor(scheduleName: string) {
    super(`schedule ${show(scheduleName)} exists already: reschedule or remove it`);
    this.scheduleName = scheduleName;
  }
}

/** There is no schedule of this name; it may have finished. */
export class ScheduleNotFoundError extends StaddleError {
  override readonly code = 'ERR_CRON_SCHEDULE_NOT_FOUND';
  readonly scheduleName: string;

  constructor(scheduleName: string) {
    super(`there is no schedule ${show(scheduleName)}: it was never added, was removed or has finished`);
    this.scheduleName = scheduleName;
  }
}

/** The scheduler has been stopped. Also the reason of the signals that it aborts then. */
export class SchedulerStoppedError extends StaddleError {
  override readonly code = 'ERR_CRON_STOPPED';

  constructor() {
    super('the scheduler has been stopped');
  }
}

/** The reason of the signal of a run that took longer than its schedule's `timeoutMs`. */
export class RunTimeoutError extends StaddleError {
  override readonly code = 'ERR_CRON_RUN_TIMEOUT';
  readonly scheduleName: string;
  readonly timeoutMs: number;

  constructor(scheduleName: string, timeoutMs: number) {
    super(`the run of schedule ${show(scheduleName)} took longer than ${timeoutMs} ms`);
    this.scheduleName = scheduleName;
    this.timeoutMs = timeoutMs;
  }
}

/** The reason of the signal of a run that a later run cancelled, or whose schedule was removed with its runs. */
export class RunCancelledError extends StaddleError {
  override readonly code = 'ERR_CRON_RUN_CANCELLED';
  readonly scheduleName: string;

  constructor(scheduleName: string, rule: string) {
    super(`the run of schedule ${show(scheduleName)} is cancelled: ${rule}`);
    this.scheduleName = scheduleName;
  }
}

/** A `*.cron.ts` file, or a holiday calendar or schedule declared in code, is not well formed. */
export class CronDeclarationError extends StaddleError {
  override readonly code = 'ERR_CRON_DECLARATION';
  /** The file or name at fault; empty when there is none. */
  readonly source: string;
  readonly rule: string;

  constructor(source: string, rule: string, options?: ErrorOptions) {
    super(sentence('cron declaration', source === '' ? undefined : show(source), rule), options);
    this.source = source;
    this.rule = rule;
  }
}

/** A schedule of another system that has no trigger with the same times. */
export class CronImportError extends StaddleError {
  override readonly code = 'ERR_CRON_IMPORT';
  /** The system that it comes from: `apscheduler`, `quartz`, `celery`, `crontab`, `kubernetes`, `bullmq`. */
  readonly system: string;
  /** The key, field or line at fault. */
  override readonly field: string;
  readonly value: unknown;
  readonly rule: string;

  constructor(system: string, field: string, value: unknown, rule: string, options?: ErrorOptions) {
    super(sentence(system, showPlace(field), showGiven(value), rule), options);
    this.system = system;
    this.field = field;
    this.value = value;
    this.rule = rule;
  }
}

export type CronErrorCode = (
  | CronSyntaxError
  | TriggerSyntaxError
  | TriggerUnresolvedError
  | TriggerTooSparseError
  | InvalidInstantError
  | InvalidScheduleError
  | ScheduleExistsError
  | ScheduleNotFoundError
  | SchedulerStoppedError
  | RunTimeoutError
  | RunCancelledError
  | CronDeclarationError
  | CronImportError
)['code'];

// Bounds what a hostile input can put into a log line.
const LONGEST_SHOWN = 120;
const SHALLOW: InspectOptions = { depth: 1, maxArrayLength: 5, maxStringLength: 50, breakLength: Infinity };

function show(value: unknown): string {
  // JSON.stringify would follow every path through an object, of which a hostile one has more than there is time.
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, LONGEST_SHOWN)) : inspect(value, SHALLOW);
  const whole = text.length <= LONGEST_SHOWN && !(typeof value === 'string' && value.length > LONGEST_SHOWN);
  return whole ? text : `${text.slice(0, LONGEST_SHOWN)}…`;
}

/** What was left out shows by its name alone. */
function showGiven(value: unknown): string | undefined {
  return value === undefined ? undefined : show(value);
}

function sentence(...words: readonly (string | undefined)[]): string {
  return words.filter((word) => word !== undefined).join(' ');
}

/** A path as this package writes them stands without quotes. A key that is none of ours may be anything. */
function showPlace(field: string): string {
  return /^[\w. ]{1,100}$/.test(field) ? field : show(field);
}
