import { defineFlags, type FlagName, type FlagsOf, type Word } from '@staddle/flags';
import { describe, expect, expectTypeOf, it } from 'vitest';

const State = defineFlags('run', {
  bits: { Ready: 0, Running: 1, Done: 2, Late: 8 },
  groups: { phase: { of: ['Ready', 'Running', 'Done'], arity: 'exactly-one' } },
  masks: { Open: ['Ready', 'Running'] },
});
type State = FlagsOf<typeof State>;
const Other = defineFlags('other', { bits: { A: 0 } });

// Calls inside are type-checked and never run.
const never = (call: () => unknown): void => expect(call).toBeTypeOf('function');

describe('types', () => {
  it('gives the names and the word type of a set', () => {
    expectTypeOf<FlagName<typeof State>>().toEqualTypeOf<'Ready' | 'Running' | 'Done' | 'Late'>();
    expectTypeOf<State>().toEqualTypeOf<Word<'run'>>();
    expectTypeOf(State.names(State.none)).toEqualTypeOf<('Ready' | 'Running' | 'Done' | 'Late')[]>();
    expectTypeOf(State.which(State.none, 'phase')).toEqualTypeOf<'Ready' | 'Running' | 'Done' | undefined>();
  });

  it('lets a word be a number where a number is wanted', () => {
    const raw: number = State.of('Running');
    expect(raw).toBe(2);
  });

  it('refuses what does not fit', () => {
    expect.hasAssertions();
    // @ts-expect-error a bare number is not a word
    never((): State => 3);
    // @ts-expect-error misspelt name
    never(() => State.of('Runing'));
    // @ts-expect-error words of two sets do not mix
    never(() => State.has(Other.of('A'), 'Ready'));
    // @ts-expect-error nor in the algebra
    never(() => State.union(State.none, Other.none));
    // @ts-expect-error a question needs at least one name
    never(() => State.hasAll(State.none));
    // @ts-expect-error the same
    never(() => State.hasAny(State.none));
    // @ts-expect-error no such mask
    never(() => State.mask.Closed);
    // @ts-expect-error no such group
    never(() => State.which(State.none, 'Open'));
    // @ts-expect-error a set without groups has nothing to ask for
    never(() => Other.which(Other.none, 'phase'));
    // @ts-expect-error tables are read-only
    never(() => (State.bit.Ready = State.none));
  });

  it('flags a misspelt member at the literal', () => {
    expect.hasAssertions();
    never(() =>
      defineFlags('x', {
        bits: { A: 0 },
        groups: {
          // @ts-expect-error not a flag of this set
          g: { of: ['B'], arity: 'at-most-one' },
        },
        masks: {
          // @ts-expect-error not a flag of this set
          m: ['C'],
        },
      }),
    );
  });
});
