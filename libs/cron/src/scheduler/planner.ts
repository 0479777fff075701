import type { Clock } from '@staddle/kernel';
import { InvalidScheduleError } from '../errors.ts';
import type { IntervalTriggerJson, Trigger } from '../trigger.ts';
import { DueQueue } from './due-queue.ts';
import { lateInstants, rangeOf, type InstantRange, type Instants } from './misfire.ts';
import type { ScheduleRecord } from './record.ts';
import type { Reports } from './reports.ts';
import type { Runs } from './runs.ts';
import type { SkipReason } from './schedule.ts';
import type { ScheduleSettings } from './settings.ts';

/*
 * When the instants of all schedules are due.
 *
 * 1. The next instant is computed from the one before it, never from the present time; so no jump of a clock makes one run twice.
 * 2. Every instant of a trigger, from the one after its adding on, is offered to the runs once or is in one range that is skipped.
 * 3. An instant begins with its jitter, but not before the instants before it have begun.
 * 4. A trigger that throws pauses its own schedule, and no other.
 */

export interface PlannerOptions {
  readonly clock: Clock;
  readonly reports: Reports;
  readonly runs: Runs;
  /** No time is left and no run is open. */
  readonly onFinished: (record: ScheduleRecord) => void;
}

export class Planner {
  readonly #options: PlannerOptions;
  readonly #queue = new DueQueue<ScheduleRecord>();
  readonly #answers = new WeakMap<Trigger, Answer>();
  #stopped = false;

  constructor(options: PlannerOptions) {
    this.#options = options;
  }

  /** Epoch ms at which something is due; `Infinity` for never. */
  get firstAt(): number {
    return this.#queue.firstAt;
  }

  /**
   * The first instant of a schedule that is added, or has another trigger, at this moment.
   * @throws InvalidScheduleError (`ERR_CRON_SCHEDULE`) when no time is left
   * @throws TriggerTooSparseError (`ERR_CRON_TOO_SPARSE`)
   */
  firstInstant(trigger: Trigger, { dateMisfire: { mode, windowMs, graceMs } }: ScheduleSettings, afterAt: number = -Infinity): number {
    const now = this.#options.clock.now();
    const from = Math.max(now, afterAt);
    const at = this.#next(trigger, from);
    if (at !== undefined) return at;
    // A date in the past is late, no more: the process was down when it came, or the request was slow.
    const past = trigger.kind === 'date' ? trigger.next(afterAt) : undefined;
    if (past !== undefined && now - past <= (mode === 'none' ? graceMs : windowMs)) return past;
    throw new InvalidScheduleError('trigger', trigger, past === undefined ? 'has no time left' : `has no time left: ${new Date(past).toISOString()} is too long ago for its misfire policy`);
  }

  /** Waits for the next instant of a schedule. */
  enqueue(record: ScheduleRecord): void {
    this.#enqueue(record, -Infinity);
  }

  drop(record: ScheduleRecord): void {
    this.#queue.remove(record);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Deals with the schedule that is due first, if one is due. */
  planOne(): boolean {
    const now = this.#options.clock.now();
    const dueAt = this.#queue.firstAt;
    // Not `dueAt > now`, which a clock that gives NaN would pass.
    if (!(dueAt <= now)) return false;
    const record = this.#queue.pop()!;
    try {
      if (record.activity?.paused) this.resume(record, 'skip');
      else if (now - dueAt <= record.misfire.graceMs) this.#runOne(record, dueAt);
      else this.#runLate(record, now, dueAt);
    } catch (error) {
      this.#pauseBroken(record, error);
    }
    return true;
  }

  /** From now on its instants wait for `resume`. */
  pause(record: ScheduleRecord, reason: string | undefined, untilAt: number | undefined): void {
    const activity = record.active;
    activity.paused = { sinceAt: activity.paused?.sinceAt ?? this.#options.clock.now(), reason, untilAt };
    this.#queue.remove(record);
    if (untilAt !== undefined) this.#queue.push(record, untilAt);
  }

  resume(record: ScheduleRecord, missed: 'skip' | 'run'): void {
    const { activity } = record;
    if (!activity?.paused) return;
    record.nextAt ??= this.#following(record, activity.lastAt);
    // An instant at the very end of the pause is not missed, and what passed since then is as late as without a pause.
    const range = missed === 'skip' ? this.#rangeBefore(record, Math.min(this.#options.clock.now(), activity.paused.untilAt ?? Infinity)) : undefined;
    if (range) record.nextAt = this.#following(record, range.toAt);
    activity.paused = undefined;
    this.#queue.remove(record);
    this.#enqueue(record, -Infinity);
    if (range) this.#skip(record, range, 'paused');
    this.settle(record);
  }

  /** Skips what is due already, at the end of a schedule or of its trigger: as `paused` when it is. */
  skipRest(record: ScheduleRecord, reason: SkipReason): void {
    let range: InstantRange | undefined;
    try {
      range = this.#rangeBefore(record, this.#options.clock.now() + 1);
    } catch (error) {
      this.#options.reports.log('error', { err: error, schedule: record.name }, 'the trigger of a schedule failed; what was due at its end is not accounted for');
    }
    // Before anyone is told, who may end the schedule as well.
    record.nextAt = undefined;
    if (range) this.#skip(record, range, record.activity?.paused ? 'paused' : reason);
  }

  /** To be called when a run or a skip may have been the last: a fixed delay begins, or the schedule is finished. */
  settle(record: ScheduleRecord): void {
    const { activity } = record;
    if (activity === undefined || activity.removed || activity.paused || record.nextAt !== undefined || activity.ledger.open > 0) return;
    try {
      record.nextAt = delayedInstant(record, this.#options.clock.now());
      this.#enqueue(record, -Infinity);
    } catch (error) {
      this.#pauseBroken(record, error);
      return;
    }
    if (record.nextAt === undefined && !record.hasRuns) this.#options.onFinished(record);
  }

  #runOne(record: ScheduleRecord, dueAt: number): void {
    const at = record.nextAt!;
    record.nextAt = undefined;
    try {
      record.nextAt = this.#following(record, at);
      this.#enqueue(record, dueAt);
    } catch (error) {
      // This instant is none the worse for it.
      this.#pauseBroken(record, error);
    }
    this.#offer(record, at, dueAt);
  }

  #runLate(record: ScheduleRecord, now: number, dueAt: number): void {
    const instants = this.#instants(record);
    const { skippedBefore, runAt, skippedAfter, nextAt } = lateInstants(instants, { firstAt: record.nextAt!, nowMs: now, policy: record.misfire });
    record.nextAt = nextAt;
    this.#enqueue(record, dueAt);
    if (skippedBefore) this.#skip(record, skippedBefore, 'misfire');
    let beginAt = -Infinity;
    let inLine = false;
    for (const at of runAt) {
      beginAt = Math.max(beginAt, dueAtOf(instants, at));
      // Whoever was told of the skip may have taken the schedule away.
      const refused = this.#stopped || record.active.removed ? 'cancelled' : record.active.paused && 'paused';
      if (refused) this.#skip(record, { fromAt: at, toAt: at, count: 1, exact: true }, refused);
      else inLine = this.#offer(record, at, beginAt, inLine);
    }
    if (skippedAfter) this.#skip(record, skippedAfter, 'misfire');
    this.settle(record);
  }

  #offer(record: ScheduleRecord, at: number, dueAt: number, inLine = false): boolean {
    record.active.lastAt = at;
    return this.#options.runs.offer(record, at, dueAt, inLine);
  }

