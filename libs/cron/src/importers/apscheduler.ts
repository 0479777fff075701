import { formatDuration } from '@staddle/kernel';
import type { ScheduleOptions } from '../scheduler/schedule.ts';
import type { Trigger } from '../trigger.ts';
import { calendar } from '../triggers/calendar-trigger.ts';
import { and, MOST_MEMBERS, or } from '../triggers/combined-trigger.ts';
import { date } from '../triggers/date-trigger.ts';
import { interval } from '../triggers/interval-trigger.ts';
import type { LimitOptions } from '../triggers/limits.ts';
import { formatInstant } from '../zone/instant.ts';
import { tryParseDateTime } from '../zone/local-time.ts';
import { readCronTrigger, type ApschedulerVersion } from './apscheduler-cron.ts';
import { Importing, type Imported } from './imported.ts';

export interface ApschedulerOptions {
  /** Which APScheduler it is from: clock changes, numeric weekdays and first runs differ. */
  readonly version: ApschedulerVersion;
  /** The zone of the scheduler, for triggers without `timezone`. */
  readonly tz?: string | undefined;
}

type Given = Readonly<Record<string, unknown>>;

/** Keys by which a trigger says what it is, and those of the job around it. */
const KIND_KEYS = ['trigger', 'type'] as const;
const LIMIT_KEYS = ['start_date', 'end_date', 'start_time', 'end_time', 'timezone', 'jitter'] as const;
const UNITS_MS = { weeks: 604_800_000, days: 86_400_000, hours: 3_600_000, minutes: 60_000, seconds: 1_000, microseconds: 1e-3 } as const;
const KINDS: Readonly<Record<string, readonly string[]>> = {
  cron: ['year', 'month', 'day', 'week', 'day_of_week', 'hour', 'minute', 'second', 'crontab', ...LIMIT_KEYS],
  interval: [...Object.keys(UNITS_MS), ...LIMIT_KEYS],
  calendarinterval: ['years', 'months', 'weeks', 'days', 'hour', 'minute', 'second', ...LIMIT_KEYS],
  date: ['run_date', 'run_time', 'timezone'],
  and: ['triggers', 'threshold', 'max_iterations', 'jitter'],
  or: ['triggers', 'jitter'],
};
const JOB_KEYS = new Set<string>([...KIND_KEYS, 'id', 'name', 'func', 'args', 'kwargs', 'misfire_grace_time', 'coalesce', 'max_instances', 'max_jitter', 'next_run_time', 'executor', 'replace_existing']);

// More than our own triggers may: a job and its trigger are two here.
const DEEPEST = 20;

const TOLD_OF_RUNS =
  'a trigger that counts from its last run is told of every run of the whole in APScheduler 3, and then counts from there; here each keeps to its own times';

/**
 * A trigger of APScheduler: the arguments of `add_job` as an object (`trigger: 'cron'`, `hour: 9`, …), of
 * `CronTrigger.from_crontab` (`trigger: 'cron'`, `crontab`), or what the JSON serializer of APScheduler 4 writes. What
 * `add_job` says about missed and overlapping runs is in `options`; what it does not say is left to our scheduler.
 * @throws CronImportError (`ERR_CRON_IMPORT`)
 */
export function fromApscheduler(job: unknown, options: ApschedulerOptions): Imported {
  const importing: Importing = new Importing('apscheduler');
  // Without options at all it is the version that is missing.
  const { version, tz }: Partial<ApschedulerOptions> = options ?? {};
  if (version !== '3.10' && version !== '3.11' && version !== '4') importing.refuse('version', version, 'is none of 3.10 (for all before it), 3.11, 4');
  const given = unmarshal(importing, job);
  return importing.done(readTrigger(importing, given, version, tz), readOptions(importing, given));
}

function readTrigger(importing: Importing, given: Given, version: ApschedulerVersion, tz: string | undefined, depth: number = 0): Trigger {
  if (depth > DEEPEST) importing.refuse('trigger', undefined, 'holds others too deep inside one another');
  const nested = given['trigger'];
  if (typeof nested === 'object' && nested !== null) {
    const { max_jitter, next_run_time } = given;
    return readTrigger(importing, { ...unmarshal(importing, nested), max_jitter, next_run_time }, version, tz, depth + 1);
  }
  const kind = given['trigger'] ?? given['type'];
  const keys = typeof kind === 'string' && Object.hasOwn(KINDS, kind) ? KINDS[kind]! : importing.refuse('trigger', kind, `is none of ${Object.keys(KINDS).join(', ')}`);
  for (const key of Object.keys(given)) if (!keys.includes(key) && !JOB_KEYS.has(key)) importing.refuse(key, given[key], `is not a key of ${kind}`);

  const timeZone = given['timezone'] ?? tz;
  if (kind === 'cron') return readCronTrigger(importing, given, version, readLimits(importing, given, timeZone), timeZone);
  if (kind === 'interval') return readInterval(importing, given, version, timeZone);
  if (kind === 'calendarinterval') return readCalendar(importing, given, timeZone);
  if (kind === 'date') return readDate(importing, given, timeZone);
  return readCombined(importing, given, kind as 'and' | 'or', version, tz, depth);
}

