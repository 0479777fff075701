import { expect, it } from 'vitest';
import { describeBoth, NO_NAMES } from './download.ts';

describeBoth('remove', ({ remove, format, none }, word) => {
  it.each([
    ['Queued', [], 'Queued'],
    ['Queued | Late', ['Late'], 'Queued'],
    ['Queued', ['Late', 'Archived'], 'Queued'],
    ['Archived | PushSent | 0x200000', ['Archived', 'PushSent'], '0x200000'],
    // The group is left empty.
    ['Running | Late', ['Running'], 'Late'],
    ['Queued | Running', ['Queued', 'Running'], '0x0'],
  ] as const)('to %s: %j gives %s', (text, names, expected) => {
    expect(format(remove(word(text), ...names))).toBe(expected);
  });

  it.each(NO_NAMES)('refuses the name %o', (name) => {
    expect(() => remove(none, name as 'Late')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: name }));
  });
});
