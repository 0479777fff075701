import type { AnyFlagSet } from './any-flag-set.ts';
import type { Arithmetic } from './bits.ts';
import { isName, NAME_RULE, type Arity } from './definition.ts';
import { checkList, isRecord, isShape, type Fault } from './shape.ts';
import type { Source, Transition } from './transition.ts';

/** Which words an event starts from: all of these flags, none of those. */
export interface Condition<Name extends string = string> {
  readonly all?: readonly Name[];
  readonly none?: readonly Name[];
}

/** One event, as it is written. */
export interface EventSpec<Name extends string = string, Context = never> {
  /** `{}` is every word. Several: one of them has to hold. */
  readonly from: Condition<Name> | readonly Condition<Name>[];
  /** Flags that are set afterwards. A member of a group takes the place of its sibling. */
  readonly set?: readonly Name[];
  /** Flags that are not set afterwards. To leave a state of an exactly-one group, set another one. */
  readonly clear?: readonly Name[];
  /** Asked by `apply`, after the flags. It is not atomic with a write: what has to be should be a flag. */
  readonly guard?: (context: Context) => boolean;
  /** The event may leave a terminal state. */
  readonly reopen?: boolean;
}

/** What is declared of the machine as a whole, to be checked. */
export interface MachineOptions<Name extends string = string, MaskName extends string = string> {
  /** The members of exactly-one groups that a new word may have. Every other member then has to be reachable by events. */
  readonly initial?: readonly Name[];
  /** Members of exactly-one groups, or a mask of them, that no event leaves unless it says `reopen`. */
  readonly terminal?: MaskName | readonly Name[];
  /** Refuses two events that are enabled in one word and lead to different ones. Guards do not count. */
  readonly deterministic?: boolean;
}

/** A group with its masks. */
export interface GroupBits<Value extends number | bigint> {
  readonly name: string;
  readonly arity: Arity;
  readonly mask: Value;
}

/** What sound words may have of one group, or of one free flag. */
interface Part<Value extends number | bigint> {
  readonly mask: Value;
  readonly values: readonly Value[];
}

/** A set, as the compiler of its events sees it. */
export interface SetBits<Value extends number | bigint> {
  readonly bits: Arithmetic<Value>;
  readonly groups: readonly GroupBits<Value>[];
  /** The groups and the free flags. */
  readonly parts: readonly Part<Value>[];
  namesOf(value: Value): string[];
  /** The union of the names; a name that does not exist is a fault. */
  maskOf(path: string, names: readonly string[]): Value;
  readonly fault: Fault;
}

/** The masks of a set, under its backend's arithmetic. */
export function setBitsOf<Value extends number | bigint>(flags: AnyFlagSet, bits: Arithmetic<Value>, fault: Fault): SetBits<Value> {
  const bit = flags.bit as Readonly<Record<string, unknown>> as Readonly<Record<string, Value>>;
  const groups = Object.entries(flags.definition.groups).map(([name, { arity }]) => ({ name, arity, mask: flags.mask[name] as unknown as Value }));
  const namesOf = (value: Value): string[] => flags.names(value as never);
  const membersOf = (mask: Value): Value[] => namesOf(mask).map((name) => bit[name]!);
  const free = groups.reduce((rest, { mask }) => bits.difference(rest, mask), flags.all as unknown as Value);
  return {
    bits,
    fault,
    groups,
    parts: [
      ...groups.map(({ arity, mask }) => ({ mask, values: arity === 'exactly-one' ? membersOf(mask) : [bits.zero, ...membersOf(mask)] })),
      ...membersOf(free).map((mask) => ({ mask, values: [bits.zero, mask] })),
    ],
    namesOf,
    maskOf: (path, names) =>
      names.reduce<Value>((mask, name, at) => {
        const exists = Object.hasOwn(bit, name);
        if (!exists) fault(`${path}.${at}`, name, 'is not a flag of this set');
        return exists ? bits.union(mask, bit[name]!) : mask;
      }, bits.zero),
  };
}

const EVENT_PARTS = ['from', 'set', 'clear', 'guard', 'reopen'];
const CONDITIONS = ['all', 'none'];
const OPTIONS = ['initial', 'terminal', 'deterministic'];

