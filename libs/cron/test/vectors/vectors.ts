import type { DstPolicy, TriggerJson } from '@staddle/cron';

export interface Vector {
  readonly what: string;
  readonly trigger: TriggerJson;
  /** Exclusive. */
  readonly from: string;
  /** All times that follow, as far as they are given. */
  readonly times: readonly string[];
  /** There are no more of them. */
  readonly ends: boolean;
}

const NEW_YORK = 'America/New_York';
const LORD_HOWE = 'Australia/Lord_Howe';
const NOTHING = 'nothing';

/** `times` stand one after the other; a last `nothing` says that they end. */
const vector = (what: string, trigger: TriggerJson, from: string, times: string): Vector => {
  const words = times.split(' ');
  return { what, trigger, from, times: words.filter((word) => word !== NOTHING), ends: words.at(-1) === NOTHING };
};

const cron = (what: string, expr: string, tz: string, from: string, times: string, dst?: Partial<DstPolicy>): Vector =>
  vector(what, { v: 1, kind: 'cron', expr, tz, ...(dst && { dst }) }, from, times);

export const VECTORS: readonly Vector[] = [
  // The hour that clocks skip, and the hour that they show twice.
  cron('a fixed time in the gap fires when the gap ends', '30 2 * * *', NEW_YORK, '2025-03-08T12:00Z', '2025-03-09T07:00Z 2025-03-10T06:30Z'),
  cron('fixed times in the gap and one at its end are one', '0,30 2,3 * * *', NEW_YORK, '2025-03-09T06:00Z', '2025-03-09T07:00Z 2025-03-09T07:30Z 2025-03-10T06:00Z'),
  cron('an hourly one goes on hourly over the gap', '0 * * * *', NEW_YORK, '2025-03-09T05:30Z', '2025-03-09T06:00Z 2025-03-09T07:00Z 2025-03-09T08:00Z'),
  cron('every second hour by the clock has nothing to catch up on', '0 */2 * * *', NEW_YORK, '2025-03-09T04:30Z', '2025-03-09T05:00Z 2025-03-09T08:00Z 2025-03-09T10:00Z'),
  cron('a fixed time that comes twice fires the first time', '30 1 * * *', NEW_YORK, '2025-11-02T04:00Z', '2025-11-02T05:30Z 2025-11-03T06:30Z'),
  cron('asked from inside the overlap, a fixed time is over for the day', '30 1 * * *', NEW_YORK, '2025-11-02T06:00Z', '2025-11-03T06:30Z'),
  cron('an hourly one fires in both passes', '0 * * * *', NEW_YORK, '2025-11-02T04:30Z', '2025-11-02T05:00Z 2025-11-02T06:00Z 2025-11-02T07:00Z'),
  cron('a heartbeat does not pause for the overlap', '* * * * *', 'America/Los_Angeles', '2025-11-02T08:58Z', '2025-11-02T08:59Z 2025-11-02T09:00Z 2025-11-02T09:01Z'),
  cron('a stepped minute within the repeated hour fires in both passes', '*/20 1 * * *', NEW_YORK, '2025-11-02T04:59Z', '2025-11-02T05:00Z 2025-11-02T05:20Z 2025-11-02T05:40Z 2025-11-02T06:00Z 2025-11-02T06:20Z 2025-11-02T06:40Z 2025-11-03T06:00Z'),
  cron('a list of fixed hours fires once for each', '0 1,2 * * *', NEW_YORK, '2025-11-02T04:30Z', '2025-11-02T05:00Z 2025-11-02T07:00Z 2025-11-03T06:00Z'),
  cron('the gap of London', '30 1 * * *', 'Europe/London', '2025-03-30T00:00Z', '2025-03-30T01:00Z 2025-03-31T00:30Z'),
  cron('the overlap of London', '30 1 * * *', 'Europe/London', '2025-10-26T00:00Z', '2025-10-26T00:30Z 2025-10-27T01:30Z'),
  cron('a gap of thirty minutes', '15 2 * * *', LORD_HOWE, '2025-10-04T00:00Z', '2025-10-04T15:30Z 2025-10-05T15:15Z'),
  cron('an overlap of thirty minutes', '45 1 * * *', LORD_HOWE, '2025-04-05T00:00Z', '2025-04-05T14:45Z 2025-04-06T15:15Z'),
  cron('a stepped minute in an overlap of thirty minutes', '*/15 1 * * *', LORD_HOWE, '2025-04-05T13:00Z', '2025-04-05T14:00Z 2025-04-05T14:15Z 2025-04-05T14:30Z 2025-04-05T14:45Z 2025-04-05T15:00Z 2025-04-05T15:15Z 2025-04-06T14:30Z'),
  cron('a gap of two hours', '30 2 * * *', 'Antarctica/Troll', '2025-03-29T12:00Z', '2025-03-30T01:00Z 2025-03-31T00:30Z'),
  cron('a gap at midnight', '0 0 * * *', 'America/Sao_Paulo', '2018-11-03T12:00Z', '2018-11-04T03:00Z 2018-11-05T02:00Z'),
  cron('a time inside a gap at midnight', '30 0 * * *', 'Africa/Cairo', '2025-04-24T12:00Z', '2025-04-24T22:00Z 2025-04-25T21:30Z'),
  cron('midnight itself in a gap', '0 0 * * *', 'America/Havana', '2025-03-08T12:00Z', '2025-03-09T05:00Z 2025-03-10T04:00Z'),
  cron('an overlap from midnight on', '30 0 * * *', 'America/Havana', '2025-11-01T12:00Z', '2025-11-02T04:30Z 2025-11-03T05:30Z'),
  cron('a day that the date line took away', '0 12 * * *', 'Pacific/Apia', '2011-12-28T12:00Z', '2011-12-28T22:00Z 2011-12-29T22:00Z 2011-12-30T22:00Z'),
  cron('the clock change for Ramadan', '30 2 * * *', 'Africa/Casablanca', '2025-02-22T12:00Z', '2025-02-23T01:30Z 2025-02-24T02:30Z'),

  // Days of the month and of the week.
  cron('leap days', '0 0 29 2 *', 'UTC', '2025-01-01T00:00Z', '2028-02-29T00:00Z 2032-02-29T00:00Z'),
  cron('the 31st skips short months', '0 0 31 * *', 'UTC', '2025-01-31T00:00Z', '2025-03-31T00:00Z 2025-05-31T00:00Z 2025-07-31T00:00Z'),
  cron('the last day of the month', '0 0 L * *', 'UTC', '2024-01-31T12:00Z', '2024-02-29T00:00Z 2024-03-31T00:00Z 2024-04-30T00:00Z'),
  cron('three days before the last', '0 0 L-3 * *', 'UTC', '2025-05-01T00:00Z', '2025-05-28T00:00Z 2025-06-27T00:00Z 2025-07-28T00:00Z'),
  cron('the working day nearest to the 15th', '0 0 15W * *', 'UTC', '2025-06-01T00:00Z', '2025-06-16T00:00Z 2025-07-15T00:00Z 2025-08-15T00:00Z'),
  cron('the working day nearest to the first, within the month', '0 0 1W * *', 'UTC', '2025-02-20T00:00Z', '2025-03-03T00:00Z 2025-04-01T00:00Z'),
  cron('the last working day', '0 0 LW * *', 'UTC', '2025-05-01T00:00Z', '2025-05-30T00:00Z 2025-06-30T00:00Z 2025-07-31T00:00Z'),
  cron('the fifth Monday', '0 0 * * 1#5', 'UTC', '2025-06-01T00:00Z', '2025-06-30T00:00Z 2025-09-29T00:00Z 2025-12-29T00:00Z'),
  cron('the last Friday', '0 0 * * 5L', 'UTC', '2025-06-01T00:00Z', '2025-06-27T00:00Z 2025-07-25T00:00Z'),
  cron('a first of the month that is a Monday', '0 12 1 * +MON', 'UTC', '2025-06-01T00:00Z', '2025-09-01T12:00Z 2025-12-01T12:00Z'),
  cron('either day when both are restricted', '0 0 13 * 5', 'UTC', '2025-06-01T00:00Z', '2025-06-06T00:00Z 2025-06-13T00:00Z 2025-06-20T00:00Z'),
  cron('a question mark is any day', '0 0 ? * MON', 'UTC', '2025-06-02T00:00Z', '2025-06-09T00:00Z 2025-06-16T00:00Z'),
  cron('a year comes once, and then nothing', '0 0 0 1 1 * 2030', 'UTC', '2025-05-01T00:00Z', '2030-01-01T00:00Z nothing'),
  cron('a step from a value runs to the end of the hour', '5/15 * * * *', 'UTC', '2025-06-01T00:00Z', '2025-06-01T00:05Z 2025-06-01T00:20Z 2025-06-01T00:35Z 2025-06-01T00:50Z 2025-06-01T01:05Z'),
  cron('hours wrap around midnight', '0 22-2 * * *', 'UTC', '2025-06-01T21:30Z', '2025-06-01T22:00Z 2025-06-01T23:00Z 2025-06-02T00:00Z 2025-06-02T01:00Z 2025-06-02T02:00Z 2025-06-02T22:00Z'),
  cron('days wrap around the end of the week', '0 0 * * 6-1', 'UTC', '2025-06-06T00:00Z', '2025-06-07T00:00Z 2025-06-08T00:00Z 2025-06-09T00:00Z 2025-06-14T00:00Z'),
  cron('a nickname', '@midnight', 'UTC', '2025-06-01T12:00Z', '2025-06-02T00:00Z 2025-06-03T00:00Z'),

  // Other kinds than cron.
  vector('the last day of each month is counted from the anchor', { v: 1, kind: 'calendar', every: 'P1M', anchor: '2025-01-31T09:00:00', tz: 'Europe/Paris' }, '2025-01-31T08:00Z', '2025-02-28T08:00Z 2025-03-31T07:00Z 2025-04-30T07:00Z'),
  vector('a day of an interval is twenty-four hours, whatever the clocks do', { v: 1, kind: 'interval', every: 'PT24H', anchor: '2025-03-08T07:30:00Z' }, '2025-03-08T07:30Z', '2025-03-09T07:30Z 2025-03-10T07:30Z'),

  // The other policies.
  cron('a skipped time as much later as the gap is long', '30 2 * * *', NEW_YORK, '2025-03-08T12:00Z', '2025-03-09T07:30Z 2025-03-10T06:30Z', { gap: 'shift' }),
  cron('a skipped time left out', '30 2 * * *', NEW_YORK, '2025-03-08T12:00Z', '2025-03-10T06:30Z', { gap: 'skip' }),
  cron('a repeated time the second time', '30 1 * * *', NEW_YORK, '2025-11-02T04:00Z', '2025-11-02T06:30Z 2025-11-03T06:30Z', { overlap: 'second' }),
  cron('a repeated time both times', '30 1 * * *', NEW_YORK, '2025-11-02T04:00Z', '2025-11-02T05:30Z 2025-11-02T06:30Z 2025-11-03T06:30Z', { overlap: 'both' }),
  cron('a half hour that is skipped, half an hour later', '15 2 * * *', LORD_HOWE, '2025-10-04T00:00Z', '2025-10-04T15:45Z 2025-10-05T15:15Z', { gap: 'shift' }),

  // More that is easily got wrong.
  cron('a century without leap day', '0 0 29 2 *', 'UTC', '2096-03-01T00:00Z', '2104-02-29T00:00Z'),
  cron('the leap day of 2000', '0 0 29 2 *', 'UTC', '1996-03-01T00:00Z', '2000-02-29T00:00Z 2004-02-29T00:00Z'),
  cron('both days when one begins with a star', '0 0 */2 * MON', 'UTC', '2025-06-01T00:00Z', '2025-06-09T00:00Z 2025-06-23T00:00Z 2025-07-07T00:00Z'),
  cron('seconds in front', '*/20 59 23 31 12 *', 'UTC', '2025-12-31T23:59:10Z', '2025-12-31T23:59:20Z 2025-12-31T23:59:40Z 2026-12-31T23:59:00Z'),
  cron('seconds do not make a fixed time follow the clock', '*/30 30 1 * * *', NEW_YORK, '2025-11-02T05:30Z', '2025-11-02T05:30:30Z 2025-11-03T06:30:00Z'),
  cron('seconds in the gap are one at its end as well', '15,45 30 2 * * *', NEW_YORK, '2025-03-09T06:00Z', '2025-03-09T07:00:00Z 2025-03-10T06:30:15Z'),
  cron('a zone whose offset has seconds', '0 12 * * *', 'Africa/Monrovia', '1970-01-01T00:00Z', '1970-01-01T12:44:30Z 1970-01-02T12:44:30Z'),
  cron('the first instant of all', '0 0 1 1 *', 'UTC', '1969-06-01T00:00Z', '1970-01-01T00:00Z 1971-01-01T00:00Z'),
  cron('the last day of all', '0 0 31 12 *', 'UTC', '9998-01-01T00:00Z', '9998-12-31T00:00Z 9999-12-31T00:00Z nothing'),
  cron('the last second of all', '* * * * * *', 'UTC', '9999-12-31T23:59:58Z', '9999-12-31T23:59:59Z nothing'),
];

/** Expressions that are mistakes, and what is said of them. */
export const REFUSALS: readonly (readonly [what: string, expr: string, message: RegExp])[] = [
  ['a day that never comes', '0 0 30 2 *', /never comes/],
  ['empty text', '', /has 0 fields/],
  ['three fields', '* * *', /has 3 fields/],
  ['a step beyond the field', '*/90 * * * *', /step from 1 to 60/],
];
