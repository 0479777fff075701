import { AsyncLocalStorage } from 'node:async_hooks';
import { randomInt } from 'node:crypto';
import type { Clock } from '@staddle/kernel';
import { RunCancelledError, RunTimeoutError } from '../errors.ts';
import { DueQueue } from './due-queue.ts';
import type { ScheduleRecord } from './record.ts';
import type { Reports } from './reports.ts';
import { Run, viewOf, type Outcome } from './run.ts';
import type { RunInfo, SkipReason } from './schedule.ts';
import type { SchedulerLocks } from './scheduler.ts';
import { MOST_BUFFERED } from './settings.ts';

/*
 * The runs of all schedules, from the moment at which an instant is due to their end.
 *
 *   offer --(overlap policy)--> buffered --[the one before has ended]--> ready --[a place is free]--> begun --> ended
 *                    \--> skipped          \--> skipped                  \--> skipped     \--> skipped (locks)
 *                                                                       ^----standing by----'
 *
 * 1. Every run that is offered ends in exactly one of: succeeded, failed, skipped. The ledger of its schedule says so at any moment.
 * 2. `concurrency` counts what has begun: handlers at work, and runs that wait for the answer of the locks.
 * 3. Nothing that a handler does (throws, rejects, never ends, is no promise but looks like one) leaves here.
 * 4. Handlers run in the asynchronous context in which the scheduler was made, not of whoever's timer or call woke it: the held
 *    locks and log fields of that one are not theirs.
 */

// The time to live of a lease, where neither the schedule nor anything else that is known here says it.
const STAND_BY_MS = 30_000;

export interface RunsOptions {
  readonly clock: Clock;
  readonly reports: Reports;
  readonly locks: SchedulerLocks | undefined;
  readonly concurrency: number;
  /** A run of it has ended, or another may begin. */
  readonly onEnded: (record: ScheduleRecord) => void;
}

export class Runs {
  readonly #options: RunsOptions;
  readonly #ready = new DueQueue<Run>();
  readonly #begun = new Set<Run>();
  readonly #own = new AsyncLocalStorage<Run>();
  #order = 0;

  constructor(options: RunsOptions) {
    this.#options = options;
  }

  /** The run whose handler is calling. */
  get own(): Run | undefined {
    return this.#own.getStore();
  }

