import { TriggerSyntaxError } from '../errors.ts';
import type { Timeline } from '../timeline.ts';
import type { DstPolicy, Trigger } from '../trigger.ts';
import { DAY_MS, dateOfDay, dayOfDate, daysInMonth } from '../zone/civil-date.ts';
import { LATEST_MS } from '../zone/instant.ts';
import { formatLocalTime, tryParseDateTime } from '../zone/local-time.ts';
import { LARGEST_CLOCK_CHANGE_MS, type OffsetPeriod, type TimeZone } from '../zone/time-zone.ts';
import { formatPeriod, readPeriod, type Period } from './calendar-period.ts';
import { createTrigger } from './create-trigger.ts';
import { readLimits, type LimitOptions } from './limits.ts';
import { bounded, countStep } from './steps.ts';
import { checkOptions, dstJson, LIMIT_OPTIONS, readDstPolicy, readMoment, readTimeZone, type Moment } from './trigger-options.ts';

export interface CalendarOptions extends LimitOptions {
  /** ISO 8601 in whole years, months, weeks or days: `P1M`, `P1Y6M`, `P2W`, `P10D`. Not mixed with hours: that would be no calendar. Up to 100 years. */
  readonly every: string;
  /** The first time, as a local ISO 8601 time, from which all others are counted. Default: `startAt`, else the creation, so that the first one after it comes a step later. */
  readonly anchor?: string | undefined;
  /** IANA time zone whose calendar and clocks count. */
  readonly tz: string;
  /** A day that the month does not have, the 31st of April: `last` (default) takes the last day of the month, `skip` leaves it out. */
  readonly clamp?: 'last' | 'skip' | undefined;
  /** As of `cron`, for each time: skipped ones fire when the gap ends, repeated ones the first time. */
  readonly dst?: Partial<DstPolicy> | undefined;
}

const OPTIONS = ['every', 'anchor', 'tz', 'clamp', 'dst', ...LIMIT_OPTIONS];

/**
 * By the calendar of a zone, always counted from the anchor: a month after January 31 comes February 28, and then March 31.
 * Months are added before days.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) also when no time is left within the limits
 */
export function calendar(options: CalendarOptions): Trigger {
  checkOptions('calendar', options, OPTIONS);
  const { tz, clamp = 'last' } = options;
  const period = readPeriod(options.every);
  const zone = readTimeZone(tz);
  if (clamp !== 'last' && clamp !== 'skip') throw new TriggerSyntaxError('clamp', clamp, "is neither 'last' nor 'skip'");
  const policy = readDstPolicy(options.dst);
  const limits = readLimits(options, { zone });
  const anchorMs = readAnchor(options.anchor, zone) ?? (limits.start && shownAt(limits.start, zone));
  const every = formatPeriod(period);
  const anchor = anchorMs === undefined ? undefined : formatLocalTime(anchorMs);
  return createTrigger({
    json: {
      v: 1,
      kind: 'calendar',
      every,
      ...(anchor !== undefined && { anchor }),
      tz,
      ...(clamp === 'skip' && { clamp }),
      ...dstJson(policy),
      ...limits.json,
    },
    timeline:
      anchorMs !== undefined && limits.resolved
        ? limits.limit(calendarTimeline({ anchorMs, averageMs: averageLength(period), localMsOf: stepsFrom(anchorMs, period, clamp), instantsOf: instantsIn(zone, policy) }))
        : undefined,
    jitterMs: limits.jitterMs,
    resolve: (nowMs, seed) =>
      calendar({ every, anchor: anchor ?? formatLocalTime(nowMs + zone.periodAt(nowMs).offsetMs), tz, clamp, dst: policy, ...limits.resolve(nowMs, seed) }),
  });
}

function readAnchor(anchor: string | undefined, zone: TimeZone): number | undefined {
  if (anchor === undefined) return undefined;
  const local = typeof anchor === 'string' ? tryParseDateTime(anchor) : undefined;
  if (local === undefined || local.offsetMs !== undefined) throw new TriggerSyntaxError('anchor', anchor, 'is not a local ISO 8601 time such as 2026-01-31T09:00:00');
  readMoment('anchor', anchor, zone);
  return local.localMs;
}

