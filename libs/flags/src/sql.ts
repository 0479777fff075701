import type { AnyFlagSet, GroupName, MemberOf } from './any-flag-set.ts';
import { FlagsIdentifierError, FlagsInputError } from './errors.ts';
import type { FlagName, FlagsOf } from './flags.ts';
import type { Machine } from './machine.ts';
import { conditionsOf, enabledText, groupMask, memberBit, nextText, type FlagConditions } from './sql-text.ts';
import { transitionOf } from './transition.ts';

/** `mysql` is MariaDB, too. */
export type SqlDialect = 'sqlite' | 'mysql';

/** How an UPDATE carries out an event: `update t set flags = ${set} where id = ? and ${where}`. */
export interface TransitionSql {
  /** True for rows whose word allows the event. */
  readonly where: string;
  /** The word after the event. MySQL assigns in the order of writing: a later assignment of the UPDATE sees the new word. */
  readonly set: string;
}

export interface FlagIndexOptions {
  readonly table: string;
  /** The column of words. */
  readonly column: string;
  /** The columns that the index goes on with. */
  readonly keyColumns?: readonly string[];
}

/** Fragments of SQL for one set. A column is written `a` or `t.a`; it is quoted. */
export interface FlagsSql<Flags extends AnyFlagSet> extends FlagConditions<Flags, string> {
  readonly ddl: FlagsDdl<Flags>;
}

/** What defines a column of words and finds rows by it. */
export interface FlagsDdl<Flags extends AnyFlagSet> {
  /** For `create table` or `alter table add`. `initial` is the default of the column, and by default the empty word. */
  column(column: string, options: { readonly dialect: SqlDialect; readonly initial?: FlagsOf<Flags> }): string;
  /**
   * Refuses unknown bits. Not for a table that two versions of a program write: the constraint of the older one refuses
   * the rows of the newer.
   */
  check(column: string): string;
  /**
   * An index on the state of a group, and the condition that uses it. MySQL uses an index on a computed value only for a
   * column that is called by its name, which is `<column>_<group>` and virtual; SQLite uses one on the expression.
   */
  generated<Group extends GroupName<Flags>>(
    group: Group,
    options: FlagIndexOptions & { readonly dialect: SqlDialect },
  ): { readonly statements: readonly string[]; where(member: MemberOf<Flags, Group>): string };
  /** SQLite: an index on the rows that have a flag, for one that few rows have. Without `keyColumns` it is on the word. */
  partial(name: FlagName<Flags>, options: FlagIndexOptions): { readonly statements: readonly string[]; readonly where: string };
}

/**
 * SQL of a set.
 * All functions throw FlagsIdentifierError (`ERR_FLAGS_IDENTIFIER`) for a table or column that is no plain name, and
 * UnknownFlagError (`ERR_FLAGS_UNKNOWN`) for a flag or group that does not exist.
 */
export function sqlOf<Flags extends AnyFlagSet>(flags: Flags): FlagsSql<Flags> {
  const quoted = (name: string): string => quote(flags.name, name);
  const conditions = conditionsOf(flags, quoted);
  // Each is quoted for the sake of the check: what it says of a joined name would be hard to understand.
  const nameOf = (columns: readonly string[], suffix: string): string => quoted([...columns.map(quoted), suffix].join('_').replaceAll('`', '').replaceAll(/[.-]/g, '_'));

  const ddl: FlagsDdl<AnyFlagSet> = {
    column: (column, { dialect, initial = flags.none }) => `${quoted(column)} ${columnType(flags, dialect)} not null default ${flags.fromBits(initial, 'retain')}`,

    check: (column) => `check ((${quoted(column)} & ~${flags.all}) = 0)`,

    generated: (group, { table, column, keyColumns = [], dialect }) => {
      const expression = `(${quoted(column)} & ${groupMask(flags, group)})`;
      const index = (first: string): string => `create index ${nameOf([table, column], group)} on ${quoted(table)} (${[first, ...keyColumns.map(quoted)].join(', ')})`;
      if (dialect === 'sqlite') return { statements: [index(expression)], where: (member) => conditions.which(column, group, member) };
      const virtual = nameOf([column], group);
      return {
        statements: [`alter table ${quoted(table)} add column ${virtual} ${columnType(flags, dialect)} generated always as ${expression} virtual`, index(virtual)],
        where: (member) => `${virtual} = ${memberBit(flags, group, member)}`,
      };
    },

    partial: (name, { table, column, keyColumns = [column] }) => {
      const where = conditions.hasAll(column, name);
      return { statements: [`create index ${nameOf([table, column], name)} on ${quoted(table)} (${keyColumns.map(quoted).join(', ')}) where ${where}`], where };
    },
  };
  return Object.freeze({ ...conditions, ddl: Object.freeze(ddl) }) as never;
}

/**
 * The UPDATE of an event. Without its `where` it is a lost update. A guard of the event is not in it.
 * @throws FlagsIdentifierError (`ERR_FLAGS_IDENTIFIER`), UnknownFlagError (`ERR_FLAGS_UNKNOWN`) for an event that does not exist
 */
export function transitionSql<Event extends string>(machine: Pick<Machine<AnyFlagSet, Event>, 'flags' | 'transitions'>, event: Event, column: string): TransitionSql {
  const quoted = quote(machine.flags.name, column);
  const transition = transitionOf(machine, event);
  return { where: enabledText(quoted, transition), set: nextText(quoted, transition) };
}

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?$/;

// Backticks are MySQL's, and SQLite accepts them for its sake.
export function quote(set: string, name: string): string {
  if (typeof name !== 'string' || !PLAIN_NAME.test(name)) throw new FlagsIdentifierError(set, name, 'a table or column is a name of ASCII letters, digits and _, or two of them with a dot between');
  return name.split('.').map((part) => `\`${part}\``).join('.');
}

/** @throws FlagsInputError (`ERR_FLAGS_INPUT`) for a batch without rows, after which a loop over batches would stop too early or never */
export function checkedLimit(set: string, limit: number): number {
  if (!Number.isSafeInteger(limit) || limit < 1) throw new FlagsInputError(set, limit, 'a batch has a whole number of rows, 1 or more');
  return limit;
}

function columnType(flags: AnyFlagSet, dialect: SqlDialect): string {
  if (dialect === 'sqlite') return 'integer';
  return flags.backend === 'bigint' ? 'bigint unsigned' : 'int unsigned';
}