  get begun(): readonly Run[] {
    return [...this.#begun];
  }

  /**
   * An instant is due: it runs, waits or is skipped, as the overlap policy says; false when it is skipped.
   * @param inLine it is one of several that are caught up with: it waits for the one before it, whatever the policy
   */
  offer(record: ScheduleRecord, scheduledAt: number, dueAt: number, inLine = false): boolean {
    const { ledger } = record.active;
    ledger.planned++;
    ledger.open++;
    return this.#admit(new Run(this.#order++, { record, scheduledAt, dueAt, manual: false }), inLine);
  }

  /** Beside the schedule. Resolves with how it ended, or with undefined when it did not run. */
  offerManual(record: ScheduleRecord): Promise<Outcome | undefined> {
    const now = this.#options.clock.now();
    record.active.ledger.manual++;
    const run = new Run(this.#order++, { record, scheduledAt: now, dueAt: now, manual: true });
    const { ended } = run;
    this.#admit(run, false);
    return ended;
  }

  /** Begins the earliest run that is ready, if there is one and a place for it. */
  beginOne(): boolean {
    if (this.#begun.size >= this.#options.concurrency) return false;
    const run = this.#ready.pop();
    if (run === undefined) return false;
    const { clock, locks, reports } = this.#options;
    if (!run.manual && clock.now() - run.dueAt > run.record.misfire.windowMs) {
      this.#skip(run, run.standsBy ? 'elsewhere' : 'misfire');
      return true;
    }
    this.#begun.add(run);
    reports.running(this.#begun.size);
    if (locks) void this.#claim(run, locks);
    else this.#work(run);
    return true;
  }

  /** Skips the runs of a schedule that have not begun; `andManual`: also those of `runNow`. */
  dropWaiting(record: ScheduleRecord, reason: SkipReason, andManual: boolean): void {
    const { activity } = record;
    // Those in line first: none of them becomes ready because the one before it is skipped.
    const all = [...(activity?.buffered ?? []), ...(activity?.standingBy ?? []), ...(activity?.running ?? [])];
    for (const run of all) {
      if (run.startedAt !== undefined || (run.manual && !andManual)) continue;
      const as = run.standsBy ? 'elsewhere' : reason;
      // Asked for already. Should the answer be that the instant is ours, it runs: no other process will run it any more.
      if (this.#begun.has(run)) {
        if (!run.claiming?.signal.aborted) run.droppedAs = as;
        run.claiming?.abort(new RunCancelledError(record.name, 'it still waited for its lock'));
      } else {
        this.#skip(run, as);
      }
    }
  }

  /** Tells a run that it should end. */
  abort(run: Run, reason: NonNullable<RunInfo['aborted']>, error: unknown): void {
    if (run.aborted !== undefined || !this.#begun.has(run)) return;
    run.claiming?.abort(error);
    run.timeout?.cancel();
    run.abort(reason, error);
    if (run.startedAt === undefined) return;
    const { name } = run.record;
    this.#options.reports.log(reason === 'timeout' || reason === 'lost' ? 'warn' : 'debug', { err: error, schedule: name, scheduledAt: run.scheduledAt }, 'a scheduled run was told to abort');
    this.#options.reports.emit({ type: 'aborted', name, scheduledAt: run.scheduledAt, manual: run.manual, reason });
  }

  /** Resolves when these have ended, except the one whose handler is asking: it could wait for itself for ever. */
  async whenEnded(runs: Iterable<Run>): Promise<void> {
    const { own } = this;
    await Promise.all([...runs].filter((run) => run !== own).map((run) => run.ended));
  }

  #admit(run: Run, inLine: boolean): boolean {
    const { record } = run;
    const activity = record.active;
    const { overlap } = record.settings;
    if (overlap === 'allow' || !record.hasRuns) {
      this.#makeReady(run);
      return true;
    }
    if (inLine) {
      (activity.buffered ??= new Set()).add(run);
      return true;
    }
    const buffered = activity.buffered?.size ?? 0;
    if (overlap === 'skip' || (overlap === 'buffer_one' && buffered > 0) || (overlap === 'buffer_all' && buffered >= MOST_BUFFERED)) {
      this.#skip(run, 'overlap');
      return false;
    }
    if (overlap === 'cancel_other') {
      const others = [...(activity.buffered ?? []), ...(activity.running ?? [])];
      // In line first: what ends meanwhile makes the next one ready.
      (activity.buffered ??= new Set()).add(run);
      for (const other of others) {
        if (this.#begun.has(other)) this.abort(other, 'cancelled', new RunCancelledError(record.name, 'a later one takes its place'));
        else this.#skip(other, 'overlap');
      }
      return true;
    }
    (activity.buffered ??= new Set()).add(run);
    return true;
  }

  #makeReady(run: Run): void {
    const activity = run.record.active;
    (activity.running ??= new Set()).add(run);
    this.#ready.push(run, run.dueAt);
  }

  #work(run: Run): void {
    try {
      const result = this.#call(run);
      if (isThenable(result)) {
        Promise.resolve(result).then(
          () => this.#end(run, { failed: false }),
          (error: unknown) => this.#end(run, { failed: true, error }),
        );
        return;
      }
    } catch (error) {
      this.#end(run, { failed: true, error });
      return;
    }
    this.#end(run, { failed: false });
  }

  /** One run per instant over all processes. Overlap is asked for there as well: an earlier instant may run in another process. */
  async #claim(run: Run, locks: SchedulerLocks): Promise<void> {
    const { record } = run;
    const { overlap, lock } = record.settings;
    const claiming = (run.claiming = new AbortController());
    // What the handler throws is told apart from what the locks throw, before it or after it.
    let outcome: Outcome | undefined;
    let skipped: SkipReason = 'elsewhere';
    try {
      const result = await locks.runOnce(
        record.name,
        // A manual run claims an instant that no trigger has and no other run: before 1970.
        run.manual ? -randomInt(1, 2 ** 48 - 1) : run.scheduledAt,
        async ({ fence, signal }) => {
          // Nothing waits for it any more, or it has been counted as skipped.
          if (run.aborted !== undefined || run.over) {
            skipped = 'cancelled';
            return;
          }
          this.#takeOver(run);
          run.fence = fence;
          const onLost = (): void => this.abort(run, 'lost', signal.reason);
          if (signal.aborted) onLost();
          else signal.addEventListener('abort', onLost, { once: true });
          try {
            await this.#call(run);
            outcome = { failed: false };
          } catch (error) {
            outcome = { failed: true, error };
          } finally {
            signal.removeEventListener('abort', onLost);
          }
        },
        { ...lock, overlap: overlap === 'allow' || overlap === 'skip' ? overlap : 'wait', signal: claiming.signal },
      );
      if (!result.ran && result.reason === 'overlap') skipped = 'overlap';
      run.standsBy = !result.ran && result.reason === 'claimed' && lock.onCrash === 'retry';
    } catch (error) {
      const { reports } = this.#options;
      const about = { err: error, schedule: record.name, scheduledAt: run.scheduledAt };
      if (outcome !== undefined) reports.log('warn', about, 'the lease of a scheduled run was lost, or not given back');
      else if (claiming.signal.aborted) skipped = run.droppedAs;
      else {
        skipped = 'unavailable';
        reports.log('warn', about, 'the locks could not be asked; the scheduled instant does not run here');
      }
    }
    if (outcome !== undefined) this.#end(run, outcome);
    else if (run.standsBy && !claiming.signal.aborted) this.#standBy(run);
    else this.#skip(run, skipped);
  }

  /** Another process runs it, and may die of it. All others have asked by then, so they ask again until it is done, or too old. */
  #standBy(run: Run): void {
    const { clock, onEnded } = this.#options;
    const { record } = run;
    this.#vacate(run);
    (record.active.standingBy ??= new Set()).add(run);
    const askAgain = (): void => {
      this.#ready.push(run, run.dueAt);
      onEnded(record);
    };
    run.again = clock.setTimer(askAgain, record.settings.lock.ttlMs ?? STAND_BY_MS, { keepAlive: false });
    onEnded(record);
  }

  /** One that stood by is like any other from now on: later instants overlap with it. */
  #takeOver(run: Run): void {
    const { active } = run.record;
    run.standsBy = false;
    if (active.standingBy?.delete(run)) (active.running ??= new Set()).add(run);
  }

