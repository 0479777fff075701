import type { Clock, Logger, Metrics } from '@staddle/kernel';
import type { Trigger } from '../trigger.ts';
import { InProcessScheduler } from './in-process-scheduler.ts';
import type { CronHandler, ScheduleEvent, ScheduleInfo, ScheduleOptions } from './schedule.ts';

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
  /** With locks every scheduled instant runs in one of the processes that share them; without, in each. Default: none. */
  readonly locks?: SchedulerLocks | undefined;
  /** Default: the system clock. */
  readonly clock?: Clock | undefined;
  /** Default: silent. */
  readonly logger?: Logger | undefined;
  /** Default: counts nothing. */
  readonly metrics?: Metrics | undefined;
  /** Most handlers at work at once in this process; further runs wait, the earliest instant first. Default `Infinity`. */
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

/** Runs handlers at the times of triggers, in this process. It forgets everything when the process ends. */
export interface Scheduler extends AsyncDisposable {
  /**
   * Adds a schedule. A trigger that depends on its creation is resolved now, with the name as seed. May be called at any time.
   * @throws ScheduleExistsError (`ERR_CRON_SCHEDULE_EXISTS`)
   * @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) for a bad name or option, and for a trigger without a time left
   */
  schedule(name: string, trigger: Trigger, handler: CronHandler, options?: ScheduleOptions): ScheduleInfo;
  /** Begins to run what is due. @throws SchedulerStoppedError (`ERR_CRON_STOPPED`) after `stop` */
  startInBackground(): void;
  /** As `startInBackground`; resolves when `stop` has been called, or `signal` has aborted, and all runs have ended. */
  runUntilStopped(options?: StopOptions & { readonly signal?: AbortSignal }): Promise<void>;
  /**
   * Starts nothing more and waits for what runs. Resolves with the runs that had not ended when it stopped waiting. Idempotent.
   */
  stop(options?: StopOptions): Promise<readonly { readonly name: string; readonly scheduledAt: number }[]>;
  /** @throws ScheduleNotFoundError (`ERR_CRON_SCHEDULE_NOT_FOUND`), as all that take a name */
  pause(name: string, options?: PauseOptions): void;
  resume(name: string, options?: ResumeOptions): void;
  /** Another trigger, from now on. What runs goes on; late instants of the old one are dropped as `misfire`. */
  reschedule(name: string, trigger: Trigger): ScheduleInfo;
  /** Resolves when its runs have ended. */
  remove(name: string, options?: RemoveOptions): Promise<void>;
  /** Runs it now, beside its schedule, under its overlap policy. Resolves when the run has ended; false: the policy skipped it. Rejects with what the handler throws. */
  runNow(name: string): Promise<boolean>;
  get(name: string): ScheduleInfo | undefined;
  /** In order of their names. */
  list(): ScheduleInfo[];
}

/** @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) */
export function createScheduler(options: SchedulerOptions = {}): Scheduler {
  return new InProcessScheduler(options);
}