/** Notes what has not the shape of events and options. After a fault they are not fit to be compiled. */
export function checkEvents(fault: Fault, events: unknown, options: unknown): void {
  const checkLists = (path: string, part: unknown, keys: readonly string[]): void => {
    for (const [key, list] of Object.entries(part as object)) if (keys.includes(key) && list !== undefined) checkList(fault, `${path}${key}`, list);
  };
  if (isRecord(fault, 'events', events)) {
    for (const [event, spec] of Object.entries(events)) {
      if (!isShape(fault, event, spec, EVENT_PARTS)) continue;
      const { from, guard } = spec as EventSpec;
      checkLists(`${event}.`, spec, ['set', 'clear']);
      if (guard !== undefined && typeof guard !== 'function') fault(`${event}.guard`, guard, 'is no function');
      for (const { condition, path } of conditionsOf(event, from)) if (isShape(fault, path, condition, CONDITIONS)) checkLists(`${path}.`, condition, CONDITIONS);
    }
  }
  if (isShape(fault, 'options', options, OPTIONS, '')) checkLists('', options, typeof (options as MachineOptions).terminal === 'string' ? ['initial'] : ['initial', 'terminal']);
}

function conditionsOf(event: string, from: EventSpec['from']): { readonly condition: Condition; readonly path: string }[] {
  return Array.isArray(from) ? (from as readonly Condition[]).map((condition, at) => ({ condition, path: `${event}.from.${at}` })) : [{ condition: from as Condition, path: `${event}.from` }];
}

/** Compiles events to masks. After a fault the result is not fit for use. */
export function compileEvents<Value extends number | bigint>(set: SetBits<Value>, events: Readonly<Record<string, EventSpec>>): Transition<string, Value>[] {
  const names = Object.keys(events);
  if (names.length === 0) set.fault('events', events, 'has no event');
  for (const name of names) if (!isName(name)) set.fault(name, name, NAME_RULE);
  return names.map((name) => compileEvent(set, name, events[name]!));
}

function compileEvent<Value extends number | bigint>(flags: SetBits<Value>, event: string, spec: EventSpec): Transition<string, Value> {
  const { bits, groups, namesOf, maskOf, fault } = flags;
  const set = maskOf(`${event}.set`, spec.set ?? []);
  let clear = maskOf(`${event}.clear`, spec.clear ?? []);

  const both = bits.intersection(set, clear);
  if (both) fault(`${event}.clear`, namesOf(both), 'is set by the same event');
  for (const { name, arity, mask } of groups) {
    const entered = bits.intersection(set, mask);
    if (bits.size(entered) > 1) fault(`${event}.set`, namesOf(entered), `are members of group ${name}, of which only one can be set`);
    const left = bits.intersection(clear, mask);
    if (left && arity === 'exactly-one') fault(`${event}.clear`, namesOf(left), `would leave group ${name} empty; set the member that takes its place`);
    // Setting a member clears its siblings.
    if (entered) clear = bits.union(clear, bits.difference(mask, entered));
  }

  const conditions = conditionsOf(event, spec.from);
  if (conditions.length === 0) fault(`${event}.from`, [], 'names no word to start from, so the event could never happen');
  const sources = distinct(conditions.map(({ condition, path }) => compileSource(flags, path, condition)), bits);
  const results = distinct(sources.map(({ care, want }) => ({ care: bits.union(care, bits.union(clear, set)), want: bits.union(bits.difference(want, clear), set) })), bits);
  // An empty list of sources is a fault, and nothing is handed out with one.
  return Object.freeze({ event, sources: sources as never, clear, set, results: results as never, guarded: spec.guard !== undefined });
}

function compileSource<Value extends number | bigint>({ bits, groups, namesOf, maskOf, fault }: SetBits<Value>, path: string, { all = [], none = [] }: Condition): Source<Value> {
  const want = maskOf(`${path}.all`, all);
  const unwanted = maskOf(`${path}.none`, none);
  const both = bits.intersection(want, unwanted);
  if (both) fault(path, namesOf(both), 'is wanted and excluded, so it can never be enabled');
  let care = bits.union(want, unwanted);
  for (const { name, arity, mask } of groups) {
    const wanted = bits.intersection(want, mask);
    if (bits.size(wanted) > 1) fault(`${path}.all`, namesOf(wanted), `are members of group ${name}, which are never set together, so it can never be enabled`);
    if (arity !== 'exactly-one') continue;
    if (bits.isSubsetOf(mask, unwanted)) fault(`${path}.none`, namesOf(mask), `are all members of group ${name}, so it can never be enabled`);
    // Looks at the whole group, so that a damaged word with two states matches nothing.
    if (wanted) care = bits.union(care, mask);
  }
  return Object.freeze({ care, want });
}

function distinct<Value extends number | bigint>(sources: readonly Source<Value>[], bits: Arithmetic<Value>): readonly Source<Value>[] {
  const first = (source: Source<Value>): Source<Value> => sources.find(({ care, want }) => bits.equals(care, source.care) && bits.equals(want, source.want))!;
  return Object.freeze([...new Set(sources.map(first))]);
}
