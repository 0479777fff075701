import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('which', ({ which, none }, word) => {
  it.each([
    ['Running | Late', 'phase', 'Running'],
    ['Running | PushSent', 'push', 'PushSent'],
    ['Running', 'push', undefined],
    ['Late | 0x200000', 'phase', undefined],
    ['Queued | Running', 'phase', undefined],
  ] as const)('of %s, group %s, is %s', (text, group, expected) => {
    expect(which(word(text), group)).toBe(expected);
  });

  it.each(['Terminal', 'Running', 'constructor', '', undefined])('refuses %o, which is no group', (group) => {
    expect(() => which(none, group as 'phase')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: group }));
  });
});
