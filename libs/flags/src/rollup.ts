import type { DefinitionFault } from './errors.ts';
import { FlagsGroupError, FlagsInputError, FlagsRollupError } from './errors.ts';
import type { FlagSet, Word } from './flags.ts';
import { checkList, isShape, type Fault } from './shape.ts';

/*
 * The state of a parent as a function of the states of its children.
 *
 * Invariants
 * 1. The result depends only on which states occur among the children, and on whether there are any. For a group of arity
 *    `exactly-one` that is enough for every rule: "every child is in S" says that no state outside of S occurs. So the
 *    rules compile to a table with one entry for each combination of states.
 * 2. The table is total: each combination has a result, and no children at all have the one given as `empty`. A rule that
 *    no combination reaches is a fault, because its author believed that it does something.
 * 3. Children count by the state in their own row. A child that has children of its own counts by what was rolled up to
 *    it, never by what is below it.
 */

/** A condition on the states of the children. What it leaves out does not matter; without a condition it always holds. */
export interface RollupRule<State extends string = string> {
  /** At least one child is in one of these states. */
  readonly any?: readonly State[];
  /** No child is in one of these states. */
  readonly none?: readonly State[];
  /** Each child is in one of these states. */
  readonly every?: readonly State[];
  /** The state of the parent. */
  readonly state: State;
}

/** The last argument of {@link rollupOf}. */
export interface RollupSpec<State extends string = string> {
  /** The state of a parent without children. There is no default: "all children are done" is true of none. */
  readonly empty: State;
  /** The first rule that holds decides. */
  readonly rules: readonly RollupRule<State>[];
}

/** A compiled roll-up: made by {@link rollupOf}. */
export interface Rollup<Set extends string, State extends string, Value extends number | bigint = number> {
  /** Name of the flags type. */
  readonly set: Set;
  readonly group: string;
  /** The states in bit order. */
  readonly states: readonly State[];
  readonly empty: State;
  /** The state of each child's word as a mask, and the union of all. */
  readonly bit: { readonly [K in State]: Word<Set, Value> };
  readonly mask: Word<Set, Value>;

  /** The state of a parent whose direct children have these words. @throws FlagsGroupError (`ERR_FLAGS_GROUP`) for a word that is not in exactly one state */
  evaluate(words: Iterable<Word<Set, Value>>): State;
  /** The same from the number of children in each state. @throws FlagsInputError (`ERR_FLAGS_INPUT`) for what is no count */
  fromCounts(counts: { readonly [K in State]: number }): State;
  /** The same from the union of the children's words and their number. @throws FlagsInputError (`ERR_FLAGS_INPUT`) when the two cannot belong together */
  fromOr(or: Word<Set, Value>, count: number): State;

  /** The state in a word; undefined for a damaged one. */
  stateOf(word: Word<Set, Value>): State | undefined;
  /** The word with another state, all else as it was. */
  withState(word: Word<Set, Value>, state: State): Word<Set, Value>;
  /** A word from a row, unknown bits retained. @throws FlagsInputError (`ERR_FLAGS_INPUT`) */
  read(raw: unknown): Word<Set, Value>;
}

/** More members would make a table that is compiled slowly, and rules that nobody can check by eye: 2^12 combinations. */
const MOST_STATES = 12;

const CONDITIONS = ['any', 'none', 'every'] as const;
const RULE_PARTS = [...CONDITIONS, 'state'];

/**
 * Compiles the rules by which a parent gets its state from its children, for one group of arity `exactly-one`.
 * @throws FlagsRollupError (`ERR_FLAGS_ROLLUP`) with all faults: names that are no state, then combinations without a rule and rules without a combination
 */
export function rollupOf<
  Set extends string,
  Name extends string,
  Members extends Record<string, string>,
  MaskName extends string,
  Value extends number | bigint,
  const Group extends Extract<keyof Members, string>,
>(
  set: FlagSet<Set, Name, Members, MaskName, Value>,
  group: Group,
  spec: RollupSpec<NoInfer<Members[Group]>>,
): Rollup<Set, Members[Group], Value> {
  // The names are typed here, once; inside `build` a state is a string.
  return build(set as never, group, spec) as never;
}

type AnySet = FlagSet<string, string, Record<string, string>, string>;

function build(set: AnySet, group: string, spec: RollupSpec): Rollup<string, string> {
  const states = statesOf(set, group);
  checkShape(set.name, spec);
  const { empty, rules } = spec;
  checkRules(set.name, states, { empty, rules });
  const results = compile(set.name, states, rules);

  // Entry i of `results` is for the states whose bits are set in i; `or` is the same combination in the bits of the set.
  const ors = unionsOf(set, states);
  const resultOf = new Map(ors.map((or, combination) => [or, results[combination]]));
  const stateOfBit = new Map(states.map((state) => [set.bit[state]!, state]));
  const mask = set.mask[group]!;

  const refuse = (value: unknown, rule: string): never => {
    throw new FlagsInputError(set.name, value, rule);
  };
  const isCount = (count: unknown): count is number => Number.isSafeInteger(count) && (count as number) >= 0;

  function fromOr(or: Word, count: number): string {
    if (!isCount(count)) return refuse(count, 'the number of children is a whole number, 0 or more');
    const occurring = set.intersection(or, mask);
    if (count < set.size(occurring)) return refuse(or, `${count} children cannot be in so many states of group ${group}`);
    if (count === 0) return empty;
    return resultOf.get(occurring) ?? refuse(or, `${count} children are in no state of group ${group}`);
  }

  const rollup: Rollup<string, string> = {
    set: set.name,
    group,
    states,
    empty,
    bit: Object.freeze(Object.fromEntries(states.map((state) => [state, set.bit[state]!]))),
    mask,
    evaluate(words) {
      let or = set.none;
      let count = 0;
      for (const word of words) {
        const state = set.intersection(word, mask);
        if (!stateOfBit.has(state)) throw new FlagsGroupError(set.name, word, group, 'exactly-one', set.names(state));
        or = set.union(or, state);
        count++;
      }
      return fromOr(or, count);
    },
    fromCounts(counts) {
      let or = set.none;
      let count = 0;
      for (const state of states) {
        const inState = counts[state];
        if (!isCount(inState)) return refuse(inState, `the number of children in ${state} is a whole number, 0 or more`);
        if (inState > 0) or = set.union(or, set.bit[state]!);
        count += inState;
      }
      return fromOr(or, count);
    },
    fromOr,
    stateOf: (word) => stateOfBit.get(set.intersection(word, mask)),
    withState: (word, state) => set.add(word, state),
    read: (raw) => set.fromBits(raw, 'retain'),
  };
  return Object.freeze(rollup);
}

