import { cron } from '@staddle/cron';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCronTimeline } from '../src/expression/cron-evaluator.ts';
import { parseCronExpression } from '../src/expression/cron-expression.ts';
import type { Timeline } from '../src/timeline.ts';
import { createTimeZone } from '../src/zone/time-zone.ts';
import { changesOf, clocksOf, DAY, HOUR, observe } from './oracle/clocks.ts';
import { faultIn, restartFaultIn, type Times } from './oracle/compare.ts';
import { POLICIES, timesIn } from './oracle/minute-oracle.ts';
import { createDice, createRandom, randomExpression } from './oracle/random-expression.ts';
import { readExpression } from './oracle/reading.ts';
import { trickyExpressions } from './oracle/tricky-expressions.ts';

/** What a trigger makes of a timeline. */
function timesOf(timeline: Timeline): Times {
  return {
    next: (after) => timeline.next(after),
    prev: (before) => timeline.prev(before),
    between(from, to) {
      const times: number[] = [];
      for (let at = timeline.next(from - 1); at !== undefined && at < to; at = timeline.next(at)) times.push(at);
      return times;
    },
  };
}

const policy = fc.constantFrom(...POLICIES);
/** Any that comes. */
const expression = fc
  .integer()
  .map((seed) => randomExpression(createDice(createRandom(seed))))
  .filter((expr) => {
    try {
      parseCronExpression(expr);
      return true;
    } catch {
      return false; // some of them mean days that never come
    }
  });

describe('clock changes before 2020, each of its kind', () => {
  it.each<[tz: string, what: string, ...days: string[]]>([
    ['Africa/Cairo', 'at midnight, four times in one year around Ramadan', '2014-05-16', '2014-06-27', '2014-08-01', '2014-09-26'],
    ['America/Sao_Paulo', 'at midnight', '2018-11-04', '2018-02-18'],
    ['Australia/Lord_Howe', 'by half an hour', '2015-04-05', '2015-10-04'],
    ['Antarctica/Troll', 'by two hours', '2015-03-29', '2015-10-25'],
    ['Antarctica/Casey', 'by three hours', '2016-10-22'],
    ['Asia/Pyongyang', 'to half an hour', '2015-08-15', '2018-05-05'],
    ['America/Caracas', 'by half an hour for good', '2007-12-09', '2016-05-01'],
    ['Pacific/Apia', 'over the date line', '2011-12-30', '2012-04-01'],
    ['Africa/Casablanca', 'for Ramadan', '2018-06-17'],
    ['Asia/Singapore', 'by half an hour into the new year', '1982-01-01'],
    ['America/Noronha', 'twice within a week', '2000-10-08', '2000-10-15'],
  ])('%s, %s', (tz, _, ...days) => {
    const clocks = clocksOf(tz);
    for (const day of days) {
      const [change] = changesOf(clocks, Date.parse(day) - 2 * DAY, Date.parse(day) + 2 * DAY);
      const window = observe(clocks, change!.at - 3 * DAY, change!.at + 3 * DAY);
      const { fixed, following } = trickyExpressions(change!);
      for (const expr of [...fixed, ...following]) {
        timesIn(readExpression(expr), window, POLICIES).forEach((times, index) => {
          const trigger = cron(expr, { tz, dst: POLICIES[index] });
          const asked = { from: change!.at - 4 * HOUR, to: change!.at + 4 * HOUR };
          const faults = [faultIn(trigger, times, window), restartFaultIn(trigger, times, asked, window.to)];
          expect([expr, POLICIES[index], ...faults]).toEqual([expr, POLICIES[index], undefined, undefined]);
        });
      }
    }
  });
});

