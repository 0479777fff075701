import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('isSubsetOf', ({ isSubsetOf }, word) => {
  it.each([
    ['0x0', '0x0', true],
    ['0x0', 'Late', true],
    ['Late', 'Late', true],
    ['Late', 'Queued | Late', true],
    ['Queued | Late', 'Late', false],
    ['Archived', 'Late', false],
    ['Late | 0x200000', 'Late', false],
  ] as const)('of %s and %s is %s', (a, b, expected) => {
    expect(isSubsetOf(word(a), word(b))).toBe(expected);
  });
});
