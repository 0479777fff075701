import { defineFlags, machineOf, toMermaid } from '@staddle/flags';
import { describe, expect, it } from 'vitest';

const Download = defineFlags('download', {
  bits: { Queued: 0, Running: 1, Done: 2, Failed: 3, PushPending: 8, PushSent: 9, Archived: 20 },
  groups: {
    run: { of: ['Queued', 'Running', 'Done', 'Failed'], arity: 'exactly-one' },
    push: { of: ['PushPending', 'PushSent'], arity: 'at-most-one' },
  },
});
const machine = machineOf(Download)<{ tries: number }>()(
  {
    start: { from: { all: ['Queued'], none: ['PushPending'] }, set: ['Running', 'PushPending'] },
    finish: { from: { all: ['Running'] }, set: ['Done'] },
    fail: { from: { none: ['Done', 'Failed'] }, set: ['Failed'], guard: ({ tries }) => tries > 3 },
    acknowledge: { from: { all: ['Running', 'PushSent'] }, clear: ['PushSent'] },
    archive: { from: [{ all: ['Done'] }, { all: ['Failed'] }], set: ['Archived'] },
    retry: { from: { all: ['Failed'], none: ['Archived'] }, set: ['Queued'], clear: ['Archived'], reopen: true },
  },
  { initial: ['Queued'], terminal: ['Done', 'Failed'] },
);

describe('toMermaid', () => {
  it('draws the states of a group, what leads to them, and what else it needs and does', () => {
    expect(toMermaid(machine, 'run')).toBe(`stateDiagram-v2
  [*] --> Queued
  Queued --> Running: start [not PushPending] / +PushPending
  Running --> Done: finish
  Queued --> Failed: fail [guard]
  Running --> Failed: fail [guard]
  Running --> Running: acknowledge [PushSent] / -PushSent
  Done --> Done: archive / +Archived
  Failed --> Failed: archive / +Archived
  Failed --> Queued: retry [not Archived] / -Archived
  Done --> [*]
  Failed --> [*]
`);
  });

  it('gives a state another name in the text when Mermaid would misread it', () => {
    const Door = defineFlags('door', { backend: 'bigint', bits: { End: 61, 'half-open': 62 }, groups: { door: { of: ['End', 'half-open'], arity: 'exactly-one' } } });
    expect(toMermaid(machineOf(Door)()({ push: { from: { all: ['End'] }, set: ['half-open'] } }), 'door')).toBe(`stateDiagram-v2
  state "End" as End_
  state "half-open" as half_open
  End_ --> half_open: push
`);
  });

  it('keeps states apart whose names come to one', () => {
    const members = ['a.b', 'a-b', 'a_b', 'end', 'end_'] as const;
    const Odd = defineFlags('odd', { bits: { 'a.b': 0, 'a-b': 1, a_b: 2, end: 3, end_: 4 }, groups: { odd: { of: members, arity: 'exactly-one' } } });
    const to = (name: (typeof members)[number]) => ({ from: {}, set: [name] });
    const drawn = toMermaid(machineOf(Odd)()({ a: to('a.b'), b: to('a-b'), c: to('a_b'), d: to('end'), e: to('end_') }), 'odd');
    const targets = drawn.match(/(?<=end_ --> ).*(?=:)/g);
    expect(new Set(targets).size).toBe(5);
    expect(drawn).toContain('  end_ --> a_b: c\n');
  });

  it('draws no group that may be empty', () => {
    for (const group of ['push', 'Queued', 'constructor'] as string[] as 'run'[]) expect(() => toMermaid(machine, group)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: group }));
  });
});
