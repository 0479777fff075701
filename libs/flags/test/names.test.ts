import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('names', ({ names, all }, word) => {
  it.each([
    ['0x0', []],
    ['Archived | Late | Queued', ['Queued', 'Late', 'Archived']],
    ['Running | 0x200040', ['Running']],
  ])('of %s are %j', (text, expected) => {
    expect(names(word(text))).toEqual(expected);
  });

  it('come in ascending bit order, whatever the order of definition', () => {
    expect(names(all)).toEqual(['Queued', 'Running', 'Done', 'Failed', 'Late', 'PushPending', 'PushSent', 'Archived']);
  });

  it('come in an array of their own', () => {
    names(all).length = 0;
    expect(names(all)).toHaveLength(8);
  });
});
