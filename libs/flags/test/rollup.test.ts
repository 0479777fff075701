import { defineFlags, FlagsRollupError, rollupOf, type RollupRule, type RollupSpec } from '@staddle/flags';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STATES, Task, TASK_RULES, taskRollup as rollup, type TaskState as State } from './task.ts';

/** The rules as they read, over the list of children. */
function naive({ empty, rules }: RollupSpec<State>, children: readonly State[]): State {
  if (children.length === 0) return empty;
  const holds = ({ any, none, every }: RollupRule<State>): boolean =>
    (any === undefined || children.some((child) => any.includes(child))) &&
    (none === undefined || !children.some((child) => none.includes(child))) &&
    (every === undefined || children.every((child) => every.includes(child)));
  return rules.find(holds)!.state;
}

function countsOf(children: readonly State[]): Record<State, number> {
  return Object.fromEntries(STATES.map((state) => [state, children.filter((child) => child === state).length])) as Record<State, number>;
}

/** Path and rule of each fault; empty for a list of rules that is accepted. */
function faultsOf(define: () => unknown): string[] {
  try {
    define();
    return [];
  } catch (error) {
    if (!(error instanceof FlagsRollupError)) throw error;
    return error.faults.map(({ path, rule }) => `${path} ${rule}`);
  }
}

const children = fc.array(fc.constantFrom(...STATES), { maxLength: 12 });

describe('a roll-up', () => {
  it.each<[State[], State]>([
    [[], 'Queued'],
    [['Done'], 'Done'],
    [['Done', 'Done', 'Cancelled'], 'Done'],
    [['Cancelled', 'Cancelled'], 'Cancelled'],
    [['Done', 'Failed'], 'Failed'],
    [['Done', 'Failed', 'Queued'], 'Queued'],
    [['Failed', 'Running'], 'Running'],
    [['Paused', 'Done'], 'Paused'],
    [['Paused', 'Queued'], 'Queued'],
  ])('of %j is %s', (states, expected) => {
    expect(rollup.evaluate(states.map((state) => Task.of(state)))).toBe(expected);
  });

  it('is what the rules say when read one after the other, from words, counts and the union alike', () => {
    fc.assert(
      fc.property(children, (states) => {
        const words = states.map((state) => Task.of(state, 'Archived'));
        const or = words.reduce((union, word) => Task.union(union, word), Task.none);
        const expected = naive(TASK_RULES, states);
        expect(rollup.evaluate(words)).toBe(expected);
        expect(rollup.fromCounts(countsOf(states))).toBe(expected);
        expect(rollup.fromOr(or, words.length)).toBe(expected);
      }),
    );
  });

  it('agrees with the rules for every list of rules that it accepts', () => {
    const some = fc.option(fc.uniqueArray(fc.constantFrom(...STATES), { minLength: 1 }), { nil: undefined });
    const rule = fc.record({ any: some, none: some, every: some, state: fc.constantFrom(...STATES) });
    const spec = fc.record({ empty: fc.constantFrom(...STATES), rules: fc.array(rule, { maxLength: 3 }), last: fc.constantFrom(...STATES) });
    let accepted = 0;
    fc.assert(
      fc.property(spec, children, ({ empty, rules, last }, states) => {
        // A rule for what is left makes the list total; a list with a rule that is never reached is refused.
        const total = { empty, rules: [...rules, { state: last }] } as RollupSpec<State>;
        if (faultsOf(() => rollupOf(Task, 'run', total)).length > 0) return;
        accepted++;
        expect(rollupOf(Task, 'run', total).fromCounts(countsOf(states))).toBe(naive(total, states));
      }),
    );
    expect(accepted).toBeGreaterThan(10);
  });

  it('counts a child by its own word, and knows nothing of what is below it', () => {
    const finishedParent = rollup.withState(Task.of('Running', 'Archived'), rollup.evaluate([Task.of('Done')]));
    expect(Task.format(finishedParent)).toBe('Done | Archived');
    expect(rollup.evaluate([finishedParent, Task.of('Done')])).toBe('Done');
  });

  it('works on bigint words and on groups whose bits are not in a row', () => {
    const Wide = defineFlags('wide', {
      backend: 'bigint',
      bits: { Done: 62, Open: 3, Late: 40 },
      groups: { phase: { of: ['Done', 'Open'], arity: 'exactly-one' } },
    });
    const wide = rollupOf(Wide, 'phase', { empty: 'Done', rules: [{ every: ['Done'], state: 'Done' }, { state: 'Open' }] });
    expect(wide.states).toEqual(['Open', 'Done']);
    expect(wide.evaluate([Wide.of('Done'), Wide.of('Done', 'Late')])).toBe('Done');
    expect(wide.fromOr(Wide.union(Wide.of('Done'), Wide.of('Open')), 2)).toBe('Open');
  });

  it('ignores unknown bits of a child', () => {
    expect(rollup.evaluate([Task.fromBits(8 + 2 ** 29, 'retain')])).toBe('Done');
  });
});

