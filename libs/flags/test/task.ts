import { defineFlags, rollupOf, type Rollup, type RollupSpec } from '@staddle/flags';

/** A state machine's worth of states, a group that is not rolled up, and a free flag. */
export const Task = defineFlags('task', {
  bits: { Queued: 0, Running: 1, Paused: 2, Done: 3, Failed: 4, Cancelled: 5, PushPending: 8, PushSent: 9, Archived: 20 },
  groups: {
    run: { of: ['Queued', 'Running', 'Paused', 'Done', 'Failed', 'Cancelled'], arity: 'exactly-one' },
    push: { of: ['PushPending', 'PushSent'], arity: 'at-most-one' },
  },
  retired: { 6: 'Stuck' },
});

export const STATES = ['Queued', 'Running', 'Paused', 'Done', 'Failed', 'Cancelled'] as const;
export type TaskState = (typeof STATES)[number];

export const TASK_RULES: RollupSpec<TaskState> = {
  empty: 'Queued',
  rules: [
    { any: ['Running'], state: 'Running' },
    { any: ['Failed'], none: ['Queued', 'Paused'], state: 'Failed' },
    { every: ['Done', 'Cancelled'], any: ['Done'], state: 'Done' },
    { every: ['Cancelled'], state: 'Cancelled' },
    { any: ['Paused'], none: ['Queued'], state: 'Paused' },
    { state: 'Queued' },
  ],
};

export const taskRollup: Rollup<'task', TaskState> = rollupOf(Task, 'run', TASK_RULES);
