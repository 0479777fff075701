import { BITS, type Arithmetic, type Backend } from './bits.ts';
import { boundaryOf, resultOf, type UnknownPolicy, type WordResult } from './boundary.ts';
import { codec, type WordCodec } from './codec.ts';
import { checkDefinition, checkShape, freezeDefinition, type Arity, type FlagsDefinition, type Group } from './definition.ts';
import { FlagsGroupError, FlagsInputError, UnknownFlagError } from './errors.ts';
import { manifestOf, type FlagsManifest } from './manifest.ts';
import { joinTokens, tokensOf } from './text.ts';

/*
 * A flags type: names for the bits of one integer. SPEC.md defines the terms used here.
 *
 * Invariants
 * 1. A word is a plain integer, from 0 to 2^31 - 1 as a number or from 0 to 2^63 - 1 as a bigint. `===` is equality.
 * 2. Bits that this process does not know survive every operation except `truncate`, `complement` and
 *    `intersection` with a word that lacks them: an older process hands back what a newer one wrote.
 * 3. `of`, `add` and `toggle` never put two members of one group into a word. Only a boundary crossed with `retain` or
 *    `truncate`, or the set operations, can bring such a word about; `issues` reports it.
 * 4. No question is true of nothing: `has`, `hasAll` and `hasAny` refuse to be asked without a name that exists.
 */

declare const setOfWord: unique symbol;

/** A value of the flags type `Set`: a number, or a bigint for a wide set. The brand keeps words of two sets, and bare numbers, apart. */
export type Word<Set extends string = string, Value extends number | bigint = number> = Value & { readonly [setOfWord]: Set };

/** Something about a word that a strict boundary would have refused. */
export type WordIssue<Name extends string = string, GroupName extends string = string, Value extends number | bigint = number> =
  | { readonly kind: 'unknown-bits'; readonly bits: Value }
  | { readonly kind: 'group'; readonly group: GroupName; readonly members: readonly Name[] };

/** A flags type: made by {@link defineFlags}. Its functions do not use `this`, so they may be taken off it. */
export interface FlagSet<
  Set extends string,
  Name extends string,
  Members extends Record<string, string>,
  MaskName extends string,
  Value extends number | bigint = number,