// ['apscheduler.triggers.cron:CronTrigger', { version: 1, … }] under its key, or bare inside AndTrigger and OrTrigger.
const MARSHALLED = '_apscheduler_json';
/** Where the trigger stands, which does not change its times. */
const STATE_KEYS = new Set(['version', 'last_fire_time', 'last_fire_date', 'next_fire_times', 'completed']);
const CLASS = /^apscheduler\.triggers\.[\w.]+:(Cron|Interval|CalendarInterval|Date|And|Or)Trigger$/;

function unmarshal(importing: Importing, value: unknown): Given {
  const marshalled = Array.isArray(value) ? value : (importing.record('trigger', value)[MARSHALLED] as unknown);
  if (marshalled === undefined) return value as Given;
  const [reference, state] = Array.isArray(marshalled) ? (marshalled as unknown[]) : [];
  const kind = typeof reference === 'string' ? CLASS.exec(reference)?.[1]?.toLowerCase() : undefined;
  if (kind === undefined) importing.refuse('trigger', reference, 'is not a class of triggers of APScheduler 4');
  const { fields, interval: lengths, time, ...given } = importing.record('trigger', state);
  return {
    ...Object.fromEntries(Object.entries(given).filter(([key]) => !STATE_KEYS.has(key))),
    trigger: kind,
    ...named('fields', ['year', 'month', 'day', 'week', 'day_of_week', 'hour', 'minute', 'second'], fields),
    ...named('interval', kind === 'interval' ? Object.keys(UNITS_MS) : ['years', 'months', 'weeks', 'days'], lengths),
    ...named('time', ['hour', 'minute', 'second'], time),
  };

  function named(field: string, names: readonly string[], values: unknown): Given {
    if (values === undefined) return {};
    if (!Array.isArray(values)) importing.refuse(field, values, 'is not a list');
    return Object.fromEntries(names.map((name, index) => [name, values[index] as unknown]));
  }
}

function readLimits(importing: Importing, given: Given, timeZone: unknown): LimitOptions {
  const startAt = readTime(importing, given, given['start_date'] === undefined ? 'start_time' : 'start_date', timeZone);
  const endAt = readTime(importing, given, given['end_date'] === undefined ? 'end_time' : 'end_date', timeZone);
  return { ...(startAt !== undefined && { startAt: formatInstant(startAt) }), ...(endAt !== undefined && { endAt: formatInstant(endAt) }), ...readJitter(importing, given) };
}

function readJitter(importing: Importing, given: Given): { jitter?: number } {
  const jitter = importing.number('jitter', given['jitter'] ?? given['max_jitter'], 0);
  if (!jitter) return {};
  importing.note('random', 'APScheduler draws the delay anew for every run, and intervals then count from the delayed run; here the name of the schedule and the instant decide, and times do not move', 'jitter');
  return { jitter: Math.round(jitter * 1_000) };
}

/** Epoch ms of a text such as `2026-01-31`, `2026-01-31 09:00:00` or with an offset. */
function readTime(importing: Importing, given: Given, field: string, timeZone: unknown): number | undefined {
  const text = importing.text(field, given[field]);
  if (text === undefined) return undefined;
  // Microseconds: the first whole millisecond from there on.
  const [, day, time = '00:00:00', fraction = '', offset = ''] = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  if (day === undefined) importing.refuse(field, text, 'is not a time such as 2026-01-31 09:00:00');
  const parsed = tryParseDateTime(`${day}T${time}${offset}`) ?? importing.refuse(field, text, 'is not a day of the calendar');
  const fractionMs = Math.ceil(Number(`0${fraction}`) * 1_000);
  if (parsed.offsetMs !== undefined) return parsed.localMs - parsed.offsetMs + fractionMs;
  const { zone } = importing.zone('timezone', timeZone);
  const ms = zone.instantOf(parsed.localMs);
  if (ms !== zone.instantOf(parsed.localMs, 1)) importing.note('ambiguous_limit', `clocks show ${text} twice; the first was taken, as in 3.11 and 4 (3.10 takes the second)`, field);
  else if (ms + zone.periodAt(ms).offsetMs !== parsed.localMs) importing.note('ambiguous_limit', `clocks skip ${text}; the instant of the jump was taken, where APScheduler takes a later one or refuses`, field);
  return ms + fractionMs;
}

