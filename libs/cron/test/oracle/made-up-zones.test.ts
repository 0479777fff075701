import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, observe, type Window } from './clocks.ts';
import { faultIn } from './compare.ts';
import { timesInZone } from './made-up-zone.ts';
import { POLICIES, timesIn, type Policy } from './minute-oracle.ts';
import { createDice, createRandom, randomExpression } from './random-expression.ts';
import { readExpression } from './reading.ts';

/* What no zone of today does, and one of tomorrow may. */

// The periods of a zone are found in blocks of 366 days.
const SEAM = 56 * 366 * DAY;

it('has the times that a look at every minute finds when clocks change around the seam of two blocks', () => {
  const dice = createDice(createRandom(366));
  for (let round = 0; round < 250; round += 1) {
    const [change, distance] = [dice.oneOf([-3, -2, -1, -0.5, 0.5, 1, 2, 3]), dice.number(-8, 8)];
    const offsetAt = (at: number): number => (at < SEAM + distance * (HOUR / 2) ? 0 : change * HOUR);
    const window = observe((at) => at + offsetAt(at), SEAM - DAY, SEAM + DAY);
    const expr = randomExpression(dice);
    const fault = faultIfComes(expr, offsetAt, window, dice.oneOf(POLICIES));
    expect({ expr, change, distance, fault }).toEqual({ expr, change, distance, fault: undefined });
  }
});

function faultIfComes(expr: string, offsetAt: (at: number) => number, window: Window, policy: Policy): string | undefined {
  const reading = readExpression(expr);
  const [expected] = timesIn(reading, window, [policy]);
  // What never comes is refused; most random expressions have a time within two days.
  return expected!.length === 0 ? undefined : faultIn(timesInZone(expr, offsetAt, policy), expected!, window);
}

/*
 * New rules for a zone: a process has fired by the old ones up to some instant, is restarted with new tzdata, and goes on from
 * the last scheduled instant. `until`: up to here clocks show the same by both.
 */
const MOST = 100_000;
const T = Date.UTC(2026, 2, 29, 1);
const WEEK = 7 * DAY;
const from = (instant: number, before: number, after: number) => (at: number): number => (at < instant ? before : after) * HOUR;

const NEW_RULES: readonly (readonly [what: string, old: (at: number) => number, young: (at: number) => number, until: number])[] = [
  ['summer time is abolished', from(T, 1, 2), from(T, 1, 1), T],
  ['summer time is brought in', from(T, 1, 1), from(T, 1, 2), T],
  ['winter time is abolished', from(T, 2, 1), from(T, 2, 2), T],
  ['winter time is brought in', from(T, 2, 2), from(T, 2, 1), T],
  ['the change is put off by a week', from(T, 1, 2), from(T + WEEK, 1, 2), T],
  ['the change is brought forward by a week', from(T + WEEK, 2, 1), from(T, 2, 1), T],
  ['clocks move by half an hour', from(T, 5, 5), from(T, 5, 5.5), T],
  ['clocks move the other way', from(T, 1, 2), from(T, 1, 0), T],
  ['clocks move by three hours', from(T, 8, 8), from(T, 8, 11), T],
  ['the zone moves over the date line', from(T, -11, -11), from(T, -11, 13), T],
];

const EXPRESSIONS = ['30 2 * * *', '0 3 * * *', '0,30 0-4 * * *', '15 23 * * *', '*/20 * * * *', '0 */2 * * *', '30 1 ? * SUN', '45 2 29,30 * *'];

describe.each(NEW_RULES)('%s', (_, old, young, until) => {
  const window = observe((at) => at + young(at), until - 3 * DAY, until + 9 * DAY);
  // Whether a time before a change is the first of two depends on the change: by `second`, three hours before it are settled by it.
  const latest = ({ overlap }: Policy): number => (overlap === 'second' ? until - 3 * HOUR : until);

  it('fires what the new rules say, each once, whenever they come in time', () => {
    for (const expr of EXPRESSIONS) {
      for (const policy of POLICIES) {
        const [expected] = timesIn(readExpression(expr), window, [policy]);
        const [before, after] = [timesInZone(expr, old, policy), timesInZone(expr, young, policy)];
        const wrong = [];
        for (let update = latest(policy) - 1; update > window.from; update -= 167 * MINUTE) {
          const fired = before.between(window.from, update + 1, MOST);
          const all = [...fired, ...after.between((fired.at(-1) ?? window.from - 1) + 1, window.to, MOST)];
          if (JSON.stringify(all) !== JSON.stringify(expected)) wrong.push(new Date(update).toISOString());
        }
        expect({ expr, policy, wrong }).toEqual({ expr, policy, wrong: [] });
      }
    }
  });

  it('fires no instant twice, and loses none of the new rules, when they come too late', () => {
    for (const expr of EXPRESSIONS) {
      const policy = POLICIES[0]!;
      const [expected] = timesIn(readExpression(expr), window, [policy]);
      const [before, after] = [timesInZone(expr, old, policy), timesInZone(expr, young, policy)];
      for (let update = until; update < until + 2 * DAY; update += 97 * MINUTE) {
        const fired = before.between(window.from, update + 1, MOST);
        const rest = after.between((fired.at(-1) ?? window.from - 1) + 1, window.to, MOST);
        expect(new Set([...fired, ...rest]).size).toBe(fired.length + rest.length);
        expect(rest.filter((at) => at > update)).toEqual(expected!.filter((at) => at > update));
      }
    }
  });

  it('fires a daily time once on each local day that has come', () => {
    const [before, after] = POLICIES.slice(0, 1).flatMap((policy) => [timesInZone('0 12 * * *', old, policy), timesInZone('0 12 * * *', young, policy)]);
    for (let update = window.from; update < until; update += 97 * MINUTE) {
      const fired = before!.between(window.from, update + 1, MOST);
      const all = [...fired, ...after!.between((fired.at(-1) ?? window.from - 1) + 1, window.to, MOST)];
      const days = all.map((at) => Math.floor((at + young(at)) / DAY));
      const shown = new Set([...window.shown].filter((local) => local % DAY === 12 * HOUR).map((local) => Math.floor(local / DAY)));
      expect(days).toEqual([...shown]);
    }
  });
});
