import { describe, expect, it } from 'vitest';
import { simulate } from './simulate.ts';

// One history over again: `SEED=766 npx vitest run test/simulation`.
const { SEED } = process.env;
const SEEDS = 1_000;

/** Seeds that have found something. */
const REGRESSIONS = [766, 1_513, 6_453, 6_552, 19];

/** The last lines before the first fault. */
const CONTEXT = 40;

async function explain(seed: number): Promise<string> {
  const { faults, history } = await simulate(seed, { trace: true });
  const faultAt = history.findIndex((line) => line.includes(' FAULT '));
  return [`SEED=${seed}`, ...faults, '', ...history.slice(0, 1), ...history.slice(Math.max(1, faultAt - CONTEXT), faultAt + 1)].join('\n');
}

async function failing(seeds: Iterable<number>): Promise<number[]> {
  const found: number[] = [];
  for (const seed of seeds) {
    const { faults } = await simulate(seed);
    if (faults.length > 0) found.push(seed);
  }
  return found;
}

describe.skipIf(SEED !== undefined)('50: processes over a bad network, on machines that stop, with clocks that go wrong', () => {
  it(`keep every promise, in ${SEEDS} histories`, { timeout: 300_000 }, async () => {
    const seeds = await failing([...Array(SEEDS).keys(), ...REGRESSIONS]);
    if (seeds.length > 0) expect.fail(`${seeds.length} seeds failed: ${seeds.join(', ')}\n\n${await explain(seeds[0]!)}`);
  });

  it('have the same history whenever the seed is the same', async () => {
    for (const seed of [1, 22, 333]) {
      const [first, second] = [await simulate(seed, { trace: true }), await simulate(seed, { trace: true })];
      expect(second.history).toEqual(first.history);
      expect(first.history.length).toBeGreaterThan(100);
    }
  });
});

it.runIf(SEED !== undefined)(`50: keep every promise with seed ${SEED}`, async () => {
  const text = await explain(Number(SEED));
  expect((await failing([Number(SEED)])).length, text).toBe(0);
});
