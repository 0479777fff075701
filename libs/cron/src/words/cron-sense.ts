import type { CronExpression } from '../expression/cron-expression.ts';
import type { CronField, CronItem } from '../expression/cron-fields.ts';
import { restricts } from '../expression/month-days.ts';
import type { CronPart } from '../errors.ts';

/*
 * What a cron expression says, free of any language: the fields put together the way people speak of time. Minutes and hours
 * become times of the day (`30 2` is 02:30) or spans of them (`0,15,30,45 9-17` goes from 09:00 to 17:45), names and steps
 * become the values they stand for. The languages (english.ts, chinese.ts) turn this into words and decide nothing about time.
 */

/** Equally spaced values. A single one has `first === last` and step 1; it wraps around where `first > last`. */
export interface Run {
  readonly first: number;
  /** The last value that is reached. */
  readonly last: number;
  readonly step: number;
}

/** An `H` whose seed is not known yet, with the step of `H/15` and the range of `H(0-29)`. */
export interface Seeded {
  readonly kind: 'seeded';
  readonly step: number | undefined;
  readonly within: Run | undefined;
}

/** The values of one field. */
export type Pattern = { readonly kind: 'all' } | { readonly kind: 'some'; readonly runs: readonly Run[]; readonly seeded: readonly Seeded[] };

export type Times =
  /** In seconds of the day. */
  | { readonly kind: 'spans'; readonly spans: readonly Run[] }
  /** What is no span: these seconds of these minutes of these hours. `second` is undefined for second 0. */
  | { readonly kind: 'nested'; readonly second: Pattern | undefined; readonly minute: Pattern; readonly hour: Pattern };

type Values = { readonly kind: 'run'; readonly run: Run } | Seeded;
export type MonthDay = Values | Extract<CronItem, { kind: 'last-day' | 'workday' }>;
/** Runs are of three days or more, 0 is Sunday. */
export type Weekday = Values | Extract<CronItem, { kind: 'nth-weekday' | 'last-weekday' }>;

export interface CronSense {
  readonly times: Times;
  /** Undefined: every day. */
  readonly monthDays: readonly MonthDay[] | undefined;
  readonly weekdays: readonly Weekday[] | undefined;
  /** One of `monthDays` and `weekdays` is enough. */
  readonly either: boolean;
  /** Undefined: every month. */
  readonly months: readonly Values[] | undefined;
  /** Undefined: every year. */
  readonly years: readonly Values[] | undefined;
}

const DAY_SECONDS = 86_400;
// More than these are a list that nobody reads: then the fields are named one by one.
const MOST_TIMES = 12;
const MOST_SPANS = 3;
const ALL: Pattern = { kind: 'all' };

export function isSingle({ first, last }: Run): boolean {
  return first === last;
}

/** A run that goes on evenly where the unit begins again: every 15 of 60. */
export function fills({ first, last, step }: Run, size: number): boolean {
  return first === 0 && last + step === size;
}

/** A span that goes round the clock without a break, so that its first and last time need no mention. */
export function goesRound({ first, last, step }: Run): boolean {
  return first !== last && first + DAY_SECONDS - last === step;
}

