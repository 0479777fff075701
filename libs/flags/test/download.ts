import { defineFlags, type FlagsOf } from '@staddle/flags';

/** A set chosen to be awkward: gaps, two groups, free flags, a retired bit in the middle, the highest bit in use. */
export const Download = defineFlags('download', {
  bits: { Queued: 0, Running: 1, Done: 2, Failed: 3, PushPending: 8, PushSent: 9, Late: 4, Archived: 30 },
  groups: {
    phase: { of: ['Queued', 'Running', 'Done', 'Failed'], arity: 'exactly-one' },
    push: { of: ['PushPending', 'PushSent'], arity: 'at-most-one' },
  },
  masks: { Terminal: ['Done', 'Failed'] },
  retired: { 6: 'Stuck' },
});
export type Download = FlagsOf<typeof Download>;
