import { readBits } from './bits.ts';
import { checkDefinition, type Group } from './definition.ts';
import { FlagsGroupError, FlagsInputError, UnknownFlagError } from './errors.ts';
import { bitsOfTokens, hex, joinTokens, splitTokens, tokensOf } from './text.ts';

/*
 * A flags type: names for the bits of one small integer. SPEC.md defines the terms used here.
 *
 * Invariants
 * 1. A word is a plain integer from 0 to 2^31 - 1. It is its own JSON and SQL form, and `===` is equality.
 * 2. Bits that this process does not know survive every operation except `truncate`, `complement` and
 *    `intersection` with a word that lacks them: an older process hands back what a newer one wrote.
 * 3. `of` and `add` never put two members of one group into a word. Only a boundary crossed with `retain` or
 *    `truncate`, or the set operations, can bring such a word about; `issues` reports it.
 * 4. No question is true of nothing: `has`, `hasAll` and `hasAny` refuse to be asked without a name that exists.
 */

declare const setOfWord: unique symbol;

/** A value of the flags type `Set`. It is a number; the brand keeps words of two sets, and bare numbers, apart. */
export type Word<Set extends string = string> = number & { readonly [setOfWord]: Set };

/** What a boundary does with bits that the set does not know: refuse them, keep them, drop them. */
export type UnknownPolicy = 'strict' | 'retain' | 'truncate';

/** Something about a word that a strict boundary would have refused. */
export type WordIssue<Name extends string = string, GroupName extends string = string> =
  | { readonly kind: 'unknown-bits'; readonly bits: number }
  | { readonly kind: 'group'; readonly group: GroupName; readonly members: readonly Name[] };

/** A conversion to and from a JSON value. */
export interface WordCodec<Set extends string, Json> {
  encode(word: Word<Set>): Json;
  /** @throws the errors of {@link FlagSet.fromBits}; the policy is `strict` unless given */
  decode(json: unknown, policy?: UnknownPolicy): Word<Set>;
}

/** A flags type: made by {@link defineFlags}. Its functions do not use `this`, so they may be taken off it. */
export interface FlagSet<Set extends string, Name extends string, Members extends Record<string, string>, MaskName extends string> {
  readonly name: Set;
  /** Mask of each flag, for hot loops: `(word & State.bit.Running) !== 0`. */
  readonly bit: { readonly [K in Name]: Word<Set> };
  /** Each named mask and each group as the union of its members. */
  readonly mask: { readonly [K in MaskName | KeyOf<Members>]: Word<Set> };
  /** Every known bit. */
  readonly all: Word<Set>;
  /** The empty word. */
  readonly none: Word<Set>;

  /** The word of the named flags. @throws FlagsGroupError (`ERR_FLAGS_GROUP`) for two members of one group */
  of(...names: Name[]): Word<Set>;
  /** @throws UnknownFlagError (`ERR_FLAGS_UNKNOWN`) for a name that does not exist, as do all functions that take names */
  has(word: Word<Set>, name: Name): boolean;
  hasAll(word: Word<Set>, ...names: [Name, ...Name[]]): boolean;
  hasAny(word: Word<Set>, ...names: [Name, ...Name[]]): boolean;
  /** The known flags of a word in ascending bit order. */
  names(word: Word<Set>): Name[];
  /** The member of the group that is set; undefined when none is, or (a damaged word) more than one. */
  which<K extends KeyOf<Members>>(word: Word<Set>, group: K): Members[K] | undefined;
  /** What a strict boundary would refuse about this word; empty for a sound one. */
  issues(word: Word<Set>): WordIssue<Name, KeyOf<Members>>[];

  /** Adds flags; a member of a group takes the place of its sibling. @throws FlagsGroupError (`ERR_FLAGS_GROUP`) for two members of one group */
  add(word: Word<Set>, ...names: Name[]): Word<Set>;
  /** Removes flags. A group whose member is removed is left empty. */
  remove(word: Word<Set>, ...names: Name[]): Word<Set>;

  union(a: Word<Set>, b: Word<Set>): Word<Set>;
  intersection(a: Word<Set>, b: Word<Set>): Word<Set>;
  /** Bits of `a` that are not in `b`, unknown ones included. */
  difference(a: Word<Set>, b: Word<Set>): Word<Set>;
  symmetricDifference(a: Word<Set>, b: Word<Set>): Word<Set>;
  /** The known bits that are not in the word. Applied twice it is `truncate`. */
  complement(word: Word<Set>): Word<Set>;
  isSubsetOf(a: Word<Set>, b: Word<Set>): boolean;
  isSupersetOf(a: Word<Set>, b: Word<Set>): boolean;
  isDisjointFrom(a: Word<Set>, b: Word<Set>): boolean;
  /** The known bits of a word. */
  truncate(word: Word<Set>): Word<Set>;
  /** The bits of a word that have no live name: those of a newer definition, and retired ones. */
  unknownBits(word: Word<Set>): number;

