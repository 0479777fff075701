import { describe, expect, it } from 'vitest';
import { checkHistory } from './check-history.ts';
import type { Entry } from './history.ts';

// A check that cannot fail is useless: each invariant has a history that breaks it, and one close to it that does not.

type Facts = Partial<{ pid: number; name: string; fence: number; held: boolean; waitMs: number | null; asked: number; enter: number; work: number[]; abort: number; exit: number; refused: number }>;
let sections = 0;

/** The entries of one section; times in ms. */
function section({ pid = 1, name = 'job', fence = 1, held = true, waitMs = null, asked = 0, enter, work = [], abort, exit, refused }: Facts): Entry[] {
  const id = `${pid}/${++sections}`;
  return [
    { type: 'ask', section: id, pid, name, waitMs, at: asked },
    ...(enter === undefined ? [] : [{ type: 'enter', section: id, pid, name, fence: String(fence), held, at: enter } as const]),
    ...(refused === undefined ? [] : [{ type: 'refused', section: id, code: 'ERR_LOCK_TIMEOUT', at: refused } as const]),
    ...work.map((at) => ({ type: 'work', section: id, at }) as const),
    ...(abort === undefined ? [] : [{ type: 'abort', section: id, reason: 'paused', at: abort } as const]),
    ...(exit === undefined ? [] : [{ type: 'exit', section: id, at: exit } as const]),
  ];
}
const write = (fence: number, order: number, accepted = true): Entry => ({ type: 'write', section: '1/1', name: 'job', fence: String(fence), accepted, order });
const pause = (from: number, to: number, pid = 1): Entry => ({ type: 'pause', pid, from, to });
const faultsOf = (...entries: (Entry | Entry[])[]): string[] => checkHistory(entries.flat(), { slackMs: 50 }).map((fault) => fault.slice(0, 2));

describe('I1: stays never overlap', () => {
  it('accepts one after the other, and two names at once', () => {
    expect(faultsOf(section({ enter: 1, exit: 5 }), section({ pid: 2, fence: 2, enter: 5, exit: 9 }), section({ pid: 3, name: 'other', enter: 2, exit: 8 }))).toEqual([]);
  });
  it('refuses an entry before the exit of the one before', () => {
    expect(faultsOf(section({ enter: 1, exit: 5 }), section({ pid: 2, fence: 2, enter: 4, exit: 9 }))).toEqual(['I1']);
  });
  it('refuses an overlap with a stay that is not the last one', () => {
    expect(faultsOf(section({ enter: 1, exit: 50 }), section({ fence: 2, enter: 50, exit: 90 }), section({ fence: 3, enter: 60, exit: 61 }), section({ fence: 4, enter: 70, exit: 71 }))).toEqual(['I1', 'I1']);
  });
  it('ends a stay with its abort, even when the work goes on', () => {
    expect(faultsOf(section({ enter: 1, abort: 4, exit: 50 }), section({ pid: 2, fence: 2, enter: 5, exit: 9 }))).toEqual([]);
    expect(faultsOf(section({ enter: 1, abort: 6, exit: 50 }), section({ pid: 2, fence: 2, enter: 5, exit: 9 }))).toEqual(['I1']);
  });
  it('never ends a stay that neither left nor was told, unless its process was killed', () => {
    const two = [...section({ enter: 1 }), ...section({ pid: 2, fence: 2, enter: 5_000, exit: 5_001 })];
    expect(faultsOf(two)).toEqual(['I1']);
    expect(faultsOf(two, { type: 'killed', pid: 1, at: 3_000 })).toEqual([]);
    expect(faultsOf(two, { type: 'killed', pid: 1, at: 5_002 })).toEqual(['I1']);
  });
  it('does not blame a process that stood still for hearing late of its loss', () => {
    const stopped = section({ enter: 1, abort: 3_001, exit: 3_002 });
    const next = section({ pid: 2, fence: 2, enter: 1_500, exit: 1_600 });
    expect(faultsOf(stopped, next)).toEqual(['I1']);
    expect(faultsOf(stopped, next, pause(100, 3_000))).toEqual([]);
    expect(faultsOf(stopped, next, pause(100, 3_000, 2))).toEqual(['I1']);
  });
  it('blames a process that works on after it stood still, or is told only much later', () => {
    const next = section({ pid: 2, fence: 2, enter: 1_500, exit: 1_600 });
    expect(faultsOf(section({ enter: 1, work: [3_001], abort: 3_002 }), next, pause(100, 3_000))).toEqual(['I1']);
    expect(faultsOf(section({ enter: 1, exit: 3_001 }), next, pause(100, 3_000))).toEqual(['I1']);
    expect(faultsOf(section({ enter: 1, abort: 4_000 }), next, pause(100, 3_000))).toEqual(['I1']);
    expect(faultsOf(section({ enter: 1, abort: 3_001 }), next, pause(1_700, 3_000))).toEqual(['I1']);
  });
  it('takes pauses without a break for one', () => {
    const next = section({ pid: 2, fence: 2, enter: 1_500, exit: 1_600 });
    expect(faultsOf(section({ enter: 1, abort: 3_001 }), next, pause(1_550, 3_000), pause(100, 1_540))).toEqual([]);
  });
  it('forgives late timers only when told to, and never work', () => {
    const next = section({ pid: 2, fence: 2, enter: 10, exit: 12 });
    const late = section({ enter: 1, abort: 12 });
    expect(checkHistory([...late, ...next])).toHaveLength(1);
    expect(checkHistory([...late, ...next], { latenessMs: 5 })).toEqual([]);
    expect(checkHistory([...section({ enter: 1, work: [11], abort: 12 }), ...next], { latenessMs: 5 })).toHaveLength(1);
  });
  it('does not count a lease that was over when its holder first looked', () => {
    expect(faultsOf(section({ enter: 1, exit: 5 }), section({ pid: 2, fence: 0, held: false, enter: 3, exit: 4 }))).toEqual([]);
  });
});