export function senseOf({ fields, resolved }: Pick<CronExpression, 'fields' | 'resolved'>): CronSense {
  const field = (part: CronPart): CronField | undefined => fields.find((candidate) => candidate.part === part);
  const dayOfMonth = field('day of month')!;
  const dayOfWeek = field('day of week')!;
  const weekdays = restricting(
    dayOfWeek.items.flatMap((item): Weekday | readonly Weekday[] => (item.kind === 'nth-weekday' || item.kind === 'last-weekday' ? item : spelledOut(valuesOf(item, 0, 6, resolved), 7))),
    7,
  );
  const years = restricting(field('year')?.items.flatMap((item) => valuesOf(item, 1970, 9999, resolved)) ?? [], 9999 - 1970 + 1);
  // What wraps around lies at both ends of the unit around it, as soon as not every one of those is in.
  const months = restricting(field('month')!.items.flatMap((item) => split(spelledOut(valuesOf(item, 1, 12, resolved), 12), 12, years !== undefined)), 12);
  const monthDays = restricting(
    dayOfMonth.items.flatMap((item): MonthDay | readonly MonthDay[] =>
      item.kind === 'last-day' || item.kind === 'workday' ? item : split(valuesOf(item, 1, 31, resolved), 31, months !== undefined || years !== undefined),
    ),
    31,
  );
  const either = !dayOfWeek.plus && restricts(dayOfMonth) && restricts(dayOfWeek);
  const everyDay = monthDays === undefined && weekdays === undefined && months === undefined && years === undefined;
  // Where every day is in either way, the other field says nothing.
  const always = either && (monthDays === undefined || weekdays === undefined);
  return {
    times: timesOf([field('second'), field('minute')!, field('hour')!], resolved, everyDay),
    monthDays: always ? undefined : monthDays,
    weekdays: always ? undefined : weekdays?.toSorted((a, b) => mondayFirst(a) - mondayFirst(b)),
    either,
    months: months?.toSorted((a, b) => startOf(a) - startOf(b)),
    years: years?.toSorted((a, b) => startOf(a) - startOf(b)),
  };
}

/** Undefined for no values and for all of them. */
function restricting<T extends Values | MonthDay | Weekday>(values: readonly T[], size: number): readonly T[] | undefined {
  const whole = (value: T): boolean => value.kind === 'run' && value.run.step === 1 && countOf(value.run, size) === size;
  if (values.length === 0 || values.some(whole)) return undefined;
  const seen = new Set<string>();
  return values.filter((value) => {
    const key = JSON.stringify({ ...value, text: '', position: 0 });
    return !seen.has(key) && seen.add(key);
  });
}

function startOf(value: Values): number {
  return value.kind === 'run' ? value.run.first : 0;
}

function mondayFirst(day: Weekday): number {
  if (day.kind === 'run') return (day.run.first + 6) % 7;
  return day.kind === 'seeded' ? 0 : 7 + ((day.weekday + 6) % 7);
}

function timesOf([second, minute, hour]: readonly [CronField | undefined, CronField, CronField], resolved: boolean, everyDay: boolean): Times {
  const seconds = second === undefined ? undefined : patternOf(second, 59, resolved, true);
  const minutes = patternOf(minute, 59, resolved, true);
  const hours = patternOf(hour, 23, resolved, !everyDay);
  const inHour = spansOf(seconds ?? only([single(0)]), 60, minutes);
  const spans = inHour && spansOf(only(inHour), 3_600, hours);
  if (spans !== undefined && spans.length <= MOST_TIMES && spans.filter((span) => !isSingle(span)).length <= MOST_SPANS) return { kind: 'spans', spans };
  const onTheMinute = seconds?.kind === 'some' && seconds.seeded.length === 0 && seconds.runs.every((run) => isSingle(run) && run.first === 0);
  return { kind: 'nested', second: onTheMinute ? undefined : seconds, minute: minutes, hour: hours };
}

/** The values of a unit of `size` within those of the next larger unit; undefined where they do not make up spans. */
function spansOf(inner: Pattern, size: number, outer: Pattern): readonly Run[] | undefined {
  if ([inner, outer].some((pattern) => pattern.kind === 'some' && pattern.seeded.length > 0)) return undefined;
  const outerRuns = outer.kind === 'all' ? [{ first: 0, last: size === 60 ? 59 : 23, step: 1 }] : outer.runs;
  const innerRuns = inner.kind === 'all' ? [{ first: 0, last: size - 1, step: 1 }] : outerRuns.every(isSingle) ? inner.runs : evenly(inner.runs, size);
  if (innerRuns.length > 1 && !outerRuns.every(isSingle)) return undefined;
  const spans = outerRuns.flatMap((run) => innerRuns.map((values) => spanOf(values, size, run)));
  return spans.every((span) => span !== undefined) ? spans : undefined;
}

function spanOf(inner: Run, size: number, outer: Run): Run | undefined {
  const span = { first: outer.first * size + inner.first, last: outer.last * size + inner.last };
  if (isSingle(inner)) return { ...span, step: isSingle(outer) ? 1 : outer.step * size };
  const goesOn = inner.last + inner.step - size === inner.first;
  return isSingle(outer) || (outer.step === 1 && goesOn) ? { ...span, step: inner.step } : undefined;
}

