import type { Arithmetic } from './bits.ts';
import { FlagsGroupError, FlagsInputError, UnknownFlagError, type BoundaryError } from './errors.ts';
import { bitsOfToken, hex, splitTokens } from './text.ts';

/** What a boundary does with bits that the set does not know: refuse them, keep them, drop them. */
export type UnknownPolicy = 'strict' | 'retain' | 'truncate';

/** What a boundary says that does not throw. The error is the one that would have been thrown. */
export type WordResult<W> = { readonly ok: true; readonly value: W } | { readonly ok: false; readonly error: BoundaryError };

/** What a boundary needs to know of a set. */
export interface BoundaryRules<Value extends number | bigint> {
  readonly set: string;
  readonly bits: Arithmetic<Value>;
  readonly all: Value;
  /** Mask of one flag; undefined for a name that is not a live flag. */
  bitOf(name: string): Value | undefined;
  isRetired(name: string): boolean;
  /** The groups of a word that have the wrong number of members. */
  groupFaults(word: Value): readonly { readonly group: string; readonly arity: string; readonly members: readonly string[] }[];
}

/** The ways into a set. Each returns a word or throws a BoundaryError; the policy is `strict` unless given. */
export interface Boundary<Value extends number | bigint> {
  fromBits(raw: unknown, policy?: UnknownPolicy): Value;
  fromNames(list: unknown, policy?: UnknownPolicy): Value;
  parse(text: unknown, policy?: UnknownPolicy): Value;
}

export function boundaryOf<Value extends number | bigint>(rules: BoundaryRules<Value>): Boundary<Value> {
  const { set, bits, all } = rules;

  function admit(input: unknown, word: Value, policy: UnknownPolicy = 'strict'): Value {
    if (policy === 'retain') return word;
    if (policy === 'truncate') return bits.intersection(word, all);
    if (policy !== 'strict') throw new FlagsInputError(set, policy, "the policy is 'strict', 'retain' or 'truncate'");
    const unknownBits = bits.difference(word, all);
    if (unknownBits) throw new UnknownFlagError(set, input, `the bits ${hex(unknownBits)} have no flag`, { unknownBits });
    const [fault] = rules.groupFaults(word);
    if (fault) throw new FlagsGroupError(set, input, fault.group, fault.arity, fault.members);
    return word;
  }

  function unionOf(tokens: readonly unknown[], placeOf?: (at: number) => string): Value {
    let word = bits.zero;
    for (const [at, token] of tokens.entries()) word = bits.union(word, bitsOfToken(rules, token, placeOf?.(at)));
    return word;
  }

  return {
    fromBits: (raw, policy) => admit(raw, bits.read(set, raw), policy),
    fromNames: (list, policy) => {
      if (!Array.isArray(list)) throw new FlagsInputError(set, list, 'names come as an array');
      return admit(list, unionOf(list, String), policy);
    },
    parse: (text, policy) => admit(text, unionOf(splitTokens(set, text)), policy),
  };
}

/** The same call with the error as a result. */
export function resultOf<W>(read: () => W): WordResult<W> {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    if (error instanceof FlagsInputError || error instanceof UnknownFlagError || error instanceof FlagsGroupError) return { ok: false, error };
    throw error;
  }
}
