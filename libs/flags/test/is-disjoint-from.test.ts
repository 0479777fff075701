import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('isDisjointFrom', ({ isDisjointFrom }, word) => {
  it.each([
    ['0x0', '0x0', true],
    ['0x0', 'Late', true],
    ['Queued', 'Late | Archived', true],
    ['Queued | Archived', 'Late | Archived', false],
    ['0x200000', '0x200000', false],
  ] as const)('of %s and %s is %s', (a, b, expected) => {
    expect(isDisjointFrom(word(a), word(b))).toBe(expected);
  });
});
