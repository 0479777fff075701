import { cron } from '../triggers/cron-trigger.ts';
import { interval } from '../triggers/interval-trigger.ts';
import { DAYS, HOURS, MINUTES, MONTH_NAMES, MONTHS, readItem, SECONDS, WEEKDAY_NAMES, WEEKDAYS, writeCron, writeValues, type ItemRules } from './cron-text.ts';
import { Importing, type Imported } from './imported.ts';

export interface BullmqOptions {
  /** The zone of the process that added it, for patterns without `tz`. */
  readonly tz?: string | undefined;
}

// After bullmq src/classes/job-scheduler.ts (6.2) and cron-parser 5.10, whose times the tests compare. BullMQ 5 has cron-parser 4.
const CLOCKS =
  'cron-parser runs what clocks skip later by the length of the gap, and what they repeat the first time only, unless the hour is *; so does this trigger. Of an hour after midnight that clocks repeat cron-parser runs the second pass; where clocks change by more or less than an hour it loses or repeats times, or finds no next one at all and the job stops; here they run once';

const MACROS: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 0 1 1 *'],
  ['@annually', '0 0 0 1 1 *'],
  ['@monthly', '0 0 0 1 * *'],
  ['@weekly', '0 0 0 * * 0'],
  ['@daily', '0 0 0 * * *'],
  ['@hourly', '0 0 * * * *'],
  ['@minutely', '0 * * * * *'],
  ['@secondly', '* * * * * *'],
  ['@weekdays', '0 0 0 * * 1-5'],
  ['@weekends', '0 0 0 * * 0,6'],
]);

const KEYS = new Set(['pattern', 'every', 'tz', 'startDate', 'endDate', 'limit', 'immediately', 'offset', 'count', 'iterationCount', 'next', 'key', 'name', 'id', 'template', 'prevMillis', 'jobId']);

/**
 * The repeat options of a job, or a job scheduler as `queue.getJobSchedulers()` returns it.
 * @throws CronImportError (`ERR_CRON_IMPORT`)
 */
export function fromBullmq(repeat: unknown, { tz }: BullmqOptions = {}): Imported {
  const importing: Importing = new Importing('bullmq');
  const given = importing.record('repeat', repeat);
  for (const key of Object.keys(given)) if (!KEYS.has(key)) importing.refuse(key, given[key], 'is not a key of the repeat options');
  const pattern = importing.text('pattern', given['pattern']);
  const every = importing.number('every', given['every'], 1);
  if ((pattern === undefined) === (every === undefined)) importing.refuse('pattern', pattern, 'and every are both given, or neither is');

  const startAt = readTime('startDate');
  const endAt = readTime('endDate');
  // A stored scheduler tells its next time.
  const next = importing.number('next', given['next'], 0);
  const maxRuns = readMaxRuns(importing, given, startAt !== undefined && next === undefined);
  const limits = { ...(endAt !== undefined && { endAt }), ...(maxRuns !== undefined && { maxRuns }) };
  if (given['immediately'] === true && pattern !== undefined) importing.note('first_run', 'BullMQ also runs the job at once when it is added; call runNow for that', 'immediately');
  importing.note('overlap', 'BullMQ plans the next run when a run starts, and workers run them in parallel; here overlap decides', 'repeat');
  importing.note('missed_runs', 'after a standstill BullMQ runs the one job that was waiting, however late; here the misfire policy decides', 'repeat');
  const trigger =
    pattern === undefined
      ? fromEvery(importing, given, every!, next, startAt, limits)
      : fromPattern(importing, pattern, given['tz'] ?? tz, {
          ...limits,
          ...(startAt !== undefined && { startAt: startAt + 1 }), // the first time is later than the start date
          ...(maxRuns !== undefined && next !== undefined && { startAt: next }), // where the runs that are left begin
        });
  return importing.done(trigger, { overlap: 'allow', misfire: { mode: 'latest' } });

  function readTime(field: string): number | undefined {
    const value = given[field];
    if (value === undefined || value === null) return undefined;
    const ms = typeof value === 'number' || typeof value === 'string' || value instanceof Date ? new Date(value).getTime() : Number.NaN;
    // Without an offset the text would mean the zone of this machine.
    const zoneless = typeof value === 'string' && !/^\d{4}(?:-\d\d){0,2}$|:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$/.test(value);
    if (Number.isNaN(ms) || zoneless) importing.refuse(field, value, 'is neither epoch milliseconds, a Date nor an ISO 8601 instant with Z or offset');
    return ms;
  }
}

