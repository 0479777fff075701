import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('unknownBits', ({ unknownBits, format }, word) => {
  it.each([
    ['0x0', '0x0'],
    ['Queued | Archived', '0x0'],
    ['Queued | 0x200000', '0x200000'],
    ['Queued | 0x40', '0x40'],
  ])('of %s is %s', (text, expected) => {
    expect(format(unknownBits(word(text)))).toBe(expected);
  });
});
