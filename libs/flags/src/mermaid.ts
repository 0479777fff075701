import type { AnyFlagSet, GroupName } from './any-flag-set.ts';
import { BITS, type Arithmetic } from './bits.ts';
import { UnknownFlagError } from './errors.ts';
import type { Machine } from './machine.ts';
import { groupMask } from './sql-text.ts';
import { transitionOf, type Source, type Transition } from './transition.ts';

// Words that begin something else in a state diagram, whatever their case.
const KEYWORDS = new Set(['as', 'choice', 'class', 'classdef', 'click', 'default', 'direction', 'end', 'fork', 'hide', 'join', 'note', 'scale', 'state', 'style']);

/**
 * The states of one exactly-one group and the events between them, as a Mermaid `stateDiagram-v2`. A label reads
 * `event [conditions] / effects`: what else has to be set or not, `guard` when the event has one, and what else it sets
 * (`+Flag`) and clears (`-Flag`). An event that does not touch the group is drawn from each state, where it is enabled, to
 * itself. The text depends on nothing but the definition, so that it can be kept in a document and compared.
 * @throws UnknownFlagError (`ERR_FLAGS_UNKNOWN`) for a group that does not exist or may be empty
 */
export function toMermaid<Flags extends AnyFlagSet, Event extends string>(machine: Machine<Flags, Event, never>, group: GroupName<Flags>): string {
  return machine.flags.backend === 'bigint' ? diagram(machine, group, BITS.bigint) : diagram(machine, group, BITS.number);
}

type Drawn = Pick<Machine<AnyFlagSet, string>, 'flags' | 'events' | 'transitions' | 'initial' | 'terminal'>;

function diagram<Value extends number | bigint>(machine: Drawn, group: string, bits: Arithmetic<Value>): string {
  const { flags } = machine;
  if (flags.definition.groups[group]?.arity !== 'exactly-one') throw new UnknownFlagError(flags.name, group, 'no exactly-one group has this name');
  const mask = groupMask(flags, group) as Value;
  const namesOf = (value: Value): string[] => flags.names(value as never);
  const states = namesOf(mask);
  const ids = idsOf(states);
  const idOf = (state: string): string => ids.get(state)!;
  const siblings = Object.keys(flags.definition.groups).map((name) => groupMask(flags, name) as Value);

  const label = ({ event, clear, set, guarded }: Transition<string, Value>, { care, want }: Source<Value>): string => {
    const wanted = namesOf(bits.difference(want, mask));
    const excluded = namesOf(bits.difference(bits.difference(care, want), mask)).filter((name) => !isSibling(name, want));
    const conditions = [...wanted, ...excluded.map((name) => `not ${name}`), ...(guarded ? ['guard'] : [])];
    const added = namesOf(bits.difference(set, mask)).map((name) => `+${name}`);
    const removed = namesOf(bits.difference(clear, mask)).filter((name) => !isSibling(name, set)).map((name) => `-${name}`);
    const effects = [...added, ...removed];
    return [event, conditions.length > 0 ? `[${conditions.join(', ')}]` : '', effects.length > 0 ? `/ ${effects.join(' ')}` : ''].filter(Boolean).join(' ');
  };
  /** What is said of a member goes without saying of its siblings. */
  const isSibling = (name: string, of: Value): boolean => siblings.some((each) => !bits.isDisjointFrom(each, flags.bit[name] as unknown as Value) && !bits.isDisjointFrom(each, of));

  const arrows = machine.events.flatMap((event) => {
    const transition = transitionOf(machine, event) as Transition<string, Value>;
    const [entered] = namesOf(bits.intersection(transition.set, mask));
    return transition.sources.flatMap((source) => {
      const excluded = bits.difference(source.care, source.want);
      return namesOf(bits.difference(mask, excluded)).map((from) => `${idOf(from)} --> ${idOf(entered ?? from)}: ${label(transition, source)}`);
    });
  });
  const inGroup = (name: string): boolean => states.includes(name);
  const lines = [
    ...states.filter((name) => idOf(name) !== name).map((name) => `state "${name}" as ${idOf(name)}`),
    ...machine.initial.filter(inGroup).map((name) => `[*] --> ${idOf(name)}`),
    ...arrows,
    ...machine.terminal.filter(inGroup).map((name) => `${idOf(name)} --> [*]`),
  ];
  return `${['stateDiagram-v2', ...lines].join('\n  ')}\n`;
}

/** What each state is called in the text of the diagram. */
function idsOf(states: readonly string[]): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  const taken = new Set(states);
  for (const name of states) {
    let id = name.replaceAll(/[.-]/g, '_');
    while (KEYWORDS.has(id.toLowerCase()) || (id !== name && taken.has(id))) id += '_';
    taken.add(id);
    ids.set(name, id);
  }
  return ids;
}