  /**
   * Reads a number, bigint or decimal text. Policy `strict` (default) is for input of others; use `retain` for rows
   * that this process will write back.
   * @throws FlagsInputError (`ERR_FLAGS_INPUT`); with `strict` also UnknownFlagError (`ERR_FLAGS_UNKNOWN`) and FlagsGroupError (`ERR_FLAGS_GROUP`)
   */
  fromBits(raw: unknown, policy?: UnknownPolicy): Word<Set>;
  /** Reads `'Running | Late | 0x40'`. @throws as {@link FlagSet.fromBits}, and for an unknown name under every policy */
  parse(text: string, policy?: UnknownPolicy): Word<Set>;
  /** Writes `'Running | Late | 0x40'`, the empty word as `'0x0'`. `parse(format(word), 'retain') === word`. */
  format(word: Word<Set>): string;
  /** A word as an array of names in bit order, unknown bits as a last `'0x40'`. */
  readonly json: WordCodec<Set, string[]>;
}

/** The word type of a flag set: `type State = FlagsOf<typeof State>`. */
export type FlagsOf<F> = F extends FlagSet<infer Set, infer _Name, infer _Members, infer _Mask> ? Word<Set> : never;

/** The flag names of a flag set. */
export type FlagName<F> = F extends { names(word: never): (infer Name)[] } ? Name : never;

type KeyOf<T> = Extract<keyof T, string>;
type NoKeys = Record<never, never>;
type MembersOf<Groups> = { [K in KeyOf<Groups>]: Groups[K] extends Group<infer Name> ? Name : never };

