import { parseDuration } from '@staddle/kernel';
import type { CalendarTriggerJson, CronTriggerJson, DateTriggerJson, IntervalTriggerJson, LimitsJson, TriggerJson } from '../trigger.ts';
import { readPeriod } from '../triggers/calendar-period.ts';
import { readMoment } from '../triggers/trigger-options.ts';
import { dateOfDay, DAY_MS, dayOfDate, daysInMonth, weekdayOfDay } from '../zone/civil-date.ts';
import { formatInstant, LATEST_MS } from '../zone/instant.ts';
import { tryParseDateTime } from '../zone/local-time.ts';
import { tryTimeZone, type TimeZone } from '../zone/time-zone.ts';

/**
 * The same times as a cron expression, from canonical JSON; undefined where there is none. What is counted from an anchor becomes
 * an expression that hits the anchor and starts there.
 */
export function cronOf(json: TriggerJson): CronTriggerJson | undefined {
  switch (json.kind) {
    case 'cron':
      return json;
    case 'date':
      return cronOfDate(json);
    case 'interval':
      return cronOfInterval(json);
    case 'calendar':
      return cronOfCalendar(json);
    default:
      return undefined;
  }
}

function cronOfDate({ at, tz, fold }: DateTriggerJson): CronTriggerJson | undefined {
  const { localMs, offsetMs } = tryParseDateTime(at)!;
  if (offsetMs !== undefined) return onlyAt(localMs - offsetMs, 'UTC');
  const zone = tryTimeZone(tz!)!;
  const ms = zone.instantOf(localMs, fold);
  const shown = ms + zone.periodAt(ms).offsetMs === localMs;
  const once = zone.instantOf(localMs, 0) === zone.instantOf(localMs, 1);
  return shown && once && localMs >= 0 ? onlyAt(localMs, tz!) : onlyAt(ms, 'UTC');
}

function onlyAt(localMs: number, tz: string): CronTriggerJson | undefined {
  if (localMs % 1_000 !== 0) return undefined;
  const { year, month, day } = dateOfDay(Math.floor(localMs / DAY_MS));
  return { v: 1, kind: 'cron', expr: `${secondOf(localMs)} ${timeOf(localMs)} ${day} ${month} * ${year}`, tz };
}

// An interval that divides a unit is a step of that field, one value of each smaller one and all of the larger ones.
const UNITS = [
  { unitMs: 1_000, size: 60 },
  { unitMs: 60_000, size: 60 },
  { unitMs: 3_600_000, size: 24 },
] as const;

function cronOfInterval(json: IntervalTriggerJson): CronTriggerJson | undefined {
  const { every, anchor, mode } = json;
  if (anchor === undefined || mode === 'delay') return undefined;
  const everyMs = parseDuration(every);
  const anchorMs = readMoment('anchor', anchor)!.ms;
  const expr = expressionOfInterval(everyMs, anchorMs);
  if (expr === undefined) return undefined;
  // What is counted from before 1970 + one interval has no earlier time that would have to be kept out.
  return withLimits({ v: 1, kind: 'cron', expr, tz: 'UTC' }, json, anchorMs < everyMs ? undefined : formatInstant(anchorMs));
}

function expressionOfInterval(everyMs: number, anchorMs: number): string | undefined {
  if (anchorMs % 1_000 !== 0) return undefined;
  if (everyMs === 7 * DAY_MS) return withSecond(anchorMs, `${timeOf(anchorMs)} * * ${weekdayOfDay(Math.floor(anchorMs / DAY_MS))}`);
  const step = UNITS.findIndex(({ unitMs, size }) => everyMs % unitMs === 0 && (unitMs * size) % everyMs === 0);
  if (step === -1) return undefined;
  const fields = UNITS.map(({ unitMs, size }, index) => {
    const phase = Math.floor(anchorMs / unitMs) % size;
    if (index !== step) return index < step ? String(phase) : '*';
    return stepped(phase % (everyMs / unitMs), everyMs / unitMs, size);
  });
  return [...(fields[0] === '0' ? [] : [fields[0]]), fields[1], fields[2], '* * *'].join(' ');
}

/** `2-59/15`, or shorter where that says the same. */
function stepped(phase: number, step: number, size: number): string {
  if (step === size) return String(phase);
  if (step === 1) return '*';
  return `${phase === 0 ? '*' : `${phase}-${size - 1}`}/${step}`;
}

