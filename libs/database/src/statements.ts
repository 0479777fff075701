import { sql, type InsertQueryBuilder, type RawBuilder, type SelectQueryBuilder } from 'kysely';
import { dialectOf, type DialectSource } from './dialect.ts';
import { isUniqueViolation } from './failures.ts';

/**
 * The store's clock in epoch ms: the time that processes share. MySQL: the start of the statement; SQLite: this machine's clock.
 */
export function storeNow(source: DialectSource): RawBuilder<number> {
  return dialectOf(source) === 'mysql'
    ? sql<number>`cast(unix_timestamp(now(3)) * 1000 as signed)`
    : // ROUND: the seconds come as a float, and 0.123 s times 1000 may be 122.99 ms.
      sql<number>`cast(round(unixepoch('subsec') * 1000) as integer)`;
}

/** Locks the selected rows until the transaction ends. On SQLite the transaction already holds the only write lock. */
export function forUpdate<DB, TB extends keyof DB, O>(
  source: DialectSource,
  query: SelectQueryBuilder<DB, TB, O>,
): SelectQueryBuilder<DB, TB, O> {
  return dialectOf(source) === 'mysql' ? query.forUpdate() : query;
}

/** Like {@link forUpdate}, and leaves out rows that others have locked. On SQLite no one else can have locked any. */
export function skipLocked<DB, TB extends keyof DB, O>(
  source: DialectSource,
  query: SelectQueryBuilder<DB, TB, O>,
): SelectQueryBuilder<DB, TB, O> {
  return dialectOf(source) === 'mysql' ? query.forUpdate().skipLocked() : query;
}

export interface UpsertOptions<Column extends string> {
  /** Columns of the primary or unique key that may already hold the row. MySQL reacts to every unique key of the table. */
  readonly key: readonly Column[];
  /** Columns that an existing row takes over from the new one. */
  readonly set?: readonly Column[];
  /** Counters of an existing row that grow by the value of the new one. */
  readonly add?: readonly Column[];
}

/** Turns an INSERT into "insert, or update the row that is there". With neither `set` nor `add` an existing row stays as it is. */
export function upsert<DB, TB extends keyof DB, O>(
  source: DialectSource,
  insert: InsertQueryBuilder<DB, TB, O>,
  { key, set = [], add = [] }: UpsertOptions<keyof DB[TB] & string>,
): InsertQueryBuilder<DB, TB, O> {
  const mysql = dialectOf(source) === 'mysql';
  // VALUES(x), not the row alias of MySQL 8.0.19: MariaDB does not know the alias.
  const incoming = (column: string): RawBuilder<unknown> => (mysql ? sql`values(${sql.ref(column)})` : sql.ref(`excluded.${column}`));
  const updates: Record<string, RawBuilder<unknown>> = {};
  for (const column of set) updates[column] = incoming(column);
  for (const column of add) updates[column] = sql`${sql.ref(column)} + ${incoming(column)}`;
  const untouched = Object.keys(updates).length === 0;
  // Kysely's types for both clauses want the table's literal update type, which a generic helper cannot name.
  if (mysql) return insert.onDuplicateKeyUpdate((untouched ? { [key[0]!]: sql.ref(key[0]!) } : updates) as never);
  return insert.onConflict((conflict) => {
    const onKey = conflict.columns(key);
    return untouched ? onKey.doNothing() : onKey.doUpdateSet(updates as never);
  });
}

/**
 * Runs an INSERT of one row; false when a unique key already holds it. Every other fault throws, unlike
 * `INSERT IGNORE`, which also lets too long texts and broken references pass.
 */
export async function insertIgnore<DB, TB extends keyof DB, O>(
  source: DialectSource,
  insert: InsertQueryBuilder<DB, TB, O>,
): Promise<boolean> {
  if (dialectOf(source) === 'sqlite') {
    const [result] = (await insert.onConflict((conflict) => conflict.doNothing()).execute()) as { numInsertedOrUpdatedRows?: bigint }[];
    return result?.numInsertedOrUpdatedRows === 1n;
  }
  try {
    await insert.execute();
    return true;
  } catch (error) {
    if (isUniqueViolation(error)) return false;
    throw error;
  }
}
