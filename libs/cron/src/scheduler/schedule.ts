import type { Logger } from '@staddle/kernel';
import type { Trigger } from '../trigger.ts';

/** The work of a schedule. What it throws is logged and counted; it never ends the process. */
export type CronHandler = (run: CronRun) => unknown;

/** One run of a schedule, as its handler sees it. */
export interface CronRun {
  readonly name: string;
  /** The instant that the trigger named, epoch ms: the key of the work, whenever it really begins. */
  readonly scheduledAt: number;
  /** When the handler was called, epoch ms. */
  readonly startedAt: number;
  /** Called for by `runNow`, not by the trigger. */
  readonly manual: boolean;
  /**
   * Aborts at the timeout, when a later run cancels this one, when the schedule is removed with its runs, when the scheduler
   * stops waiting, and when the lease of the instant is lost. JavaScript cannot stop a function: a handler that does not look at it goes on.
   */
  readonly signal: AbortSignal;
  /** With locks: grows from run to run of the schedule, for stores that refuse a stale writer; with overlap `allow` from claim to claim of one instant. */
  readonly fence: bigint | undefined;
  /** With the name and the scheduled instant as fields. */
  readonly logger: Logger;
}

/**
 * What to do when an instant comes while an earlier run of the same schedule has not ended. With locks, runs in other processes
 * count as well, but each process has its own queue of those that wait.
 */
export type OverlapPolicy =
  /** This instant does not run. */
  | 'skip'
  /** It runs afterwards; at most one waits, and a later one is skipped. */
  | 'buffer_one'
  /** It runs afterwards, in order; at most 1000 wait. */
  | 'buffer_all'
  /** The running one is told to abort; this one runs when it has ended. Of those that wait for that the newest runs. Not with locks. */
  | 'cancel_other'
  /** Both run. */
  | 'allow';

/** Which instants run when they come late: the process stood still, the clock jumped forward, a pause ended. */
export interface MisfirePolicy {
  /**
   * Of the late ones `latest` (default; `earliest` for dates), unless one that is not late follows it; `earliest`; `all`, one after the
   * other unless `overlap` is `allow`; or `none`.
   */
  readonly mode: 'latest' | 'earliest' | 'all' | 'none';
  /** No instant that is older runs, in ms. Default an hour; a day for dates. */
  readonly windowMs: number;
  /** Most instants that `all` runs, the newest. Default 100. */
  readonly max: number;
  /** Not late at all up to here, in ms. Default 5000. */
  readonly graceMs: number;
}

export interface ScheduleOptions {
  /** Default `skip`. */
  readonly overlap?: OverlapPolicy | undefined;
  readonly misfire?: Partial<MisfirePolicy> | undefined;
  /** Aborts the signal of a run after this many ms. The run counts as running until its handler ends. Default: none. */
  readonly timeoutMs?: number | undefined;
  /** Add it paused. Default false. */
  readonly paused?: boolean | undefined;
  /** With locks: how the instant is claimed. */
  readonly lock?: ScheduleLockOptions | undefined;
}

export interface ScheduleLockOptions {
  /** How long others wait for a process that stands still, in ms. Default that of the locks. */
  readonly ttlMs?: number | undefined;
  /**
   * How long it is remembered that an instant has run, in ms: more than clocks may differ and more than `windowMs`, or a process that
   * is late runs it again. Longer than `ttlMs`. Default two days, or twice `windowMs` or `ttlMs` when that is more.
   */
  readonly keepMs?: number | undefined;
  /**
   * When the process that ran it died: `skip` (default) never runs it twice; `retry` runs it again in another process, which asks every
   * `ttlMs` until the instant is done or older than `windowMs`.
   */
  readonly onCrash?: 'skip' | 'retry' | undefined;
}

/** Why an instant did not run. */
export type SkipReason =
  | 'overlap'
  | 'misfire'
  | 'paused'
  /** Another process runs or ran it. */
  | 'elsewhere'
  /** The locks could not be asked. */
  | 'unavailable'
  /** Waiting when its schedule was removed, or the scheduler stopped. */
  | 'cancelled';

/** What became of the instants of a schedule since it was added: `planned` is the sum of all others but `manual`. */
export interface ScheduleCounts {
  /** Instants whose time has come. A lower bound once more than 10 000 were skipped at a time (`exact` of the event). */
  readonly planned: number;
  /** Waiting or running; with `onCrash: 'retry'` also what runs in another process and is not known to be done. */
  readonly open: number;
  readonly succeeded: number;
  /** The handler threw, also after its signal was aborted. */
  readonly failed: number;
  readonly skipped: Readonly<Record<SkipReason, number>>;
  /** Runs by `runNow`, which are in no other count. */
  readonly manual: number;
}

export interface RunInfo {
  readonly scheduledAt: number;
  /** Undefined while it waits for its turn. */
  readonly startedAt: number | undefined;
  readonly manual: boolean;
  /** Why its signal was aborted although the handler still runs. */
  readonly aborted: 'timeout' | 'cancelled' | 'stopped' | 'lost' | undefined;
}

/** A schedule at one moment. */
export interface ScheduleInfo {
  readonly name: string;
  readonly trigger: Trigger;
  /** Epoch ms of the next scheduled instant; undefined while it is paused, when none is left, or until a fixed delay begins. */
  readonly nextAt: number | undefined;
  readonly paused: { readonly sinceAt: number; readonly reason: string | undefined; readonly untilAt: number | undefined } | undefined;
  readonly runs: readonly RunInfo[];
  readonly counts: ScheduleCounts;
  readonly lastRun: { readonly scheduledAt: number; readonly startedAt: number; readonly endedAt: number; readonly error: unknown } | undefined;
}

interface About {
  readonly name: string;
}

/** What happens, for metrics, logs and tests. */
export type ScheduleEvent =
  | (About & { readonly type: 'started'; readonly scheduledAt: number; readonly startedAt: number; readonly manual: boolean })
  | (About & { readonly type: 'succeeded'; readonly scheduledAt: number; readonly durationMs: number; readonly manual: boolean })
  | (About & { readonly type: 'failed'; readonly scheduledAt: number; readonly durationMs: number; readonly manual: boolean; readonly error: unknown })
  /** The signal of a run was aborted; it has not ended yet. */
  | (About & { readonly type: 'aborted'; readonly scheduledAt: number; readonly manual: boolean; readonly reason: NonNullable<RunInfo['aborted']> })
  /** `count` instants from `fromAt` to `toAt` did not run; when not `exact`, at least so many. */
  | (About & { readonly type: 'skipped'; readonly fromAt: number; readonly toAt: number; readonly count: number; readonly exact: boolean; readonly reason: SkipReason })
  /** No time is left and no run is open: the schedule has been removed. */
  | (About & { readonly type: 'finished' })
  /** The wall clock was set, by so many ms, compared with the monotonic clock. */
  | { readonly type: 'clock-jump'; readonly byMs: number };
