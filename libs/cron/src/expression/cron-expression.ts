import type { CronField } from './cron-fields.ts';
import { bitSetOf, type BitSet } from './bit-set.ts';
import { daysInMonth } from '../zone/civil-date.ts';
import { CronSyntaxError, type CronPart } from '../errors.ts';

/*
 * The grammar of cron expressions: five fields as in Vixie cron, or six with seconds in front.
 *
 *   expression = [ second blank ] minute blank hour blank day-of-month blank month blank day-of-week
 *   field      = item *( "," item )
 *   item       = ( "*" / range ) [ "/" step ] / value
 *   range      = value "-" value
 *   value      = 1*DIGIT / name
 *
 * Names are JAN to DEC and SUN to SAT, in any case. Day of week takes 0 to 7, where 0 and 7 are Sunday. A range runs
 * upwards. A step is at least 1 and at most the number of values it steps over.
 *
 * Two facts of the text outlive parsing, both from Vixie cron:
 * - A field that begins with `*` does not restrict the day. When day of month and day of week both restrict it, a day
 *   matches if either does, else if both do (`*` matches every day, a stepped `*` the days it steps on).
 * - An expression without `*` in minute and hour names fixed times of the day; any other follows the clock. The two
 *   behave differently where the clock jumps (see cron-evaluator.ts). The second field plays no part in this.
 */

export interface CronExpression {
  /** The text with single blanks and names in capitals. */
  readonly text: string;
  readonly seconds: BitSet;
  readonly minutes: BitSet;
  readonly hours: BitSet;
  readonly months: BitSet;
  /** Matching days (1 to 31) of a month whose first day is the weekday of the index. */
  readonly daysByFirstWeekday: readonly BitSet[];
  /** No wildcard in minute and hour. */
  readonly fixedTimes: boolean;
}

interface FieldRule {
  readonly part: CronPart;
  readonly min: number;
  readonly max: number;
  /** Highest value that `*` stands for, when it is not `max`. */
  readonly wildcardMax?: number;
  /** Names of the values from `min` on. */
  readonly names?: readonly string[];
}

const MONTH_NAMES = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'] as const;
const WEEKDAY_NAMES = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] as const;

const SECOND: FieldRule = { part: 'second', min: 0, max: 59 };
const MINUTE: FieldRule = { part: 'minute', min: 0, max: 59 };
const HOUR: FieldRule = { part: 'hour', min: 0, max: 23 };
const DAY_OF_MONTH: FieldRule = { part: 'day of month', min: 1, max: 31 };
const MONTH: FieldRule = { part: 'month', min: 1, max: 12, names: MONTH_NAMES };
const DAY_OF_WEEK: FieldRule = { part: 'day of week', min: 0, max: 7, wildcardMax: 6, names: WEEKDAY_NAMES };

interface Token {
  readonly text: string;
  /** Index in the expression. */
  readonly position: number;
}

// All values of all fields take 560 characters. Schedules are stored, listed and cached by the thousand, and nothing else
// bounds what a field can repeat.
const LONGEST = 1_000;