  #skip(record: ScheduleRecord, range: InstantRange, reason: SkipReason): void {
    const activity = record.active;
    activity.lastAt = range.toAt;
    activity.ledger.planned += range.count;
    activity.ledger.skip(reason, range.count);
    const { reports } = this.#options;
    reports.log(reason === 'misfire' ? 'warn' : 'debug', { schedule: record.name, ...range, reason }, 'scheduled instants did not run');
    reports.emit({ type: 'skipped', name: record.name, ...range, reason });
  }

  #pauseBroken(record: ScheduleRecord, error: unknown): void {
    this.pause(record, `its trigger failed: ${wordsOf(error)}`, undefined);
    this.#options.reports.log('error', { err: error, schedule: record.name }, 'the trigger of a schedule failed; the schedule is paused');
  }

  #enqueue(record: ScheduleRecord, notBefore: number): void {
    const { nextAt, trigger } = record;
    if (nextAt !== undefined && !record.activity?.paused && !record.activity?.removed) this.#queue.push(record, Math.max(notBefore, dueAtOf(trigger, nextAt)));
  }

  /** What has not been dealt with and lies before `beforeMs`. */
  #rangeBefore(record: ScheduleRecord, beforeMs: number): InstantRange | undefined {
    const { nextAt } = record;
    if (nextAt === undefined || nextAt >= beforeMs) return undefined;
    const instants = this.#instants(record);
    return rangeOf(instants, nextAt, instants.prev(beforeMs) ?? nextAt);
  }

  #following(record: ScheduleRecord, at: number): number | undefined {
    return record.trigger.fixedDelayMs === undefined ? this.#next(record.trigger, at) : undefined;
  }

  /** Of a fixed delay only the one instant is known that has been computed. */
  #instants({ trigger, nextAt }: ScheduleRecord): Instants {
    if (trigger.fixedDelayMs === undefined) return trigger;
    const at = nextAt!;
    return {
      kind: 'date',
      next: (afterMs) => (afterMs < at ? at : undefined),
      prev: (beforeMs) => (beforeMs > at ? at : undefined),
      jitterMs: (atMs) => trigger.jitterMs(atMs),
      toJSON: () => trigger.toJSON(),
    };
  }

  /** Schedules that share a trigger ask the same question one after the other: at once when they are added, later when they are due. */
  #next(trigger: Trigger, afterMs: number): number | undefined {
    const known = this.#answers.get(trigger);
    if (known !== undefined && known.afterMs <= afterMs && (known.at === undefined || afterMs < known.at)) return known.at;
    const at = trigger.next(afterMs);
    // A trigger that does not move forward would run for ever, and one that gives no numbers would spoil the queue.
    if (at !== undefined && !(Number.isSafeInteger(at) && at > afterMs)) throw new RangeError(`the trigger gave ${at} as the instant after ${afterMs}`);
    this.#answers.set(trigger, { afterMs, at });
    return at;
  }
}

/** @throws RangeError for what would begin a run before its instant, or spoil the queue of all schedules */
function dueAtOf(instants: Instants, at: number): number {
  const dueAt = at + instants.jitterMs(at);
  if (!(dueAt >= at)) throw new RangeError(`the trigger would begin at ${dueAt} what is scheduled at ${at}`);
  return dueAt;
}

function wordsOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return 'it threw what has no words';
  }
}

interface Answer {
  readonly afterMs: number;
  readonly at: number | undefined;
}

/** The next instant of a fixed delay after a run or a skip has ended; undefined when its limits leave none, or for other triggers. */
function delayedInstant({ trigger, activity }: ScheduleRecord, now: number): number | undefined {
  if (trigger.fixedDelayMs === undefined) return undefined;
  const { endAt } = trigger.toJSON() as IntervalTriggerJson;
  const at = Math.max(now + trigger.fixedDelayMs, activity!.lastAt + 1);
  return endAt !== undefined && at > Date.parse(endAt) ? undefined : at;
}
