/*
 * Reads the fields of other systems' cron expressions as sets of numbers, and writes sets as fields of ours.
 *
 * Whether an expression names fixed times or follows the clock is decided by how it is written (expression/cron-expression.ts).
 * Most systems treat `*`/20 and 0,20,40 alike where clocks change. So unless every hour matches, the minute and the hour are
 * written without a bare `*` or `*`/n: the clock-change policy then holds for all of it, as it does in the original.
 */

export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

export const SECONDS: ValueRange = { min: 0, max: 59 };
export const MINUTES: ValueRange = { min: 0, max: 59 };
export const HOURS: ValueRange = { min: 0, max: 23 };
export const DAYS: ValueRange = { min: 1, max: 31 };
export const MONTHS: ValueRange = { min: 1, max: 12 };
/** Sunday is 0. */
export const WEEKDAYS: ValueRange = { min: 0, max: 6 };
export const YEARS: ValueRange = { min: 1970, max: 9999 };

export type Names = Readonly<Record<string, number>>;

export const MONTH_NAMES: Names = namesFrom(1, 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC');
/** Sunday is 0. */
export const WEEKDAY_NAMES: Names = namesFrom(0, 'SUN MON TUE WED THU FRI SAT');

export function namesFrom(first: number, names: string): Names {
  return Object.fromEntries(names.split(' ').map((name, index) => [name, first + index]));
}

/** How a system reads an item of a list. */
export interface ItemRules extends ValueRange {
  readonly names?: Names;
  /** `22-2` runs over the end. */
  readonly wraps?: boolean;
  /** `5/15` runs from 5 to the end. */
  readonly openSteps?: boolean;
  /** `?` stands for `*`. */
  readonly question?: boolean;
}

const ITEM = /^(?:(?<all>[*?])|(?<first>\w+)(?:-(?<last>\w+))?)(?:\/(?<step>\d+))?$/;

/** The numbers of `*`, `5`, `1-5`, each with or without a step. `refuse` gets the broken rule. */
export function readItem(item: string, rules: ItemRules, refuse: (rule: string) => never): number[] {
  const { all, first, last, step } = ITEM.exec(item)?.groups ?? {};
  if (all === undefined && first === undefined) refuse('is neither *, a value nor a range');
  if (all === '?' && rules.question !== true) refuse('has a ? that it does not take');
  const stride = step === undefined ? 1 : Number(step);
  if (stride < 1) refuse('has a step that is not at least 1');
  if (all !== undefined) return stepped(rules.min, rules.max, rules, stride);
  const from = readValue(first!, rules, refuse);
  if (last === undefined) {
    if (step === undefined) return [from];
    if (rules.openSteps !== true) refuse('has a step without a range');
    return stepped(from, rules.max, rules, stride);
  }
  const to = readValue(last, rules, refuse);
  if (to < from && rules.wraps !== true) refuse('is a range that runs backwards');
  return stepped(from, to, rules, stride);
}

function readValue(text: string, { min, max, names }: ItemRules, refuse: (rule: string) => never): number {
  const value = /^\d+$/.test(text) ? Number(text) : names?.[text.toUpperCase()];
  if (value === undefined || value < min || value > max) refuse(`is not within ${min}-${max}`);
  return value;
}

function stepped(from: number, to: number, { min, max }: ValueRange, step: number): number[] {
  const values: number[] = [];
  const length = to < from ? max - from + 1 + (to - min + 1) : to - from + 1;
  for (let index = 0; index < length; index += step) values.push(from + index > max ? from + index - (max - min + 1) : from + index);
  return values;
}

/** `follows`: a whole field is `*` and steps through it `*`/n; else they are written as ranges, which are fixed and do restrict. */
export function writeValues(input: Iterable<number>, { min, max }: ValueRange, follows: boolean): string {
  const values = [...new Set(input)].toSorted((a, b) => a - b);
  const first = values[0]!;
  const last = values.at(-1)!;
  if (values.length === max - min + 1) return follows ? '*' : `${min}-${max}`;
  const step = values.length > 2 ? values[1]! - first : 1;
  if (step > 1 && values.every((value, index) => value === first + index * step)) {
    if (first === min && last + step > max) return follows ? `*/${step}` : `${min}-${max}/${step}`;
    return `${first}-${last}/${step}`;
  }
  return runs(values).join(',');
}

function runs(values: readonly number[]): string[] {
  const texts: string[] = [];
  for (let start = 0; start < values.length; ) {
    let end = start;
    while (end + 1 < values.length && values[end + 1] === values[end]! + 1) end += 1;
    if (end - start < 2) end = start;
    texts.push(end === start ? `${values[start]}` : `${values[start]}-${values[end]}`);
    start = end + 1;
  }
  return texts;
}

/** The fields of an expression; day, month and weekday already written. */
export interface CronTexts {
  readonly seconds?: Iterable<number> | undefined;
  readonly minutes: Iterable<number>;
  readonly hours: Iterable<number>;
  readonly day: string;
  readonly month: string;
  readonly weekday: string;
  readonly year?: string | undefined;
}

export function writeCron({ seconds = [0], minutes, hours, day, month, weekday, year = '*' }: CronTexts): string {
  const hour = writeValues(hours, HOURS, true);
  const everyHour = hour === '*';
  const second = writeValues(seconds, SECONDS, true);
  const fields = [writeValues(minutes, MINUTES, everyHour), everyHour ? hour : writeValues(hours, HOURS, false), day, month, weekday];
  if (year !== '*') return [second, ...fields, year].join(' ');
  return (second === '0' ? fields : [second, ...fields]).join(' ');
}
