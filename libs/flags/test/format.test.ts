import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('format', ({ format }, word) => {
  it.each([
    ['0x0', '0x0'],
    ['Late | Queued', 'Queued | Late'],
    ['0x40 | Archived | 0x200000 | Queued', 'Queued | Archived | 0x200040'],
    ['0x3', 'Queued | Running'],
  ])('writes %s as %s', (text, expected) => {
    expect(format(word(text))).toBe(expected);
  });
});