function statesOf(set: AnySet, group: string): readonly string[] {
  const found = Object.hasOwn(set.definition.groups, group) ? set.definition.groups[group] : undefined;
  const fault = (value: unknown, rule: string): never => {
    throw new FlagsRollupError(set.name, [{ path: 'group', value, rule }]);
  };
  if (found === undefined) return fault(group, 'is not a group of this set');
  // With children in no state, "every child is in S" could not be told from the states that occur.
  if (found.arity !== 'exactly-one') return fault(group, `has the arity ${found.arity}; only states of which each child has exactly one can be rolled up`);
  if (found.of.length > MOST_STATES) return fault(group, `has ${found.of.length} members; the table of a roll-up is made for at most ${MOST_STATES}`);
  return Object.freeze(set.names(set.mask[group]!));
}

function checkShape(set: string, spec: RollupSpec): void {
  const faults: DefinitionFault[] = [];
  const fault: Fault = (path, value, rule) => void faults.push({ path, value, rule });
  if (isShape(fault, 'spec', spec, ['empty', 'rules'], '')) {
    if (!Array.isArray(spec.rules)) fault('rules', spec.rules, 'is no list of rules');
    else {
      for (const [at, rule] of spec.rules.entries()) {
        if (!isShape(fault, `rules.${at}`, rule, RULE_PARTS)) continue;
        for (const condition of CONDITIONS) if (rule[condition] !== undefined) checkList(fault, `rules.${at}.${condition}`, rule[condition]);
      }
    }
  }
  if (faults.length > 0) throw new FlagsRollupError(set, faults);
}

function checkRules(set: string, states: readonly string[], { empty, rules }: RollupSpec): void {
  const faults: DefinitionFault[] = [];
  const checkState = (path: string, state: unknown): void => {
    if (!states.includes(state as string)) faults.push({ path, value: state, rule: 'is not a state of the group' });
  };
  checkState('empty', empty);
  if (rules.length === 0) faults.push({ path: 'rules', value: rules, rule: 'has no rule' });
  rules.forEach((rule, at) => {
    for (const condition of CONDITIONS) {
      const named = rule[condition];
      const path = `rules.${at}.${condition}`;
      if (named?.length === 0) faults.push({ path, value: named, rule: 'names no state' });
      named?.forEach((state, place) => checkState(`${path}.${place}`, state));
    }
    checkState(`rules.${at}.state`, rule.state);
  });
  if (faults.length > 0) throw new FlagsRollupError(set, faults);
}

/** The result of each combination; the combination of no state, entry 0, has none. */
function compile(set: string, states: readonly string[], rules: readonly RollupRule[]): (string | undefined)[] {
  const combinationOf = (named: readonly string[]): number => named.reduce((combination, state) => combination | (1 << states.indexOf(state)), 0);
  const holds = rules.map(({ any, none = [], every = states }) => {
    const [anyOf, noneOf, others] = [combinationOf(any ?? states), combinationOf(none), ~combinationOf(every)];
    return (occurring: number): boolean => (occurring & anyOf) !== 0 && (occurring & (noneOf | others)) === 0;
  });

  const results: (string | undefined)[] = [undefined];
  const reached = new Set<number>();
  const undecided: number[] = [];
  for (let occurring = 1; occurring < 1 << states.length; occurring++) {
    const first = holds.findIndex((rule) => rule(occurring));
    results.push(rules[first]?.state);
    if (first === -1) undecided.push(occurring);
    else reached.add(first);
  }

  const faults = rules.flatMap((rule, at): DefinitionFault[] =>
    reached.has(at) ? [] : [{ path: `rules.${at}`, value: rule.state, rule: 'is never reached: it contradicts itself, or the rules before it decide all that it would' }],
  );
  const [example] = undecided;
  if (example !== undefined) {
    const more = undecided.length === 1 ? '' : `, nor about ${undecided.length - 1} other combinations`;
    faults.push({ path: 'rules', value: states.filter((_, at) => (example & (1 << at)) !== 0), rule: `are states of children that no rule decides about${more}` });
  }
  if (faults.length > 0) throw new FlagsRollupError(set, faults);
  return results;
}

/** For each combination of states the union of their bits. */
function unionsOf(set: AnySet, states: readonly string[]): Word[] {
  const ors = [set.none];
  for (let combination = 1; combination < 1 << states.length; combination++) {
    const last = 31 - Math.clz32(combination);
    ors.push(set.union(ors[combination ^ (1 << last)]!, set.bit[states[last]!]!));
  }
  return ors;
}