> {
  readonly name: Set;
  /** Whether words are numbers (31 bits) or bigints (63 bits). */
  readonly backend: Backend;
  /** What the set was defined with; frozen, flags in bit order. */
  readonly definition: FlagsDefinition<Name, Members, MaskName>;
  /** Mask of each flag, for hot loops: `(word & State.bit.Running) !== 0`. */
  readonly bit: { readonly [K in Name]: Word<Set, Value> };
  /** Each named mask and each group as the union of its members. */
  readonly mask: { readonly [K in MaskName | KeyOf<Members>]: Word<Set, Value> };
  /** Every known bit. */
  readonly all: Word<Set, Value>;
  /** The empty word. */
  readonly none: Word<Set, Value>;

  /** The word of the named flags. @throws FlagsGroupError (`ERR_FLAGS_GROUP`) for two members of one group */
  of(...names: Name[]): Word<Set, Value>;
  /** @throws UnknownFlagError (`ERR_FLAGS_UNKNOWN`) for a name that does not exist, as do all functions that take names */
  has(word: Word<Set, Value>, name: Name): boolean;
  hasAll(word: Word<Set, Value>, ...names: [Name, ...Name[]]): boolean;
  hasAny(word: Word<Set, Value>, ...names: [Name, ...Name[]]): boolean;
  /** The known flags of a word in ascending bit order. */
  names(word: Word<Set, Value>): Name[];
  /** How many bits are set, unknown ones included. */
  size(word: Word<Set, Value>): number;
  /** The member of the group that is set; undefined when none is, or (a damaged word) more than one. */
  which<K extends KeyOf<Members>>(word: Word<Set, Value>, group: K): Members[K] | undefined;
  /** What a strict boundary would refuse about this word; empty for a sound one. */
  issues(word: Word<Set, Value>): WordIssue<Name, KeyOf<Members>, Value>[];

  /** Adds flags; a member of a group takes the place of its sibling. @throws FlagsGroupError (`ERR_FLAGS_GROUP`) for two members of one group */
  add(word: Word<Set, Value>, ...names: Name[]): Word<Set, Value>;
  /** Removes flags. A group whose member is removed is left empty. */
  remove(word: Word<Set, Value>, ...names: Name[]): Word<Set, Value>;
  /** Removes the named flags that are set and adds those that are not. @throws FlagsGroupError (`ERR_FLAGS_GROUP`) for two members of one group */
  toggle(word: Word<Set, Value>, ...names: Name[]): Word<Set, Value>;

  union(a: Word<Set, Value>, b: Word<Set, Value>): Word<Set, Value>;
  intersection(a: Word<Set, Value>, b: Word<Set, Value>): Word<Set, Value>;
  /** Bits of `a` that are not in `b`, unknown ones included. */
  difference(a: Word<Set, Value>, b: Word<Set, Value>): Word<Set, Value>;
  symmetricDifference(a: Word<Set, Value>, b: Word<Set, Value>): Word<Set, Value>;
  /** The known bits that are not in the word. Applied twice it is `truncate`. */
  complement(word: Word<Set, Value>): Word<Set, Value>;
  /** The same as `===`. */
  equals(a: Word<Set, Value>, b: Word<Set, Value>): boolean;
  isSubsetOf(a: Word<Set, Value>, b: Word<Set, Value>): boolean;
  isSupersetOf(a: Word<Set, Value>, b: Word<Set, Value>): boolean;
  isDisjointFrom(a: Word<Set, Value>, b: Word<Set, Value>): boolean;
  /** The known bits of a word. */
  truncate(word: Word<Set, Value>): Word<Set, Value>;
  /** The bits of a word that have no live name: those of a newer definition, and retired ones. */
  unknownBits(word: Word<Set, Value>): Word<Set, Value>;

  /**
   * Reads a number, bigint or decimal text. Policy `strict` (default) is for input of others; use `retain` for rows
   * that this process will write back.
   * @throws FlagsInputError (`ERR_FLAGS_INPUT`); with `strict` also UnknownFlagError (`ERR_FLAGS_UNKNOWN`) and FlagsGroupError (`ERR_FLAGS_GROUP`)
   */
  fromBits(raw: unknown, policy?: UnknownPolicy): Word<Set, Value>;
  /** Reads a list of names, or of hexadecimal numbers. @throws as {@link FlagSet.fromBits}, and for an unknown name under every policy */
  fromNames(list: unknown, policy?: UnknownPolicy): Word<Set, Value>;
  /** Reads `'Running | Late | 0x40'`. @throws as {@link FlagSet.fromNames} */
  parse(text: unknown, policy?: UnknownPolicy): Word<Set, Value>;
  /** {@link FlagSet.fromBits} with the error as a result. */
  tryFromBits(raw: unknown, policy?: UnknownPolicy): WordResult<Word<Set, Value>>;
  /** {@link FlagSet.fromNames} with the error as a result. */
  tryFromNames(list: unknown, policy?: UnknownPolicy): WordResult<Word<Set, Value>>;
  /** {@link FlagSet.parse} with the error as a result. */
  tryParse(text: unknown, policy?: UnknownPolicy): WordResult<Word<Set, Value>>;
  /** Writes `'Running | Late | 0x40'`, the empty word as `'0x0'`. `parse(format(word), 'retain') === word`. */
  format(word: Word<Set, Value>): string;
  /** A word as an array of names in bit order, unknown bits as a last `'0x40'`; strict. Other forms are made by functions such as `numberCodec`. */
  readonly json: WordCodec<Set, string[], Value>;

  /** The numbers of the set, to be committed and compared with: see `checkManifest` in `@staddle/flags/testing`. */
  manifest(): FlagsManifest;
}

/** The word type of a flag set: `type State = FlagsOf<typeof State>`. */
export type FlagsOf<F> = F extends FlagSet<infer Set, infer _Name, infer _Members, infer _Mask, infer Value> ? Word<Set, Value> : never;

/** The flag names of a flag set. */
export type FlagName<F> = F extends { names(word: never): (infer Name)[] } ? Name : never;