  /** Calls the handler. Returns and throws what it does. */
  #call(run: Run): unknown {
    const { clock, reports } = this.#options;
    const { record } = run;
    run.startedAt = clock.now();
    run.startedMs = clock.monotonic();
    const { timeoutMs } = record.settings;
    if (timeoutMs !== Infinity) {
      run.timeout = clock.setTimer(() => this.abort(run, 'timeout', new RunTimeoutError(record.name, timeoutMs)), timeoutMs);
    }
    if (!run.manual) reports.late(run.startedAt - run.dueAt);
    reports.emit({ type: 'started', name: record.name, scheduledAt: run.scheduledAt, startedAt: run.startedAt, manual: run.manual });
    return this.#own.run(run, record.handler, viewOf(run, reports.logger));
  }

  #end(run: Run, outcome: Outcome): void {
    const { clock, reports } = this.#options;
    const { record, scheduledAt, manual } = run;
    const activity = record.active;
    run.timeout?.cancel();
    if (!manual) activity.ledger[outcome.failed ? 'failed' : 'succeeded']++;
    activity.lastRun = { scheduledAt, startedAt: run.startedAt!, endedAt: clock.now(), error: outcome.failed ? outcome.error : undefined };
    this.#leave(run);
    const about = { name: record.name, scheduledAt, durationMs: clock.monotonic() - run.startedMs, manual };
    if (outcome.failed) {
      reports.log('error', { err: outcome.error, schedule: record.name, scheduledAt }, 'a scheduled run failed');
      reports.emit({ type: 'failed', ...about, error: outcome.error });
    } else {
      reports.emit({ type: 'succeeded', ...about });
    }
    run.end(outcome);
    this.#options.onEnded(record);
  }

  #skip(run: Run, reason: SkipReason): void {
    // A listener that was told of another skip may have removed or paused the schedule.
    if (run.over) return;
    const { record, scheduledAt } = run;
    if (!run.manual) record.active.ledger.skip(reason, 1);
    this.#leave(run);
    if (!run.manual) this.#options.reports.emit({ type: 'skipped', name: record.name, fromAt: scheduledAt, toAt: scheduledAt, count: 1, exact: true, reason });
    run.end(undefined);
    this.#options.onEnded(record);
  }

  #leave(run: Run): void {
    const { active } = run.record;
    run.over = true;
    if (!run.manual) active.ledger.open--;
    active.standingBy?.delete(run);
    run.again?.cancel();
    this.#vacate(run);
  }

  /** Takes it out of wherever it is; the next one in line is ready. */
  #vacate(run: Run): void {
    const activity = run.record.active;
    if (this.#begun.delete(run)) this.#options.reports.running(this.#begun.size);
    this.#ready.remove(run);
    if (!activity.running?.has(run)) {
      activity.buffered = without(activity.buffered, run);
      return;
    }
    activity.running = without(activity.running, run);
    if (activity.running !== undefined || activity.buffered === undefined) return;
    const [next] = activity.buffered;
    activity.buffered = without(activity.buffered, next!);
    this.#makeReady(next!);
  }
}

/** Undefined instead of empty. */
function without(runs: Set<Run> | undefined, run: Run): Set<Run> | undefined {
  runs?.delete(run);
  return runs?.size === 0 ? undefined : runs;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && typeof (value as Partial<PromiseLike<unknown>>).then === 'function';
}
