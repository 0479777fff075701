import type { Trigger } from '@staddle/cron';
import { nanoid } from 'nanoid';
import { instantsWithin } from './due-instants.ts';
import { IllegalTransitionError, InvalidQueryError, RunCancelledError, TaskConflictError, TaskNotFoundError, TriggerExhaustedError, VersionMismatchError } from './errors.ts';
import type { HandlerRegistry } from './handler.ts';
import { TASK_VERBS, taskMachine, type TaskVerb } from './machines.ts';
import { readPage, type Page, type PageOptions } from './page.ts';
import { toRun, type Run } from './run.ts';
import type { RunRecord } from './run-store.ts';
import { describeTaskWord, RunFlags, TASK_STATES, TaskFlags, taskPhaseOf, type TaskPhase, type TaskState, type TaskWord } from './states.ts';
import { errorJson } from './stored-json.ts';
import { toTask, type Task } from './task.ts';
import { checkNewTask, checkPayload, checkReason, type NewTaskInput } from './task-input.ts';
import { OUTCOME, type Changed, type Decide, type NewOccurrence, type Outcome, type TaskChange, type TaskRecord, type TaskStore } from './task-store.ts';
import { readNewTrigger, resolveTrigger, type ReadTrigger } from './trigger-reader.ts';

/** Given with a change of a task. */
export interface ChangeOptions {
  /** Kept as the task's reason. At most 500 characters. */
  readonly reason?: string | undefined;
  /** Refuses the change with `ERR_DISPATCH_VERSION` when the task is at another version. */
  readonly ifVersion?: number | undefined;
}

export interface TaskListOptions extends PageOptions {
  readonly module?: string | undefined;
  /** Default: every state but DELETED. */
  readonly state?: TaskState | undefined;
}

/**
 * What can be done to tasks. Every verb that changes a task throws TaskNotFoundError (`ERR_DISPATCH_TASK_NOT_FOUND`),
 * IllegalTransitionError (`ERR_DISPATCH_STATE`) and VersionMismatchError (`ERR_DISPATCH_VERSION`).
 */
export interface TaskOperations {
  /**
   * Stores a task. `after` counts from the moment of the insert on the store's clock. A `date` of the last 24 hours
   * fires at once.
   * @throws InvalidTaskError, UnknownHandlerError, InvalidTriggerError, InvalidPayloadError, TriggerExhaustedError, TaskConflictError
   */
  create(input: NewTaskInput): Promise<Task>;
  /** Deleted tasks are found too. @throws TaskNotFoundError (`ERR_DISPATCH_TASK_NOT_FOUND`) */
  get(uid: string): Promise<Task>;
  /** Newest first. @throws InvalidQueryError (`ERR_DISPATCH_QUERY`) */
  list(options?: TaskListOptions): Promise<Page<Task>>;
  /** Stops planning. Runs that exist go on. */
  pause(uid: string, options?: ChangeOptions): Promise<Task>;
  /** Plans again, from now: instants that passed meanwhile are recorded as skipped. Also clears BROKEN, if the trigger can be read. */
  resume(uid: string, options?: ChangeOptions): Promise<Task>;
  /** Adds a run by hand, due now. The schedule is not touched. */
  run(uid: string, options?: ChangeOptions): Promise<Run>;
  /** Leaves a tombstone. READY runs are cancelled; owned ones go on. */
  delete(uid: string, options?: ChangeOptions): Promise<Task>;
}

export interface TaskOperationsOptions {
  readonly tasks: TaskStore;
  readonly registry: HandlerRegistry;
  readonly readTrigger: ReadTrigger;
  /** Called after the commit of whatever changed what is due, or the state of runs. */
  readonly onChanged: (runs: readonly RunRecord[]) => void;
}

// A date that is a little late when it arrives must fire, one from last year is a mistake.
const LATE_DATE_MS = 24 * 3_600_000;

// What a list shows that asks for no state.
const UNDELETED: readonly [TaskPhase, ...TaskPhase[]] = ['Active', 'Paused', 'Finished'];

// Instants of a pause that are counted one by one. Counting happens under the row lock; this many take a few ms.
const COUNT_LIMIT = 10_000;

