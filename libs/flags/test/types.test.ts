import { defineFlags, type FlagName, type FlagSet, type FlagsOf, type Word, type WordResult } from '@staddle/flags';
import { describe, expect, expectTypeOf, it } from 'vitest';

const State = defineFlags('run', {
  bits: { Ready: 0, Running: 1, Done: 2, Late: 8 },
  groups: { phase: { of: ['Ready', 'Running', 'Done'], arity: 'exactly-one' } },
  masks: { Open: ['Ready', 'Running'] },
});
type State = FlagsOf<typeof State>;
const Other = defineFlags('other', { bits: { A: 0 } });
const Wide = defineFlags('wide', { backend: 'bigint', bits: { A: 0, B: 62 }, groups: { ab: { of: ['A', 'B'], arity: 'at-most-one' } } });

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

  it('takes the type of words from the backend', () => {
    expectTypeOf<FlagsOf<typeof Wide>>().toEqualTypeOf<Word<'wide', bigint>>();
    expectTypeOf<FlagName<typeof Wide>>().toEqualTypeOf<'A' | 'B'>();
    expectTypeOf(Wide.bit.B).toEqualTypeOf<Word<'wide', bigint>>();
    expectTypeOf(Wide.unknownBits(Wide.all)).toEqualTypeOf<Word<'wide', bigint>>();
    expectTypeOf(Wide.which(Wide.none, 'ab')).toEqualTypeOf<'A' | 'B' | undefined>();
    expectTypeOf(defineFlags('explicit', { backend: 'number', bits: { A: 0 } }).none).toEqualTypeOf<Word<'explicit'>>();
    const raw: bigint = Wide.of('B');
    expect(raw).toBe(2n ** 62n);
  });

  it('keeps the names of the definition', () => {
    expectTypeOf(State.definition.bits).toEqualTypeOf<{ readonly Ready: number; readonly Running: number; readonly Done: number; readonly Late: number }>();
    expectTypeOf(State.definition.groups.phase.of).toEqualTypeOf<readonly ('Ready' | 'Running' | 'Done')[]>();
    expectTypeOf(State.definition.masks.Open).toEqualTypeOf<readonly ('Ready' | 'Running' | 'Done' | 'Late')[]>();
  });

  it('narrows a result by ok', () => {
    const result = State.tryFromNames(['Runing']);
    expectTypeOf(result).toEqualTypeOf<WordResult<State>>();
    if (result.ok) expectTypeOf(result.value).toEqualTypeOf<State>();
    else expectTypeOf<typeof result.error.code>().toEqualTypeOf<'ERR_FLAGS_INPUT' | 'ERR_FLAGS_UNKNOWN' | 'ERR_FLAGS_GROUP'>();
    expect(result.ok).toBe(false);
  });

  it('can be written down, with and without the type of words', () => {
    const written: FlagSet<'run', 'Ready' | 'Running' | 'Done' | 'Late', { phase: 'Ready' | 'Running' | 'Done' }, 'Open'> = State;
    const wide: FlagSet<'wide', 'A' | 'B', { ab: 'A' | 'B' }, never, bigint> = Wide;
    const any: FlagSet<string, string, Record<string, string>, string, number | bigint>[] = [written, wide];
    expect(any.map(({ name }) => name)).toEqual(['run', 'wide']);
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
    // @ts-expect-error a bigint is not a word
    never((): FlagsOf<typeof Wide> => 3n);
    // @ts-expect-error words of two backends do not mix
    never(() => Wide.union(Wide.none, State.none));
    // @ts-expect-error misspelt name
    never(() => State.toggle(State.none, 'Runing'));
    // @ts-expect-error no such policy
    never(() => State.fromBits(1, 'lenient'));
    // @ts-expect-error no such backend
    never(() => defineFlags('x', { backend: 'float', bits: { A: 0 } }));
    // @ts-expect-error a bit index is a number
    never(() => defineFlags('x', { bits: { A: '0' } }));
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
