import { cron } from '@staddle/cron';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextCronTime } from '../src/expression/cron-evaluator.ts';
import { parseCronExpression } from '../src/expression/cron-expression.ts';
import { createTimeZone } from '../src/zone/time-zone.ts';
import { clocksOf, observe, scan, type Window } from './oracle.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

// A changeover each way, and what makes the zone hard.
const CHANGEOVERS: readonly [tz: string, what: string, ...days: string[]][] = [
  ['America/New_York', 'at two in the morning', '2025-03-09', '2025-11-02'],
  ['Europe/London', 'at one in the morning', '2025-03-30', '2025-10-26'],
  ['Australia/Lord_Howe', 'by half an hour', '2025-04-06', '2025-10-05'],
  ['Africa/Cairo', 'at midnight, twice in one year around Ramadan', '2014-05-16', '2014-06-27', '2014-08-01', '2025-04-25'],
  ['America/Havana', 'at midnight and back over it', '2025-03-09', '2025-11-02'],
  ['Antarctica/Troll', 'by two hours', '2025-03-30', '2025-10-26'],
  ['Asia/Kolkata', 'never, at an offset of five and a half hours', '2025-03-30'],
  ['America/Sao_Paulo', 'at midnight', '2018-11-04', '2018-02-18'],
  ['Pacific/Apia', 'over the date line', '2011-12-30', '2012-04-01'],
  ['Africa/Casablanca', 'for Ramadan', '2025-02-23', '2025-04-06'],
];

const number = (min: number, max: number) => fc.integer({ min, max }).map(String);
const range = (min: number, max: number) =>
  fc
    .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
const field = (min: number, max: number): fc.Arbitrary<string> => {
  const stepped = range(min, max).chain(([first, last]) => fc.integer({ min: 1, max: last - first + 1 }).map((step) => `${first}-${last}/${step}`));
  const item = fc.oneof(
    number(min, max),
    range(min, max).map(([first, last]) => `${first}-${last}`),
    stepped,
    fc.integer({ min: 1, max: max - min + 1 }).map((step) => `*/${step}`),
  );
  return fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => items.join(','));
};
// Mostly in the small hours, where clocks change; days mostly open, so that something fires there.
const expression = fc
  .tuple(
    fc.oneof(field(0, 59), fc.constant('*')),
    fc.oneof(field(0, 4), field(0, 23), fc.constant('*')),
    fc.oneof({ weight: 4, arbitrary: fc.constant('*') }, { weight: 1, arbitrary: field(1, 28) }),
    fc.constant('*'),
    fc.oneof({ weight: 4, arbitrary: fc.constant('*') }, { weight: 1, arbitrary: field(0, 6) }),
  )
  .map((fields) => fields.join(' '));

/** The times in (after, before), by asking for one after the other. */
function walk(expr: string, tz: string, after: number, before: number): number[] {
  const trigger = cron(expr, { tz });
  const times: number[] = [];
  for (let at = trigger.next(after); at !== undefined && at < before; at = trigger.next(at)) times.push(at);
  return times;
}

describe.each(CHANGEOVERS)('%s, which changes clocks %s', (tz, _, ...days) => {
  const windows: Window[] = days.map((day) => observe(clocksOf(tz), Date.parse(day) - 2 * DAY, Date.parse(day) + 2 * DAY));

  it('has the times that a look at every minute finds, from wherever one starts', () => {
    fc.assert(
      fc.property(expression, fc.constantFrom(...windows), fc.double({ min: 0, max: 1, noNaN: true }), (expr, window, part) => {
        const { from, to } = window;
        const times = scan(expr, window);
        expect(walk(expr, tz, from - 1, to)).toEqual(times);
        const start = Math.floor(from + part * (to - from - 1));
        expect(walk(expr, tz, start, to)).toEqual(times.filter((at) => at > start));
      }),
      { numRuns: 60 },
    );
  });

  it('has the same times after a restart at any minute of the changeover', () => {
    for (const window of windows) {
      for (const expr of ['30 2 * * *', '0,30 0-3 * * *', '*/20 1 * * *', '59 23 * * *', '15 */2 * * *']) {
        const times = scan(expr, window);
        const trigger = cron(expr, { tz });
        const wrong = window.minutes
          .map(({ at }) => ({ at, expected: times.find((time) => time > at) }))
          .filter(({ at, expected }) => expected !== undefined && trigger.next(at) !== expected);
        expect(wrong).toEqual([]);
      }
    }
  });
});

it('has for six fields the seconds of the minutes that five fields have', () => {
  const tz = 'America/New_York';
  const window = observe(clocksOf(tz), Date.parse('2025-11-01'), Date.parse('2025-11-04'));
  fc.assert(
    fc.property(expression, fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { minLength: 1, maxLength: 4 }), (expr, seconds) => {
      const sorted = seconds.toSorted((a, b) => a - b);
      const expected = scan(expr, window).flatMap((minute) => sorted.map((second) => minute + second * 1_000));
      expect(walk(`${seconds.join(',')} ${expr}`, tz, window.from - 1, window.to)).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

// The periods of a zone are found in blocks of 366 days. No zone of today changes within the hours around such a seam, one of
// tomorrow may: here a zone is made up that changes by `change` hours, `distance` half hours from a seam.
it('has the times that a look at every minute finds when clocks change around the seam of two blocks', () => {
  const seam = 50 * 366 * DAY;
  const changes = fc.constantFrom(-3, -1, -0.5, 0.5, 1, 3);
  const distances = fc.integer({ min: -8, max: 8 });
  fc.assert(
    fc.property(expression, changes, distances, (expr, change, distance) => {
      const offsetAt = (ms: number): number => (ms < seam + distance * (HOUR / 2) ? 0 : change * HOUR);
      const window = observe((ms) => ms + offsetAt(ms), seam - DAY, seam + DAY);
      const [cronExpression, zone] = [parseCronExpression(expr), createTimeZone(offsetAt)];
      const times: number[] = [];
      for (let at = window.from - 1; ; ) {
        at = nextCronTime(cronExpression, zone, at) ?? Infinity;
        if (at >= window.to) break;
        times.push(at);
      }
      expect(times).toEqual(scan(expr, window));
      // A local time that is shown leads back to its instant, or to the earlier one of two.
      for (const { at, local } of window.minutes) {
        const instants = [zone.instantOf(at + local.offset, 0), zone.instantOf(at + local.offset, 1)];
        expect(instants).toContain(at);
        expect(instants[0]).toBeLessThanOrEqual(instants[1]!);
      }
    }),
    { numRuns: 60 },
  );
});
