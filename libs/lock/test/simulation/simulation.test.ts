import { describe, expect, it } from 'vitest';
import { simulate } from './simulate.ts';

/**
 * Seeds that found something. A change of the simulation gives each seed another history, so what they found has tests of its
 * own too.
 */
const REGRESSIONS = [1_230, 1_513, 3_360, 6_453, 6_552];

// One history again, from its beginning: `SEED=766 npx vitest run test/simulation`.
const { SEED } = process.env;
const seeds = SEED === undefined ? [...Array(1_000).keys(), ...REGRESSIONS] : [Number(SEED)];

/** Lines before the first fault. */
const CONTEXT = SEED === undefined ? 60 : Infinity;

/** What went wrong, and what had happened before. */
async function report(seed: number): Promise<string> {
  const { faults, history } = await simulate(seed, { trace: true });
  const faultAt = history.findIndex((line) => line.includes(' FAULT '));
  return [`SEED=${seed}`, ...faults, '', history[0], ...history.slice(Math.max(1, faultAt - CONTEXT), faultAt + 1)].join('\n');
}

describe('50: processes over a bad network, on machines that stop, with clocks that go wrong', () => {
  it(`keep every promise, in ${seeds.length} histories`, { timeout: 300_000 }, async () => {
    const failed: number[] = [];
    for (const seed of seeds) if ((await simulate(seed)).faults.length > 0) failed.push(seed);
    expect(failed, failed.length > 0 ? await report(failed[0]!) : '').toEqual([]);
  });

  it('have the same history whenever the seed is the same', async () => {
    for (const seed of seeds.slice(0, 20)) {
      const [first, second] = [await simulate(seed, { trace: true }), await simulate(seed, { trace: true })];
      expect(first.history.length).toBeGreaterThan(100);
      expect(second.history).toEqual(first.history);
    }
  });
});
