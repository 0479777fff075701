import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('intersection', ({ intersection, format }, word) => {
  it.each([
    ['0x0', 'Queued', '0x0'],
    ['Queued | Late', 'Late | Archived', 'Late'],
    ['Archived | PushSent', 'Archived | PushSent', 'PushSent | Archived'],
    ['Queued', 'Running', '0x0'],
    ['Late | 0x200040', '0x40', '0x40'],
  ])('of %s and %s is %s', (a, b, expected) => {
    expect(format(intersection(word(a), word(b)))).toBe(expected);
  });
});
