import type { Trigger } from '../trigger.ts';
import { cron } from '../triggers/cron-trigger.ts';
import { or } from '../triggers/combined-trigger.ts';
import type { LimitOptions } from '../triggers/limits.ts';
import { DAYS, HOURS, MINUTES, MONTH_NAMES, MONTHS, namesFrom, readItem, SECONDS, WEEKDAYS, writeCron, writeValues, YEARS, type ItemRules } from './cron-text.ts';
import type { Importing } from './imported.ts';

/*
 * The fields of APScheduler's CronTrigger.
 *
 * - A field that is not given is `*` when it is more significant than one that is, and its minimum when it is less: day_of_week
 *   and week are always `*`. Nothing given is every second in 3.x, and every New Year in 4.
 * - day and day_of_week must both match. Within day a list may mix numbers, `last`, `3rd fri` and `last sun`.
 * - Numeric weekdays: 0 is Monday in 3.x, also in `from_crontab`; 0 and 7 are Sunday in 4.
 */

export type ApschedulerVersion = '3.10' | '3.11' | '4';

const FIELDS = ['year', 'month', 'day', 'week', 'day_of_week', 'hour', 'minute', 'second'] as const;
type FieldName = (typeof FIELDS)[number];

const RULES: Readonly<Record<Exclude<FieldName, 'week' | 'day_of_week'>, ItemRules>> = {
  year: YEARS,
  month: { ...MONTHS, names: MONTH_NAMES },
  day: DAYS,
  hour: HOURS,
  minute: MINUTES,
  second: SECONDS,
};

/** Monday is 0, as in Python. */
const MONDAY_FIRST: ItemRules = { min: 0, max: 6, names: namesFrom(0, 'MON TUE WED THU FRI SAT SUN') };
const POSITIONS = ['1st', '2nd', '3rd', '4th', '5th', 'last'];

// Found by comparing times: from run to run APScheduler adds elapsed time to the local time, also across a change.
const LOST = 'After a gap APScheduler loses the first run if it is between midnight and 1 a.m.; here it runs';
const CLOCKS: Readonly<Record<ApschedulerVersion, string>> = {
  '3.10': `APScheduler up to 3.10 runs what clocks skip later by the length of the gap, and of an hour that they repeat mostly the second pass; so does this trigger, unless the hour is *: then both passes run. Of several times in or just before a gap APScheduler may run the first only, and in a repeated hour it may jump from the first pass to the second. ${LOST}`,
  '3.11': `APScheduler 3.11 runs what clocks skip later by the length of the gap, and both passes of an hour that they repeat; so does this trigger. Of several times in or just before a gap APScheduler may run the first only. ${LOST}. Up to 3.10 it ran mostly the second pass: import as version 3.10`,
  '4': `APScheduler 4 does not run what clocks skip, and runs both passes of an hour that they repeat; so does this trigger. Where clocks skip half an hour, APScheduler loses the other half as well, which runs here. ${LOST}`,
};

const POLICIES = {
  '3.10': { gap: 'shift', overlap: 'second' },
  '3.11': { gap: 'shift', overlap: 'both' },
  '4': { gap: 'skip', overlap: 'both' },
} as const;

/** `given` has the keyword arguments of CronTrigger, or `crontab` with the text of `from_crontab`. */
export function readCronTrigger(importing: Importing, given: Readonly<Record<string, unknown>>, version: ApschedulerVersion, limits: LimitOptions, timeZone: unknown): Trigger {
  const { tz, zone } = importing.zone('timezone', timeZone);
  const texts = fieldTexts(importing, given, version);
  if (texts.week !== '*') importing.refuse('week', texts.week, 'is a week of the year, which no trigger knows: write out its days, or combine a cron with a calendar');

  const lists = { months: values('month'), years: values('year'), hours: values('hour'), minutes: values('minute'), seconds: values('second') };
  const expressions = readDays(importing, texts.day, readWeekdays(importing, texts.day_of_week, version)).map(({ day, weekday }) =>
    writeCron({
      seconds: lists.seconds,
      minutes: lists.minutes,
      hours: lists.hours,
      day,
      month: writeValues(lists.months, MONTHS, true),
      weekday,
      year: writeValues(lists.years, YEARS, true),
    }),
  );
  importing.noteClockChanges(zone, CLOCKS[version]);
  const options = { tz, dst: POLICIES[version] };
  return importing.build('trigger', given, () => {
    if (expressions.length === 1) return cron(expressions[0]!, { ...options, ...limits });
    return or(expressions.map((expr) => cron(expr, options)), limits);
  });

  function values(name: keyof typeof RULES): number[] {
    return texts[name].split(',').flatMap((item) => readPart(importing, name, item.trim(), RULES[name]));
  }
}