interface Limits {
  readonly startAt?: number;
  readonly endAt?: number;
  readonly maxRuns?: number;
}

/** The runs that are left, or all of them where they are counted from the start date. */
function readMaxRuns(importing: Importing, given: Readonly<Record<string, unknown>>, fromStart: boolean): number | undefined {
  const limit = importing.number('limit', given['limit'], 1);
  if (limit === undefined) return undefined;
  const done = importing.number('iterationCount', given['iterationCount'] ?? given['count'], 0) ?? 0;
  if (done >= limit) importing.refuse('limit', limit, `has been reached: ${done} runs are done`);
  importing.note('run_count', 'BullMQ counts the runs that were made; here the times from the start, or from when the trigger is resolved, are counted, made or missed', 'limit');
  return fromStart ? limit : limit - done;
}

function fromEvery(importing: Importing, given: Readonly<Record<string, unknown>>, every: number, next: number | undefined, startAt: number | undefined, limits: Limits) {
  const offset = importing.number('offset', given['offset'], 0);
  // The next time fixes the grid best.
  const anchor = next ?? startAt ?? (offset === undefined ? undefined : offset % every);
  if (anchor === undefined) importing.note('first_run', 'BullMQ runs the job at once when it is added, and every interval from there; here the first run is one interval after the trigger is resolved', 'every');
  else if (next === undefined && startAt === undefined) importing.note('version', 'the times are multiples of the interval since 1970 plus the offset; BullMQ 6 does so, older versions may not', 'offset');
  if (limits.endAt !== undefined) importing.note('run_count', 'BullMQ looks at endDate when it plans the next run, and so may run once more after it', 'endDate');
  return importing.build('every', every, () => interval({ every, anchor, ...limits, ...(startAt !== undefined && { startAt }) }));
}

function fromPattern(importing: Importing, pattern: string, timeZone: unknown, limits: Limits) {
  const { tz, zone } = importing.zone('tz', timeZone);
  const given = (MACROS.get(pattern) ?? pattern).trim().split(/\s+/);
  if (pattern.trim() === '' || given.length > 6) importing.refuse('pattern', pattern, 'has not five or six fields');
  // cron-parser fills up from the front.
  const texts = [...['0', '*', '*', '*', '*', '*'].slice(0, Math.max(6 - given.length, 0)), ...given];
  const [seconds, minutes, hours, days, months, weekdays] = texts as [string, string, string, string, string, string];
  if (texts.some((text) => /(?:^|,)H/.test(text))) importing.refuse('pattern', pattern, 'has an H, which cron-parser draws anew at every parse; write it as an H of cron()');

  const expr = writeCron({
    seconds: read(seconds, SECONDS),
    minutes: read(minutes, MINUTES),
    hours: read(hours, HOURS),
    day: readDays(days),
    month: writeValues(read(months, { ...MONTHS, names: MONTH_NAMES }), MONTHS, true),
    weekday: readWeekdays(weekdays),
  });
  importing.noteClockChanges(zone, CLOCKS);
  return importing.build('pattern', pattern, () => cron(expr, { tz, dst: { gap: 'shift' }, ...limits }));

  function read(text: string, rules: ItemRules): number[] {
    return text.split(',').flatMap((item) => readItem(item, { ...rules, openSteps: true, question: true }, (rule) => importing.refuse('pattern', item, rule)));
  }

  // Only a bare * or ? does not restrict the day there.
  function readDays(text: string): string {
    if (text === '*' || text === '?') return '*';
    const items = text.split(',');
    const numbers = items.filter((item) => item !== 'L').join(',');
    return [...(numbers === '' ? [] : [writeValues(read(numbers, DAYS), DAYS, false)]), ...(items.includes('L') ? ['L'] : [])].join(',');
  }

  function readWeekdays(text: string): string {
    if (text === '*' || text === '?') return '*';
    const rules: ItemRules = { min: 0, max: 7, names: WEEKDAY_NAMES };
    const nth = /^(\w+)#([1-5])$/.exec(text);
    if (nth) return `${read(nth[1]!, rules)[0]! % 7}#${nth[2]}`;
    const items = text.split(',');
    const last = items.filter((item) => /^\w+L$/i.test(item) && !/^jul/i.test(item));
    const numbers = items.filter((item) => !last.includes(item)).join(',');
    const lasts = last.map((item) => `${read(item.slice(0, -1), rules)[0]! % 7}L`);
    return [...(numbers === '' ? [] : [writeValues(read(numbers, rules).map((day) => day % 7), WEEKDAYS, false)]), ...lasts].join(',');
  }
}
