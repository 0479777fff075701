import { describeTaskWord, TASK_PLANNABLE_BITS, TaskFlags, type TaskFlag, type TaskState } from './states.ts';
import { readJson } from './stored-json.ts';
import type { TaskRecord } from './task-store.ts';

/** A piece of work and when it is to be done. Times are epoch ms of the store's clock. */
export interface Task {
  readonly uid: string;
  readonly module: string;
  readonly handler: string;
  readonly title: string | undefined;
  readonly description: string | undefined;
  readonly userName: string | undefined;
  readonly bizKey: string | undefined;
  /** JSON of the trigger, for `parseTrigger` of `@staddle/cron`. A relative one was made absolute when the task was created. */
  readonly trigger: unknown;
  readonly payload: unknown;
  readonly state: TaskState;
  readonly flags: readonly TaskFlag[];
  /** Given with the last change of state. */
  readonly reason: string | undefined;
  /** Grows with each change of state. */
  readonly version: number;
  /** The next instant to be planned. Undefined when nothing will be: not ACTIVE, or BROKEN. */
  readonly nextRunAt: number | undefined;
  /** The newest instant of the trigger that has been dealt with. */
  readonly lastScheduledAt: number | undefined;
  /** Runs created so far. */
  readonly runCount: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export function toTask(record: TaskRecord): Task {
  const plannable = (record.state & TASK_PLANNABLE_BITS) === TaskFlags.bit.Active;
  return {
    uid: record.uid,
    module: record.module,
    handler: record.handler,
    title: record.title ?? undefined,
    description: record.description ?? undefined,
    userName: record.userName ?? undefined,
    bizKey: record.bizKey ?? undefined,
    trigger: readJson(record.trigger),
    payload: readJson(record.payload),
    ...describeTaskWord(record.state),
    reason: record.reason ?? undefined,
    version: record.version,
    nextRunAt: plannable ? (record.nextRunAt ?? undefined) : undefined,
    lastScheduledAt: record.lastScheduledAt ?? undefined,
    runCount: record.runCount,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
  };
}
