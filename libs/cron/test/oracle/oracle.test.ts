import { describe, expect, it } from 'vitest';
import { changesOf, clocksOf, DAY, HOUR, MINUTE, observe, type Clocks } from './clocks.ts';
import { faultIn, restartFaultIn, type Times } from './compare.ts';
import { historyOf, timesFrom } from './day-oracle.ts';
import { DEFAULT_POLICY, POLICIES, timesIn, type Policy } from './minute-oracle.ts';
import { createDice, createRandom, randomExpression } from './random-expression.ts';
import { readExpression } from './reading.ts';

const ONE = Date.UTC(2026, 0, 1, 1);
const shift = (hours: number): Clocks => (at) => (at < ONE ? at : at + hours * HOUR);

/** The times from midnight to eight o'clock UTC of a day on which clocks change by so many hours at one o'clock. */
function times(expr: string, hours: number, policy: Partial<Policy> = {}): string {
  const window = observe(shift(hours), ONE - DAY, ONE + DAY);
  const [all] = timesIn(readExpression(expr), window, [{ ...DEFAULT_POLICY, ...policy }]);
  const near = all!.filter((at) => at >= ONE - HOUR && at < ONE + 7 * HOUR);
  return near.map((at) => new Date(at).toISOString().slice(11, at % MINUTE === 0 ? 16 : 19)).join(' ');
}

describe('clocks that jump from 01:00 to 02:00', () => {
  it.each<[what: string, expr: string, policy: Partial<Policy>, times: string]>([
    ['fires a skipped time when the gap ends', '30 1 * * *', {}, '01:00'],
    ['fires once for many skipped times, and for one at the end', '0,20,40 1-2 * * *', {}, '01:00 01:20 01:40'],
    ['fires at the end of the gap beside the seconds of a time there', '30 0,30 1,2 * * *', { gap: 'fire_at_end' }, '01:00 01:00:30 01:30:30'],
    ['leaves the time before and at the end of the gap as they are', '59 0 * * *', {}, '00:59'],
    ['moves skipped times by the length of the gap', '0,20,40 1 * * *', { gap: 'shift' }, '01:00 01:20 01:40'],
    ['lets moved times fall together with others', '0,40 1-2 * * *', { gap: 'shift' }, '01:00 01:40'],
    ['drops skipped times', '0,20 1-2 * * *', { gap: 'skip' }, '01:00 01:20'],
    ['fires nothing more for what follows the clock', '*/30 1 * * *', {}, ''],
    ['goes on for what follows the clock', '*/30 * * * *', { gap: 'shift' }, '00:00 00:30 01:00 01:30 02:00 02:30 03:00 03:30 04:00 04:30 05:00 05:30 06:00 06:30 07:00 07:30'],
  ])('%s', (_, expr, policy, expected) => expect(times(expr, 1, policy)).toBe(expected));
});

describe('clocks that fall from 01:00 to 00:00', () => {
  it.each<[what: string, expr: string, policy: Partial<Policy>, times: string]>([
    ['fires the first time', '30 0 * * *', {}, '00:30'],
    ['fires the second time', '30 0 * * *', { overlap: 'second' }, '01:30'],
    ['fires both times', '30 0 * * *', { overlap: 'both' }, '00:30 01:30'],
    ['takes the edges to the hour they begin', '0 0,1 * * *', {}, '00:00 02:00'],
    ['takes the edges to the hour they begin, the second time', '0 0,1 * * *', { overlap: 'second' }, '01:00 02:00'],
    ['fires both times for what follows the clock', '*/30 0 * * *', { overlap: 'first' }, '00:00 00:30 01:00 01:30'],
  ])('%s', (_, expr, policy, expected) => expect(times(expr, -1, policy)).toBe(expected));
});

it('corrects changes of up to three hours', () => {
  expect(times('30 2 * * *', 3)).toBe('01:00');
  expect(times('30 2 * * *', 3.5)).toBe('');
  expect(times('30 0 * * *', -3)).toBe('00:30');
  expect(times('30 0 * * *', -4)).toBe('00:30 04:30');
});

it('finds the changes of a zone to the minute', () => {
  const changes = changesOf(clocksOf('America/New_York'), Date.UTC(2025, 0, 1), Date.UTC(2026, 0, 1));
  expect(changes).toEqual([
    { at: Date.parse('2025-03-09T07:00Z'), before: -5 * HOUR, after: -4 * HOUR },
    { at: Date.parse('2025-11-02T06:00Z'), before: -4 * HOUR, after: -5 * HOUR },
  ]);
});