describe('what a roll-up refuses to be asked', () => {
  it('a child in no state or in two', () => {
    expect(() => rollup.evaluate([Task.none])).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_GROUP', group: 'run', members: [] }));
    const two = Task.fromBits(3, 'retain');
    expect(() => rollup.evaluate([Task.of('Done'), two])).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_GROUP', members: ['Queued', 'Running'] }));
  });

  it.each([-1, 1.5, Number.NaN, undefined, '1'])('a number of children that is %s', (count) => {
    const bad = count as number;
    expect(() => rollup.fromOr(Task.of('Done'), bad)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
    expect(() => rollup.fromCounts({ ...countsOf([]), Done: bad })).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
  });

  it('a union and a number that cannot belong together', () => {
    const both = Task.union(Task.of('Done'), Task.of('Failed'));
    for (const [or, count] of [[both, 1], [both, 0], [Task.none, 3], [Task.of('Archived'), 1]] as const) {
      expect(() => rollup.fromOr(or, count)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
    }
  });
});

describe('a list of rules', () => {
  it('must decide every combination of states', () => {
    expect(faultsOf(() => rollupOf(Task, 'run', { empty: 'Queued', rules: [{ any: ['Running'], state: 'Running' }] }))).toEqual([
      'rules are states of children that no rule decides about, nor about 30 other combinations',
    ]);
    expect(faultsOf(() => rollupOf(Task, 'run', { empty: 'Queued', rules: [{ any: ['Queued'], state: 'Queued' }, { any: ['Running', 'Paused', 'Done', 'Failed'], state: 'Running' }] }))).toEqual([
      'rules are states of children that no rule decides about',
    ]);
  });

  it('is refused with a code', () => {
    expect(() => rollupOf(Task, 'run', { empty: 'Queued', rules: [] })).toThrow(expect.objectContaining({ name: 'FlagsRollupError', code: 'ERR_FLAGS_ROLLUP', set: 'task', retryable: false }));
  });

  it('must not hold a rule that is never reached', () => {
    const rules: RollupRule<State>[] = [
      { any: ['Running', 'Paused'], state: 'Running' },
      { any: ['Running'], state: 'Paused' },
      { any: ['Done'], none: ['Done'], state: 'Done' },
      { any: ['Done'], every: ['Failed'], state: 'Done' },
      { state: 'Queued' },
      { state: 'Done' },
    ];
    expect(faultsOf(() => rollupOf(Task, 'run', { empty: 'Queued', rules })).map((fault) => fault.split(' ')[0])).toEqual([
      'rules.1',
      'rules.2',
      'rules.3',
      'rules.5',
    ]);
  });

  it('must name states of the group, and is told all its faults at once', () => {
    const bad = { empty: 'Archived', rules: [{ any: ['Runing'], none: [], state: 'Done' }, { every: ['Done', 'toString'], state: 'PushSent' }] };
    expect(faultsOf(() => rollupOf(Task, 'run', bad as never))).toEqual([
      'empty is not a state of the group',
      'rules.0.any.0 is not a state of the group',
      'rules.0.none names no state',
      'rules.1.every.1 is not a state of the group',
      'rules.1.state is not a state of the group',
    ]);
    expect(faultsOf(() => rollupOf(Task, 'run', { empty: 'Done', rules: [] }))).toEqual(['rules has no rule']);
    const shapeless = { empty: 'Done', rules: [{ all: ['Done'], state: 'Done' }, null, { any: 'Done', state: 'Done' }] };
    expect(faultsOf(() => rollupOf(Task, 'run', shapeless as never))).toEqual(['rules.0.all is none of the parts any, none, every, state', 'rules.1 is no object', 'rules.2.any is no list of names']);
    expect(faultsOf(() => rollupOf(Task, 'run', { empty: 'Done' } as never))).toEqual(['rules is no list of rules']);
    expect(faultsOf(() => rollupOf(Task, 'run', undefined as never))).toEqual(['spec is no object']);
  });

  it('is for a group of which each word has exactly one member', () => {
    expect(faultsOf(() => rollupOf(Task, 'push', { empty: 'PushSent', rules: [{ state: 'PushSent' }] }))).toEqual([
      'group has the arity at-most-one; only states of which each child has exactly one can be rolled up',
    ]);
    expect(faultsOf(() => rollupOf(Task, 'toString' as never, TASK_RULES as never))).toEqual(['group is not a group of this set']);
  });

  it.each([12, 13])('of a group with %i members is compiled only up to 12', (size) => {
    const names = Array.from({ length: size }, (_, at) => `S${at}`);
    const Many = defineFlags('many', {
      bits: Object.fromEntries(names.map((name, at) => [name, at])),
      groups: { all: { of: names, arity: 'exactly-one' } },
    });
    const faults = faultsOf(() => rollupOf(Many, 'all', { empty: 'S0', rules: [{ any: ['S1'], state: 'S1' }, { state: 'S0' }] }));
    expect(faults).toEqual(size === 12 ? [] : ['group has 13 members; the table of a roll-up is made for at most 12']);
  });

  it('is type-checked', () => {
    expect.hasAssertions();
    const never = (call: () => unknown): void => expect(call).toBeTypeOf('function');
    // @ts-expect-error the empty case has no default
    never(() => rollupOf(Task, 'run', { rules: [{ state: 'Queued' }] }));
    // @ts-expect-error misspelt state
    never(() => rollupOf(Task, 'run', { empty: 'Queud', rules: [{ state: 'Queued' }] }));
    // @ts-expect-error a flag outside of the group
    never(() => rollupOf(Task, 'run', { empty: 'Queued', rules: [{ any: ['Archived'], state: 'Queued' }] }));
    // @ts-expect-error a rule has a result
    never(() => rollupOf(Task, 'run', { empty: 'Queued', rules: [{ any: ['Queued'] }] }));
    // @ts-expect-error no such group
    never(() => rollupOf(Task, 'runs', TASK_RULES));
    // @ts-expect-error every state has a count
    never(() => rollup.fromCounts({ Queued: 1 }));
    // @ts-expect-error words of another set
    never(() => rollup.evaluate([defineFlags('other', { bits: { A: 0 } }).of('A')]));
  });
});
