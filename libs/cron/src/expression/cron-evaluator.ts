import type { Timeline } from '../timeline.ts';
import type { DstPolicy } from '../trigger.ts';
import { DAY_MS } from '../zone/civil-date.ts';
import { LATEST_MS } from '../zone/instant.ts';
import { LARGEST_CLOCK_CHANGE_MS, type OffsetPeriod, type TimeZone } from '../zone/time-zone.ts';
import type { CronExpression } from './cron-expression.ts';
import type { WallClockTimes } from './wall-clock-times.ts';

/*
 * The times of a cron expression in a time zone. They are a set of instants that depends on nothing but the expression, the
 * zone and the policy, so that a restart, or a question asked from the middle of a changeover, alters nothing:
 *
 * 1. Regular times are the instants at which the zone's clocks show a local time that matches. An expression that follows the
 *    clock has these and no others: it misses nothing where clocks jump, and must not pause for the hour they show twice.
 * 2. Where clocks jump forward at T over the local times [g, g + G), an expression with fixed times has besides them: by
 *    `fire_at_end` T, once, if it matches any of the skipped ones; by `shift` each t in [T, T + G) that would match had the
 *    clocks not jumped; by `skip` nothing.
 * 3. Where clocks go back by G at T, an expression with fixed times lacks the regular times in [T, T + G) by `first` and
 *    those in [T - G, T) by `second`; by `both` it lacks none.
 * 4. A jump of more than three hours is no daylight saving time but a move of the date line (Pacific/Apia, 2011); then
 *    neither 2 nor 3 applies, and a skipped day is skipped.
 * 5. `prev` is the mirror of `next`: each walks the whole set.
 *
 * `fire_at_end` with `first` is what Debian's cron does for jobs without a wildcard in minute and hour.
 */

// More than any offset, and more than two offsets of one zone differ in: what clocks show is less than this away from UTC.
const OFFSETS_REACH_MS = 2 * DAY_MS;

const SECOND_MS = 1_000;

export function createCronTimeline(expression: CronExpression, zone: TimeZone, policy: DstPolicy): Timeline {
  return new CronTimeline(expression, zone, policy);
}

class CronTimeline implements Timeline {
  readonly #times: WallClockTimes;
  readonly #zone: TimeZone;
  readonly #gap: DstPolicy['gap'];
  readonly #overlap: DstPolicy['overlap'];

  constructor({ times, fixedTimes }: CronExpression, zone: TimeZone, { gap, overlap }: DstPolicy) {
    this.#times = times;
    this.#zone = zone;
    this.#gap = fixedTimes ? gap : 'skip';
    this.#overlap = fixedTimes ? overlap : 'both';
  }

  next(afterMs: number): number | undefined {
    let at = (Math.floor(afterMs / SECOND_MS) + 1) * SECOND_MS;
    while (at <= LATEST_MS) {
      const period = this.#zone.periodAt(at);
      const { endAt, offsetMs } = period;
      const local = this.#times.next(Math.max(at, this.#regularStart(period)) + offsetMs);
      const found = Math.min(local - offsetMs, this.#firstSkipped(period, at));
      if (found < this.#regularEnd(period)) return found <= LATEST_MS ? found : undefined;
      // Two days on, no clock can go back to where this search began, and until two days before `local` none has got there.
      at = endAt - at < OFFSETS_REACH_MS ? endAt : Math.max(endAt, local - OFFSETS_REACH_MS);
    }
    return undefined;
  }

  prev(beforeMs: number): number | undefined {
    let at = (Math.ceil(beforeMs / SECOND_MS) - 1) * SECOND_MS;
    while (at >= 0) {
      const period = this.#zone.periodAt(at);
      const { startAt, offsetMs } = period;
      const local = this.#times.prev(Math.min(at, this.#regularEnd(period) - SECOND_MS) + offsetMs);
      const regular = local - offsetMs;
      const skipped = this.#lastSkipped(period, at, local);
      const found = regular >= this.#regularStart(period) ? Math.max(regular, skipped) : skipped;
      if (found >= startAt) return found >= 0 ? found : undefined;
      const before = startAt - SECOND_MS;
      at = at - startAt < OFFSETS_REACH_MS ? before : Math.min(before, local + OFFSETS_REACH_MS);
    }
    return undefined;
  }

  /** The first instant of a period at which regular times count. */
  #regularStart({ startAt, offsetMs, previousOffsetMs }: OffsetPeriod): number {
    const repeatedMs = previousOffsetMs - offsetMs;
    return this.#overlap === 'first' && repeatedMs > 0 && repeatedMs <= LARGEST_CLOCK_CHANGE_MS ? startAt + repeatedMs : startAt;
  }

  /** The first instant after those at which regular times count. */
  #regularEnd({ endAt, offsetMs, nextOffsetMs }: OffsetPeriod): number {
    const repeatedMs = offsetMs - nextOffsetMs;
    return this.#overlap === 'second' && repeatedMs > 0 && repeatedMs <= LARGEST_CLOCK_CHANGE_MS ? endAt - repeatedMs : endAt;
  }

  /** The first instant from `at` on that stands for a local time which the clocks skipped at the start of the period; Infinity for none. */
  #firstSkipped(period: OffsetPeriod, at: number): number {
    const { startAt, previousOffsetMs } = period;
    const end = this.#skippedEnd(period);
    if (at >= end) return Infinity;
    const found = this.#times.next((this.#gap === 'shift' ? at : startAt) + previousOffsetMs) - previousOffsetMs;
    if (found >= end) return Infinity;
    if (this.#gap === 'shift') return found;
    return at <= startAt ? startAt : Infinity;
  }

  /** The last one up to `at`; -Infinity for none. `local`: the last matching local time up to `at`. */
  #lastSkipped(period: OffsetPeriod, at: number, local: number): number {
    const { startAt, previousOffsetMs } = period;
    const end = this.#skippedEnd(period);
    if (end === startAt || local < startAt + previousOffsetMs) return -Infinity;
    const last = this.#gap === 'shift' ? Math.min(at, end - SECOND_MS) : end - SECOND_MS;
    const found = this.#times.prev(last + previousOffsetMs) - previousOffsetMs;
    if (found < startAt) return -Infinity;
    return this.#gap === 'shift' ? found : startAt;
  }

  /** The first instant that would show a local time after the skipped ones if clocks had not jumped; `startAt` where none matter. */
  #skippedEnd({ startAt, offsetMs, previousOffsetMs }: OffsetPeriod): number {
    const gapMs = offsetMs - previousOffsetMs;
    return this.#gap === 'skip' || gapMs <= 0 || gapMs > LARGEST_CLOCK_CHANGE_MS ? startAt : startAt + gapMs;
  }
}
