import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('equals', ({ equals }, word) => {
  it.each([
    ['0x0', '0x0', true],
    ['Queued | Late', 'Late | Queued', true],
    ['Archived', 'Archived', true],
    ['Queued', 'Queued | Late', false],
    ['Queued', 'Queued | 0x200000', false],
  ] as const)('of %s and %s is %s', (a, b, expected) => {
    expect(equals(word(a), word(b))).toBe(expected);
  });
});
