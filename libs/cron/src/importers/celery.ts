import { CronImportError } from '../errors.ts';
import { cron } from '../triggers/cron-trigger.ts';
import { date } from '../triggers/date-trigger.ts';
import { interval } from '../triggers/interval-trigger.ts';
import { DAYS, HOURS, MINUTES, MONTH_NAMES, MONTHS, readItem, WEEKDAY_NAMES, WEEKDAYS, writeCron, writeValues, type ItemRules } from './cron-text.ts';
import { Importing, type Imported } from './imported.ts';

export interface CeleryOptions {
  /** The `timezone` of the Celery app. A row of django-celery-beat with its own `timezone` goes before. */
  readonly tz?: string | undefined;
}

/** One entry of a `beat_schedule`. */
export interface CeleryEntry extends Imported {
  readonly name: string;
  readonly task: string;
  readonly args: unknown;
  readonly kwargs: unknown;
}

// After celery/schedules.py; times compared with those of Celery 5.2.6 and 5.6.2.
const CLOCKS =
  'Celery runs what clocks skip later by the length of the gap, and what they repeat the first time only; so does this trigger, unless the hour is *: then it follows the clock, where Celery stands still for the second pass. Of several times in a gap Celery runs the first only, and where clocks change by half an hour it may add one; before 5.5.2 its first run after a change is also early or late by the change';

const CRONTAB_KEYS = ['minute', 'hour', 'day_of_week', 'day_of_month', 'month_of_year'] as const;
const PERIODS_MS: ReadonlyMap<unknown, number> = new Map([
  ['days', 86_400_000],
  ['hours', 3_600_000],
  ['minutes', 60_000],
  ['seconds', 1_000],
  ['microseconds', 1e-3],
]);
const MOST_ITEMS = 1_000;

/**
 * A schedule of Celery beat: a number of seconds, the arguments of `crontab` or `schedule`, or a row of django-celery-beat
 * (`CrontabSchedule`, `IntervalSchedule`, `ClockedSchedule`).
 * @throws CronImportError (`ERR_CRON_IMPORT`)
 */
export function fromCelery(schedule: unknown, options: CeleryOptions = {}): Imported {
  const importing: Importing = new Importing('celery');
  if (typeof schedule === 'number') return fromInterval(importing, 'schedule', schedule * 1_000);
  const given = importing.record('schedule', schedule);
  if ('event' in given) importing.refuse('event', given['event'], 'follows the sun, which no trigger does: compute its times yourself, one date trigger each');
  if ('clocked_time' in given) return fromClocked(importing, given['clocked_time'], options.tz);
  if ('run_every' in given) {
    if (given['relative'] === true) importing.note('first_run', 'relative rounds the times to the unit of the interval; give an anchor at such a time', 'relative');
    return fromInterval(importing, 'run_every', lengthOf('run_every', 0) * 1_000);
  }
  if ('every' in given) {
    const unit = PERIODS_MS.get(given['period']);
    if (unit === undefined) importing.refuse('period', given['period'], `is none of ${[...PERIODS_MS.keys()].join(', ')}`);
    return fromInterval(importing, 'every', lengthOf('every', 1) * unit);
  }
  for (const key of Object.keys(given)) {
    if (!(CRONTAB_KEYS as readonly string[]).includes(key) && key !== 'timezone' && key !== 'id') importing.refuse(key, given[key], 'is not a key of a schedule of Celery');
  }
  return fromCrontabFields(importing, given, options.tz);

  function lengthOf(field: string, min: number): number {
    return importing.number(field, given[field], min) ?? importing.refuse(field, undefined, 'is missing');
  }
}

/**
 * A `beat_schedule`, as JSON: names with `task`, `schedule`, `args`, `kwargs`.
 * @throws CronImportError (`ERR_CRON_IMPORT`), whose field begins with the name of the entry
 */