type KeyOf<T> = Extract<keyof T, string>;
type NoKeys = Record<never, never>;
type MembersOf<Groups> = { [K in KeyOf<Groups>]: Groups[K] extends Group<infer Name> ? Name : never };

type ValueOf<B extends Backend> = B extends 'bigint' ? bigint : number;

/** The second argument of {@link defineFlags}. */
export interface FlagsSpec<Indexes, Groups, Masks, B extends Backend = 'number'> {
  /** `number` (default) for bit indexes up to 30, `bigint` for up to 62. */
  readonly backend?: B;
  /** Bit index of each flag. Append-only: the numbers are in stored data. */
  readonly bits: Indexes;
  /** Flags that exclude each other. A flag is in at most one group. */
  readonly groups?: Groups;
  /** Names for unions of flags that are asked for together. */
  readonly masks?: Masks;
  /** Bit index to name of flags that existed once: such a bit may still be in stored words, and is never given out again. */
  readonly retired?: Readonly<Record<number, string>>;
}

/**
 * Defines a flags type.
 * @throws FlagsDefinitionError (`ERR_FLAGS_DEFINITION`) with every fault of the definition
 */
export function defineFlags<
  const Set extends string,
  const Indexes extends Readonly<Record<string, number>>,
  const Groups extends Readonly<Record<string, Group<NoInfer<KeyOf<Indexes>>>>> = NoKeys,
  const Masks extends Readonly<Record<string, readonly NoInfer<KeyOf<Indexes>>[]>> = NoKeys,
  const B extends Backend = 'number',
>(set: Set, spec: FlagsSpec<Indexes, Groups, Masks, B>): FlagSet<Set, KeyOf<Indexes>, MembersOf<Groups>, KeyOf<Masks>, ValueOf<B>> {
  checkShape(set, spec);
  const { backend = 'number', bits, groups = {}, masks = {}, retired = {} } = spec;
  const definition: FlagsDefinition = { bits, groups, masks, retired };
  checkDefinition(set, backend, definition);
  const frozen = freezeDefinition(definition);
  // Names and brand are typed here, once; inside `build` a name is a string, and every value a word.
  return (backend === 'bigint' ? build<bigint>(set, backend, BITS.bigint as never, frozen) : build<number>(set, backend, BITS.number as never, frozen)) as never;
}

