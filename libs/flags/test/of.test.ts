import { expect, it } from 'vitest';
import { describeBoth, NO_NAMES } from './download.ts';

describeBoth('of', ({ of, format, none }) => {
  it.each([
    [[], '0x0'],
    [['Running'], 'Running'],
    [['Late', 'Running'], 'Running | Late'],
    [['Late', 'Late'], 'Late'],
    [['Archived', 'PushSent', 'Queued'], 'Queued | PushSent | Archived'],
  ] as const)('%j is %s', (names, expected) => {
    expect(format(of(...names))).toBe(expected);
  });

  it('is the empty word without names', () => {
    expect(of()).toBe(none);
  });

  it('refuses two members of one group', () => {
    expect(() => of('Done', 'Late', 'Running')).toThrow(
      expect.objectContaining({ code: 'ERR_FLAGS_GROUP', group: 'phase', members: ['Running', 'Done'], value: ['Done', 'Late', 'Running'] }),
    );
    expect(() => of('PushSent', 'PushPending')).toThrow('group "push" of flags "download" has at-most-one member, not PushPending and PushSent');
  });

  it.each(NO_NAMES)('refuses the name %o', (name) => {
    expect(() => of('Running', name as 'Late')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: name }));
  });
});
