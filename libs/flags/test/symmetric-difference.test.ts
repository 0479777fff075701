import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('symmetricDifference', ({ symmetricDifference, format }, word) => {
  it.each([
    ['0x0', '0x0', '0x0'],
    ['Queued', '0x0', 'Queued'],
    ['Queued | Late', 'Late | Archived', 'Queued | Archived'],
    ['Archived', 'Archived', '0x0'],
    ['Late | 0x200000', 'Late | 0x40', '0x200040'],
  ])('of %s and %s is %s', (a, b, expected) => {
    expect(format(symmetricDifference(word(a), word(b)))).toBe(expected);
  });
});
