import { CronSyntaxError } from '../errors.ts';
import { daysInMonth } from '../zone/civil-date.ts';
import type { BitSet } from './bit-set.ts';
import type { CronField, CronItem } from './cron-fields.ts';
import { MONTH, YEAR } from './field-rules.ts';
import type { WallClockTimes } from './wall-clock-times.ts';
import type { YearSet } from './year-set.ts';

// The calendar repeats after so many years, to the weekday.
const CYCLE_YEARS = 400;

/** Whether any day matches. Exact, as it looks at every year that can make a difference. */
export function comes(times: WallClockTimes, withYears: boolean): boolean {
  return times.firstDay(YEAR.min, MONTH.min, withYears ? YEAR.max : YEAR.min + CYCLE_YEARS - 1) !== Infinity;
}

interface DateFields {
  readonly dayOfMonth: CronField;
  readonly month: CronField;
  readonly months: BitSet;
  readonly dayOfWeek: CronField;
  readonly year: CronField | undefined;
  readonly years: YearSet | undefined;
}

/** Says why no day matches: as a rule a month too short, else days that exclude each other. */
export function neverComes(expression: string, { dayOfMonth, month, months, dayOfWeek, year, years }: DateFields): CronSyntaxError {
  const longest = longestMonth(months, years);
  const inYear = year === undefined ? '' : ` in ${year.text}`;
  if (dayOfMonth.items.every((item) => lengthFor(item) > longest)) {
    return fault(expression, dayOfMonth, `month ${month.text} has at most ${longest} days${inYear}`);
  }
  const noDay = `no day of month ${month.text}${inYear} is`;
  if (isOpen(dayOfWeek)) return fault(expression, dayOfMonth, `${noDay} ${dayOfMonth.text}`);
  const weekday = dayOfWeek.text.slice(dayOfWeek.plus ? 1 : 0);
  return fault(expression, dayOfWeek, isOpen(dayOfMonth) ? `${noDay} ${weekday}` : `${noDay} both ${dayOfMonth.text} and ${weekday}`);
}

function fault(expression: string, { part, text, position }: CronField, reason: string): CronSyntaxError {
  return new CronSyntaxError({ expression, value: expression.slice(position, position + text.length), position, part, rule: `never comes: ${reason}` });
}

function isOpen({ text }: CronField): boolean {
  return text === '*' || text === '?';
}

/** How many days a month must have for an item of the day of month to come. */
function lengthFor(item: CronItem): number {
  switch (item.kind) {
    case 'range':
      return item.first <= item.last ? item.first : 1;
    case 'hashed':
      return Math.min(...item.values);
    case 'workday':
      return item.day;
    case 'last-day':
      return item.offset + 1;
    default:
      return 1;
  }
}

function longestMonth(months: BitSet, years: YearSet | undefined): number {
  let longest = 0;
  for (let month = months.next(MONTH.min); month !== -1; month = months.next(month + 1)) {
    for (let year = years?.next(YEAR.min) ?? LEAP_YEAR; year <= YEAR.max; year = years?.next(year + 1) ?? Infinity) {
      longest = Math.max(longest, daysInMonth(year, month));
    }
  }
  return longest;
}

const LEAP_YEAR = 2_000;