function build<Value extends number | bigint>(
  set: string,
  backend: Backend,
  bits: Arithmetic<Word<string, Value>>,
  definition: FlagsDefinition,
): FlagSet<string, string, Record<string, string>, string, Value> {
  type W = Word<string, Value>;
  const { groups, masks } = definition;
  const retired = Object.values(definition.retired);

  const unknownName = (name: unknown): never => {
    throw new UnknownFlagError(set, name, 'no flag has this name');
  };
  const ascending = Object.keys(definition.bits);
  const bitsAscending = ascending.map((name) => bits.bitAt(definition.bits[name]!));
  const bitOfName = new Map<string, W>(ascending.map((name, at) => [name, bitsAscending[at]!]));
  // The tables are plain objects, although what they inherit has to be kept out: V8 keeps an object without a prototype
  // as a dictionary, and every hot loop over `bit` would pay for that.
  const bit: Readonly<Record<string, W>> = Object.freeze(Object.fromEntries<W>(bitOfName));
  const unionOf = bits.unionIn(bitOfName, unknownName);
  const all = unionOf(ascending);
  const groupMasks = Object.entries(groups).map(([name, { of }]): [string, W] => [name, unionOf(of)]);
  const namedMasks = Object.entries(masks).map(([name, of]): [string, W] => [name, unionOf(of)]);
  const mask: Readonly<Record<string, W>> = Object.freeze(Object.fromEntries<W>([...groupMasks, ...namedMasks]));
  const groupOfName = new Map(Object.entries(groups).flatMap(([group, { of }]) => of.map((name) => [name, group])));

  function namesOf(word: W): string[] {
    return bits.namesIn(word, ascending, bitsAscending);
  }

  function groupFaults(word: W): { group: string; arity: Arity; members: string[] }[] {
    return Object.entries(groups).flatMap(([group, { arity }]) => {
      const members = namesOf(bits.intersection(word, mask[group]!));
      const sound = members.length === 1 || (members.length === 0 && arity === 'at-most-one');
      return sound ? [] : [{ group, arity, members }];
    });
  }

  function atLeastOne(names: readonly string[]): W {
    if (names.length === 0) throw new FlagsInputError(set, names, 'the question needs at least one name');
    return unionOf(names);
  }

  /** The groups that the names belong to, as a mask. Refuses two members of one group. */
  function groupsOf(names: readonly string[]): W {
    const named = unionOf(names);
    return names.reduce<W>((touched, name) => {
      const group = groupOfName.get(name);
      if (group === undefined) return touched;
      const inGroup = mask[group]!;
      const members = bits.intersection(named, inGroup);
      if (!bits.equals(members, bit[name]!)) throw new FlagsGroupError(set, names, group, groups[group]!.arity, namesOf(members));
      return bits.union(touched, inGroup);
    }, bits.zero);
  }

  function add(to: W, names: readonly string[]): W {
    return bits.union(bits.difference(to, groupsOf(names)), unionOf(names));
  }

  function toggle(from: W, names: readonly string[]): W {
    groupsOf(names);
    const present = names.filter((name) => !bits.isDisjointFrom(from, bit[name]!));
    const absent = names.filter((name) => !present.includes(name));
    return add(bits.difference(from, unionOf(present)), absent);
  }

  const { fromBits, fromNames, parse } = boundaryOf<W>({
    set,
    bits,
    all,
    bitOf: (name) => bitOfName.get(name),
    isRetired: (name) => retired.includes(name),
    groupFaults,
  });
  const tokens = (w: W): string[] => tokensOf(namesOf(w), bits.difference(w, all));

  return Object.freeze({
    name: set,
    backend,
    definition,
    bit,
    mask,
    all,
    none: bits.zero,

    of: (...names: string[]) => add(bits.zero, names),
    has: bits.hasIn(bit, unknownName),
    hasAll: (w: W, ...names: string[]) => bits.isSubsetOf(atLeastOne(names), w),
    hasAny: (w: W, ...names: string[]) => !bits.isDisjointFrom(atLeastOne(names), w),
    names: namesOf,
    size: bits.size,
    which: (w: W, group: string) => {
      if (!Object.hasOwn(groups, group)) throw new UnknownFlagError(set, group, 'no group has this name');
      const members = namesOf(bits.intersection(w, mask[group]!));
      return members.length === 1 ? members[0] : undefined;
    },
    issues: (w: W): WordIssue<string, string, Value>[] => {
      const unknown = bits.difference(w, all);
      return [...(unknown ? [{ kind: 'unknown-bits' as const, bits: unknown }] : []), ...groupFaults(w).map(({ group, members }) => ({ kind: 'group' as const, group, members }))];
    },

    add: (w: W, ...names: string[]) => add(w, names),
    remove: (w: W, ...names: string[]) => bits.difference(w, unionOf(names)),
    toggle: (w: W, ...names: string[]) => toggle(w, names),

    union: bits.union,
    intersection: bits.intersection,
    difference: bits.difference,
    symmetricDifference: bits.symmetricDifference,
    equals: bits.equals,
    isSubsetOf: bits.isSubsetOf,
    isSupersetOf: bits.isSupersetOf,
    isDisjointFrom: bits.isDisjointFrom,
    complement: (w: W) => bits.difference(all, w),
    truncate: (w: W) => bits.intersection(w, all),
    unknownBits: (w: W) => bits.difference(w, all),

    fromBits,
    fromNames,
    parse,
    tryFromBits: (raw: unknown, policy?: UnknownPolicy) => resultOf(() => fromBits(raw, policy)),
    tryFromNames: (list: unknown, policy?: UnknownPolicy) => resultOf(() => fromNames(list, policy)),
    tryParse: (text: unknown, policy?: UnknownPolicy) => resultOf(() => parse(text, policy)),
    format: (w: W) => joinTokens(tokens(w)),
    json: codec('strict', tokens, fromNames),
    manifest: () => manifestOf(set, backend, definition),
  });
}
