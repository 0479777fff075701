import { AsyncLocalStorage } from 'node:async_hooks';
import { hasCode, systemClock, type Clock, type Timer } from '@staddle/kernel';
import { InvalidScheduleError, RunCancelledError, ScheduleExistsError, ScheduleNotFoundError, SchedulerStoppedError } from '../errors.ts';
import type { Trigger } from '../trigger.ts';
import { defineCron, type CronDefinition } from './define-cron.ts';
import { Planner } from './planner.ts';
import { ScheduleRecord } from './record.ts';
import { createReports, type Reports } from './reports.ts';
import { Runs } from './runs.ts';
import type { CronHandler, ScheduleInfo, ScheduleOptions } from './schedule.ts';
import type { PauseOptions, RemoveOptions, ResumeOptions, Scheduler, SchedulerOptions, StopOptions } from './scheduler.ts';
import { checkChoice, checkHandler, checkKeys, checkMs, checkName, checkTrigger, createSettings, type ScheduleSettings } from './settings.ts';
import { Ticker } from './ticker.ts';

// Longer, and other work of the process waits noticeably; shorter, and a burst of runs spends its time on changing turns.
const SLICE_MS = 5;

type Leftover = readonly { readonly name: string; readonly scheduledAt: number }[];

/** See {@link Scheduler} for what it promises; `Planner` knows when, `Runs` how. */
export class InProcessScheduler implements Scheduler {
  readonly #clock: Clock;
  readonly #reports: Reports;
  readonly #hasLocks: boolean;
  readonly #settingsOf: ReturnType<typeof createSettings>;
  readonly #records = new Map<string, ScheduleRecord>();
  readonly #runs: Runs;
  readonly #planner: Planner;
  readonly #ticker: Ticker;
  readonly #inOwnContext = AsyncLocalStorage.snapshot();
  readonly #stopping = Promise.withResolvers<void>();
  readonly #gaveUp = Promise.withResolvers<void>();
  #order = 0;
  #working = false;
  #stopped = false;
  #sliceEndMs = 0;
  #nextSlice: NodeJS.Immediate | undefined;

