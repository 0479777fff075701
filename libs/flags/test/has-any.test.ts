import { expect, it } from 'vitest';
import { describeBoth, NO_NAMES } from './download.ts';

describeBoth('hasAny', ({ hasAny, all, none }, word) => {
  it.each([
    ['0x0', ['Running'], false],
    ['Running | Late', ['Running', 'Archived'], true],
    ['Running | Late', ['Done', 'Archived'], false],
    ['Archived', ['Queued', 'Archived'], true],
    ['0x200000', ['Queued', 'Archived'], false],
  ] as const)('%s: %j %s', (text, [first, ...rest], expected) => {
    expect(hasAny(word(text), first, ...rest)).toBe(expected);
  });

  it('refuses to be asked for nothing', () => {
    expect(() => (hasAny as (of: typeof all) => boolean)(all)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT', value: [] }));
  });

  it.each(NO_NAMES)('refuses to be asked for %o', (name) => {
    expect(() => hasAny(none, 'Late', name as 'Late')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: name }));
  });
});
