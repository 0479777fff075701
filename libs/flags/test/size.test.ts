import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('size', ({ size, all }, word) => {
  it.each([
    ['0x0', 0],
    ['Archived', 1],
    ['Queued | Late | Archived', 3],
    ['Queued | 0x200040', 3],
    ['0x7fffffff', 31],
  ])('of %s is %d', (text, expected) => {
    expect(size(word(text))).toBe(expected);
  });

  it('counts every flag once', () => {
    expect(size(all)).toBe(8);
  });
});
