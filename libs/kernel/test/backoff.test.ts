import { describe, expect, it } from 'vitest';
import { backoffMs } from '@staddle/kernel';

const almostOne = (): number => 1 - 2 ** -53;

describe('backoffMs', () => {
  it.each([
    [0, 99],
    [1, 199],
    [2, 399],
    [3, 799],
    [4, 999],
    [5, 999],
    [52, 999],
    [10_000, 999],
    [Number.MAX_SAFE_INTEGER, 999],
  ])('stays below the doubled and capped bound at attempt %d', (attempt, longest) => {
    expect(backoffMs(attempt, { baseMs: 100, capMs: 1_000, random: almostOne })).toBe(longest);
  });

  it('may be as short as nothing: full jitter', () => {
    expect(backoffMs(5, { baseMs: 100, capMs: 1_000, random: () => 0 })).toBe(0);
  });

  it('is proportional to the random number', () => {
    expect([0, 0.25, 0.5, 0.75].map((value) => backoffMs(1, { baseMs: 100, capMs: 1_000, random: () => value }))).toEqual([0, 50, 100, 150]);
  });

  it('gives whole milliseconds within bounds with the default source', () => {
    const delays = Array.from({ length: 1_000 }, (_, attempt) => backoffMs(attempt, { baseMs: 7, capMs: 5_000 }));
    expect(delays.every((ms) => Number.isInteger(ms) && ms >= 0 && ms < 5_000)).toBe(true);
    expect(new Set(delays).size).toBeGreaterThan(100);
  });

  it('gives 0 for a base or cap of 0', () => {
    expect(backoffMs(3, { baseMs: 0, capMs: 1_000, random: almostOne })).toBe(0);
    expect(backoffMs(3, { baseMs: 100, capMs: 0, random: almostOne })).toBe(0);
  });
});
