import type { AnyFlagSet, GroupName, MemberOf } from './any-flag-set.ts';
import { FlagsInputError, UnknownFlagError } from './errors.ts';
import type { FlagName, FlagsOf } from './flags.ts';
import type { Transition } from './transition.ts';

/*
 * The conditions and changes of words as SQL text, for SQLite, MySQL and MariaDB alike.
 *
 * 1. Masks are literals, never parameters: mysql2 binds the numbers of prepared statements as DOUBLE, and SQLite uses an
 *    index on an expression, or on some rows, only for the very same literal.
 * 2. `column & ~mask` is portable although `~mask` alone is not: it is unsigned on MySQL and signed on SQLite.
 */

/** Conditions on a column of words. */
export interface FlagConditions<Flags extends AnyFlagSet, Condition> {
  hasAll(column: string, ...names: [FlagName<Flags>, ...FlagName<Flags>[]]): Condition;
  hasAny(column: string, ...names: [FlagName<Flags>, ...FlagName<Flags>[]]): Condition;
  hasNone(column: string, ...names: [FlagName<Flags>, ...FlagName<Flags>[]]): Condition;
  /** The member is set, and none of its siblings. */
  which<Group extends GroupName<Flags>>(column: string, group: Group, member: MemberOf<Flags, Group>): Condition;
  equals(column: string, word: FlagsOf<Flags>): Condition;
}

/** The conditions as text; `show` makes of a column what stands for it. */
export function conditionsOf(flags: AnyFlagSet, show: (column: string) => string): FlagConditions<AnyFlagSet, string> {
  const maskOf = (names: readonly string[]): number | bigint => {
    if (names.length === 0) throw new FlagsInputError(flags.name, names, 'the question needs at least one name');
    // Not `of`, which refuses two members of a group: `hasAny` asks for them.
    return names.map((name) => bitOf(flags, name)).reduce((mask, bit) => flags.union(mask, bit));
  };
  return {
    hasAll: (column, ...names) => `(${show(column)} & ${maskOf(names)}) = ${maskOf(names)}`,
    hasAny: (column, ...names) => `(${show(column)} & ${maskOf(names)}) <> 0`,
    hasNone: (column, ...names) => `(${show(column)} & ${maskOf(names)}) = 0`,
    which: (column, group, member) => `(${show(column)} & ${groupMask(flags, group)}) = ${memberBit(flags, group, member)}`,
    equals: (column, word) => `${show(column)} = ${flags.fromBits(word, 'retain')}`,
  };
}

/** True for words that allow the event. Sources that look at the same bits share one comparison. */
export function enabledText(column: string, { sources }: Transition): string {
  const wants = Map.groupBy(sources, ({ care }) => care);
  const tests = [...wants].map(([care, same]) => {
    const values = same.map(({ want }) => want);
    return `(${column} & ${care}) ${values.length === 1 ? `= ${values[0]}` : `in (${values.join(', ')})`}`;
  });
  return tests.length === 1 ? tests[0]! : `(${tests.join(' or ')})`;
}

/** The word after the event. */
export function nextText(column: string, { clear, set }: Transition): string {
  const kept = clear ? `(${column} & ~${clear})` : column;
  return set ? `(${kept} | ${set})` : kept;
}

/** True for words that the event would change; undefined when it changes each that allows it. */
export function changesText(column: string, { sources, clear, set }: Transition): string | undefined {
  const touched = BigInt(clear) | BigInt(set);
  const always = sources.every(({ care, want }) => ((BigInt(want) ^ BigInt(set)) & BigInt(care) & touched) !== 0n);
  return always ? undefined : `(${column} & ${touched}) <> ${set}`;
}

export function groupMask(flags: AnyFlagSet, group: string): number | bigint {
  if (!Object.hasOwn(flags.definition.groups, group)) throw new UnknownFlagError(flags.name, group, 'no group has this name');
  return flags.mask[group]!;
}

export function memberBit(flags: AnyFlagSet, group: string, member: string): number | bigint {
  groupMask(flags, group);
  if (!flags.definition.groups[group]!.of.includes(member)) throw new UnknownFlagError(flags.name, member, `it is no member of group ${group}`);
  return flags.bit[member]!;
}

function bitOf(flags: AnyFlagSet, name: string): AnyFlagSet['none'] {
  if (!Object.hasOwn(flags.bit, name)) throw new UnknownFlagError(flags.name, name, 'no flag has this name');
  return flags.bit[name]!;
}
