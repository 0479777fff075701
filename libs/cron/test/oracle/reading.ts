/*
 * A cron expression read naively, field by field as the grammar says it, for valid expressions only: whatever is outside the
 * grammar may come out as nonsense. Shares no code and no idea with the library: sets instead of bits, the calendar of Date,
 * and each day asked whether it is meant, instead of days worked out.
 */

export interface Reading {
  readonly seconds: ReadonlySet<number>;
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  /** The UTC fields of the Date are those that the clocks show. */
  readonly day: (shown: Date) => boolean;
  /** Fixed times: no wildcard, and no step without an end, in minute and hour. */
  readonly fixed: boolean;
}

/** What readers of cron expressions disagree about. The defaults are ours. */
export interface Dialect {
  /** Does a day field such as `*` + `/2` restrict the day, so that with the other day field either is enough? */
  readonly steppedStarRestricts?: boolean;
  /** Which expressions have fixed times. */
  readonly fixed?: (fields: readonly string[]) => boolean;
}

const MACROS = new Map<string, string>([
  ...['@YEARLY', '@ANNUALLY'].map((name) => [name, '0 0 1 1 *'] as const),
  ...['@DAILY', '@MIDNIGHT'].map((name) => [name, '0 0 * * *'] as const),
  ['@MONTHLY', '0 0 1 * *'],
  ['@WEEKLY', '0 0 * * 0'],
  ['@HOURLY', '0 * * * *'],
]);
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

/** The seven fields of an expression, in capitals. */
export function fieldsOf(expression: string): string[] {
  const text = expression.trim().toUpperCase();
  const fields = (MACROS.get(text) ?? text).split(/\s+/);
  if (fields.length === 5) fields.unshift('0');
  if (fields.length === 6) fields.push('*');
  return fields;
}

export function readExpression(expression: string, { steppedStarRestricts = false, fixed = namesFixedTimes }: Dialect = {}): Reading {
  const fields = fieldsOf(expression);
  const [second, minute, hour, dayOfMonth, month, dayOfWeek, year] = fields as [string, string, string, string, string, string, string];
  const months = numbers(month, 1, 12, MONTHS);
  const years = year === '*' ? undefined : numbers(year, 1970, 9999);
  const isDayOfMonth = anyOf(dayOfMonth, dayOfMonthItem);
  const isDayOfWeek = anyOf(dayOfWeek.replace(/^\+/, ''), dayOfWeekItem);
  const restricts = (field: string): boolean => (steppedStarRestricts ? field !== '*' && field !== '?' : !/^[*?]/.test(field));
  const either = restricts(dayOfMonth) && restricts(dayOfWeek) && !dayOfWeek.startsWith('+');
  return {
    seconds: numbers(second, 0, 59),
    minutes: numbers(minute, 0, 59),
    hours: numbers(hour, 0, 23),
    fixed: fixed(fields),
    day(shown) {
      if (!months.has(shown.getUTCMonth() + 1)) return false;
      if (years !== undefined && !years.has(shown.getUTCFullYear())) return false;
      return either ? isDayOfMonth(shown) || isDayOfWeek(shown) : isDayOfMonth(shown) && isDayOfWeek(shown);
    },
  };
}

function namesFixedTimes([, minute, hour]: readonly string[]): boolean {
  return `${minute},${hour}`.split(',').every((item) => !item.startsWith('*') && (item.includes('-') || !item.includes('/')));
}

type IsDay = (shown: Date) => boolean;

function anyOf(field: string, read: (item: string) => IsDay): IsDay {
  const items = field.split(',').map(read);
  return (shown) => items.some((isDay) => isDay(shown));
}

function dayOfMonthItem(item: string): IsDay {
  const special = /^(?:(\d+)|L(?:-(\d+))?)(W?)$/.exec(item);
  if (special === null || (special[1] !== undefined && special[3] === '')) {
    const days = numbers(item, 1, 31);
    return (shown) => days.has(shown.getUTCDate());
  }
  const [, number, beforeLast = '0', workday] = special;
  return (shown) => {
    const length = daysInMonthOf(shown);
    const meant = number === undefined ? length - Number(beforeLast) : Number(number);
    if (meant < 1 || meant > length) return false;
    if (workday === '') return shown.getUTCDate() === meant;
    // It never is further away: a month has no three days of weekend in a row.
    return Math.abs(shown.getUTCDate() - meant) <= 2 && shown.getUTCDate() === nearestWorkday(shown, meant, length);
  };
}

/** Of all days from Monday to Friday of the month the one with the smallest distance. */
function nearestWorkday(shown: Date, day: number, length: number): number {
  let nearest = Infinity;
  for (let candidate = 1; candidate <= length; candidate += 1) {
    const weekday = (shown.getUTCDay() + candidate - shown.getUTCDate() + 35) % 7;
    if (weekday !== 0 && weekday !== 6 && Math.abs(candidate - day) < Math.abs(nearest - day)) nearest = candidate;
  }
  return nearest;
}

function dayOfWeekItem(item: string): IsDay {
  const last = /^([0-7]|[A-Z]{3})(?:#L|L)$/.exec(item);
  if (last !== null) {
    const weekday = weekdayOf(last[1]!);
    return (shown) => shown.getUTCDay() === weekday && shown.getUTCDate() + 7 > daysInMonthOf(shown);
  }
  const nth = /^([0-7]|[A-Z]{3})#([1-5])$/.exec(item);
  if (nth !== null) {
    const [weekday, count] = [weekdayOf(nth[1]!), Number(nth[2])];
    return (shown) => shown.getUTCDay() === weekday && Math.ceil(shown.getUTCDate() / 7) === count;
  }
  // Sunday is 0 at the start of a range and 7 at its end, so that both read as they are written.
  const weekdays = numbers(item.replace(/^7-(?=[0-6]|[A-Z])/, '0-'), 0, /(?:^|-)7/.test(item) ? 7 : 6, WEEKDAYS);
  return (shown) => weekdays.has(shown.getUTCDay()) || (shown.getUTCDay() === 0 && weekdays.has(7));
}

function weekdayOf(text: string): number {
  return WEEKDAYS.includes(text) ? WEEKDAYS.indexOf(text) : Number(text) % 7;
}

function daysInMonthOf(shown: Date): number {
  return new Date(Date.UTC(shown.getUTCFullYear(), shown.getUTCMonth() + 1, 0)).getUTCDate();
}

/** The values of a list of numbers, names, ranges (which may wrap around) and steps. */
function numbers(field: string, min: number, max: number, names: readonly string[] = []): Set<number> {
  const valueOf = (text: string): number => (names.includes(text) ? names.indexOf(text) + min : Number(text));
  const values = new Set<number>();
  for (const item of field.split(',')) {
    const [range, step = '1'] = item.split('/') as [string, string?];
    const bounds = range.split('-').map(valueOf) as [number, number?];
    const first = range === '*' || range === '?' ? min : bounds[0];
    const last = range === '*' || range === '?' || (item.includes('/') && bounds.length === 1) ? max : (bounds[1] ?? first);
    for (let value = first, count = 0; ; value = value === max ? min : value + 1, count += 1) {
      if (count % Number(step) === 0) values.add(value);
      if (value === last) break;
    }
  }
  return values;
}
