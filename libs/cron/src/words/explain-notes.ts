import { parseCronExpression } from '../expression/cron-expression.ts';
import type { Language, Trigger, TriggerJson } from '../trigger.ts';
import { readPeriod } from '../triggers/calendar-period.ts';
import { dateOfDay, DAY_MS, daysInMonth } from '../zone/civil-date.ts';
import { tryParseDateTime } from '../zone/local-time.ts';
import type { TimeZone } from '../zone/time-zone.ts';
import { clockChanges, fixedTimesOf, isDaylightSaving, MOST_NAMED, timesWithin, type ClockChange, type FixedTimes } from './clock-changes.ts';
import { dateText, listed, timeText, type Texts } from './text.ts';

/** What is special about each of some times in a row, seen from the clocks of a zone; '' for nothing. */
export function notesOf(trigger: Trigger, instants: readonly number[], zone: TimeZone, language: Language): readonly string[] {
  const json = trigger.toJSON();
  const fixed = fixedTimesOf(json);
  return instants.map((at, index) => {
    const previous = instants[index - 1];
    const notes = [
      ...jumps(at, previous, zone, fixed),
      ...shownTwice(at, zone),
      ...daysLeftOut(json, at, previous, zone),
      ...clamped(json, at, zone),
      ...jitter(trigger.jitterMs(at)),
    ];
    return notes.map((texts) => texts[language]).join(language === 'en' ? '; ' : '；');
  });
}

/** The clock change that brought this time about, moved it, or came since the time before. */
function jumps(at: number, previous: number | undefined, zone: TimeZone, fixed: FixedTimes | undefined): readonly Texts[] {
  const { startAt, previousOffsetMs, offsetMs } = zone.periodAt(at);
  const change: ClockChange = { at: startAt, oldOffsetMs: previousOffsetMs, newOffsetMs: offsetMs };
  const gapMs = isDaylightSaving(change) ? offsetMs - previousOffsetMs : 0;
  if (fixed !== undefined && gapMs > 0) {
    const skipped = skippedBy(fixed, change);
    if (fixed.gap === 'fire_at_end' && at === startAt && skipped.length > 0) {
      const times = listed(skipped.map(timeText), MOST_NAMED);
      const text = jumpText(change);
      return [{ en: `${text.en}: stands for ${times.en}`, zh: `${text.zh}：代替 ${times.zh}` }];
    }
    const local = at + previousOffsetMs;
    if (fixed.gap === 'shift' && at < startAt + gapMs && fixed.next(local) === local) {
      const text = jumpText(change);
      return [{ en: `${text.en}: moved from ${timeText(local)}`, zh: `${text.zh}：由 ${timeText(local)} 顺延` }];
    }
  }
  const changes = previous === undefined ? [] : clockChanges(zone, previous, at);
  // What is more than half a year apart has seen a change or two, as everyone expects.
  if (changes.length !== 1) return [];
  const text = jumpText(changes[0]!);
  const lost = fixed === undefined || (isDaylightSaving(changes[0]!) && fixed.gap !== 'skip') ? [] : skippedBy(fixed, changes[0]!);
  if (lost.length === 0) return [{ en: `${text.en} before this`, zh: `此前${text.zh}` }];
  const times = listed(lost.map((local) => `${dateText(local)} ${timeText(local)}`), MOST_NAMED);
  return [{ en: `${text.en} before this: ${times.en} left out`, zh: `此前${text.zh}：${times.zh} 不执行` }];
}

function skippedBy(fixed: FixedTimes, { at, oldOffsetMs, newOffsetMs }: ClockChange): readonly number[] {
  return timesWithin(fixed, at + oldOffsetMs, at + newOffsetMs);
}

