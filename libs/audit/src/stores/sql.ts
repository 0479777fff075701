import type { Clock } from '@staddle/kernel';
import { forUpdate, storeNow, type Database } from '@staddle/database';
import type { Expression, Kysely, Selectable, Transaction, Updateable } from 'kysely';
import { AuditKeyError, AuditTransactionError } from '../errors.ts';
import type { AuditRow, AuditTables } from './tables.ts';

/** The transaction of the change that is recorded. */
export type ChangeTransaction<DB> = Transaction<DB>;

/** The same where its tables do not matter. */
export type AnyTransaction = Transaction<unknown>;

/** Which row is updated, and how. */
export interface RowUpdate<DB, Table extends keyof DB & string> {
  readonly table: Table;
  /** Columns that identify one row. */
  readonly key: Partial<Selectable<DB[Table]>>;
  /** New values, or expressions of Kysely that compute them. */
  readonly patch: { readonly [Column in keyof Updateable<DB[Table]>]?: Updateable<DB[Table]>[Column] | Expression<unknown> };
}

export type Row = Readonly<Record<string, unknown>>;

interface PageOptions {
  readonly entity: string;
  readonly entityId: string;
  readonly field: string | undefined;
  /** Rows with a smaller number only. */
  readonly beforeId: number | undefined;
  readonly limit: number;
}

/** Rows of the audit, and those of other libraries that are changed under it. */
export interface AuditStore {
  /** @throws AuditTransactionError (`ERR_AUDIT_TRANSACTION`) */
  assertTransaction(trx: AnyTransaction): void;
  /** Adds rows with one instant, in `trx`. */
  append(trx: AnyTransaction, rows: readonly Omit<AuditRow, 'id' | 'at'>[]): Promise<void>;
  /**
   * The row as it is stored before and after the update, locked from before the first is read; undefined when there is none.
   * @throws AuditKeyError (`ERR_AUDIT_KEY`) when the key matches several rows
   */
  updateRow(trx: AnyTransaction, table: string, key: Row, patch: Row): Promise<{ before: Row; after: Row } | undefined>;
  /** Newest first. */
  page(options: PageOptions): Promise<AuditRow[]>;
}

// A table that is known by name only: the caller's types were checked by RowUpdate.
type AnyTables = Record<string, Record<string, unknown>>;

/** `clock` takes the place of the database's clock. */
export function sqlAuditStore(database: Database, clock?: Clock): AuditStore {
  return {
    assertTransaction(trx) {
      if (!trx.isTransaction) throw new AuditTransactionError();
    },

    async append(trx, rows) {
      const at = clock ? clock.now() : storeNow(database);
      // One statement, hence one instant.
      await (trx as unknown as Kysely<AuditTables>)
        .insertInto('audit_log')
        .values(rows.map((row) => ({ ...row, at })))
        .execute();
    },

    async updateRow(trx, table, key, patch) {
      const db = trx as unknown as Kysely<AnyTables>;
      const before = await lockedRow(database, db, table, key);
      if (!before) return undefined;
      if (Object.keys(patch).length === 0) return { before, after: before };
      let update = db.updateTable(table).set(patch);
      for (const [column, value] of Object.entries(key)) update = update.where(column, '=', value);
      await update.execute();
      // Read again: what counts is what is stored, through expressions, triggers and conversions.
      return { before, after: (await lockedRow(database, db, table, key)) ?? {} };
    },

    page({ entity, entityId, field, beforeId, limit }) {
      let query = database
        .query<AuditTables>()
        .selectFrom('audit_log')
        .selectAll()
        .where('entity', '=', entity)
        .where('entity_id', '=', entityId)
        .orderBy('id', 'desc')
        .limit(limit);
      if (field !== undefined) query = query.where('field', '=', field);
      if (beforeId !== undefined) query = query.where('id', '<', beforeId);
      return query.execute();
    },
  };
}

async function lockedRow(database: Database, db: Kysely<AnyTables>, table: string, key: Row): Promise<Row | undefined> {
  let query = db.selectFrom(table).selectAll().limit(2);
  for (const [column, value] of Object.entries(key)) query = query.where(column, '=', value);
  const rows = await forUpdate(database, query).execute();
  if (rows.length > 1) throw new AuditKeyError(table, `(${Object.keys(key).join(', ')}) matches several rows`);
  return rows[0];
}
