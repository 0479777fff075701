import { expect, it } from 'vitest';
import { describeBoth, NO_NAMES } from './download.ts';

describeBoth('hasAll', ({ hasAll, all }, word) => {
  it.each([
    ['0x0', ['Running'], false],
    ['Running | Late', ['Running'], true],
    ['Running | Late', ['Late', 'Running'], true],
    ['Running | Late', ['Running', 'Archived'], false],
    ['Archived | PushSent', ['Archived', 'PushSent'], true],
    ['Queued | Running', ['Queued', 'Running'], true],
  ] as const)('%s: %j %s', (text, [first, ...rest], expected) => {
    expect(hasAll(word(text), first, ...rest)).toBe(expected);
  });

  it('is never true of nothing', () => {
    expect(() => (hasAll as (of: typeof all) => boolean)(all)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT', value: [] }));
  });

  it.each(NO_NAMES)('refuses to be asked for %o', (name) => {
    expect(() => hasAll(all, 'Late', name as 'Late')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: name }));
  });
});
