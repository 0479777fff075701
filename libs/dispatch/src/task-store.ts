import type { RunRecord } from './run-store.ts';
import type { RunWord, TaskPhase, TaskWord } from './states.ts';

/** A row of dispatch_task. Times are epoch ms of the store's clock. */
export interface TaskRecord {
  /** Never leaves the database's neighbourhood: the public name is `uid`. */
  readonly id: number;
  readonly uid: string;
  readonly module: string;
  readonly handler: string;
  readonly title: string | null;
  readonly description: string | null;
  readonly userName: string | null;
  readonly bizKey: string | null;
  /** JSON text, not parsed here: a damaged one must not hide the row. */
  readonly trigger: string;
  /** JSON text. */
  readonly payload: string;
  readonly state: TaskWord;
  readonly reason: string | null;
  /** Counts the changes of state, not the runs. */
  readonly version: number;
  /** The first instant of the trigger that has not been dealt with; null when there is none. */
  readonly nextRunAt: number | null;
  /** The newest instant of the trigger that has been dealt with. The schedule never goes back behind it. */
  readonly lastScheduledAt: number | null;
  readonly runCount: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A task that is not stored yet. `now` stands for the store's clock at the insert. */
export type NewTask = Omit<TaskRecord, 'id' | 'version' | 'lastScheduledAt' | 'runCount' | 'createdAt' | 'updatedAt'>;

/** What became of an instant, or of a range of them. The numbers are stored. */
export type Outcome = 1 | 3 | 4 | 7;

export const OUTCOME: Readonly<Record<'run' | 'misfire' | 'paused' | 'cancelled', Outcome>> = Object.freeze({
  run: 1,
  /** Too late, and a newer instant fired. */
  misfire: 3,
  paused: 4,
  /** The task was deleted before the planner came to it. */
  cancelled: 7,
});

interface NewRun {
  readonly uid: string;
  readonly state: RunWord;
  /** Not to be started before. */
  readonly fireAt: number;
}

/** One row of the ledger: an instant with its run, or a range of instants that did not run. */
export interface NewOccurrence {
  /** Unique per task: `s:<ms>` an instant of the trigger, `m:<run uid>` by hand, `r:<ms>` a range that begins there. */
  readonly key: string;
  readonly scheduledAt: number;
  /** Last instant of a range; null for a single instant. */
  readonly toAt: number | null;
  /** Instants in the row; null when they were too many to count. */
  readonly count: number | null;
  readonly outcome: Outcome;
  readonly run: NewRun | undefined;
}

/** What to do to a locked task. */
export interface TaskChange {
  readonly set: Partial<Pick<TaskRecord, 'state' | 'reason' | 'version' | 'nextRunAt' | 'lastScheduledAt' | 'runCount'>>;
  readonly occurrences?: readonly NewOccurrence[];
  /** READY runs of the task become CANCELLED, with this error (JSON text). */
  readonly cancelReady?: { readonly error: string };
}

/**
 * Decides what becomes of a task, given its row under lock and the store's time. Must be free of effects: the
 * transaction may be repeated. Undefined leaves the task as it is.
 */
export type Decide = (task: TaskRecord, nowMs: number) => TaskChange | undefined;

export interface Changed {
  readonly task: TaskRecord;
  /** Runs that the change created or cancelled, as they are now. */
  readonly runs: readonly RunRecord[];
  /** What the ledger gained. */
  readonly occurrences: readonly NewOccurrence[];
}

interface TaskQuery {
  readonly module: string | undefined;
  /** Only tasks in one of these. */
  readonly phases: readonly [TaskPhase, ...TaskPhase[]];
  /** Only tasks that come after this one in the order, newest first. */
  readonly afterId: number | undefined;
  readonly limit: number;
}

/**
 * Where tasks and their ledger live.
 *
 * - A change of a task, its occurrences and its runs are one transaction; two changes of one task never overlap.
 * - The ledger accepts each key of a task once, whoever asks: a second insert fails, and nothing of its transaction stays.
 * - `nowMs` is the store's clock, and the same clock decides what is due.
 */
export interface TaskStore {
  /** The store's clock, epoch ms. */
  now(): Promise<number>;
  /** Inserts the task that `build` makes of the store's time. A live twin with the same business key is given back instead. */
  insert(build: (nowMs: number) => NewTask): Promise<{ readonly task: TaskRecord; readonly inserted: boolean }>;
  /** Locks one task and applies the decision. Undefined: there is no such task. */
  change(uid: string, decide: Decide): Promise<Changed | undefined>;
  /**
   * Locks up to `limit` due tasks that nobody else has locked, earliest first, and applies the decisions.
   * `recheck` drops occurrences that are in the ledger already, instead of failing on them.
   */
  changeDue(options: { readonly limit: number; readonly recheck: boolean }, decide: Decide): Promise<Changed[]>;
  /** The store's time, and the earliest instant that a plannable task waits for. */
  nextDue(): Promise<{ readonly nowMs: number; readonly dueAt: number | undefined }>;
  get(uid: string): Promise<TaskRecord | undefined>;
  list(query: TaskQuery): Promise<TaskRecord[]>;
}