  constructor({ locks, clock = systemClock, concurrency = Infinity, defaults, ...outside }: SchedulerOptions) {
    if (concurrency !== Infinity && !(Number.isInteger(concurrency) && concurrency >= 1)) {
      throw new InvalidScheduleError('concurrency', concurrency, 'is neither a whole number from 1 nor Infinity');
    }
    this.#clock = clock;
    this.#hasLocks = locks !== undefined;
    this.#settingsOf = createSettings(defaults);
    const reports = (this.#reports = createReports(outside));
    this.#runs = new Runs({
      clock,
      reports,
      locks,
      concurrency,
      onEnded: (record) => {
        this.#planner.settle(record);
        this.#workOn();
      },
    });
    this.#planner = new Planner({ clock, reports, runs: this.#runs, onFinished: (record) => this.#finish(record) });
    this.#ticker = new Ticker({
      clock,
      onTick: () => {
        this.#work();
        this.#ticker.again(this.#nextSlice === undefined ? this.#planner.firstAt : Infinity);
      },
      onJump: (byMs) => {
        reports.log('warn', { byMs }, byMs < 0 ? 'the wall clock was set back; schedules wait until it has caught up' : 'the wall clock jumped forward, or the machine was suspended');
        reports.emit({ type: 'clock-jump', byMs });
      },
    });
  }

  schedule(name: string, trigger: Trigger, handler: CronHandler, options?: ScheduleOptions): ScheduleInfo {
    this.#refuseWhenStopped();
    checkName(name);
    checkTrigger(trigger);
    checkHandler(handler);
    const settings = this.#settingsOf(options);
    if (this.#records.has(name)) throw new ScheduleExistsError(name);
    const resolved = this.#resolve(name, trigger, settings);
    const record = new ScheduleRecord(this.#order++, name, resolved, handler, settings, this.#planner.firstInstant(resolved, settings));
    if (settings.paused) this.#planner.pause(record, undefined, undefined);
    else this.#planner.enqueue(record);
    this.#records.set(name, record);
    this.#ticker.wakeBy(this.#planner.firstAt);
    return record.info(false);
  }

  add(definition: CronDefinition): ScheduleInfo {
    const { name, trigger, handler, overlap, misfire, timeoutMs, paused, lock } = defineCron(definition);
    return this.schedule(name, trigger, handler, { overlap, misfire, timeoutMs, paused, lock });
  }

  startInBackground(): void {
    this.#refuseWhenStopped();
    if (!this.#ticker.runs) this.#ticker.start(this.#planner.firstAt);
  }

  async runUntilStopped({ signal, ...stopOptions }: StopOptions & { readonly signal?: AbortSignal } = {}): Promise<void> {
    checkStopOptions(stopOptions);
    this.startInBackground();
    const onAbort = (): void => this.#stopping.resolve();
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    await this.#stopping.promise;
    signal?.removeEventListener('abort', onAbort);
    await this.stop(stopOptions);
  }

  async stop(options: StopOptions = {}): Promise<Leftover> {
    const { drainMs = Infinity, abortMs = 10_000 } = checkStopOptions(options);
    if (!this.#stopped) this.#endPlanning();
    const timers: Timer[] = [];
    const after = (ms: number, then: () => void): void => {
      if (ms === 0) then();
      else if (ms !== Infinity) timers.push(this.#clock.setTimer(then, ms));
    };
    after(drainMs, () => {
      for (const run of this.#runs.begun) this.#runs.abort(run, 'stopped', new SchedulerStoppedError());
      after(abortMs, () => this.#gaveUp.resolve());
    });
    await Promise.race([this.#runs.whenEnded(this.#runs.begun), this.#gaveUp.promise]);
    for (const timer of timers) timer.cancel();
    const { own } = this.#runs;
    return this.#runs.begun.filter((run) => run !== own).map(({ record: { name }, scheduledAt }) => ({ name, scheduledAt }));
  }

  pause(name: string, options: PauseOptions = {}): void {
    this.#refuseWhenStopped();
    const record = this.#find(name);
    checkKeys('', options, ['reason', 'untilAt'], 'pause');
    const { reason, untilAt } = options;
    if (untilAt !== undefined && !Number.isSafeInteger(untilAt)) throw new InvalidScheduleError('untilAt', untilAt, 'is no instant in epoch milliseconds');
    this.#planner.pause(record, reason, untilAt);
    this.#runs.dropWaiting(record, 'paused', false);
    this.#ticker.wakeBy(this.#planner.firstAt);
  }

  resume(name: string, options: ResumeOptions = {}): void {
    this.#refuseWhenStopped();
    checkKeys('', options, ['missed'], 'resume');
    const { missed = 'skip' } = options;
    checkChoice('missed', missed, ['skip', 'run']);
    this.#planner.resume(this.#find(name), missed);
    this.#ticker.wakeBy(this.#planner.firstAt);
  }

  reschedule(name: string, trigger: Trigger): ScheduleInfo {
    this.#refuseWhenStopped();
    const record = this.#find(name);
    checkTrigger(trigger);
    const resolved = this.#resolve(name, trigger, record.settings);
    const now = this.#clock.now();
    const isLate = record.nextAt !== undefined && record.nextAt <= now;
    const nextAt = this.#planner.firstInstant(resolved, record.settings, isLate ? now : record.activity?.lastAt);
    this.#planner.skipRest(record, 'misfire');
    this.#planner.drop(record);
    record.trigger = resolved;
    record.nextAt = nextAt;
    this.#planner.enqueue(record);
    const { paused } = record.activity ?? {};
    if (paused) this.#planner.pause(record, paused.reason, paused.untilAt);
    this.#ticker.wakeBy(this.#planner.firstAt);
    return record.info(false);
  }

  async remove(name: string, options: RemoveOptions = {}): Promise<void> {
    checkKeys('', options, ['runs'], 'remove');
    const { runs = 'finish' } = options;
    checkChoice('runs', runs, ['finish', 'abort']);
    const record = this.#find(name);
    this.#records.delete(name);
    const activity = record.active;
    activity.removed = true;
    this.#planner.drop(record);
    if (!this.#stopped) this.#planner.skipRest(record, 'cancelled');
    this.#runs.dropWaiting(record, 'cancelled', true);
    // Of those that stand by, those that are asking.
    const running = [...(activity.running ?? []), ...(activity.standingBy ?? [])];
    if (runs === 'abort') for (const run of running) this.#runs.abort(run, 'cancelled', new RunCancelledError(name, 'its schedule was removed'));
    await this.#runs.whenEnded(running);
  }

  runNow(name: string): Promise<boolean> {
    const ran = this.#runNow(name);
    // Logged already. Who does not wait for it must not be killed by it.
    ran.catch(() => {});
    return ran;
  }

  get(name: string): ScheduleInfo | undefined {
    return this.#records.get(name)?.info(this.#stopped);
  }

  list(): ScheduleInfo[] {
    return [...this.#records.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((record) => record.info(this.#stopped));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #runNow(name: string): Promise<boolean> {
    this.#refuseWhenStopped();
    const ended = this.#runs.offerManual(this.#find(name));
    this.#work();
    const outcome = await ended;
    if (outcome?.failed) throw outcome.error;
    return outcome !== undefined;
  }

  /** Begins what is ready and due, for one slice of time. */
  #work(): void {
    clearImmediate(this.#nextSlice);
    this.#nextSlice = undefined;
    this.#sliceEndMs = this.#clock.monotonic() + SLICE_MS;
    this.#workOn();
  }

  /**
   * Uses what is left of the slice. That is all that the end of a run may do: runs that end at once would begin one another from
   * promise to promise, and nothing else of the process would have its turn.
   */
  #workOn(): void {
    if (this.#working || this.#stopped || this.#nextSlice !== undefined) return;
    this.#working = true;
    try {
      // Whoever called.
      this.#inOwnContext(() => this.#workSlice());
    } finally {
      this.#working = false;
    }
  }

  #workSlice(): void {
    while (!this.#stopped) {
      // What `runNow` asks for begins before the start as well.
      if (!this.#runs.beginOne() && !(this.#ticker.runs && this.#planner.planOne())) break;
      if (this.#clock.monotonic() >= this.#sliceEndMs) {
        this.#nextSlice = setImmediate(() => this.#work());
        return;
      }
    }
    this.#ticker.wakeBy(this.#planner.firstAt);
  }

  #endPlanning(): void {
    this.#stopped = true;
    this.#ticker.stop();
    clearImmediate(this.#nextSlice);
    this.#planner.stop();
    for (const record of this.#records.values()) {
      this.#planner.skipRest(record, 'cancelled');
      if (record.activity) this.#runs.dropWaiting(record, 'cancelled', true);
    }
    this.#stopping.resolve();
  }

  #finish(record: ScheduleRecord): void {
    if (this.#stopped || this.#records.get(record.name) !== record) return;
    this.#records.delete(record.name);
    record.active.removed = true;
    this.#reports.emit({ type: 'finished', name: record.name });
  }

  #find(name: string): ScheduleRecord {
    const record = this.#records.get(name);
    if (record === undefined) throw new ScheduleNotFoundError(name);
    return record;
  }

  #refuseWhenStopped(): void {
    if (this.#stopped) throw new SchedulerStoppedError();
  }

  /** @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) */
  #resolve(name: string, trigger: Trigger, { overlap, lock, misfire, dateMisfire }: ScheduleSettings): Trigger {
    const resolved = resolveNow(trigger, this.#clock.now(), name);
    if (!this.#hasLocks) return resolved;
    if (overlap === 'cancel_other') throw new InvalidScheduleError('overlap', overlap, 'cannot tell a run in another process to abort: not with locks');
    const { windowMs } = resolved.kind === 'date' ? dateMisfire : misfire;
    if (lock.keepMs < windowMs) throw new InvalidScheduleError('lock.keepMs', lock.keepMs, `is shorter than misfire.windowMs, ${windowMs}: a process that is late would run the instant again`);
    if (lock.keepMs <= (lock.ttlMs ?? 0)) throw new InvalidScheduleError('lock.keepMs', lock.keepMs, `is not longer than lock.ttlMs, ${lock.ttlMs}`);
    // Each process would run instants of its own, and locks could not make them one.
    if (resolved.fixedDelayMs !== undefined) throw new InvalidScheduleError('trigger', trigger, 'has a fixed delay, whose instants differ between processes: not with locks');
    if (resolved !== trigger && resolveNow(trigger, 0, name).hash !== resolveNow(trigger, 1, name).hash) {
      throw new InvalidScheduleError('trigger', trigger, 'depends on when it is created, which differs between processes: with locks give an interval or calendar its anchor, maxRuns a startAt, and a date instead of a delay');
    }
    return resolved;
  }
}

/** @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) when no time is left, or `H` draws a day that never comes */
function resolveNow(trigger: Trigger, nowMs: number, name: string): Trigger {
  try {
    return trigger.resolve(nowMs, { seed: name });
  } catch (error) {
    if (!hasCode(error, 'ERR_CRON_TRIGGER') && !hasCode(error, 'ERR_CRON_SYNTAX')) throw error;
    throw new InvalidScheduleError('trigger', trigger, `has no time left: ${(error as Error).message}`);
  }
}

function checkStopOptions(options: StopOptions): StopOptions {
  checkKeys('', options, ['drainMs', 'abortMs'], 'stop');
  const { drainMs, abortMs } = options;
  if (drainMs !== Infinity) checkMs('drainMs', drainMs);
  if (abortMs !== Infinity) checkMs('abortMs', abortMs);
  return options;
}