/** With the dates only where they are not one and the same. */
function jumpText({ at, oldOffsetMs, newOffsetMs }: ClockChange): Texts {
  const [from, to] = [at + oldOffsetMs, at + newOffsetMs];
  const sameDay = dateText(from) === dateText(to);
  const [start, end] = sameDay ? [timeText(from), timeText(to)] : [from, to].map((local) => `${dateText(local)} ${timeText(local)}`);
  const forward = newOffsetMs > oldOffsetMs;
  return { en: `clocks go ${forward ? 'forward' : 'back'} from ${start} to ${end}`, zh: `时钟从 ${start} ${forward ? '拨快' : '拨慢'}到 ${end}` };
}

function shownTwice(at: number, zone: TimeZone): readonly Texts[] {
  const { startAt, endAt, previousOffsetMs, offsetMs, nextOffsetMs } = zone.periodAt(at);
  if (at - startAt < previousOffsetMs - offsetMs) return [{ en: 'clocks show this twice: the second time', zh: '时钟两次显示此时刻：第二次' }];
  if (endAt - at <= offsetMs - nextOffsetMs) return [{ en: 'clocks show this twice: the first time', zh: '时钟两次显示此时刻：第一次' }];
  return [];
}

/** Months between two times that do not have the one day of month of an expression. */
function daysLeftOut(json: TriggerJson, at: number, previous: number | undefined, zone: TimeZone): readonly Texts[] {
  if (json.kind !== 'cron' || previous === undefined) return [];
  const { fields } = parseCronExpression(json.expr, json.seed);
  const [dayOfMonth, month, dayOfWeek] = (['day of month', 'month', 'day of week'] as const).map((part) => fields.find((field) => field.part === part)!.items) as [Items, Items, Items];
  const [day] = dayOfMonth;
  const everyMonth = month.length === 1 && month[0]!.kind === 'every' && month[0]!.step === 1;
  const everyWeekday = dayOfWeek.length === 1 && dayOfWeek[0]!.kind === 'every' && dayOfWeek[0]!.step === 1;
  if (!everyMonth || !everyWeekday || dayOfMonth.length !== 1 || day?.kind !== 'range' || day.first !== day.last) return [];
  const [from, to] = [previous, at].map((ms) => {
    const date = dateOfDay(Math.floor((ms + zone.periodAt(ms).offsetMs) / DAY_MS));
    return date.year * 12 + date.month - 1;
  }) as [number, number];
  const missing: string[] = [];
  for (let index = from + 1; index < to; index++) {
    const [year, number] = [Math.floor(index / 12), (index % 12) + 1];
    if (daysInMonth(year, number) < day.first) missing.push(`${year}-${String(number).padStart(2, '0')}`);
  }
  if (missing.length === 0) return [];
  const months = listed(missing, MOST_NAMED);
  return [{ en: `there is no day ${day.first} in ${months.en}`, zh: `${months.zh} 没有 ${day.first} 日` }];
}

type Items = ReturnType<typeof parseCronExpression>['fields'][number]['items'];

/** A day that the month of a calendar trigger does not have. */
function clamped(json: TriggerJson, at: number, zone: TimeZone): readonly Texts[] {
  if (json.kind !== 'calendar' || json.anchor === undefined || json.clamp === 'skip') return [];
  const { months, days } = readPeriod(json.every);
  if (months === 0 || days !== 0) return [];
  const wanted = dateOfDay(Math.floor(tryParseDateTime(json.anchor)!.localMs / DAY_MS)).day;
  const { year, month, day } = dateOfDay(Math.floor((at + zone.periodAt(at).offsetMs) / DAY_MS));
  if (day >= wanted || day !== daysInMonth(year, month)) return [];
  return [{ en: `the month has no day ${wanted}: its last day instead`, zh: `当月没有 ${wanted} 日，取最后一天` }];
}

function jitter(ms: number): readonly Texts[] {
  return ms === 0 ? [] : [{ en: `starts ${ms / 1_000} s later (jitter)`, zh: `随机延后 ${ms / 1_000} 秒` }];
}