// The periods of a zone are found in blocks of 366 days. No zone of today changes within the days around such a seam, one of
// tomorrow may: here zones are made up that change by some hours, some half hours from a seam.
describe('clocks that change around the seam of two blocks of periods', () => {
  const seam = 50 * 366 * DAY;
  const change = fc
    .record({
      hours: fc.constantFrom(-4, -3, -2, -1, -0.5, 0.5, 1, 3, 4),
      // What reaches over the seam, and what is near enough to be looked for beyond it.
      halfHours: fc.oneof(fc.integer({ min: -8, max: 8 }), fc.integer({ min: -100, max: 100 })),
    })
    .map(({ hours, halfHours }) => ({ at: seam + halfHours * (HOUR / 2), before: 0, after: hours * HOUR }));
  const meaningIt = change.chain((made) => {
    const { fixed, following } = trickyExpressions(made);
    return fc.record({ change: fc.constant(made), expr: fc.constantFrom(...fixed, ...following) });
  });

  it.each([
    ['any expression', fc.record({ change, expr: expression })],
    ['those that mean the very change', meaningIt],
  ])('are followed as a look at every minute finds it, for %s', (_, cases) => {
    fc.assert(
      fc.property(cases, policy, ({ change: { at, before, after }, expr }, dst) => {
        const offsetAt = (ms: number): number => (ms < at ? before : after);
        const window = observe((ms) => ms + offsetAt(ms), at - 3 * DAY, at + 3 * DAY);
        const times = timesOf(createCronTimeline(parseCronExpression(expr), createTimeZone(offsetAt), dst));
        const expected = timesIn(readExpression(expr), window, [dst])[0]!;
        expect(faultIn(times, expected, window)).toBeUndefined();
        expect(restartFaultIn(times, expected, { from: at - 4 * HOUR, to: at + 4 * HOUR }, window.to)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});

describe('the way back', () => {
  const zone = fc.constantFrom('UTC', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Cairo', 'Asia/Kolkata', 'Pacific/Apia');
  const instant = fc.integer({ min: Date.UTC(2009, 0, 1), max: Date.UTC(2040, 0, 1) });

  it('mirrors the way there, from any time and from between two times', () => {
    fc.assert(
      fc.property(expression, zone, policy, instant, (expr, tz, dst, from) => {
        const trigger = cron(expr, { tz, dst });
        const there = trigger.next(from);
        const back = there === undefined ? trigger.prev(Infinity) : trigger.prev(there);
        // Nothing is in between but perhaps where it started.
        expect(back).toBe(trigger.matches(from) ? from : trigger.prev(from));
        expect(back === undefined ? trigger.next(-Infinity) : trigger.next(back)).toBe(there);
        expect(there === undefined || there > from).toBe(true);
        expect(back === undefined || back <= from).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it.each<[expr: string, isDay: (day: Date) => boolean]>([
    ['0 0 29 2 *', (day) => day.getUTCMonth() === 1 && day.getUTCDate() === 29],
    ['0 0 29 2 */7', (day) => day.getUTCMonth() === 1 && day.getUTCDate() === 29 && day.getUTCDay() === 0],
    ['0 0 0 1 1 * 1970-9999/1000', (day) => day.getUTCFullYear() % 1_000 === 970 && day.getUTCMonth() === 0 && day.getUTCDate() === 1],
  ])('has the whole set, from the first time to the last: %s', (expr, isDay) => {
    const days: number[] = [];
    for (let day = 0; day < Date.UTC(10_000, 0, 1); day += DAY) if (isDay(new Date(day))) days.push(day);
    const trigger = cron(expr, { tz: 'UTC' });
    const back: number[] = [];
    for (let at = trigger.prev(Infinity); at !== undefined; at = trigger.prev(at)) back.push(at);
    expect(trigger.between(-Infinity, Infinity, 100_000)).toEqual(days);
    expect(back.toReversed()).toEqual(days);
  });
});

describe('the ends of time', () => {
  const first = (expr: string, tz: string): string => new Date(cron(expr, { tz }).next(-Infinity)!).toISOString();
  const last = (expr: string, tz: string): string => new Date(cron(expr, { tz }).prev(Infinity)!).toISOString();

  it('are those of UTC, whatever the clocks show', () => {
    expect(first('0 18 * * *', 'America/New_York')).toBe('1970-01-01T23:00:00.000Z');
    expect(first('0 19 * * *', 'America/New_York')).toBe('1970-01-01T00:00:00.000Z'); // shown as the last day of 1969
    expect(first('0 8 * * *', 'Asia/Tokyo')).toBe('1970-01-01T23:00:00.000Z');
    expect(last('0 8 * * *', 'Asia/Tokyo')).toBe('9999-12-31T23:00:00.000Z'); // shown as the first day of 10000
    expect(last('* * * * * *', 'America/New_York')).toBe('9999-12-31T23:59:59.000Z');
  });

  it('bound a year field by what the clocks show', () => {
    expect(first('0 0 0 * * * 1970', 'America/New_York')).toBe('1970-01-01T05:00:00.000Z');
    expect(last('0 0 0 * * * 9999', 'Asia/Tokyo')).toBe('9999-12-30T15:00:00.000Z');
    expect(cron('0 0 0 1 1 * 1970', { tz: 'Asia/Tokyo' }).next(-Infinity)).toBeUndefined(); // 1969 in UTC
  });
});
