import type { RunRecord } from './run-store.ts';
import { describeRunWord, RunFlags, type RunFlag, type RunState } from './states.ts';
import { readJson, type RunError } from './stored-json.ts';

/** One execution of a task. Times are epoch ms of the store's clock. */
export interface Run {
  readonly uid: string;
  readonly taskUid: string;
  readonly module: string;
  readonly handler: string;
  readonly kind: 'SCHEDULED' | 'MANUAL';
  readonly state: RunState;
  readonly flags: readonly RunFlag[];
  readonly scheduledAt: number;
  readonly attempt: number;
  /** How often it was taken up. */
  readonly claims: number;
  /** The process that has it or had it last. */
  readonly owner: string | undefined;
  readonly payload: unknown;
  /** What the handler returned. */
  readonly result: unknown;
  /** Why it FAILED or was CANCELLED. */
  readonly error: RunError | undefined;
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
}

/** A run has entered a state, and the store has committed it. */
export interface RunChange {
  readonly runUid: string;
  readonly taskUid: string;
  readonly module: string;
  readonly handler: string;
  readonly state: RunState;
  readonly flags: readonly RunFlag[];
  readonly scheduledAt: number;
  readonly attempt: number;
  readonly error: RunError | undefined;
  /** This process's clock when it learned of the change, epoch ms. For show: the row has the store's times. */
  readonly at: number;
}

export function toRun(record: RunRecord): Run {
  return {
    uid: record.uid,
    taskUid: record.taskUid,
    module: record.module,
    handler: record.handler,
    kind: RunFlags.has(record.state, 'Manual') ? 'MANUAL' : 'SCHEDULED',
    ...describeRunWord(record.state),
    scheduledAt: record.scheduledAt,
    attempt: record.attempt,
    claims: record.claims,
    owner: record.owner ?? undefined,
    payload: readJson(record.payload),
    result: readJson(record.result),
    error: readJson(record.error) as RunError | undefined,
    createdAt: record.createdAt,
    startedAt: record.startedAt ?? undefined,
    finishedAt: record.finishedAt ?? undefined,
  };
}

export function toRunChange(record: RunRecord, at: number): RunChange {
  return {
    runUid: record.uid,
    taskUid: record.taskUid,
    module: record.module,
    handler: record.handler,
    ...describeRunWord(record.state),
    scheduledAt: record.scheduledAt,
    attempt: record.attempt,
    error: readJson(record.error) as RunError | undefined,
    at,
  };
}
