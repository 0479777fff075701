import { describe, expect, it } from 'vitest';
import { describeRunWord, describeTaskWord, entrances, RUN_MOVES, RUN_PHASE_BITS, RunFlags, TASK_PLANNABLE_BITS, TASK_VERBS, TaskFlags, type RunPhase, type RunWord, type TaskWord } from '../src/states.ts';

describe('task word', () => {
  it('has the documented bits', () => {
    expect({ ...TaskFlags.bit }).toEqual({ Active: 1, Paused: 2, Finished: 4, Deleted: 8, Broken: 64 });
    expect(TaskFlags.mask.Live).toBe(3);
  });

  it('is plannable only when active and without any qualifier but running', () => {
    const plannable = (word: number): boolean => (word & TASK_PLANNABLE_BITS) === TaskFlags.bit.Active;
    expect([1, 1 | 16].map(plannable)).toEqual([true, true]);
    expect([2, 4, 8, 1 | 2, 1 | 32, 1 | 64, 1 | 128, 1 | 256, 1 | 512].map(plannable)).toEqual(Array.from({ length: 9 }, () => false));
  });

  it('has verbs for every phase', () => {
    expect(Object.keys(TASK_VERBS)).toEqual(TaskFlags.names(TaskFlags.mask.phase));
  });

  it('shows a damaged word as dead, never as alive', () => {
    expect(describeTaskWord(3 as TaskWord).state).toBe('DELETED');
    expect(describeTaskWord((1 | 64) as TaskWord)).toEqual({ state: 'ACTIVE', flags: ['BROKEN'] });
  });
});

describe('run word', () => {
  it('has the documented bits', () => {
    expect({ ...RunFlags.bit }).toEqual({
      Scheduled: 1,
      Ready: 2,
      Claimed: 4,
      Running: 8,
      Succeeded: 32,
      Failed: 64,
      Cancelled: 128,
      Skipped: 256,
      Lost: 512,
      TimedOut: 1 << 13,
      Manual: 1 << 14,
      Late: 1 << 16,
      Recovered: 1 << 17,
      Poison: 1 << 19,
    });
    expect([RunFlags.mask.Owned, RunFlags.mask.Terminal]).toEqual([12, 992]);
  });

  it('keeps every phase in the low twelve bits and every qualifier above them', () => {
    expect(RunFlags.mask.phase & ~RUN_PHASE_BITS).toBe(0);
    expect(RunFlags.difference(RunFlags.all, RunFlags.mask.phase) & RUN_PHASE_BITS).toBe(0);
  });

  it('has moves for every phase, and none out of a terminal one', () => {
    const phases = Object.keys(RUN_MOVES) as RunPhase[];
    expect(phases).toEqual(RunFlags.names(RunFlags.mask.phase));
    for (const phase of phases) expect(RUN_MOVES[phase].length === 0).toBe(RunFlags.isSubsetOf(RunFlags.bit[phase], RunFlags.mask.Terminal));
  });

  it('knows from where a phase may be entered', () => {
    expect(RunFlags.names(entrances('Running'))).toEqual(['Claimed']);
    expect(RunFlags.names(entrances('Ready'))).toEqual(['Scheduled', 'Claimed', 'Running']);
    expect(RunFlags.names(entrances('Succeeded'))).toEqual(['Running']);
  });

  it('is shown in upper snake case', () => {
    expect(describeRunWord(RunFlags.of('Failed', 'TimedOut', 'Late'))).toEqual({ state: 'FAILED', flags: ['TIMED_OUT', 'LATE'] });
    expect(describeRunWord(0 as RunWord).state).toBe('LOST');
  });
});
