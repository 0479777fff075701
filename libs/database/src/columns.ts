import { sql, type ColumnDefinitionBuilder, type CreateTableBuilder, type Kysely, type RawBuilder } from 'kysely';
import { dialectOf, type DialectSource } from './dialect.ts';

/** Column types that make one migration text mean the same on both dialects. */
export interface Columns {
  /** Numeric key; use with {@link autoIncrement}. It never leaves the database. */
  readonly id: RawBuilder<unknown>;
  /** Identifier of at most `length` ASCII characters that compares by bytes, such as a `uid`. Neither dialect checks that it is ASCII. */
  asciiKey(length: number): RawBuilder<unknown>;
  /** Unicode text of at most `length` characters that compares by bytes; can be a key up to 768 characters on MySQL. */
  text(length: number): RawBuilder<unknown>;
  /** Unicode text without a practical limit; cannot be a key. */
  readonly longText: RawBuilder<unknown>;
  /** JSON as text, parsed in code: MySQL and MariaDB give back their JSON types differently. */
  readonly json: RawBuilder<unknown>;
  /** Instant in epoch milliseconds. */
  readonly epochMs: RawBuilder<unknown>;
  /** Any whole number of 64 bits. */
  readonly integer: RawBuilder<unknown>;
  /** Word of status bits 0 to 30. */
  readonly flagsWord: RawBuilder<unknown>;
  /** 0 or 1. */
  readonly boolean: RawBuilder<unknown>;
  readonly bytes: RawBuilder<unknown>;
}

const SQLITE: Columns = {
  id: sql`integer`,
  asciiKey: () => sql`text`,
  text: () => sql`text`,
  longText: sql`text`,
  json: sql`text`,
  epochMs: sql`integer`,
  integer: sql`integer`,
  flagsWord: sql`integer`,
  boolean: sql`integer`,
  bytes: sql`blob`,
};

const MYSQL: Columns = {
  id: sql`bigint`,
  // Not `character set ascii`: comparing such a column with text outside of ASCII is an error (1267), so an id that some
  // stranger made up would throw instead of not being found. ASCII in UTF-8 takes no more bytes.
  asciiKey: (length) => sql`varchar(${sql.lit(length)}) character set utf8mb4 collate utf8mb4_bin`,
  text: (length) => sql`varchar(${sql.lit(length)}) character set utf8mb4 collate utf8mb4_bin`,
  longText: sql`longtext character set utf8mb4 collate utf8mb4_bin`,
  json: sql`longtext character set utf8mb4 collate utf8mb4_bin`,
  epochMs: sql`bigint`,
  integer: sql`bigint`,
  flagsWord: sql`int unsigned`,
  boolean: sql`tinyint`,
  bytes: sql`longblob`,
};

export function columns(source: DialectSource): Columns {
  return dialectOf(source) === 'mysql' ? MYSQL : SQLITE;
}

/** Makes a column of type `id` the self-counting primary key; numbers of deleted rows do not come back. */
export const autoIncrement = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder => column.primaryKey().autoIncrement();

/**
 * `create table` with the same strictness on both dialects: InnoDB with bytewise utf8mb4, and SQLite's STRICT, which
 * refuses text in an integer column. SQLite does not check text lengths.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- a migration has no table types: today's would break it later
export function createTable<Name extends string>(db: Kysely<any>, source: DialectSource, name: Name): CreateTableBuilder<Name> {
  const end = dialectOf(source) === 'mysql' ? sql`engine = innodb default character set utf8mb4 collate utf8mb4_bin` : sql`strict`;
  return db.schema.createTable(name).modifyEnd(end);
}
