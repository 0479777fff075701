import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('union', ({ union, format }, word) => {
  it.each([
    ['0x0', '0x0', '0x0'],
    ['Queued', '0x0', 'Queued'],
    ['Queued', 'Late | Archived', 'Queued | Late | Archived'],
    ['Queued | Late', 'Late', 'Queued | Late'],
    ['Queued', 'Running', 'Queued | Running'],
    ['Late | 0x40', '0x200000', 'Late | 0x200040'],
  ])('of %s and %s is %s', (a, b, expected) => {
    expect(format(union(word(a), word(b)))).toBe(expected);
  });
});
