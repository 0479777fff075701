import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('complement', ({ complement, format }, word) => {
  it.each([
    ['0x0', 'Queued | Running | Done | Failed | Late | PushPending | PushSent | Archived'],
    ['Queued | Running | Done | Failed | Late | PushPending | PushSent | Archived', '0x0'],
    ['Queued | Running | Done | Failed | PushPending', 'Late | PushSent | Archived'],
    ['Queued | Running | Done | Failed | PushPending | 0x200040', 'Late | PushSent | Archived'],
  ])('of %s is %s', (text, expected) => {
    expect(format(complement(word(text)))).toBe(expected);
  });
});
