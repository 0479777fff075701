import { expect, it } from 'vitest';
import { describeBoth, NO_NAMES } from './download.ts';

describeBoth('has', ({ has, none, all }, word) => {
  it.each([
    ['0x0', 'Running', false],
    ['Running | Late', 'Running', true],
    ['Running | Late', 'Queued', false],
    ['Archived', 'Archived', true],
    ['0x200000', 'Late', false],
  ] as const)('%s: %s %s', (text, name, expected) => {
    expect(has(word(text), name)).toBe(expected);
  });

  it.each(NO_NAMES)('refuses to be asked for %o', (name) => {
    for (const asked of [none, all]) expect(() => has(asked, name as 'Late')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: name }));
  });
});
