import { describe, expect, it } from 'vitest';
import { dueInstants, instantsWithin } from '../src/due-instants.ts';

const every = (ms: number, until = Infinity) => ({
  next: (after: number): number | undefined => {
    const at = (Math.floor(after / ms) + 1) * ms;
    return at <= until ? at : undefined;
  },
});

const instantsOf = (trigger: ReturnType<typeof every>, fromAt: number | undefined, toAt = 0): number[] => {
  const instants: number[] = [];
  for (let at = fromAt; at !== undefined && at <= toAt; at = trigger.next(at)) instants.push(at);
  return instants;
};

const DEFAULTS = { graceMs: 5_000, limit: 10_000 };

describe('due instants', () => {
  it('fires each instant within the grace', () => {
    expect(dueInstants(every(1_000), { ...DEFAULTS, firstAt: 100_000, nowMs: 104_200 })).toEqual({
      fireAt: [100_000, 101_000, 102_000, 103_000, 104_000],
      skipped: undefined,
      nextAt: 105_000,
    });
  });

  it('counts an instant of exactly the grace as on time', () => {
    expect(dueInstants(every(60_000), { ...DEFAULTS, firstAt: 60_000, nowMs: 65_000 }).fireAt).toEqual([60_000]);
  });

  it('fires the newest of the late ones when none is within the grace, and records the others as one range', () => {
    expect(dueInstants(every(10_000), { ...DEFAULTS, firstAt: 10_000, nowMs: 128_000 })).toEqual({
      fireAt: [120_000],
      skipped: { fromAt: 10_000, toAt: 110_000, count: 11 },
      nextAt: 130_000,
    });
  });

  it('fires only what is within the grace when anything is', () => {
    expect(dueInstants(every(10_000), { ...DEFAULTS, firstAt: 10_000, nowMs: 122_000 })).toEqual({
      fireAt: [120_000],
      skipped: { fromAt: 10_000, toAt: 110_000, count: 11 },
      nextAt: 130_000,
    });
  });

  it('fires a single late instant rather than never', () => {
    expect(dueInstants(every(1_000, 5_000), { ...DEFAULTS, firstAt: 5_000, nowMs: 9_000_000 })).toEqual({ fireAt: [5_000], skipped: undefined, nextAt: undefined });
  });

  it('has nothing to do before the first instant', () => {
    expect(dueInstants(every(1_000), { ...DEFAULTS, firstAt: 2_000, nowMs: 1_999 })).toEqual({ fireAt: [], skipped: undefined, nextAt: 2_000 });
  });

  it('stops at the limit without firing a late instant that newer ones follow', () => {
    expect(dueInstants(every(1_000), { graceMs: 5_000, limit: 10, firstAt: 1_000, nowMs: 100_000 })).toEqual({
      fireAt: [],
      skipped: { fromAt: 1_000, toAt: 10_000, count: 10 },
      nextAt: 11_000,
    });
  });

  it('accounts for every instant once, whatever the grace, the limit and the moment', () => {
    for (let nowMs = 3_000; nowMs < 60_000; nowMs += 777) {
      for (const graceMs of [0, 1_000, 5_000, 100_000]) {
        for (const limit of [1, 2, 7, 1_000]) {
          const trigger = every(1_500, 45_000);
          const seen: number[] = [];
          let fired = 0;
          let firstAt: number | undefined = 3_000;
          while (firstAt !== undefined && firstAt <= nowMs) {
            const { fireAt, skipped, nextAt } = dueInstants(trigger, { firstAt, nowMs, graceMs, limit });
            seen.push(...instantsOf(trigger, skipped?.fromAt, skipped?.toAt), ...fireAt);
            fired += fireAt.length;
            firstAt = nextAt;
          }
          const expected = instantsOf(trigger, 3_000, nowMs);
          expect(seen).toEqual(expected);
          expect(fired).toBe(Math.max(1, expected.filter((at) => nowMs - at <= graceMs).length));
        }
      }
    }
  });

  it('refuses a trigger that does not move forward', () => {
    expect(() => dueInstants({ next: (after) => after }, { ...DEFAULTS, firstAt: 1, nowMs: 10 })).toThrow(RangeError);
  });
});

describe('instants of a pause', () => {
  it('are one range with its count', () => {
    expect(instantsWithin(every(1_000), { firstAt: 1_000, untilMs: 4_500, limit: 100 })).toEqual({ fromAt: 1_000, toAt: 4_000, count: 4 });
  });

  it('are not counted beyond the limit', () => {
    expect(instantsWithin(every(1_000), { firstAt: 1_000, untilMs: 4_500, limit: 3 })).toEqual({ fromAt: 1_000, toAt: 4_500, count: undefined });
  });

  it('are none when the first has not come', () => {
    expect(instantsWithin(every(1_000), { firstAt: 5_000, untilMs: 4_999, limit: 3 })).toBeUndefined();
  });
});
