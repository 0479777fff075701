import type { Clock, Logger, Metrics } from '@staddle/kernel';
import type { Trigger } from '../trigger.ts';
import { InProcessScheduler } from './in-process-scheduler.ts';
import type { CronDefinition } from './define-cron.ts';
import type { CronHandler, ScheduleEvent, ScheduleInfo, ScheduleOptions } from './schedule.ts';
import { checkSchedulerOptions } from './settings.ts';

/** What the scheduler needs of `@staddle/lock`: `createLocks(…)` is one. */
export interface SchedulerLocks {
  runOnce<T>(
    job: string,
    fireTime: number,
    work: (lease: { readonly fence: bigint; readonly signal: AbortSignal }) => Promise<T>,
    options: {
      readonly ttlMs?: number | undefined;
      readonly keepMs?: number | undefined;
      readonly onCrash?: 'skip' | 'retry' | undefined;
      readonly overlap?: 'skip' | 'wait' | 'allow' | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<{ readonly ran: true; readonly value: T } | { readonly ran: false; readonly reason: 'claimed' | 'done' | 'overlap' | 'crashed' }>;
}

export interface SchedulerOptions {
  /**
   * With locks every scheduled instant runs in one of the processes that share them and have a schedule of its name; without, in
   * each. Instants must then be the same everywhere: no fixed delays, and nothing that counts from its creation. Default: none.
   */
  readonly locks?: SchedulerLocks | undefined;
  /** Default: the system clock. */
  readonly clock?: Clock | undefined;
  /** Default: silent. */
  readonly logger?: Logger | undefined;
  /**
   * `cron_runs_total` by `outcome`, `cron_skipped_total` by `reason`, `cron_lateness_seconds`, `cron_run_seconds`, `cron_running`; none
   * by name. Default: counts nothing.
   */
  readonly metrics?: Metrics | undefined;
  /**
   * Most handlers at work at once in this process; further runs wait, the earliest instant first. With locks, a run that waits for
   * their answer, or for a run in another process, counts as well. Default `Infinity`.
   */
  readonly concurrency?: number | undefined;
  /** Of every schedule that does not say otherwise. */
  readonly defaults?: ScheduleOptions | undefined;
  /** What it throws is logged. */
  readonly onEvent?: ((event: ScheduleEvent) => void) | undefined;
}

export interface StopOptions {
  /** How long runs may go on before their signals are aborted, in ms. Default `Infinity`. */
  readonly drainMs?: number | undefined;
  /** How long to wait for them after that, in ms. Default 10 000. */
  readonly abortMs?: number | undefined;
}

export interface PauseOptions {
  readonly reason?: string | undefined;
  /** Resumes by itself at this instant, epoch ms, and skips what it missed until then. */
  readonly untilAt?: number | undefined;
}

export interface ResumeOptions {
  /** What becomes of the instants that passed meanwhile: `skip` (default), or `run`, as the misfire policy says. */
  readonly missed?: 'skip' | 'run' | undefined;
}

export interface RemoveOptions {
  /** What becomes of its runs: `finish` (default), or `abort`. Those that wait for their turn do not begin. */
  readonly runs?: 'finish' | 'abort' | undefined;
}

/*
 * The scheduler of one process.
 *
 * 1. The next instant of a schedule is computed from the one before it, never from the present time. So neither a clock that is
 *    set back nor a timer that comes late makes an instant run twice, and schedules wait until the clock has caught up.
 * 2. Every instant whose time comes ends in one count: it ran, or was skipped for a reason. What is late runs as the misfire
 *    policy says; the rest of it is one event, however many instants it was.
 * 3. No run begins before its instant has come.
 * 4. One timer serves all schedules. It fires at least once a second, so that a clock that is set and a machine that was suspended
 *    are noticed within that (`clock-jump`).
 * 5. What a handler, a listener, a logger or a metric throws, now or in a promise, changes nothing but what is counted and logged.
 * 6. Runs begin in slices of a few milliseconds, however many are due at once.
 */

/** Runs handlers at the times of triggers, in this process. It forgets everything when the process ends. */
export interface Scheduler extends AsyncDisposable {
  /**
   * Adds a schedule. A trigger that depends on its creation is resolved now, with the name as seed. May be called at any time.
   * @throws ScheduleExistsError (`ERR_CRON_SCHEDULE_EXISTS`)
   * @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) for a bad name or option, and for a trigger without a time left
   * @throws TriggerTooSparseError (`ERR_CRON_TOO_SPARSE`) when its next time takes too many steps to find
   */
  schedule(name: string, trigger: Trigger, handler: CronHandler, options?: ScheduleOptions): ScheduleInfo;
  /** As `schedule`, of what `defineCron` declared: `for (const declared of crons) scheduler.add(declared)`. */
  add(definition: CronDefinition): ScheduleInfo;
  /**
   * Begins to run what is due, and keeps the process alive until `stop`. Harmless when it has begun.
   * @throws SchedulerStoppedError (`ERR_CRON_STOPPED`) after `stop`; so do all that change a schedule, except `remove`
   */
  startInBackground(): void;
  /** As `startInBackground`; resolves when `stop` has been called, or `signal` has aborted, and all runs have ended. */
  runUntilStopped(options?: StopOptions & { readonly signal?: AbortSignal }): Promise<void>;
  /**
   * Starts nothing more, skips what waits (`cancelled`), and waits for what runs, except for the run that is calling (two runs
   * that both call it wait for each other, as long as `drainMs` and `abortMs` let them). Resolves with the runs that had not ended when
   * it stopped waiting. Another call may shorten the wait of an earlier one.
   */
  stop(options?: StopOptions): Promise<readonly { readonly name: string; readonly scheduledAt: number }[]>;
  /**
   * Begins no run of it until `resume`; one that runs goes on, those that wait for their turn are skipped.
   * @throws ScheduleNotFoundError (`ERR_CRON_SCHEDULE_NOT_FOUND`), as all that take the name of a schedule but `get`
   * @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) for a bad option, as all that take options
   */
  pause(name: string, options?: PauseOptions): void;
  resume(name: string, options?: ResumeOptions): void;
  /**
   * Another trigger, from now on. What runs or waits goes on; late instants of the old one are dropped as `misfire`. A paused
   * schedule stays paused.
   * @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) for a trigger without a time left
   * @throws TriggerTooSparseError (`ERR_CRON_TOO_SPARSE`) as `schedule`
   */
  reschedule(name: string, trigger: Trigger): ScheduleInfo;
  /** Resolves when its runs have ended, except for the run that is calling. */
  remove(name: string, options?: RemoveOptions): Promise<void>;
  /** Runs it now, beside its schedule, under its overlap policy. Resolves when the run has ended; false: the policy skipped it. Rejects with what the handler throws. */
  runNow(name: string): Promise<boolean>;
  get(name: string): ScheduleInfo | undefined;
  /** In order of their names. */
  list(): ScheduleInfo[];
}

/**
 * A scheduler without schedules; see {@link Scheduler}. It does nothing before `startInBackground` or `runUntilStopped`.
 * @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`)
 */
export function createScheduler(options: SchedulerOptions = {}): Scheduler {
  checkSchedulerOptions(options);
  return new InProcessScheduler(options);
}
