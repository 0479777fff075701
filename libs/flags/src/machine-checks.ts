import type { EventSpec, GroupBits, MachineOptions, SetBits } from './machine-definition.ts';
import type { Source, Transition } from './transition.ts';

/*
 * What is checked of a machine as a whole, once, when it is made.
 *
 * Reachability. For each exactly-one group the members that a word can have are collected: those declared `initial`, and
 * those that an event sets which can happen. An event can happen when one of its sources admits, in every exactly-one
 * group, a member that has been collected. Free flags and at-most-one groups are taken to have any value, because they may
 * be set from outside, and combinations of members of two groups are not told apart. So a member that is reported can
 * truly not be reached; one that is not reported may still need a combination that never comes about.
 *
 * Terminal states. An event leaves a terminal member when it sets another member of its group and a source of it admits
 * the terminal one.
 *
 * Determinism. Two events are told apart by their masks: there is a sound word that matches a source of each, and they make
 * different words of it. Groups and free flags have their values independently, so each is looked at by itself.
 */
interface Declared<Value extends number | bigint> {
  readonly events: Readonly<Record<string, EventSpec>>;
  readonly transitions: readonly Transition<string, Value>[];
  readonly options: MachineOptions;
  /** The named masks of the set. */
  readonly masks: Readonly<Record<string, readonly string[]>>;
}

/** Notes what is wrong, and gives the members that are initial and terminal. */
export function checkMachine<Value extends number | bigint>(set: SetBits<Value>, { events, transitions, options, masks }: Declared<Value>): { readonly initial: string[]; readonly terminal: string[] } {
  const groups = set.groups.filter(({ arity }) => arity === 'exactly-one');
  const { initial, terminal = [], deterministic = false } = options;
  if (typeof terminal === 'string' && !Object.hasOwn(masks, terminal)) set.fault('terminal', terminal, 'is not a mask of this set');
  const first = statesOf(set, groups, 'initial', initial ?? []);
  const last = statesOf(set, groups, 'terminal', typeof terminal === 'string' ? (masks[terminal] ?? []) : terminal);
  if (initial) findUnreachable(set, groups, transitions, first);
  findExits(set, groups, transitions, events, last);
  if (deterministic) findAmbiguities(set, transitions);
  return { initial: set.namesOf(first), terminal: set.namesOf(last) };
}

/** The mask of names that have to be members of exactly-one groups. */
function statesOf<Value extends number | bigint>({ bits, namesOf, maskOf, fault }: SetBits<Value>, groups: readonly GroupBits<Value>[], path: string, names: readonly string[]): Value {
  const mask = maskOf(path, names);
  const stray = groups.reduce((rest, group) => bits.difference(rest, group.mask), mask);
  for (const name of namesOf(stray)) fault(path, name, 'is no member of an exactly-one group');
  return bits.difference(mask, stray);
}

function findUnreachable<Value extends number | bigint>(
  set: SetBits<Value>,
  groups: readonly GroupBits<Value>[],
  transitions: readonly Transition<string, Value>[],
  initial: Value,
): void {
  const { bits, namesOf, fault } = set;
  for (const { name, mask } of groups) {
    if (bits.isDisjointFrom(initial, mask)) return fault('initial', namesOf(initial), `has no member of group ${name}, without which no word is complete`);
  }
  const states = groups.reduce((all, { mask }) => bits.union(all, mask), bits.zero);
  let reached = initial;
  // Each round but the last adds a member.
  for (let before: Value | undefined; before !== reached; ) {
    before = reached;
    for (const { sources, set: entered } of transitions) {
      const happens = sources.some((source) => groups.every(({ mask }) => !bits.isDisjointFrom(admitted(set, source, mask), reached)));
      if (happens) reached = bits.union(reached, bits.intersection(entered, states));
    }
  }
  for (const { name, mask } of groups) {
    for (const member of namesOf(bits.difference(mask, reached))) fault(`groups.${name}`, member, 'is neither initial nor reached by an event');
  }
}

function findExits<Value extends number | bigint>(
  set: SetBits<Value>,
  groups: readonly GroupBits<Value>[],
  transitions: readonly Transition<string, Value>[],
  events: Readonly<Record<string, EventSpec>>,
  terminal: Value,
): void {
  const { bits, namesOf, fault } = set;
  for (const { event, sources, set: enters } of transitions) {
    let left = bits.zero;
    for (const { mask } of groups) {
      const entered = bits.intersection(enters, mask);
      if (!entered) continue;
      for (const source of sources) left = bits.union(left, bits.intersection(bits.difference(admitted(set, source, mask), entered), terminal));
    }
    const reopens = events[event]!.reopen === true;
    if (left && !reopens) fault(event, namesOf(left), 'is terminal and has an exit here; exclude it in `from`, or say `reopen: true`');
    if (!left && reopens) fault(`${event}.reopen`, true, 'is said of an event that leaves no terminal state');
  }
}

function findAmbiguities<Value extends number | bigint>(set: SetBits<Value>, transitions: readonly Transition<string, Value>[]): void {
  transitions.forEach((one, at) => {
    for (const other of transitions.slice(at + 1)) {
      const differ = one.sources.some((a) => other.sources.some((b) => meetAndDiffer(set, [one, a], [other, b])));
      if (differ) set.fault(other.event, one.event, 'can be enabled in the same word and leads to another one');
    }
  });
}

type From<Value extends number | bigint> = readonly [Transition<string, Value>, Source<Value>];

/** True when some sound word matches both sources, and the events make different words of one. Part by part: a word may have any value of each. */
function meetAndDiffer<Value extends number | bigint>({ bits, parts }: SetBits<Value>, [one, a]: From<Value>, [other, b]: From<Value>): boolean {
  const matches = (value: Value, mask: Value) => ({ care, want }: Source<Value>): boolean => bits.equals(bits.intersection(value, care), bits.intersection(want, mask));
  const after = (value: Value, mask: Value, { clear, set }: Transition<string, Value>): Value => bits.union(bits.difference(value, clear), bits.intersection(set, mask));
  const shared = parts.map(({ mask, values }) => ({ mask, values: values.filter((value) => [a, b].every(matches(value, mask))) }));
  const meet = shared.every(({ values }) => values.length > 0);
  return meet && shared.some(({ mask, values }) => values.some((value) => !bits.equals(after(value, mask, one), after(value, mask, other))));
}

/** The members of an exactly-one group that a word may have which matches the source. */
function admitted<Value extends number | bigint>({ bits }: SetBits<Value>, { care, want }: Source<Value>, group: Value): Value {
  return bits.difference(group, bits.difference(care, want));
}