function fieldTexts(importing: Importing, given: Readonly<Record<string, unknown>>, version: ApschedulerVersion): Record<FieldName, string> {
  const crontab = importing.text('crontab', given['crontab']);
  const written: Partial<Record<FieldName, unknown>> = crontab === undefined ? given : readCrontab(importing, crontab);
  const least = FIELDS.findLastIndex((name) => written[name] !== undefined && written[name] !== null);
  const everySecond = least === -1 && version !== '4';
  return Object.fromEntries(
    FIELDS.map((name, index) => {
      const value = written[name] ?? undefined;
      if (value !== undefined) {
        if (typeof value !== 'number' && typeof value !== 'string') importing.refuse(name, value, 'is neither a number nor a text');
        return [name, importing.text(name, String(value))!.trim()];
      }
      const significant = everySecond || index < least || name === 'year' || name === 'week' || name === 'day_of_week';
      return [name, significant ? '*' : String(RULES[name].min)];
    }),
  ) as Record<FieldName, string>;
}

function readCrontab(importing: Importing, crontab: string): Partial<Record<FieldName, unknown>> {
  const texts = crontab.trim().split(/\s+/);
  if (texts.length !== 5) importing.refuse('crontab', crontab, 'has not five fields');
  const [minute, hour, day, month, day_of_week] = texts;
  return { minute, hour, day, month, day_of_week };
}

/** APScheduler matches names from the start of a text and leaves the rest: `mon-fri/2` is `mon-fri`. */
function readPart(importing: Importing, field: string, item: string, rules: ItemRules): number[] {
  const named = rules.names && /^([a-z]+)(?:-([a-z]+))?/i.exec(item);
  if (named && named[0] !== item) importing.note('ignored_text', `APScheduler reads ${item} as ${named[0]}, and so does this trigger`, field);
  return readItem(named ? named[0] : item, { ...rules, openSteps: true }, (rule) => importing.refuse(field, item, rule));
}

/** As days of ours, Sunday is 0; undefined for all. */
function readWeekdays(importing: Importing, text: string, version: ApschedulerVersion): ReadonlySet<number> | undefined {
  if (text === '*') return undefined;
  const days = text.split(',').flatMap((part) => {
    const item = part.trim();
    const numbers = version === '4' ? /^(\d+)(?:-(\d+))?(\/\d+)?$/.exec(item) : undefined;
    if (!numbers) return readPart(importing, 'day_of_week', item, { ...MONDAY_FIRST, wraps: version === '4' });
    // 4 turns numbers into names, and loses a step.
    const [, first, last = first, step] = numbers;
    if (Number(first) > 7 || Number(last) > 7) importing.refuse('day_of_week', item, 'is not within 0-7');
    if (step !== undefined) importing.note('ignored_text', `APScheduler reads ${item} without its step, and so does this trigger`, 'day_of_week');
    const [from, to] = [fromSunday(Number(first)), fromSunday(Number(last))];
    return readItem(`${from}-${to}`, { ...MONDAY_FIRST, wraps: true }, (rule) => importing.refuse('day_of_week', item, rule));
  });
  return new Set(days.map((day) => (day + 1) % 7));
}

function fromSunday(day: number): number {
  return (day + 6) % 7;
}

interface DayTexts {
  readonly day: string;
  readonly weekday: string;
}

/** The day fields of one expression, or of two of which either is enough: numbers, and weekdays by their place in the month. */
function readDays(importing: Importing, text: string, weekdays: ReadonlySet<number> | undefined): readonly DayTexts[] {
  const weekday = weekdays === undefined ? '*' : writeValues(weekdays, WEEKDAYS, true);
  const numbers: number[] = [];
  let last = false;
  const places: string[] = [];
  for (const item of text.split(',').map((part) => part.trim())) {
    const place = /^(\S+) +(\w+)/.exec(item);
    if (place) readPlace(item, place[1]!.toLowerCase(), place[2]!);
    else if (/^last/i.test(item)) last = true;
    else numbers.push(...readPart(importing, 'day', item, DAYS));
  }

  const dated = [...(numbers.length > 0 ? [writeValues(numbers, DAYS, true)] : []), ...(last ? ['L'] : [])];
  // `*` beside anything else is still every day.
  const day = dated.includes('*') ? '*' : dated.join(',');
  if (day === '*') return [{ day, weekday }];
  if (day === '') {
    if (places.length === 0) importing.refuse('day', text, 'and day_of_week never match together');
    return [{ day: '*', weekday: places.join(',') }];
  }
  if (places.length === 0) return [{ day, weekday: weekday === '*' ? '*' : `+${weekday}` }];
  if (weekday === '*' && !day.startsWith('*')) return [{ day, weekday: places.join(',') }];
  return [
    { day, weekday: weekday === '*' ? '*' : `+${weekday}` },
    { day: '*', weekday: places.join(',') },
  ];

  function readPlace(item: string, position: string, name: string): void {
    const nth = POSITIONS.indexOf(position);
    const named = MONDAY_FIRST.names![name.toUpperCase()];
    if (nth === -1 || named === undefined) importing.refuse('day', item, 'is neither a number, last, nor a place and a weekday such as 3rd fri');
    const sundayFirst = (named + 1) % 7;
    if (weekdays === undefined || weekdays.has(sundayFirst)) places.push(`${sundayFirst}${nth === 5 ? 'L' : `#${nth + 1}`}`);
  }
}