export function fromCeleryBeat(beatSchedule: unknown, options: CeleryOptions = {}): readonly CeleryEntry[] {
  const importing: Importing = new Importing('celery');
  return Object.entries(importing.record('beat_schedule', beatSchedule)).map(([name, value]) => {
    const { task, schedule, args = [], kwargs = {} } = importing.record(name, value);
    if (typeof task !== 'string') importing.refuse(`${name}.task`, task, 'is not the name of a task');
    return { name, task, args, kwargs, ...readEntry(name, schedule, options) };
  });
}

function readEntry(name: string, schedule: unknown, options: CeleryOptions): Imported {
  try {
    return fromCelery(schedule, options);
  } catch (error) {
    if (!(error instanceof CronImportError)) throw error;
    const { system, field, value, rule, cause } = error;
    throw new CronImportError(system, `${name}.schedule${field === 'schedule' ? '' : `.${field}`}`, value, rule, { cause });
  }
}

function fromInterval(importing: Importing, field: string, everyMs: number): Imported {
  importing.note('drift', 'Celery counts from when it sent the last run, which drifts by the lateness of every run; here runs keep to the grid of an anchor', field);
  importing.note('first_run', 'Celery runs a new entry one interval after its first start, and after a restart counts from the last run that it stored; here an anchor, or the creation, decides', field);
  const every = Math.round(everyMs * 1_000) / 1_000; // 1.001 s are a little less than 1001 ms in binary floating point
  return importing.done(importing.build(field, everyMs, () => interval({ every })));
}

function fromClocked(importing: Importing, time: unknown, tz: string | undefined): Imported {
  const text = importing.text('clocked_time', time)?.replace(' ', 'T') ?? importing.refuse('clocked_time', time, 'is not a time');
  const local = !/(?:Z|[+-]\d\d:?\d\d)$/.test(text);
  return importing.done(importing.build('clocked_time', time, () => date(local ? { at: text, tz: importing.zone('tz', tz).tz } : { at: text })));
}

function fromCrontabFields(importing: Importing, given: Readonly<Record<string, unknown>>, appTz: string | undefined): Imported {
  const { tz, zone } = importing.zone('timezone', given['timezone'] ?? appTz);
  const days = read('day_of_month', DAYS);
  const weekdays = read('day_of_week', { ...WEEKDAYS, names: WEEKDAY_NAMES });
  const weekday = writeValues(weekdays, WEEKDAYS, true);
  const day = writeValues(days, DAYS, true);
  const expr = writeCron({
    minutes: read('minute', MINUTES),
    hours: read('hour', HOURS),
    day,
    month: writeValues(read('month_of_year', { ...MONTHS, names: MONTH_NAMES }), MONTHS, true),
    // Every field must match in Celery, the two of the day as well.
    weekday: day === '*' || weekday === '*' ? weekday : `+${weekday}`,
  });
  importing.noteClockChanges(zone, CLOCKS);
  return importing.done(importing.build('schedule', given, () => cron(expr, { tz, dst: { gap: 'shift' } })));

  function read(field: (typeof CRONTAB_KEYS)[number], rules: ItemRules): number[] {
    const value = given[field] ?? '*';
    const items = Array.isArray(value) ? value : [value];
    if (items.length === 0 || items.length > MOST_ITEMS) importing.refuse(field, value, `has not 1 to ${MOST_ITEMS} values`);
    return items.flatMap((item: unknown) => {
      if (typeof item !== 'number' && typeof item !== 'string') importing.refuse(field, item, 'is neither a number, a text nor a list of numbers');
      return importing.text(field, String(item))!
        .replaceAll(' ', '')
        .split(',')
        .flatMap((part) => readItem(shorten(part, rules), { ...rules, wraps: true }, (rule) => importing.refuse(field, part, rule)));
    });
  }
}

/** Celery looks at the first three letters of a name: sunday, Sun. */
function shorten(part: string, { names }: ItemRules): string {
  return names ? part.replaceAll(/[a-z]{4,}/gi, (name) => name.slice(0, 3)) : part;
}
