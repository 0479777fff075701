import { expect, it } from 'vitest';
import { describeBoth, NO_NAMES } from './download.ts';

describeBoth('add', ({ add, format, none }, word) => {
  it.each([
    ['Queued', [], 'Queued'],
    ['0x0', ['Late'], 'Late'],
    ['Late', ['Late', 'Late'], 'Late'],
    // A member takes the place of its sibling, and leaves the rest alone.
    ['Running | PushPending | Late | 0x200000', ['Done', 'PushSent'], 'Done | Late | PushSent | 0x200000'],
    ['Running', ['Running'], 'Running'],
    // A damaged word heals.
    ['Queued | Running | Late', ['Failed'], 'Failed | Late'],
    ['Queued | Running', ['Running'], 'Running'],
  ] as const)('to %s: %j gives %s', (text, names, expected) => {
    expect(format(add(word(text), ...names))).toBe(expected);
  });

  it('refuses two members of one group', () => {
    expect(() => add(none, 'Done', 'Late', 'Running')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_GROUP', group: 'phase', members: ['Running', 'Done'] }));
  });

  it.each(NO_NAMES)('refuses the name %o', (name) => {
    expect(() => add(none, name as 'Late')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: name }));
  });
});