it.each(['America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Antarctica/Troll'])('sees in %s by quarters of an hour what it sees at every minute', (tz) => {
  const clocks = clocksOf(tz);
  for (const { at } of changesOf(clocks, Date.UTC(2025, 0, 1), Date.UTC(2026, 0, 1))) {
    const [from, to] = [at - 7 * HOUR, at + 7 * HOUR];
    expect(observe(clocks, from, to)).toEqual(observe(clocks, from, to, { everyMinute: true }));
  }
});

// The two oracles tell the rules in different words: one from the instants around a change, the other from the local times.
it.each([
  ['America/New_York', '2025-03-09'],
  ['America/Havana', '2025-11-02'],
  ['Australia/Lord_Howe', '2025-04-06'],
  ['Antarctica/Troll', '2025-03-30'],
  ['Antarctica/Casey', '2020-10-03'],
  ['Pacific/Apia', '2011-12-30'],
])('has in %s around %s the same nearest times by minutes and by days', (tz, day) => {
  const dice = createDice(createRandom(Date.parse(day)));
  const clocks = clocksOf(tz);
  const middle = Date.parse(day);
  const window = observe(clocks, middle - 4 * DAY, middle + 4 * DAY);
  const history = historyOf(clocks, middle - 30 * DAY, middle + 30 * DAY);
  for (let round = 0; round < 60; round += 1) {
    const expr = randomExpression(dice);
    const reading = readExpression(expr);
    const start = middle + dice.number(-2_000, 2_000) * MINUTE;
    timesIn(reading, window, POLICIES).forEach((all, index) => {
      const question = { reading, history, policy: POLICIES[index]!, start, count: 3, horizon: 2 * DAY };
      const after = all.filter((at) => at > start && at <= start + 2 * DAY);
      const before = all.filter((at) => at < start && at >= start - 2 * DAY).toReversed();
      expect([expr, timesFrom(question, 1), timesFrom(question, -1)]).toEqual([expr, after.slice(0, 3), before.slice(0, 3)]);
    });
  }
});

describe('an evaluator that is wrong', () => {
  const expected = ['2025-11-01T05:30Z', '2025-11-02T05:30Z', '2025-11-03T06:30Z'].map((time) => Date.parse(time));
  const span = { from: Date.parse('2025-11-01T00:00Z'), to: Date.parse('2025-11-04T00:00Z') };
  const evaluator = (set: readonly number[], broken: Partial<Times> = {}): Times => ({
    next: (after) => set.find((at) => at > after),
    prev: (before) => set.findLast((at) => at < before),
    between: (from, to) => set.filter((at) => at >= from && at < to),
    ...broken,
  });
  const second = Date.parse('2025-11-02T06:30Z');

  it('is not suspected when it is right', () => {
    expect(faultIn(evaluator(expected), expected, span)).toBeUndefined();
    expect(restartFaultIn(evaluator(expected), expected, span, span.to)).toBeUndefined();
  });

  it.each<[what: string, evaluator: Times]>([
    ['fires a second time', evaluator(expected.concat(second).toSorted((a, b) => a - b))],
    ['leaves out a time', evaluator(expected.toSpliced(1, 1))],
    ['leaves out the last time', evaluator(expected.toSpliced(2, 1))],
    ['fires a millisecond late', evaluator(expected.with(1, expected[1]! + 1))],
    ['stands still', evaluator(expected, { next: (after) => expected.find((at) => at >= after) })],
    ['goes back over another set', evaluator(expected, { prev: (before) => [...expected, second].findLast((at) => at < before) })],
    ['goes back from what it is asked for, not from before it', evaluator(expected, { prev: (before) => expected.findLast((at) => at <= before) })],
    ['knows no earlier times', evaluator(expected, { prev: () => undefined })],
    ['lists one too few', evaluator(expected, { between: () => expected.slice(1) })],
    ['lists one too many', evaluator(expected, { between: () => [...expected, second] })],
  ])('is caught when it %s', (_, broken) => expect(faultIn(broken, expected, span)).toBeDefined());

  it('is caught when it fires again after a restart in the middle of the repeated hour', () => {
    const forgetful = evaluator(expected, { next: (after) => (after >= second - 30 * MINUTE && after < second ? second : expected.find((at) => at > after)) });
    expect(faultIn(forgetful, expected, span)).toBeUndefined();
    expect(restartFaultIn(forgetful, expected, span, span.to)).toContain('next(2025-11-02T06:00:00.000Z)');
  });
});
