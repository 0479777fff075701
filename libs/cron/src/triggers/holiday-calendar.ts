import { createHash } from 'node:crypto';
import { CronDeclarationError, InvalidInstantError } from '../errors.ts';
import { DAY_OF_WEEK } from '../expression/field-rules.ts';
import { DAY_MS, weekdayOfDay } from '../zone/civil-date.ts';
import { tryParseDateTime } from '../zone/local-time.ts';
import { tryTimeZone } from '../zone/time-zone.ts';

/** A named set of days, given to triggers that leave them out. Immutable. */
export interface HolidayCalendar {
  readonly name: string;
  /** IANA zone whose days these are. Default: the zone of the trigger. */
  readonly tz: string | undefined;
  /** SHA-256 of the days, in hex: store it to see whether times computed with another edition of the calendar still hold. */
  readonly version: string;
  /**
   * Whether a day (`2026-10-01`, or days since 1970-01-01) is left out.
   * @throws InvalidInstantError (`ERR_CRON_INSTANT`) for what is no day
   */
  excludes(day: string | number): boolean;
}

export interface HolidayCalendarOptions {
  /** What the JSON of triggers calls it, 1 to 100 characters. */
  readonly name: string;
  /** Days that are left out: `2026-10-01`, or `2026-10-01/2026-10-07` with both ends. */
  readonly days?: readonly string[] | undefined;
  /** Weekdays that are left out every week: `SAT`, `SUN`. At most six of them. */
  readonly weekend?: readonly ('SUN' | 'MON' | 'TUE' | 'WED' | 'THU' | 'FRI' | 'SAT')[] | undefined;
  /** Days that are not left out although `days` or `weekend` says so, such as make-up days. Written as `days`. */
  readonly workdays?: readonly string[] | undefined;
  /** IANA zone whose days these are. Default: the zone of each trigger that uses it. */
  readonly tz?: string | undefined;
}

const OPTIONS: readonly (keyof HolidayCalendarOptions)[] = ['name', 'days', 'weekend', 'workdays', 'tz'];
const WEEKDAYS = DAY_OF_WEEK.names;
const LONGEST_NAME = 100;
// A search passes days that are left out one by one, so a stretch of them must not use up its steps. This is 27 years.
const MOST_DAYS = 10_000;

/**
 * Days on which nothing shall happen, to be given to triggers as `exclude`, and to `parseTrigger` for JSON that names it.
 * @throws CronDeclarationError (`ERR_CRON_DECLARATION`) for a bad name, day, weekday or zone, for an option that does not exist,
 * and for more than 10 000 days
 */
export function holidayCalendar(options: HolidayCalendarOptions): HolidayCalendar {
  if (typeof options !== 'object' || options === null) throw new CronDeclarationError('', `is no object with the options of holidayCalendar: ${OPTIONS.join(', ')}`);
  const { name, days, weekend, workdays, tz } = options;
  if (typeof name !== 'string' || name === '' || name.length > LONGEST_NAME) {
    throw new CronDeclarationError(typeof name === 'string' ? name.slice(0, LONGEST_NAME) : '', `is no name of a holiday calendar: text of 1 to ${LONGEST_NAME} characters`);
  }
  const refuse = (rule: string): never => {
    throw new CronDeclarationError(name, rule);
  };
  const unknown = Object.keys(options).find((key) => !(OPTIONS as readonly string[]).includes(key));
  if (unknown !== undefined) refuse(`has ${unknown.slice(0, LONGEST_NAME)}, which is not an option of holidayCalendar: ${OPTIONS.join(', ')}`);
  if (tz !== undefined && (typeof tz !== 'string' || tryTimeZone(tz) === undefined)) refuse('has a tz that is not an IANA time zone such as Asia/Shanghai');
  const holidays = readDays('days', days, refuse);
  const worked = readDays('workdays', workdays, refuse);
  const freeWeekdays = readWeekdays(weekend, refuse);
  if (holidays.size === 0 && freeWeekdays.size === 0) refuse('leaves out no day: give it days or a weekend');

  const version = createHash('sha256')
    .update(JSON.stringify([sorted(holidays), sorted(freeWeekdays), sorted(worked), tz]))
    .digest('hex');
  return Object.freeze({
    name,
    tz,
    version,
    excludes(day: string | number): boolean {
      const number = typeof day === 'number' ? day : tryDay(day);
      if (number === undefined || !Number.isInteger(number)) throw new InvalidInstantError(day, 'is not a day such as 2026-10-01');
      return !worked.has(number) && (holidays.has(number) || freeWeekdays.has(weekdayOfDay(number)));
    },
  });
}

export function isHolidayCalendar(value: unknown): value is HolidayCalendar {
  return typeof value === 'object' && value !== null && 'excludes' in value && typeof (value as Partial<HolidayCalendar>).name === 'string';
}

type Refuse = (rule: string) => never;

function readDays(key: string, texts: readonly string[] | undefined, refuse: Refuse): ReadonlySet<number> {
  const days = new Set<number>();
  for (const [index, text] of list(key, texts, refuse).entries()) {
    const [first, last, ...rest] = typeof text === 'string' ? text.split('/', 3).map(tryDay) : [];
    const end = String(text).includes('/') ? last : first;
    if (first === undefined || end === undefined || rest.length > 0) refuse(`has ${key}.${index} that is neither a day such as 2026-10-01 nor a range such as 2026-10-01/2026-10-07`);
    if (end! < first!) refuse(`has ${key}.${index} that ends before it begins`);
    if (days.size + end! - first! >= MOST_DAYS) refuse(`has more than ${MOST_DAYS} ${key}`);
    for (let day = first!; day <= end!; day++) days.add(day);
  }
  return days;
}

function readWeekdays(names: readonly string[] | undefined, refuse: Refuse): ReadonlySet<number> {
  const weekdays = new Set<number>();
  for (const [index, text] of list('weekend', names, refuse).entries()) {
    const weekday = WEEKDAYS.indexOf(String(text).toUpperCase());
    if (weekday === -1) refuse(`has weekend.${index} that is none of ${WEEKDAYS.join(', ')}`);
    weekdays.add(weekday);
  }
  if (weekdays.size === WEEKDAYS.length) refuse('has a weekend of the whole week');
  return weekdays;
}

function list(key: string, texts: readonly string[] | undefined, refuse: Refuse): readonly string[] {
  if (texts !== undefined && !Array.isArray(texts)) refuse(`has ${key} that are no list`);
  if (texts !== undefined && texts.length > MOST_DAYS) refuse(`has more than ${MOST_DAYS} ${key}`);
  return texts ?? [];
}

function tryDay(text: string): number | undefined {
  const midnight = tryParseDateTime(`${text}T00:00`);
  return midnight && midnight.localMs / DAY_MS;
}

function sorted(numbers: ReadonlySet<number>): readonly number[] {
  return [...numbers].toSorted((a, b) => a - b);
}