/** What clocks show at it; of a local time what was written, also when clocks skip it. */
function shownAt({ ms, text }: Moment, zone: TimeZone): number {
  const { localMs, offsetMs } = tryParseDateTime(text)!;
  return offsetMs === undefined ? localMs : ms + zone.periodAt(ms).offsetMs;
}

/** The local time that is `count` steps after the anchor; undefined for one that `clamp` leaves out. */
function stepsFrom(anchorMs: number, { months, days }: Period, clamp: 'last' | 'skip'): (count: number) => number | undefined {
  const anchorDay = Math.floor(anchorMs / DAY_MS);
  const timeMs = anchorMs - anchorDay * DAY_MS;
  const date = dateOfDay(anchorDay);
  return (count) => {
    const month = date.month - 1 + count * months;
    const year = date.year + Math.floor(month / 12);
    const length = daysInMonth(year, (month % 12) + 1);
    if (clamp === 'skip' && date.day > length) return undefined;
    return (dayOfDate(year, (month % 12) + 1, Math.min(date.day, length)) + count * days) * DAY_MS + timeMs;
  };
}

function averageLength({ months, days }: Period): number {
  return (months * (146_097 / 4_800) + days) * DAY_MS; // 400 years have 146 097 days
}

interface CalendarSteps {
  readonly anchorMs: number;
  /** Of a step. */
  readonly averageMs: number;
  readonly localMsOf: (count: number) => number | undefined;
  readonly instantsOf: (localMs: number) => readonly number[];
}

/*
 * The number of steps to an instant is estimated by the average length of a step. No candidate before that is late enough: a step
 * takes at least a day, and a local time is less than a day from UTC, even when it is shifted over a gap. Months put a date up
 * to five days away from where months of average length put it, but they take four weeks. For the same reasons one of three
 * candidates is the answer; only `skip` leaves out more, up to eight from one February 29 to the next.
 */
function calendarTimeline({ anchorMs, averageMs, localMsOf, instantsOf }: CalendarSteps): Timeline {
  function next(afterMs: number): number | undefined {
    for (let count = Math.max(Math.floor((afterMs - anchorMs) / averageMs), 0); ; count++) {
      countStep();
      const localMs = localMsOf(count);
      if (localMs === undefined) continue;
      if (localMs - DAY_MS > LATEST_MS) return undefined;
      const at = instantsOf(localMs).find((ms) => ms > afterMs);
      if (at !== undefined) return at <= LATEST_MS ? at : undefined;
    }
  }

  function prev(beforeMs: number): number | undefined {
    for (let count = Math.ceil((beforeMs - anchorMs) / averageMs); count >= 0; count--) {
      countStep();
      const localMs = localMsOf(count);
      const at = localMs === undefined ? undefined : instantsOf(localMs).findLast((ms) => ms < beforeMs);
      if (at !== undefined) return at >= 0 ? at : undefined;
    }
    return undefined;
  }

  return {
    next: (afterMs) => bounded(() => next(afterMs)),
    prev: (beforeMs) => bounded(() => prev(beforeMs)),
  };
}

/** The instants of a local time, in order: none, one or two. */
function instantsIn(zone: TimeZone, { gap, overlap }: DstPolicy): (localMs: number) => readonly number[] {
  return (localMs) => {
    const instants: number[] = [];
    let period: OffsetPeriod;
    for (let at = localMs - DAY_MS; at <= localMs + DAY_MS; at = period.endAt) {
      period = zone.periodAt(at); // may begin before `at`
      const { startAt, endAt, offsetMs, previousOffsetMs } = period;
      const skipped = startAt === at && localMs >= startAt + previousOffsetMs && localMs < startAt + offsetMs;
      if (skipped && offsetMs - previousOffsetMs <= LARGEST_CLOCK_CHANGE_MS) {
        if (gap === 'fire_at_end') instants.push(startAt);
        if (gap === 'shift') instants.push(localMs - previousOffsetMs);
      }
      const ms = localMs - offsetMs;
      if (ms >= at && ms < endAt) instants.push(ms);
    }
    const [first, second] = instants;
    if (second === undefined || second - first! > LARGEST_CLOCK_CHANGE_MS || overlap === 'both') return instants;
    return [overlap === 'first' ? first! : second];
  };
}