describe('I2: fences strictly increase', () => {
  it('refuses an equal and a lower fence', () => {
    expect(faultsOf(section({ fence: 7, enter: 1, exit: 2 }), section({ fence: 7, enter: 3, exit: 4 }))).toEqual(['I2']);
    expect(faultsOf(section({ fence: 7, enter: 1, exit: 2 }), section({ fence: 8, enter: 3, exit: 4 }), section({ fence: 6, enter: 5, exit: 6 }))).toEqual(['I2']);
  });
  it('compares numbers, in the order of entering, whatever the order of the lines', () => {
    expect(faultsOf(section({ fence: 10, enter: 3, exit: 4 }), section({ fence: 9, enter: 1, exit: 2 }))).toEqual([]);
  });
});

describe('I3: the register never accepts a lower fence', () => {
  it('refuses one that was accepted, not one that was rejected', () => {
    expect(faultsOf(write(5, 1), write(4, 2))).toEqual(['I3']);
    expect(faultsOf(write(5, 1), write(4, 2, false), write(5, 3))).toEqual([]);
  });
  it('goes by the order of the register, not of the lines', () => {
    expect(faultsOf(write(5, 2), write(4, 1))).toEqual([]);
  });
});

describe('I4: every acquisition ends in time', () => {
  it('refuses one that took longer than its wait and the slack', () => {
    expect(faultsOf(section({ waitMs: 1_000, refused: 1_050 }), section({ waitMs: 1_000, enter: 1_050, exit: 1_051 }))).toEqual([]);
    expect(faultsOf(section({ waitMs: 1_000, refused: 1_051 }))).toEqual(['I4']);
    expect(faultsOf(section({ waitMs: 1_000, enter: 1_051, exit: 1_052 }))).toEqual(['I4']);
  });
  it('adds the pauses of its process, as far as they fell into the wait', () => {
    expect(faultsOf(section({ waitMs: 1_000, refused: 1_500 }), pause(100, 700))).toEqual([]);
    expect(faultsOf(section({ waitMs: 1_000, refused: 1_500 }), pause(1_400, 2_000))).toEqual(['I4']);
    expect(faultsOf(section({ waitMs: 1_000, refused: 1_500 }), pause(100, 700, 2))).toEqual(['I4']);
  });
  it('refuses one that never ended, unless its process was killed', () => {
    expect(faultsOf(section({}))).toEqual(['I4']);
    expect(faultsOf(section({}), { type: 'killed', pid: 1, at: 10 })).toEqual([]);
  });
});

it('I6: refuses what no process may say', () => {
  expect(faultsOf({ type: 'fault', pid: 1, message: 'unhandledRejection: Error: gone' })).toEqual(['I6']);
});