function cronOfCalendar(json: CalendarTriggerJson): CronTriggerJson | undefined {
  const { every, anchor, tz, clamp, dst } = json;
  if (anchor === undefined) return undefined;
  const anchorMs = tryParseDateTime(anchor)!.localMs;
  const days = daysOfCalendar(every, anchorMs, clamp);
  if (days === undefined || anchorMs % 1_000 !== 0) return undefined;
  const hasYear = days.split(' ').length === 4;
  const zone = tryTimeZone(tz)!;
  if (hasYear && (anchorMs < 0 || reachesYear10000(anchorMs, zone))) return undefined;
  const expr = hasYear ? `${secondOf(anchorMs)} ${timeOf(anchorMs)} ${days}` : withSecond(anchorMs, `${timeOf(anchorMs)} ${days}`);
  return withLimits({ v: 1, kind: 'cron', expr, tz, ...(dst && { dst }) }, json, anchor, zone);
}

/** Clocks east of UTC show a year that no expression can name before the last instant has come. */
function reachesYear10000(anchorMs: number, zone: TimeZone): boolean {
  const { month, day } = dateOfDay(Math.floor(anchorMs / DAY_MS));
  return month === 1 && day === 1 && zone.instantOf(dayOfDate(10_000, 1, 1) * DAY_MS + (anchorMs % DAY_MS)) <= LATEST_MS;
}

/** Day of month, month and day of week, and the year where not every year is in; undefined for days that cron cannot tell. */
function daysOfCalendar(every: string, anchorMs: number, clamp: 'skip' | undefined): string | undefined {
  const { months, days } = readPeriod(every);
  const anchorDay = Math.floor(anchorMs / DAY_MS);
  if (months === 0) return days === 1 ? '* * *' : days === 7 ? `* * ${weekdayOfDay(anchorDay)}` : undefined;
  if (days !== 0 || (12 % months !== 0 && months % 12 !== 0)) return undefined;
  const { year, month, day } = dateOfDay(anchorDay);
  const everyMonths = Math.min(months, 12);
  const reached = Array.from({ length: 12 }, (_, index) => index + 1).filter((candidate) => (candidate - month) % everyMonths === 0);
  const shortest = Math.min(...reached.map((candidate) => daysInMonth(2_001, candidate)));
  const longest = Math.max(...reached.map((candidate) => daysInMonth(2_000, candidate)));
  // The last day of the month is what every clamped day is only where no month has more days than the anchor's.
  const field = clamp === 'skip' || day <= shortest ? String(day) : day >= longest ? 'L' : undefined;
  if (field === undefined) return undefined;
  return `${field} ${everyMonths === 1 ? '*' : reached.join(',')} *${months > 12 ? ` ${yearsFrom(year, months / 12)}` : ''}`;
}

function yearsFrom(year: number, step: number): string {
  return year + step > 9_999 ? String(year) : `${year}-9999/${step}`;
}

function withLimits(cron: CronTriggerJson, { startAt, endAt, maxRuns, exclude, jitter, seed }: LimitsJson, anchor: string | undefined, zone?: TimeZone): CronTriggerJson | undefined {
  // It counts from its creation, which no anchor may replace.
  if (maxRuns !== undefined && startAt === undefined) return undefined;
  const anchored = anchor !== undefined && (startAt === undefined || readMoment('startAt', startAt, zone)!.ms < readMoment('anchor', anchor, zone)!.ms);
  const first = anchored ? anchor : startAt;
  return {
    ...cron,
    ...(first !== undefined && { startAt: first }),
    ...(endAt !== undefined && { endAt }),
    ...(maxRuns !== undefined && { maxRuns }),
    ...(exclude && { exclude }),
    ...(jitter !== undefined && { jitter }),
    ...(seed !== undefined && { seed }),
  };
}

function withSecond(localMs: number, fields: string): string {
  return secondOf(localMs) === 0 ? fields : `${secondOf(localMs)} ${fields}`;
}

function secondOf(localMs: number): number {
  return new Date(localMs).getUTCSeconds();
}

/** Minute and hour. */
function timeOf(localMs: number): string {
  const local = new Date(localMs);
  return `${local.getUTCMinutes()} ${local.getUTCHours()}`;
}
