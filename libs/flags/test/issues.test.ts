import { expect, it } from 'vitest';
import { describeBoth } from './download.ts';

describeBoth('issues', ({ issues }, word) => {
  it.each(['Queued', 'Done | Late | PushSent', 'Failed | Archived'])('of %s are none', (text) => {
    expect(issues(word(text))).toEqual([]);
  });

  it('are unknown bits, retired ones among them, and groups with too few or too many members', () => {
    expect(issues(word('PushPending | PushSent | 0x200040'))).toEqual([
      { kind: 'unknown-bits', bits: word('0x200040') },
      { kind: 'group', group: 'phase', members: [] },
      { kind: 'group', group: 'push', members: ['PushPending', 'PushSent'] },
    ]);
  });
});