/** The second argument of {@link defineFlags}. */
export interface FlagsSpec<Bits, Groups, Masks> {
  /** Bit index (0 to 30) of each flag. Append-only: the numbers are in stored data. */
  readonly bits: Bits;
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
  const Bits extends Readonly<Record<string, number>>,
  const Groups extends Readonly<Record<string, Group<NoInfer<KeyOf<Bits>>>>> = NoKeys,
  const Masks extends Readonly<Record<string, readonly NoInfer<KeyOf<Bits>>[]>> = NoKeys,
>(set: Set, spec: FlagsSpec<Bits, Groups, Masks>): FlagSet<Set, KeyOf<Bits>, MembersOf<Groups>, KeyOf<Masks>> {
  checkDefinition(set, spec);
  // The names are typed here, once; inside `build` a name is a string.
  return build(set, spec.bits, spec.groups ?? {}, spec.masks ?? {}, Object.values(spec.retired ?? {})) as never;
}

function build(
  set: string,
  indexes: Readonly<Record<string, number>>,
  groups: Readonly<Record<string, Group>>,
  masks: Readonly<Record<string, readonly string[]>>,
  retired: readonly string[],
): FlagSet<string, string, Record<string, string>, string> {
  const word = (bits: number): Word => bits as Word;
  // Without a prototype, so that `has(word, 'constructor')` finds nothing.
  const table = <T>(entries: [string, T][]): Readonly<Record<string, T>> =>
    Object.freeze(Object.assign<Record<string, T>, Record<string, T>>(Object.create(null), Object.fromEntries(entries)));

  const ascending = Object.keys(indexes).toSorted((a, b) => indexes[a]! - indexes[b]!);
  const bit = table(ascending.map((name) => [name, word(1 << indexes[name]!)]));
  const unionOf = (names: readonly string[]): Word => word(names.reduce((bits, name) => bits | bitOf(name), 0));
  const groupMask = table(Object.entries(groups).map(([name, { of }]) => [name, unionOf(of)]));
  const mask = table([...Object.entries(groupMask), ...Object.entries(masks).map(([name, of]): [string, Word] => [name, unionOf(of)])]);
  const groupOf = table(Object.entries(groups).flatMap(([group, { of }]) => of.map((name): [string, string] => [name, group])));
  const all = unionOf(ascending);
  const textNames = { set, bitOf: (name: string) => bit[name], isRetired: (name: string) => retired.includes(name) };

  function bitOf(name: string): number {
    const found = bit[name];
    if (found === undefined) throw new UnknownFlagError(set, name, 'no flag has this name');
    return found;
  }

  function namesOf(bits: number): string[] {
    return ascending.filter((name) => (bits & bit[name]!) !== 0);
  }

  function groupIssues(bits: number): { kind: 'group'; group: string; members: string[] }[] {
    return Object.entries(groups).flatMap(([group, { arity }]) => {
      const members = namesOf(bits & groupMask[group]!);
      const sound = members.length === 1 || (members.length === 0 && arity === 'at-most-one');
      return sound ? [] : [{ kind: 'group' as const, group, members }];
    });
  }

  function atLeastOne(names: readonly string[]): number {
    if (names.length === 0) throw new FlagsInputError(set, names, 'the question needs at least one name');
    return unionOf(names);
  }

  function add(to: number, names: readonly string[]): Word {
    const added = unionOf(names);
    let siblings = 0;
    for (const name of names) {
      const group = groupOf[name];
      if (group === undefined) continue;
      const inGroup = groupMask[group]!;
      if ((added & inGroup) !== bit[name]) throw new FlagsGroupError(set, group, groups[group]!.arity, namesOf(added & inGroup));
      siblings |= inGroup;
    }
    return word((to & ~siblings) | added);
  }

  function admit(raw: unknown, bits: number, policy: UnknownPolicy = 'strict'): Word {
    if (policy === 'retain') return word(bits);
    if (policy === 'truncate') return word(bits & all);
    if (policy !== 'strict') throw new FlagsInputError(set, policy, "the policy is 'strict', 'retain' or 'truncate'");
    if ((bits & ~all) !== 0) throw new UnknownFlagError(set, raw, `the bits ${hex(bits & ~all)} have no flag`);
    const [issue] = groupIssues(bits);
    if (issue) throw new FlagsGroupError(set, issue.group, groups[issue.group]!.arity, issue.members);
    return word(bits);
  }

  function maskOfGroup(group: string): number {
    const found = groupMask[group];
    if (found === undefined) throw new UnknownFlagError(set, group, 'no group has this name');
    return found;
  }

  return Object.freeze({
    name: set,
    bit,
    mask,
    all,
    none: word(0),

    of: (...names: string[]) => add(0, names),
    has: (w: Word, name: string) => (w & bitOf(name)) !== 0,
    hasAll: (w: Word, ...names: string[]) => {
      const asked = atLeastOne(names);
      return (w & asked) === asked;
    },
    hasAny: (w: Word, ...names: string[]) => (w & atLeastOne(names)) !== 0,
    names: namesOf,
    which: (w: Word, group: string) => {
      const members = namesOf(w & maskOfGroup(group));
      return members.length === 1 ? members[0] : undefined;
    },
    issues: (w: Word): WordIssue[] => {
      const unknown = w & ~all;
      return [...(unknown === 0 ? [] : [{ kind: 'unknown-bits' as const, bits: unknown }]), ...groupIssues(w)];
    },

    add: (w: Word, ...names: string[]) => add(w, names),
    remove: (w: Word, ...names: string[]) => word(w & ~unionOf(names)),

    union: (a: Word, b: Word) => word(a | b),
    intersection: (a: Word, b: Word) => word(a & b),
    difference: (a: Word, b: Word) => word(a & ~b),
    symmetricDifference: (a: Word, b: Word) => word(a ^ b),
    complement: (w: Word) => word(~w & all),
    isSubsetOf: (a: Word, b: Word) => (a & ~b) === 0,
    isSupersetOf: (a: Word, b: Word) => (b & ~a) === 0,
    isDisjointFrom: (a: Word, b: Word) => (a & b) === 0,
    truncate: (w: Word) => word(w & all),
    unknownBits: (w: Word) => w & ~all,

    fromBits: (raw: unknown, policy?: UnknownPolicy) => admit(raw, readBits(set, raw), policy),
    parse: (text: string, policy?: UnknownPolicy) => admit(text, bitsOfTokens(textNames, splitTokens(set, text)), policy),
    format: (w: Word) => joinTokens(tokensOf(namesOf(w), w & ~all)),
    json: Object.freeze({
      encode: (w: Word) => tokensOf(namesOf(w), w & ~all),
      decode: (json: unknown, policy?: UnknownPolicy) => {
        if (!Array.isArray(json)) throw new FlagsInputError(set, json, 'the JSON form is an array of names');
        return admit(json, bitsOfTokens(textNames, json), policy);
      },
    }),
  });
}