export function createTaskOperations({ tasks, registry, readTrigger, onChanged }: TaskOperationsOptions): TaskOperations {
  /** `after` is the task's word after the verb. */
  type DecideVerb = (task: TaskRecord, after: TaskWord, nowMs: number, reason: string | null) => TaskChange | undefined;
  const change = async (uid: string, verb: TaskVerb, options: ChangeOptions, decide: DecideVerb): Promise<Changed> => {
    const reason = checkReason(options.reason);
    const guarded: Decide = (task, nowMs) => {
      const after = taskMachine.next(task.state, verb);
      if (after === undefined) {
        const allowed = TASK_VERBS.filter((each) => taskMachine.can(task.state, each));
        throw new IllegalTransitionError(uid, verb, describeTaskWord(task.state).state, allowed);
      }
      if (options.ifVersion !== undefined && options.ifVersion !== task.version) throw new VersionMismatchError(uid, options.ifVersion, task.version);
      return decide(task, after, nowMs, reason);
    };
    const changed = await tasks.change(uid, guarded);
    if (!changed) throw new TaskNotFoundError(uid);
    onChanged(changed.runs);
    return changed;
  };

  return {
    async create(input) {
      const checked = checkNewTask(input);
      const payload = checkPayload(input.payload, registry.find(checked.module, checked.handler));
      const relative = readNewTrigger(input.trigger);
      const { task, inserted } = await tasks.insert((nowMs) => {
        const uid = nanoid();
        const { trigger, firstAt } = resolveTrigger(relative, nowMs, uid);
        return {
          ...checked,
          uid,
          trigger: JSON.stringify(trigger),
          payload,
          state: TaskFlags.of('Active'),
          nextRunAt: firstAt ?? lateInstant(trigger, nowMs),
        };
      });
      if (!inserted) throw new TaskConflictError(checked.module, checked.bizKey ?? '', task.uid);
      onChanged([]);
      return toTask(task);
    },

    async get(uid) {
      const task = await tasks.get(uid);
      if (!task) throw new TaskNotFoundError(uid);
      return toTask(task);
    },

    async list({ module, state, ...page } = {}) {
      const phases = state === undefined ? UNDELETED : ([phaseOf(state)] as const);
      return readPage(page, { find: tasks.get, read: (after) => tasks.list({ module, phases, ...after }) }, toTask);
    },

    async pause(uid, options = {}) {
      const { task } = await change(uid, 'pause', options, (current, after, _nowMs, reason) => {
        const another = reason !== null && reason !== current.reason;
        return after !== current.state || another ? moved(current, after, reason) : undefined;
      });
      return toTask(task);
    },

    async resume(uid, options = {}) {
      const { task } = await change(uid, 'resume', options, (current, after, nowMs, reason) => {
        if (after === current.state) return undefined;
        const trigger = readTrigger(current.trigger);
        const backlog = backlogOf(current, trigger, nowMs, TaskFlags.has(current.state, 'Paused') ? OUTCOME.paused : OUTCOME.misfire);
        const lastScheduledAt = backlog?.toAt ?? current.lastScheduledAt;
        // Behind the watermark only when the store's clock was set back; those instants have had their turn.
        const nextRunAt = current.nextRunAt === null || current.nextRunAt > nowMs ? current.nextRunAt : (trigger.next(Math.max(nowMs, lastScheduledAt ?? nowMs)) ?? null);
        const { set } = moved(current, nextRunAt === null ? taskMachine.next(after, 'finish')! : after, reason);
        return {
          set: { ...set, nextRunAt, lastScheduledAt },
          occurrences: backlog ? [backlog] : [],
        };
      });
      return toTask(task);
    },

    async run(uid, options = {}) {
      const { runs } = await change(uid, 'run', options, (current, _after, nowMs) => {
        const run = { uid: nanoid(), state: RunFlags.of('Ready', 'Manual'), fireAt: nowMs };
        return {
          set: { runCount: current.runCount + 1 },
          occurrences: [{ key: `m:${run.uid}`, scheduledAt: nowMs, toAt: null, count: 1, outcome: OUTCOME.run, run }],
        };
      });
      return toRun(runs[0]!);
    },

    async delete(uid, options = {}) {
      const { task } = await change(uid, 'delete', options, (current, after, nowMs, reason) => {
        if (after === current.state) return undefined;
        // What a broken trigger owes cannot be known.
        const broken = TaskFlags.has(current.state, 'Broken');
        const backlog = broken ? undefined : backlogOf(current, readTrigger(current.trigger), nowMs, TaskFlags.has(current.state, 'Paused') ? OUTCOME.paused : OUTCOME.cancelled);
        const { set } = moved(current, after, reason);
        return {
          set: { ...set, nextRunAt: null, lastScheduledAt: backlog?.toAt ?? current.lastScheduledAt },
          occurrences: backlog ? [backlog] : [],
          cancelReady: { error: errorJson(new RunCancelledError(reason)) },
        };
      });
      return toTask(task);
    },
  };
}

/** The new state with what goes with it. */
function moved(task: TaskRecord, state: TaskWord, reason: string | null): TaskChange {
  return { set: { state, reason, version: task.version + 1 } };
}

/** The instants that have come and were not planned, as one row of the ledger. */
function backlogOf(task: TaskRecord, trigger: Trigger, nowMs: number, outcome: Outcome): NewOccurrence | undefined {
  if (task.nextRunAt === null) return undefined;
  const range = instantsWithin(trigger, { firstAt: task.nextRunAt, untilMs: nowMs, limit: COUNT_LIMIT });
  return range && { key: `r:${range.fromAt}`, scheduledAt: range.fromAt, toAt: range.toAt, count: range.count ?? null, outcome, run: undefined };
}

function lateInstant(trigger: Trigger, nowMs: number): number {
  const late = trigger.kind === 'date' ? trigger.next(nowMs - LATE_DATE_MS) : undefined;
  if (late !== undefined) return late;
  throw new TriggerExhaustedError(trigger.kind === 'date' ? 'the date is more than 24 hours ago' : 'it ends before now');
}

function phaseOf(state: TaskState): TaskPhase {
  const phase = taskPhaseOf(state);
  if (!phase) throw new InvalidQueryError('state', state, `is none of ${TASK_STATES.join(', ')}`);
  return phase;
}