/** @throws CronSyntaxError (`ERR_CRON_SYNTAX`) */
export function parseCronExpression(expression: string, _seed?: string): CronExpression & { fields: readonly CronField[]; resolved: boolean } {
  if (expression.length > LONGEST) {
    throw new CronSyntaxError({ expression, value: expression, position: 0, rule: `has ${expression.length} characters, more than ${LONGEST}` });
  }
  const tokens = Array.from(expression.matchAll(/[^ \t]+/g), (match): Token => ({ text: match[0], position: match.index }));
  if (tokens.length !== 5 && tokens.length !== 6) {
    throw new CronSyntaxError({ expression, value: expression, position: 0, rule: `is made of ${tokens.length} where 5 fields should stand, or 6 with seconds in front` });
  }
  const [second, minute, hour, dayOfMonth, month, dayOfWeek] = (tokens.length === 5 ? [undefined, ...tokens] : tokens) as [
    Token | undefined,
    ...[Token, Token, Token, Token, Token],
  ];

  const read = (rule: FieldRule, token: Token): number[] => readField(expression, rule, token);
  const seconds = second === undefined ? [0] : read(SECOND, second);
  const minutes = read(MINUTE, minute);
  const hours = read(HOUR, hour);
  const monthDays = new Set(read(DAY_OF_MONTH, dayOfMonth));
  const months = read(MONTH, month);
  const weekdays = new Set(read(DAY_OF_WEEK, dayOfWeek).map((value) => value % 7));

  const either = !dayOfMonth.text.startsWith('*') && !dayOfWeek.text.startsWith('*');
  const matches = (day: number, weekday: number): boolean =>
    either ? monthDays.has(day) || weekdays.has(weekday) : monthDays.has(day) && weekdays.has(weekday);
  // Over the years every date falls on every weekday, February 29 too, so only day and month can be at odds.
  const longest = Math.max(...months.map((value) => daysInMonth(LEAP_YEAR, value)));
  if (!either && Math.min(...monthDays) > longest) {
    throw new CronSyntaxError({
      expression,
      value: dayOfMonth.text,
      position: dayOfMonth.position,
      part: 'day of month',
      rule: `never comes: month ${month.text} has at most ${longest} days`,
    });
  }

  return { fields: [], resolved: true,
    text: tokens.map(({ text }) => text.toUpperCase()).join(' '),
    seconds: bitSetOf(seconds),
    minutes: bitSetOf(minutes),
    hours: bitSetOf(hours),
    months: bitSetOf(months),
    daysByFirstWeekday: WEEKDAY_NAMES.map((_, first) => bitSetOf(DAYS.filter((day) => matches(day, (first + day - 1) % 7)))),
    fixedTimes: !minute.text.includes('*') && !hour.text.includes('*'),
  };
}

const LEAP_YEAR = 2_000;
const DAYS: readonly number[] = Array.from({ length: 31 }, (_, index) => index + 1);

function readField(expression: string, rule: FieldRule, field: Token): number[] {
  const values: number[] = [];
  let position = field.position;
  for (const text of field.text.split(',')) {
    values.push(...readItem(expression, rule, { text, position }));
    position += text.length + 1;
  }
  return values;
}

function readItem(expression: string, rule: FieldRule, item: Token): number[] {
  const slash = item.text.indexOf('/');
  const base: Token = slash === -1 ? item : { text: item.text.slice(0, slash), position: item.position };
  const dash = base.text.indexOf('-');

  let first: number;
  let last: number;
  if (base.text === '*') {
    first = rule.min;
    last = rule.wildcardMax ?? rule.max;
  } else if (dash === -1) {
    first = readValue(expression, rule, base);
    last = first;
    if (slash !== -1) throw fault(expression, rule, item, 'has a step without a range to step over: write * or a range before the /');
  } else {
    first = readValue(expression, rule, { text: base.text.slice(0, dash), position: base.position });
    last = readValue(expression, rule, { text: base.text.slice(dash + 1), position: base.position + dash + 1 });
    if (first > last) throw fault(expression, rule, base, `runs backwards: a range goes upwards${rule === DAY_OF_WEEK ? ', with Sunday as 0 or 7' : ''}`);
  }

  const step = slash === -1 ? 1 : readStep(expression, rule, { text: item.text.slice(slash + 1), position: item.position + slash + 1 }, last - first + 1);
  const values: number[] = [];
  for (let value = first; value <= last; value += step) values.push(value);
  return values;
}

function readValue(expression: string, rule: FieldRule, token: Token): number {
  const { min, max, names = [] } = rule;
  const named = names.indexOf(token.text.toUpperCase());
  if (named !== -1) return min + named;
  if (token.text === '') throw fault(expression, rule, token, 'is empty where a value should stand');
  const choice = `a number from ${min} to ${max}${names.length > 0 ? ` or ${names[0]} to ${names.at(-1)}` : ''}`;
  if (!/^[0-9]+$/.test(token.text)) throw fault(expression, rule, token, `is not ${choice}`);
  const value = Number(token.text);
  if (value < min || value > max) throw fault(expression, rule, token, `is out of range: ${choice}`);
  return value;
}

function readStep(expression: string, rule: FieldRule, token: Token, count: number): number {
  const step = /^[0-9]+$/.test(token.text) ? Number(token.text) : 0;
  if (step < 1 || step > count) throw fault(expression, rule, token, `is not a step from 1 to ${count}, the number of values it steps over`);
  return step;
}

function fault(expression: string, { part }: FieldRule, { text, position }: Token, rule: string): CronSyntaxError {
  return new CronSyntaxError({ expression, value: text, position, part, rule });
}
