import { checkManifest } from '@staddle/flags/testing';
import { describe, expect, it } from 'vitest';
import { describeRunWord, describeTaskWord, RUN_FLAGS, RUN_STATES, RunFlags, runPhaseOf, TASK_FLAGS, TASK_PLANNABLE_BITS, TASK_STATES, TaskFlags, taskPhaseOf, type RunWord, type TaskWord } from '../src/states.ts';

// The numbers are in stored rows, and their masks in the migration.
it('keeps the numbers that are stored', () => {
  expect(() => checkManifest(TaskFlags, new URL('task.flags.json', import.meta.url))).not.toThrow();
  expect(() => checkManifest(RunFlags, new URL('run.flags.json', import.meta.url))).not.toThrow();
});

describe('task word', () => {
  it('has the masks that the migration writes out', () => {
    expect(TaskFlags.mask.Live).toBe(3);
    expect([TaskFlags.bit.Active, TASK_PLANNABLE_BITS]).toEqual([1, 1007]);
  });

  it('is plannable only when active and without any qualifier but running', () => {
    const plannable = (word: number): boolean => (word & TASK_PLANNABLE_BITS) === TaskFlags.bit.Active;
    expect([1, 1 | 16].map(plannable)).toEqual([true, true]);
    expect([2, 4, 8, 1 | 2, 1 | 32, 1 | 64, 1 | 128, 1 | 256, 1 | 512].map(plannable)).toEqual(Array.from({ length: 9 }, () => false));
  });

  it('is shown under public names', () => {
    expect(TASK_STATES).toEqual(['ACTIVE', 'PAUSED', 'FINISHED', 'DELETED']);
    expect(TASK_FLAGS).toEqual(['BROKEN']);
    expect(TASK_STATES.map(taskPhaseOf)).toEqual(TaskFlags.names(TaskFlags.mask.phase));
    expect(taskPhaseOf('BROKEN')).toBeUndefined();
  });

  it('shows a damaged word as dead, never as alive', () => {
    expect(describeTaskWord(3 as TaskWord).state).toBe('DELETED');
    expect(describeTaskWord((1 | 64) as TaskWord)).toEqual({ state: 'ACTIVE', flags: ['BROKEN'] });
  });
});

describe('run word', () => {
  it('has the masks that the migration writes out', () => {
    expect([RunFlags.bit.Ready, RunFlags.mask.Owned, RunFlags.mask.Terminal]).toEqual([2, 12, 992]);
  });

  it('has public names for what is shown', () => {
    expect(RUN_STATES).toEqual(['SCHEDULED', 'READY', 'CLAIMED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'SKIPPED', 'LOST']);
    expect(RUN_FLAGS).toEqual(['TIMED_OUT', 'MANUAL', 'LATE', 'RECOVERED', 'POISON']);
    expect(RUN_STATES.map(runPhaseOf)).toEqual(RunFlags.names(RunFlags.mask.phase));
    expect(runPhaseOf('TIMED_OUT')).toBeUndefined();
  });

  it('is shown in upper snake case', () => {
    expect(describeRunWord(RunFlags.of('Failed', 'TimedOut', 'Late'))).toEqual({ state: 'FAILED', flags: ['TIMED_OUT', 'LATE'] });
    expect(describeRunWord(0 as RunWord).state).toBe('LOST');
  });
});
