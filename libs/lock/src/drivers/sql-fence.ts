import { storeNow } from '@staddle/database';
import { sql, SqliteAdapter, type Kysely, type SqlBool, type Transaction, type UpdateQueryBuilder, type UpdateResult } from 'kysely';
import type { LockKind } from '../driver.ts';
import { LockLostError, StaleFenceError } from '../errors.ts';
import { idOf } from './sql-state.ts';
import type { LockTables } from './sql-tables.ts';

/**
 * What tells one lease from those before and after it: any `Lease` of one name, or its name and fence as they came by message.
 * The lease itself is better: a hand-off inside its process does not show in the store.
 */
export interface LeaseProof {
  readonly name: string;
  readonly fence: bigint;
  /** Default `mutex`. */
  readonly kind?: LockKind;
  /** Of a `Lease`: it is not handed on inside its process from then on. */
  readonly export?: () => unknown;
}

/**
 * Proves that a lease of the SQL driver is held, and keeps the lock from being given to anybody else until the transaction
 * ends. Whatever this transaction writes is thus committed under the lease, however long the process stood still before: no
 * other guard is needed. Renewals and releases of the lease go on meanwhile.
 *
 * The lock's tables must be in the database of the transaction. It waits for a grant that is just happening. On SQLite the
 * transaction must be one that writes: that alone keeps everybody else from writing.
 * @throws StaleFenceError (`ERR_LOCK_STALE_FENCE`) when the lease is over
 * @throws InvalidLockOptionError (`ERR_LOCK_OPTION`) for a `Lease` of several names: prove `{ name, fence: lease.fenceOf(name) }` of each
 */
export async function assertLeaseInTransaction<Tables>(trx: Transaction<Tables>, lease: LeaseProof): Promise<void> {
  try {
    lease.export?.();
  } catch (error) {
    throw error instanceof LockLostError ? new StaleFenceError(lease.name, lease.fence) : error;
  }
  const db = trx as unknown as Transaction<LockTables>;
  const id = idOf({ kind: lease.kind ?? 'mutex', name: lease.name });
  if (db.getExecutor().adapter instanceof SqliteAdapter) {
    if ((await findLease(db, 'sqlite', id, lease)).held) return;
    throw new StaleFenceError(lease.name, lease.fence);
  }
  // The row of the key, for every grant changes it. Not that of the lease, or its renewal would wait for this transaction.
  // The syntax that both MySQL and MariaDB know.
  const { rows } = await sql<{ fence: string }>`select cast(fence as char) as fence from lock_key where id = ${id} lock in share mode`.execute(db);
  const { held, keyFence } = await findLease(db, 'mysql', id, lease);
  if (held && keyFence === rows[0]?.fence) return;
  // Not held, or this transaction sees the database as it was before the last grant (repeatable read). A read with a lock
  // sees what is true; the renewal then waits, which is rare.
  if ((await findLease(db, 'mysql', id, lease, { locking: true })).held) return;
  throw new StaleFenceError(lease.name, lease.fence);
}

async function findLease(
  db: Kysely<LockTables>,
  dialect: 'sqlite' | 'mysql',
  id: string,
  { fence }: LeaseProof,
  { locking = false }: { readonly locking?: boolean } = {},
): Promise<{ readonly held: boolean; readonly keyFence?: string | undefined }> {
  const { rows } = await sql<{ keyFence: string }>`
    select cast(k.fence as char) as keyFence from lock_key as k
    inner join lock_owner as o on o.key_id = k.id
    where k.id = ${id} and o.fence <= ${fence} and o.last_fence >= ${fence} and o.kept = 0 and o.ends_at >= ${storeNow(dialect)}
    ${locking ? sql`lock in share mode` : sql``}`.execute(db);
  return { held: rows.length > 0, keyFence: rows[0]?.keyFence };
}

export interface FencedUpdateOptions<Column extends string> {
  /** Of the row, with the highest fence that has written it: a 64-bit integer, null or 0 at first. */
  readonly column: Column;
  readonly lease: Pick<LeaseProof, 'name' | 'fence'>;
}

/**
 * Runs an UPDATE of rows that no later lease has written yet, and leaves its fence in them. For leases of every driver, and for
 * any table: the row itself refuses a writer that was paused past the end of its lease. Gives the number of rows.
 *
 * It does not notice that a lease has ended as long as nobody else has written. All writes to the row must go through it, and
 * only one lock may guard a row: fences of two locks do not compare, nor do those of shared holders order their writes.
 * @throws StaleFenceError (`ERR_LOCK_STALE_FENCE`) when no row was updated: each has seen a higher fence, or there is none
 */
export async function fencedUpdate<DB, UT extends keyof DB, TB extends keyof DB>(
  update: UpdateQueryBuilder<DB, UT, TB, UpdateResult>,
  { column, lease }: FencedUpdateOptions<keyof DB[UT] & string>,
): Promise<number> {
  const isNotStale = sql<SqlBool>`coalesce(${sql.ref(column)}, 0) <= ${lease.fence}`;
  // Kysely's types want the literal type of the column, which a generic helper cannot name.
  const { numUpdatedRows } = await update.set({ [column]: lease.fence } as never).where(isNotStale).executeTakeFirstOrThrow();
  const rows = Number(numUpdatedRows);
  if (rows === 0) throw new StaleFenceError(lease.name, lease.fence);
  return rows;
}
