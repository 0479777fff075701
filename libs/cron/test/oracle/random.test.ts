import { cron, type Trigger } from '@staddle/cron';
import { expect, it } from 'vitest';
import { clocksOf, DAY, MINUTE } from './clocks.ts';
import { historyOf, timesFrom } from './day-oracle.ts';
import { POLICIES } from './minute-oracle.ts';
import { createDice, createRandom, randomExpression, type Dice } from './random-expression.ts';
import { readExpression, type Reading } from './reading.ts';
import { ALL_ZONES } from './zones.ts';

/*
 * A hundred thousand random expressions, each in a random zone, under a random policy, from a random start, mostly near a
 * change of clocks: the next three and the previous three times. The seed settles all of them; CRON_SEED takes another one,
 * CRON_RANDOM another number of expressions.
 */

const SEED = Number(process.env.CRON_SEED ?? 20_251_120);
const EXPRESSIONS = Number(process.env.CRON_RANDOM ?? 100_000);
const BATCHES = 20;
const COUNT = 3;
const NEAR = 40 * DAY;
const FAR = 900 * DAY;
const FROM = Date.UTC(2021, 0, 1);
const TO = Date.UTC(2037, 0, 1);

const histories = new Map(
  // Each zone costs a scan of twenty years; the grammar is the point here, not the zones.
  drawZones(createDice(createRandom(SEED)), 80).map((tz) => [tz, historyOf(clocksOf(tz), FROM - FAR, TO + FAR)]),
);
const zones = [...histories.keys()];

it.each(Array.from({ length: BATCHES }, (_, batch) => SEED + batch))(
  `has the next and previous times of ${EXPRESSIONS / BATCHES} random expressions, seed %i`,
  (seed) => {
    const dice = createDice(createRandom(seed));
    const faults = Array.from({ length: EXPRESSIONS / BATCHES }, () => faultOfOne(dice)).filter((fault) => fault !== undefined);
    expect(faults.slice(0, 5)).toEqual([]);
  },
  120_000,
);

function faultOfOne(dice: Dice): object | undefined {
  const expr = randomExpression(dice);
  const tz = dice.oneOf(zones);
  const dst = dice.oneOf(POLICIES);
  const start = randomStart(dice, tz);
  const about = { expr, tz, dst, start: new Date(start).toISOString() };
  const reading = readExpression(expr);

  let trigger: Trigger;
  try {
    trigger = cron(expr, { tz, dst });
  } catch (error) {
    return comes(reading) ? { ...about, refused: String(error) } : undefined;
  }
  // Most expressions have three times within a few weeks; the sparse ones are looked for further away.
  for (const horizon of [NEAR, FAR]) {
    const question = { reading, history: histories.get(tz)!, policy: dst, start, count: COUNT, horizon };
    const after = timesFrom(question, 1);
    const before = timesFrom(question, -1);
    if (horizon === NEAR && (after.length < COUNT || before.length < COUNT)) continue;
    const next = walk(after.length + 1, start, (at) => trigger.next(at), (at) => at > start + horizon);
    const prev = walk(before.length + 1, start, (at) => trigger.prev(at), (at) => at < start - horizon);
    if (!sameStart(next, after)) return { ...about, next: next.map(show), expected: after.map(show) };
    if (!sameStart(prev, before)) return { ...about, prev: prev.map(show), expected: before.map(show) };
    if (after.length === 0 && before.length === 0 && !comes(reading)) return { ...about, accepted: 'though it never comes' };
    return undefined;
  }
  return undefined;
}

function randomStart(dice: Dice, tz: string): number {
  const changes = histories.get(tz)!.filter(({ from }) => from >= FROM && from < TO);
  const inside = FROM + dice.number(0, (TO - FROM) / 1_000) * 1_000;
  const start = changes.length > 0 && !dice.once(3) ? dice.oneOf(changes).from + dice.number(-720, 720) * MINUTE : inside;
  return start + dice.oneOf([0, 0, 1, 999, 30_000]);
}

/** The first answers, without those beyond the horizon. */
function walk(most: number, start: number, step: (at: number) => number | undefined, isBeyond: (at: number) => boolean): number[] {
  const found: number[] = [];
  for (let at = step(start); at !== undefined && !isBeyond(at) && found.length < most; at = step(at)) found.push(at);
  return found;
}

/** All of what was expected, and nothing more when that was all there is. */
function sameStart(found: readonly number[], expected: readonly number[]): boolean {
  const compared = expected.length === COUNT ? found.slice(0, COUNT) : found;
  return compared.length === expected.length && compared.every((at, index) => at === expected[index]);
}

/** Every combination of leap year and first weekday is there in 28 years, after the years that expressions name here. */
function comes(reading: Reading): boolean {
  for (let day = Date.UTC(2020, 0, 1); day < Date.UTC(2068, 0, 1); day += DAY) if (reading.day(new Date(day))) return true;
  return false;
}

function drawZones(dice: Dice, count: number): string[] {
  const drawn = new Set<string>(['UTC']);
  while (drawn.size < count) drawn.add(dice.oneOf(ALL_ZONES));
  return [...drawn];
}

function show(at: number): string {
  return new Date(at).toISOString();
}
