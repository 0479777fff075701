import { UnknownFlagError } from './errors.ts';

/** One way for an event to be enabled: `(word & care) === want`. */
export interface Source<Value extends number | bigint = number | bigint> {
  /** The bits that are looked at. */
  readonly care: Value;
  /** What they have to be. */
  readonly want: Value;
}

/**
 * An event in four masks. It is enabled when one of `sources` matches, and `next = (word & ~clear) | set`. The same line
 * is compiled to JavaScript, SQL and Lua.
 */
export interface Transition<Event extends string = string, Value extends number | bigint = number | bigint> {
  readonly event: Event;
  /** At least one. */
  readonly sources: readonly [Source<Value>, ...Source<Value>[]];
  readonly clear: Value;
  readonly set: Value;
  /** What words look like that the event has made, one for each source: how a repeated event is recognised. */
  readonly results: readonly [Source<Value>, ...Source<Value>[]];
  /** True when more than the masks decides. */
  readonly guarded: boolean;
}

/** The questions of a machine over its table of transitions; by their `sources`, what a table inherits is not found. `refuse` throws. */
export interface TransitionBits<Value extends number | bigint> {
  canIn(table: Readonly<Record<string, Transition<string, Value>>>, refuse: (event: string) => never): (word: Value, event: string) => boolean;
  /** Undefined: not enabled. */
  nextIn(table: Readonly<Record<string, Transition<string, Value>>>, refuse: (event: string) => never): (word: Value, event: string) => Value | undefined;
}

// Written out for each backend for the reason given in bits.ts. Plain loops: `some` would need a closure over the word.
const NUMBER_TRANSITIONS: TransitionBits<number> = {
  canIn: (table, refuse) => (word, event) => {
    const sources = table[event]?.sources ?? refuse(event);
    for (let at = 0; at < sources.length; at++) if ((word & sources[at]!.care) === sources[at]!.want) return true;
    return false;
  },
  nextIn: (table, refuse) => (word, event) => {
    const transition = table[event];
    const sources = transition?.sources ?? refuse(event);
    for (let at = 0; at < sources.length; at++) if ((word & sources[at]!.care) === sources[at]!.want) return (word & ~transition!.clear) | transition!.set;
    return undefined;
  },
};

const BIGINT_TRANSITIONS: TransitionBits<bigint> = {
  canIn: (table, refuse) => (word, event) => {
    const sources = table[event]?.sources ?? refuse(event);
    for (let at = 0; at < sources.length; at++) if ((word & sources[at]!.care) === sources[at]!.want) return true;
    return false;
  },
  nextIn: (table, refuse) => (word, event) => {
    const transition = table[event];
    const sources = transition?.sources ?? refuse(event);
    for (let at = 0; at < sources.length; at++) if ((word & sources[at]!.care) === sources[at]!.want) return (word & ~transition!.clear) | transition!.set;
    return undefined;
  },
};

export const TRANSITION_BITS: { readonly number: TransitionBits<number>; readonly bigint: TransitionBits<bigint> } = {
  number: NUMBER_TRANSITIONS,
  bigint: BIGINT_TRANSITIONS,
};

/** @throws UnknownFlagError (`ERR_FLAGS_UNKNOWN`) */
export function transitionOf(machine: { readonly flags: { readonly name: string }; readonly transitions: object }, event: string): Transition {
  if (!Object.hasOwn(machine.transitions, event)) throw new UnknownFlagError(machine.flags.name, event, 'no event has this name');
  return (machine.transitions as Readonly<Record<string, Transition>>)[event]!;
}