function readInterval(importing: Importing, given: Given, version: ApschedulerVersion, timeZone: unknown): Trigger {
  let every = 0;
  for (const [unit, ms] of Object.entries(UNITS_MS)) every += (importing.number(unit, given[unit], 0) ?? 0) * ms;
  every = Math.round(every * 1_000) / 1_000;
  if (every === 0 && version !== '4') every = 1_000; // 3.x makes nothing a second
  if (!Number.isInteger(every)) importing.refuse('microseconds', every, 'makes the interval no whole number of milliseconds');
  const { endAt, jitter, ...limits } = readLimits(importing, given, timeZone);
  const start = (given['start_date'] ?? given['start_time'] ?? given['next_run_time']) as string | null | undefined;
  // A stored job without a start tells its next time, which is on the same grid.
  const startAt = limits.startAt ?? readTime(importing, given, 'next_run_time', timeZone);
  if (version === '4') {
    if (startAt === undefined) importing.note('first_run', 'APScheduler 4 runs it at once when it is created; here the first run is one interval later', 'start_time');
    else if (!/(?:Z|[+-]\d\d:\d\d)$/.test(start!)) {
      importing.noteClockChanges(importing.zone('timezone', timeZone).zone, 'APScheduler 4 adds the interval to the local time, so that its times move by an hour where clocks change, and may come twice; here the interval is elapsed time');
    }
  }
  return importing.build('trigger', given, () => interval({ every, ...(startAt !== undefined && { anchor: startAt }), ...(endAt !== undefined && { endAt }), ...(jitter !== undefined && { jitter }) }));
}

function readCalendar(importing: Importing, given: Given, timeZone: unknown): Trigger {
  const { tz } = importing.zone('timezone', timeZone);
  const amount = (key: string): number => importing.number(key, given[key], 0) ?? 0;
  const months = amount('years') * 12 + amount('months');
  const days = amount('weeks') * 7 + amount('days');
  if (months > 0 && days > 0) importing.refuse('months', months, 'is mixed with weeks or days, which APScheduler adds step by step and no calendar counts so');
  const time = ['hour', 'minute', 'second'].map((key) => String(amount(key)).padStart(2, '0')).join(':');
  const start = importing.text('start_date', given['start_date']);
  const end = importing.text('end_date', given['end_date']);
  if (start === undefined) importing.note('first_run', `APScheduler runs it from today on, at ${time}; here it counts from when the trigger is resolved`, 'start_date');
  return importing.build('trigger', given, () =>
    calendar({
      every: months > 0 ? `P${months}M` : `P${days}D`,
      tz,
      // A day that the month does not have, and a time that clocks skip, is left out; of one that they repeat the first runs.
      clamp: 'skip',
      dst: { gap: 'skip' },
      ...(start !== undefined && { anchor: `${start}T${time}` }),
      ...(end !== undefined && { endAt: `${end}T23:59:59.999` }),
      ...readJitter(importing, given),
    }),
  );
}

function readDate(importing: Importing, given: Given, timeZone: unknown): Trigger {
  const field = given['run_date'] === undefined ? 'run_time' : 'run_date';
  const at = readTime(importing, given, field, timeZone) ?? importing.refuse('run_date', undefined, 'is missing: without it the job ran once, when it was added');
  if (given['max_jitter']) importing.note('random', 'a date has no jitter here: it runs on time', 'max_jitter');
  return importing.build(field, given[field], () => date({ at }));
}

function readCombined(importing: Importing, given: Given, kind: 'and' | 'or', version: ApschedulerVersion, tz: string | undefined, depth: number): Trigger {
  const { triggers } = given;
  if (!Array.isArray(triggers) || triggers.length === 0 || triggers.length > MOST_MEMBERS) importing.refuse('triggers', triggers, `is not a list of 1 to ${MOST_MEMBERS} triggers`);
  const parts = triggers.map((part: unknown) => readTrigger(importing, unmarshal(importing, part), version, tz, depth + 1));
  if (version !== '4' && parts.some((part) => part.kind === 'interval')) importing.note('drift', TOLD_OF_RUNS, 'triggers');
  const jitter = readJitter(importing, given);
  if (kind === 'or') return importing.build('triggers', triggers, () => or(parts, jitter));
  // 3.x wants the very same time; the threshold of 4 is a second unless it is given.
  const threshold = version === '4' ? Math.round((importing.number('threshold', given['threshold'], 0) ?? 1) * 1e6) / 1_000 : 0;
  const trigger = importing.build('triggers', triggers, () => and(parts, { ...jitter, threshold }));
  if (threshold > 0) importing.note('pairing', `times agree when they are at most ${formatDuration(threshold)} apart; APScheduler uses each time once and gives up after max_iterations, here a time may agree with several`, 'threshold');
  return trigger;
}

function readOptions(importing: Importing, given: Given): ScheduleOptions {
  const { coalesce } = given;
  const grace = importing.number('misfire_grace_time', given['misfire_grace_time'], 0);
  const instances = importing.number('max_instances', given['max_instances'], 1);
  if (instances !== undefined && instances > 1) importing.note('overlap', `APScheduler runs up to ${instances} at a time; here either one or any number`, 'max_instances');
  return {
    // How a job store of 3.x says that a job is paused.
    ...(given['next_run_time'] === null && { paused: true }),
    ...(instances !== undefined && { overlap: instances === 1 ? 'skip' : 'allow' }),
    ...((typeof coalesce === 'boolean' || grace !== undefined) && {
      misfire: { ...(typeof coalesce === 'boolean' && { mode: coalesce ? 'latest' : 'all' }), ...(grace !== undefined && { windowMs: Math.round(grace * 1_000) }) },
    }),
  };
}
