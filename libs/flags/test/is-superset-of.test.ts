import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('isSupersetOf', ({ isSupersetOf }, word) => {
  it.each([
    ['0x0', '0x0', true],
    ['Late', '0x0', true],
    ['Queued | Late', 'Late', true],
    ['Late', 'Queued | Late', false],
    ['Late', 'Archived', false],
    ['Late', 'Late | 0x200000', false],
  ] as const)('of %s and %s is %s', (a, b, expected) => {
    expect(isSupersetOf(word(a), word(b))).toBe(expected);
  });
});