/** Single values at even distances all through the unit are one run: `0,30` is every half hour. */
function evenly(runs: readonly Run[], size: number): readonly Run[] {
  const [first, second] = runs;
  if (second === undefined || !runs.every(isSingle)) return runs;
  const step = second.first - first!.first;
  const even = step * runs.length === size && runs.every((run, index) => run.first === first!.first + index * step);
  return even ? [{ first: first!.first, last: runs.at(-1)!.last, step }] : runs;
}

function patternOf({ items }: CronField, max: number, resolved: boolean, wrapsLie: boolean): Pattern {
  const values = restricting(items.flatMap((item) => valuesOf(item, 0, max, resolved)), max + 1);
  if (values === undefined) return ALL;
  const runs = split(values, max, wrapsLie).flatMap((value) => (value.kind === 'run' ? [value.run] : []));
  return only(
    runs.toSorted((a, b) => a.first - b.first),
    values.filter((value) => value.kind === 'seeded'),
  );
}

function only(runs: readonly Run[], seeded: readonly Seeded[] = []): Pattern {
  return { kind: 'some', runs, seeded };
}

function valuesOf(item: CronItem, min: number, max: number, resolved: boolean): readonly Values[] {
  const size = max - min + 1;
  switch (item.kind) {
    case 'every':
      return pairs({ kind: 'run', run: runOf(min, max, item.step, max, size) });
    case 'range':
      return pairs({ kind: 'run', run: runOf(item.first, item.last, item.step, max, size) });
    case 'hashed':
      if (!resolved) {
        // Without a seed it has every value that it may become.
        const within = item.text.includes('(') ? { first: item.values[0]!, last: item.values.at(-1)!, step: 1 } : undefined;
        return [{ kind: 'seeded', step: item.step, within }];
      }
      return evenly(item.values.map(single), size).map((run) => ({ kind: 'run', run }));
    default:
      return []; // days that are no numbers, which those who ask have taken out
  }
}

function runOf(first: number, last: number, step: number, max: number, size: number): Run {
  const distance = first <= last ? last - first : last - first + size;
  const reached = first + Math.floor(distance / step) * step;
  return { first, last: reached > max ? reached - size : reached, step: reached === first ? 1 : step };
}

/** Two values with others between them are not called a run by anyone. */
function pairs(value: Values): readonly Values[] {
  if (value.kind === 'seeded' || value.run.step === 1 || value.run.first + value.run.step !== value.run.last) return [value];
  return [value.run.first, value.run.last].map((end) => ({ kind: 'run', run: single(end) }));
}

/** With the values of steps one by one, and those of short runs: what has names is named. */
function spelledOut(values: readonly Values[], size: number): readonly Values[] {
  return values.flatMap((value): readonly Values[] => {
    if (value.kind === 'seeded') return [value];
    const { first, step } = value.run;
    const count = countOf(value.run, size);
    if (step === 1 && count > 2) return [value];
    const min = size === 7 ? 0 : 1;
    return Array.from({ length: count }, (_, index) => ({ kind: 'run', run: single(((first - min + index * step) % size) + min) }) as const);
  });
}

/** With what wraps around in two. */
function split(values: readonly Values[], max: number, wrapsLie: boolean): readonly Values[] {
  const min = max === 12 || max === 31 ? 1 : 0;
  return values.flatMap((value): readonly Values[] => {
    if (!wrapsLie || value.kind === 'seeded' || value.run.first <= value.run.last) return [value];
    const { first, last, step } = value.run;
    const end = first + Math.floor((max - first) / step) * step;
    const start = end + step - max - 1 + min;
    return [
      { kind: 'run', run: { first, last: end, step: end === first ? 1 : step } },
      { kind: 'run', run: { first: start, last, step: start === last ? 1 : step } },
    ];
  });
}

function countOf({ first, last, step }: Run, size: number): number {
  return (first <= last ? last - first : last - first + size) / step + 1;
}

function single(value: number): Run {
  return { first: value, last: value, step: 1 };
}
