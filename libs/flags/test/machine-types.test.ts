import { defineFlags, machineOf, type Machine, type TransitionResult, type Word } from '@staddle/flags';
import { describe, expect, expectTypeOf, it } from 'vitest';

const State = defineFlags('run', {
  bits: { Ready: 0, Running: 1, Done: 2, Late: 8 },
  groups: { phase: { of: ['Ready', 'Running', 'Done'], arity: 'exactly-one' } },
  masks: { Open: ['Ready', 'Running'] },
});
const Other = defineFlags('other', { bits: { A: 0 } });
const Wide = defineFlags('wide', { backend: 'bigint', bits: { A: 0, B: 62 } });

const machine = machineOf(State)<{ tries: number }>()({
  start: { from: { all: ['Ready'] }, set: ['Running'] },
  end: { from: [{ all: ['Running'] }, { none: ['Late', 'Done'] }], set: ['Done'], guard: (context) => context.tries > 1 },
});
const simple = machineOf(State)()({ start: { from: {}, set: ['Late'] } }, { terminal: 'Open', initial: ['Ready', 'Running', 'Done'] });
const wide = machineOf(Wide)()({ go: { from: { all: ['A'] }, set: ['B'] } });

// Calls inside are type-checked and never run.
const never = (call: () => unknown): void => expect(call).toBeTypeOf('function');

describe('types of a machine', () => {
  it('name its set, its events and its context', () => {
    expectTypeOf(machine).toEqualTypeOf<Machine<typeof State, 'start' | 'end', { tries: number }>>();
    expectTypeOf(simple).toEqualTypeOf<Machine<typeof State, 'start'>>();
    expectTypeOf(machine.enabled(State.none)).toEqualTypeOf<('start' | 'end')[]>();
    expectTypeOf(machine.next(State.none, 'start')).toEqualTypeOf<Word<'run'> | undefined>();
    expectTypeOf(machine.apply(State.none, 'start', { tries: 1 })).toEqualTypeOf<TransitionResult<Word<'run'>>>();
    expectTypeOf(machine.transitions.end.clear).toEqualTypeOf<number>();
    expectTypeOf(machine.terminal).toEqualTypeOf<readonly ('Ready' | 'Running' | 'Done' | 'Late')[]>();
  });

  it('follow the backend', () => {
    expectTypeOf(wide.next(Wide.none, 'go')).toEqualTypeOf<Word<'wide', bigint> | undefined>();
    expectTypeOf(wide.transitions.go.sources[0].care).toEqualTypeOf<bigint>();
  });

  it('refuse what does not fit', () => {
    expect.hasAssertions();
    // @ts-expect-error no such event
    never(() => machine.can(State.none, 'stop'));
    // @ts-expect-error a word of another set
    never(() => machine.can(Other.none, 'start'));
    // @ts-expect-error a bare number is not a word
    never(() => machine.next(1, 'start'));
    // @ts-expect-error the guards need their context
    never(() => machine.apply(State.none, 'end'));
    // @ts-expect-error another context
    never(() => machine.can(State.none, 'end', { attempts: 1 }));
    never(() => simple.apply(State.none, 'start'));
  });

  it('flag a misspelt name at the literal', () => {
    expect.hasAssertions();
    const define = machineOf(State)();
    // @ts-expect-error not a flag of this set
    never(() => define({ e: { from: { all: ['Runing'] } } }));
    // @ts-expect-error nor in a list of sources
    never(() => define({ e: { from: [{ none: ['Runing'] }] } }));
    // @ts-expect-error nor what is set
    never(() => define({ e: { from: {}, set: ['Runing'] } }));
    // @ts-expect-error nor what is cleared
    never(() => define({ e: { from: {}, clear: ['Runing'] } }));
    // @ts-expect-error `from` is not optional
    never(() => define({ e: { set: ['Running'] } }));
    // @ts-expect-error a misspelt key
    never(() => define({ e: { from: {}, sets: ['Running'] } }));
    // @ts-expect-error neither a mask nor names
    never(() => define({ e: { from: {} } }, { terminal: 'phase' }));
    // @ts-expect-error not a flag of this set
    never(() => define({ e: { from: {} } }, { initial: ['Redy'] }));
  });
});
