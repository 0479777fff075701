import type { DstPolicy } from '../trigger.ts';
import type { Timeline } from '../triggers/timeline.ts';
import { hasBit, nextBit } from './bit-set.ts';
import { dateOfDay, DAY_MS, daysInMonth, weekdayOfDay } from '../zone/civil-date.ts';
import type { CronExpression } from './cron-expression.ts';
import { LATEST_MS } from '../zone/instant.ts';
import type { TimeZone } from '../zone/time-zone.ts';

/*
 * The times of a cron expression in a time zone. They are a set of instants that depends on nothing but the
 * expression and the zone, so that a restart, or a question asked from the middle of a changeover, alters nothing:
 *
 * 1. An instant belongs to the set when the zone's clocks show a matching local time, except as in 3.
 * 2. Spring forward: when a fixed-time expression matches any skipped local time, the instant of the jump belongs to
 *    the set, once for the whole gap. An expression that follows the clock has nothing to catch up on.
 * 3. Fall back: a fixed-time expression does not match the second showing of a repeated local time. One that follows
 *    the clock matches both, because a heartbeat must not pause for an hour.
 * 4. A jump of more than three hours is no daylight saving time but a move of the date line (Pacific/Apia, 2011); then
 *    neither 2 nor 3 applies, and a skipped day is skipped.
 *
 * The rules for 2 and 3 are those of Debian's cron for jobs with and without wildcards in hour or minute.
 */

// The largest change for daylight saving or a new base offset in tzdata since 1970 is 3 hours (Antarctica/Casey); larger
// ones crossed the date line or opened and closed a station.
const LARGEST_CLOCK_CHANGE_MS = 3 * 3_600_000;

/** The first time after `afterMs` (a whole number), or undefined when none is left before the end of year 9999. */
export function nextCronTime(cron: CronExpression, zone: TimeZone, afterMs: number): number | undefined {
  let at = (Math.floor(afterMs / 1_000) + 1) * 1_000;
  while (at <= LATEST_MS) {
    const { startAt, endAt, offsetMs, previousOffsetMs } = zone.periodAt(at);
    const changeMs = offsetMs - previousOffsetMs;
    if (cron.fixedTimes && changeMs !== 0 && Math.abs(changeMs) <= LARGEST_CLOCK_CHANGE_MS) {
      if (changeMs > 0 && at === startAt && nextLocalTime(cron, startAt + previousOffsetMs, startAt + offsetMs) !== undefined) return at;
      if (changeMs < 0) at = Math.max(at, startAt - changeMs);
    }
    const localMs = nextLocalTime(cron, at + offsetMs, Math.min(endAt, LATEST_MS + 1) + offsetMs);
    if (localMs !== undefined) return localMs - offsetMs;
    at = endAt;
  }
  return undefined;
}

/** The first matching local time in [fromMs, beforeMs), both whole seconds as epoch milliseconds in UTC. */
function nextLocalTime(cron: CronExpression, fromMs: number, beforeMs: number): number | undefined {
  const lastDay = Math.floor((beforeMs - 1) / DAY_MS);
  const today = Math.floor(fromMs / DAY_MS);
  let day = nextDay(cron, today, lastDay);
  let second = day === today ? nextSecondOfDay(cron, (fromMs - today * DAY_MS) / 1_000) : undefined;
  if (day === today && second === undefined) day = nextDay(cron, today + 1, lastDay);
  if (day === undefined) return undefined;
  second ??= nextSecondOfDay(cron, 0)!;
  const localMs = day * DAY_MS + second * 1_000;
  return localMs < beforeMs ? localMs : undefined;
}

/** The first matching day in [fromDay, lastDay], found month by month. */
function nextDay(cron: CronExpression, fromDay: number, lastDay: number): number | undefined {
  let { year, month, day } = dateOfDay(fromDay);
  for (let first = fromDay - day + 1; first <= lastDay; day = 1) {
    const length = daysInMonth(year, month);
    if (hasBit(cron.months, month)) {
      const found = nextBit(cron.daysByFirstWeekday[weekdayOfDay(first)]!, day);
      if (found !== -1 && found <= length) return first + found - 1 <= lastDay ? first + found - 1 : undefined;
    }
    first += length;
    month = (month % 12) + 1;
    if (month === 1) year += 1;
  }
  return undefined;
}

/** The first matching second of a day that is at least `from` (0 to 86 399). */
function nextSecondOfDay({ hours, minutes, seconds }: CronExpression, from: number): number | undefined {
  const fromHour = Math.floor(from / 3_600);
  const fromMinute = Math.floor(from / 60) % 60;
  let hour = nextBit(hours, fromHour);
  if (hour === fromHour) {
    let minute = nextBit(minutes, fromMinute);
    if (minute === fromMinute) {
      const second = nextBit(seconds, from % 60);
      if (second !== -1) return hour * 3_600 + minute * 60 + second;
      minute = nextBit(minutes, minute + 1);
    }
    if (minute !== -1) return hour * 3_600 + minute * 60 + nextBit(seconds, 0);
    hour = nextBit(hours, hour + 1);
  }
  return hour === -1 ? undefined : hour * 3_600 + nextBit(minutes, 0) * 60 + nextBit(seconds, 0);
}

export function createCronTimeline(cron: CronExpression, zone: TimeZone, _policy: DstPolicy): Timeline {
  return { next: (afterMs) => nextCronTime(cron, zone, afterMs), prev: () => undefined };
}
