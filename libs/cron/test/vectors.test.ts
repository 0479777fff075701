import { cron } from '@staddle/cron';
import { expect, it } from 'vitest';

interface Vector {
  readonly what: string;
  readonly expr: string;
  readonly tz: string;
  /** Exclusive. */
  readonly from: string;
  /** The times that follow, without gap. */
  readonly times: readonly string[];
  /** There are no more of them. */
  readonly end?: boolean;
}

const NEW_YORK = 'America/New_York';
const LORD_HOWE = 'Australia/Lord_Howe';

const VECTORS: readonly Vector[] = [
  {
    what: 'a fixed time in the gap fires when the gap ends',
    expr: '30 2 * * *',
    tz: NEW_YORK,
    from: '2025-03-08T12:00Z',
    times: ['2025-03-09T07:00Z', '2025-03-10T06:30Z'],
  },
  {
    what: 'several fixed times in the gap collapse into one, also with one at its end',
    expr: '0,30 2,3 * * *',
    tz: NEW_YORK,
    from: '2025-03-09T06:00Z',
    times: ['2025-03-09T07:00Z', '2025-03-09T07:30Z', '2025-03-10T06:00Z'],
  },
  {
    what: 'an hourly one goes on hourly over the gap',
    expr: '0 * * * *',
    tz: NEW_YORK,
    from: '2025-03-09T05:30Z',
    times: ['2025-03-09T06:00Z', '2025-03-09T07:00Z', '2025-03-09T08:00Z'],
  },
  {
    what: 'every second hour by the clock has nothing to catch up on after the gap',
    expr: '0 */2 * * *',
    tz: NEW_YORK,
    from: '2025-03-09T04:30Z',
    times: ['2025-03-09T05:00Z', '2025-03-09T08:00Z', '2025-03-09T10:00Z'],
  },
  {
    what: 'a fixed time that comes twice fires the first time only',
    expr: '30 1 * * *',
    tz: NEW_YORK,
    from: '2025-11-02T04:00Z',
    times: ['2025-11-02T05:30Z', '2025-11-03T06:30Z'],
  },
  {
    what: 'asked from inside the overlap, a fixed time is over for the day',
    expr: '30 1 * * *',
    tz: NEW_YORK,
    from: '2025-11-02T06:00Z',
    times: ['2025-11-03T06:30Z'],
  },
  {
    what: 'an hourly one fires in both passes of the overlap',
    expr: '0 * * * *',
    tz: NEW_YORK,
    from: '2025-11-02T04:30Z',
    times: ['2025-11-02T05:00Z', '2025-11-02T06:00Z', '2025-11-02T07:00Z'],
  },
  {
    what: 'a heartbeat does not pause for the overlap',
    expr: '* * * * *',
    tz: 'America/Los_Angeles',
    from: '2025-11-02T08:58Z',
    times: ['2025-11-02T08:59Z', '2025-11-02T09:00Z', '2025-11-02T09:01Z'],
  },
  {
    what: 'a stepped minute within a repeated hour fires in both passes',
    expr: '*/20 1 * * *',
    tz: NEW_YORK,
    from: '2025-11-02T04:59Z',
    times: [
      '2025-11-02T05:00Z',
      '2025-11-02T05:20Z',
      '2025-11-02T05:40Z',
      '2025-11-02T06:00Z',
      '2025-11-02T06:20Z',
      '2025-11-02T06:40Z',
      '2025-11-03T06:00Z',
    ],
  },
  {
    what: 'a list of fixed hours fires once for each',
    expr: '0 1,2 * * *',
    tz: NEW_YORK,
    from: '2025-11-02T04:30Z',
    times: ['2025-11-02T05:00Z', '2025-11-02T07:00Z', '2025-11-03T06:00Z'],
  },
  {
    what: 'the gap of London',
    expr: '30 1 * * *',
    tz: 'Europe/London',
    from: '2025-03-30T00:00Z',
    times: ['2025-03-30T01:00Z', '2025-03-31T00:30Z'],
  },
  {
    what: 'the overlap of London',
    expr: '30 1 * * *',
    tz: 'Europe/London',
    from: '2025-10-26T00:00Z',
    times: ['2025-10-26T00:30Z', '2025-10-27T01:30Z'],
  },
  {
    what: 'a gap of thirty minutes',
    expr: '15 2 * * *',
    tz: LORD_HOWE,
    from: '2025-10-04T00:00Z',
    times: ['2025-10-04T15:30Z', '2025-10-05T15:15Z'],
  },
  {
    what: 'an overlap of thirty minutes',
    expr: '45 1 * * *',
    tz: LORD_HOWE,
    from: '2025-04-05T00:00Z',
    times: ['2025-04-05T14:45Z', '2025-04-06T15:15Z'],
  },
  {
    what: 'a stepped minute in an overlap of thirty minutes',
    expr: '*/15 1 * * *',
    tz: LORD_HOWE,
    from: '2025-04-05T13:00Z',
    times: [
      '2025-04-05T14:00Z',
      '2025-04-05T14:15Z',
      '2025-04-05T14:30Z',
      '2025-04-05T14:45Z',
      '2025-04-05T15:00Z',
      '2025-04-05T15:15Z',
      '2025-04-06T14:30Z',
    ],
  },
  {
    what: 'a gap of two hours',
    expr: '30 2 * * *',
    tz: 'Antarctica/Troll',
    from: '2025-03-29T12:00Z',
    times: ['2025-03-30T01:00Z', '2025-03-31T00:30Z'],
  },
  {
    what: 'a gap at midnight',
    expr: '0 0 * * *',
    tz: 'America/Sao_Paulo',
    from: '2018-11-03T12:00Z',
    times: ['2018-11-04T03:00Z', '2018-11-05T02:00Z'],
  },
  {
    what: 'a time inside a gap at midnight',
    expr: '30 0 * * *',
    tz: 'Africa/Cairo',
    from: '2025-04-24T12:00Z',
    times: ['2025-04-24T22:00Z', '2025-04-25T21:30Z'],
  },
  {
    what: 'midnight itself in a gap',
    expr: '0 0 * * *',
    tz: 'America/Havana',
    from: '2025-03-08T12:00Z',
    times: ['2025-03-09T05:00Z', '2025-03-10T04:00Z'],
  },
  {
    what: 'an overlap at midnight',
    expr: '30 0 * * *',
    tz: 'America/Havana',
    from: '2025-11-01T12:00Z',
    times: ['2025-11-02T04:30Z', '2025-11-03T05:30Z'],
  },
  {
    what: 'a day that the date line took away',
    expr: '0 12 * * *',
    tz: 'Pacific/Apia',
    from: '2011-12-28T12:00Z',
    times: ['2011-12-28T22:00Z', '2011-12-29T22:00Z', '2011-12-30T22:00Z'],
  },
  {
    what: 'the clock change for Ramadan',
    expr: '30 2 * * *',
    tz: 'Africa/Casablanca',
    from: '2025-02-22T12:00Z',
    times: ['2025-02-23T01:30Z', '2025-02-24T02:30Z'],
  },
  {
    what: 'leap days',
    expr: '0 0 29 2 *',
    tz: 'UTC',
    from: '2025-01-01T00:00Z',
    times: ['2028-02-29T00:00Z', '2032-02-29T00:00Z'],
  },
  {
    what: 'a century without leap day',
    expr: '0 0 29 2 *',
    tz: 'UTC',
    from: '2096-03-01T00:00Z',
    times: ['2104-02-29T00:00Z'],
  },
  {
    what: 'the 31st skips short months',
    expr: '0 0 31 * *',
    tz: 'UTC',
    from: '2025-01-31T00:00Z',
    times: ['2025-03-31T00:00Z', '2025-05-31T00:00Z', '2025-07-31T00:00Z'],
  },
  {
    what: 'the last day of the month',
    expr: '0 0 L * *',
    tz: 'UTC',
    from: '2024-01-31T12:00Z',
    times: ['2024-02-29T00:00Z', '2024-03-31T00:00Z', '2024-04-30T00:00Z'],
  },
  {
    what: 'three days before the last one',
    expr: '0 0 L-3 * *',
    tz: 'UTC',
    from: '2025-05-01T00:00Z',
    times: ['2025-05-28T00:00Z', '2025-06-27T00:00Z', '2025-07-28T00:00Z'],
  },
  {
    what: 'the working day nearest to the 15th',
    expr: '0 0 15W * *',
    tz: 'UTC',
    from: '2025-06-01T00:00Z',
    times: ['2025-06-16T00:00Z', '2025-07-15T00:00Z', '2025-08-15T00:00Z'],
  },
  {
    what: 'the working day nearest to the first, within the month',
    expr: '0 0 1W * *',
    tz: 'UTC',
    from: '2025-02-20T00:00Z',
    times: ['2025-03-03T00:00Z', '2025-04-01T00:00Z'],
  },
  {
    what: 'the last working day of the month',
    expr: '0 0 LW * *',
    tz: 'UTC',
    from: '2025-05-01T00:00Z',
    times: ['2025-05-30T00:00Z', '2025-06-30T00:00Z', '2025-07-31T00:00Z'],
  },
  {
    what: 'the fifth Monday',
    expr: '0 0 * * 1#5',
    tz: 'UTC',
    from: '2025-06-01T00:00Z',
    times: ['2025-06-30T00:00Z', '2025-09-29T00:00Z', '2025-12-29T00:00Z'],
  },
  {
    what: 'the last Friday of the month',
    expr: '0 0 * * 5L',
    tz: 'UTC',
    from: '2025-06-01T00:00Z',
    times: ['2025-06-27T00:00Z', '2025-07-25T00:00Z'],
  },
  {
    what: 'a first of the month that is a Monday',
    expr: '0 12 1 * +MON',
    tz: 'UTC',
    from: '2025-06-01T00:00Z',
    times: ['2025-09-01T12:00Z', '2025-12-01T12:00Z'],
  },
  {
    what: 'either day matches when both are restricted',
    expr: '0 0 13 * 5',
    tz: 'UTC',
    from: '2025-06-01T00:00Z',
    times: ['2025-06-06T00:00Z', '2025-06-13T00:00Z', '2025-06-20T00:00Z'],
  },
  {
    what: 'both days match when one begins with a wildcard',
    expr: '0 0 */2 * MON',
    tz: 'UTC',
    from: '2025-06-01T00:00Z',
    times: ['2025-06-09T00:00Z', '2025-06-23T00:00Z', '2025-07-07T00:00Z'],
  },
  {
    what: 'a question mark is any day',
    expr: '0 0 ? * MON',
    tz: 'UTC',
    from: '2025-06-02T00:00Z',
    times: ['2025-06-09T00:00Z', '2025-06-16T00:00Z'],
  },
  {
    what: 'a year comes once, and then nothing',
    expr: '0 0 0 1 1 * 2030',
    tz: 'UTC',
    from: '2025-05-01T00:00Z',
    times: ['2030-01-01T00:00Z'],
    end: true,
  },
  {
    what: 'a step from a value runs to the end of the hour',
    expr: '5/15 * * * *',
    tz: 'UTC',
    from: '2025-06-01T00:00Z',
    times: ['2025-06-01T00:05Z', '2025-06-01T00:20Z', '2025-06-01T00:35Z', '2025-06-01T00:50Z', '2025-06-01T01:05Z'],
  },
  {
    what: 'hours wrap around midnight',
    expr: '0 22-2 * * *',
    tz: 'UTC',
    from: '2025-06-01T21:30Z',
    times: ['2025-06-01T22:00Z', '2025-06-01T23:00Z', '2025-06-02T00:00Z', '2025-06-02T01:00Z', '2025-06-02T02:00Z', '2025-06-02T22:00Z'],
  },
  {
    what: 'days wrap around the end of the week',
    expr: '0 0 * * 6-1',
    tz: 'UTC',
    from: '2025-06-06T00:00Z',
    times: ['2025-06-07T00:00Z', '2025-06-08T00:00Z', '2025-06-09T00:00Z', '2025-06-14T00:00Z'],
  },
  {
    what: 'a nickname',
    expr: '@midnight',
    tz: 'UTC',
    from: '2025-06-01T12:00Z',
    times: ['2025-06-02T00:00Z', '2025-06-03T00:00Z'],
  },
  {
    what: 'seconds in front',
    expr: '*/20 59 23 31 12 *',
    tz: 'UTC',
    from: '2025-12-31T23:59:10Z',
    times: ['2025-12-31T23:59:20Z', '2025-12-31T23:59:40Z', '2026-12-31T23:59:00Z'],
  },
  {
    what: 'seconds do not make a fixed time follow the clock',
    expr: '*/30 30 1 * * *',
    tz: NEW_YORK,
    from: '2025-11-02T05:30Z',
    times: ['2025-11-02T05:30:30Z', '2025-11-03T06:30:00Z'],
  },
  {
    what: 'seconds in the gap collapse into its end as well',
    expr: '15,45 30 2 * * *',
    tz: NEW_YORK,
    from: '2025-03-09T06:00Z',
    times: ['2025-03-09T07:00:00Z', '2025-03-10T06:30:15Z'],
  },
  {
    what: 'a zone whose offset has seconds',
    expr: '0 12 * * *',
    tz: 'Africa/Monrovia',
    from: '1970-01-01T00:00Z',
    times: ['1970-01-01T12:44:30Z', '1970-01-02T12:44:30Z'],
  },
];

it.each(VECTORS)('$what: $expr in $tz from $from', ({ expr, tz, from, times, end }) => {
  const trigger = cron(expr, { tz });
  const expected = times.map((time) => Date.parse(time));
  let at: number | undefined = Date.parse(from);
  for (const time of expected) expect((at = trigger.next(at!))).toBe(time);
  expect(trigger.next(at!) === undefined).toBe(end ?? false);
  for (const time of expected.slice(0, -1).toReversed()) expect((at = trigger.prev(at!))).toBe(time);
});

it.each(['0 0 30 2 *', '', '* * *', '*/90 * * * *'])('refuses %o', (expr) => {
  expect(() => cron(expr, { tz: 'UTC' })).toThrow(expect.objectContaining({ code: 'ERR_CRON_SYNTAX' }));
});

it('spreads H by a seed, and always in the same way', () => {
  const [one, again, other] = ['invoices', 'invoices', 'backups'].map((seed) => cron('H H * * *', { tz: 'UTC', seed }).next(Date.parse('2025-06-01T00:00Z')));
  expect(one).toBe(again);
  expect(one).not.toBe(other);
});
