import { expect, it } from 'vitest';
import { describeBoth, NO_NAMES } from './download.ts';

describeBoth('toggle', ({ toggle, format, none }, word) => {
  it.each([
    ['Queued', [], 'Queued'],
    ['Queued', ['Late'], 'Queued | Late'],
    ['Queued | Late', ['Late', 'Archived'], 'Queued | Archived'],
    ['Late | 0x200000', ['Late'], '0x200000'],
    ['Late', ['Archived', 'Archived'], 'Late | Archived'],
    // A member that is added takes the place of its sibling; one that is removed leaves the group empty.
    ['Queued | PushPending', ['Running', 'PushPending'], 'Running'],
    ['Running', ['Running'], '0x0'],
  ] as const)('to %s: %j gives %s', (text, names, expected) => {
    expect(format(toggle(word(text), ...names))).toBe(expected);
  });

  it('refuses two members of one group', () => {
    expect(() => toggle(none, 'Done', 'Late', 'Running')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_GROUP', group: 'phase', members: ['Running', 'Done'] }));
  });

  it.each(NO_NAMES)('refuses the name %o', (name) => {
    expect(() => toggle(none, name as 'Late')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: name }));
  });
});
