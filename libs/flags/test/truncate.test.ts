import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('truncate', ({ truncate, format }, word) => {
  it.each([
    ['0x0', '0x0'],
    ['Queued | Archived', 'Queued | Archived'],
    ['Queued | 0x200000', 'Queued'],
    ['0x40', '0x0'],
  ])('of %s is %s', (text, expected) => {
    expect(format(truncate(word(text)))).toBe(expected);
  });
});
