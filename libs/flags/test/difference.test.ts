import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('difference', ({ difference, format }, word) => {
  it.each([
    ['0x0', 'Queued', '0x0'],
    ['Queued', '0x0', 'Queued'],
    ['Queued | Late', 'Late | Archived', 'Queued'],
    ['Archived | Late', 'Archived', 'Late'],
    // Not the intersection with a complement, which would drop the bits of a newer process.
    ['Late | 0x200000', 'Late', '0x200000'],
    ['Late | 0x200040', '0x40', 'Late | 0x200000'],
  ])('of %s and %s is %s', (a, b, expected) => {
    expect(format(difference(word(a), word(b)))).toBe(expected);
  });
});
