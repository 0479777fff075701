import { insertIgnore, isUniqueViolation, skipLocked, storeNow, type Database } from '@staddle/database';
import { sql, type ExpressionBuilder, type Transaction } from 'kysely';
import type { AcquireRequest, LockKey } from '../driver.ts';
import { idOf, type KeyState, type OwnerState } from './sql-state.ts';
import type { LockTables } from './sql-tables.ts';

/** Whom a key is given to. */
export interface Taker extends Pick<AcquireRequest, 'owner' | 'ttlMs' | 'weight' | 'priority' | 'reserve' | 'meta'> {
  /** Its row in the queue. */
  readonly own: OwnerState | undefined;
  /** It needs what a dead holder had. */
  readonly takesOver: boolean;
  /** Of kind `run`: how long the claim is remembered. */
  readonly claimKeepMs?: number;
}

/**
 * The fence, or why there is none. `overtaken`: the tables have changed since the state was read. `guarded`: the dead holder's
 * lease may not be given away before the business transaction that relies on it has ended.
 */
export type GrantOutcome = bigint | 'overtaken' | 'guarded';

/** Ends the transaction of a grant that is not to be. */
class Stopped extends Error {
  readonly why: 'overtaken' | 'guarded';

  constructor(why: 'overtaken' | 'guarded') {
    super(why);
    this.why = why;
  }
}

/** Every so many grants one sweep, which removes up to twice as many rows of either table: bounded growth without a timer. */
const SWEEP_EVERY = 64;
const SWEEP_ROWS = 2 * SWEEP_EVERY;
/** SQLite nests no expression deeper than 1000. */
const ROWS_PER_STATEMENT = 100;

/** Makes owners holders. `fenceMemoryMs`: how long the row of a key is kept after its last grant. */
export function createGrant(database: Database, fenceMemoryMs: number): (key: LockKey, state: KeyState, taker: Taker) => Promise<GrantOutcome> {
  const db = database.query<LockTables>();
  const now = storeNow(database);
  let grants = 0;

  /** Removes rows of dead owners, exactly as they were seen: one that was extended meanwhile is alive. */
  const bury = async (trx: Transaction<LockTables>, dead: readonly OwnerState[]): Promise<void> => {
    for (const some of chunks(dead)) {
      const { numDeletedRows } = await trx
        .deleteFrom('lock_owner')
        .where((eb) => eb.or(some.map(({ seq, endsAt }) => eb.and([eb('seq', '=', seq), eb('ends_at', '=', endsAt)]))))
        .executeTakeFirstOrThrow();
      if (numDeletedRows !== BigInt(some.length)) throw new Stopped('overtaken');
    }
  };

  /** Removes rows that nobody asks for any more: of dead owners, and of free keys whose fence or claim may be forgotten. */
  const sweep = async (): Promise<void> => {
    const dead = await db.selectFrom('lock_owner').select('seq').where('ends_at', '<', now).orderBy('ends_at').limit(SWEEP_ROWS).execute();
    if (dead.length > 0) await db.deleteFrom('lock_owner').where('seq', 'in', dead.map(({ seq }) => seq)).where('ends_at', '<', now).execute();
    const isForgotten = (eb: ExpressionBuilder<LockTables, 'lock_key'>) =>
      eb.and([eb('forget_at', '<', now), eb.not(eb.exists(eb.selectFrom('lock_owner').select('seq').whereRef('key_id', '=', 'lock_key.id')))]);
    const forgotten = await db.selectFrom('lock_key').select('id').where(isForgotten).orderBy('forget_at').limit(SWEEP_ROWS).execute();
    if (forgotten.length > 0) await db.deleteFrom('lock_key').where('id', 'in', forgotten.map(({ id }) => id)).where(isForgotten).execute();
  };

  return async (key, state, { own, takesOver, claimKeepMs, owner, ttlMs, weight, priority, reserve, meta }) => {
    const id = idOf(key);
    const clockFence = BigInt(state.nowMs) * 1_000n;
    const fence = clockFence > state.lastFence ? clockFence : state.lastFence + 1n;
    const last_fence = fence + BigInt(reserve);
    const after = (ms: number) => sql<number>`${now} + ${ms}`;
    const record = { fence: last_fence, claim_owner: claimKeepMs === undefined ? null : owner, claim_done: 0, forget_at: after(claimKeepMs ?? fenceMemoryMs) };
    const lease = { fence, last_fence, weight, priority, ends_at: after(ttlMs), kept: 0, meta: meta ?? null };

    try {
      await database.transaction<LockTables, void>(async (trx) => {
        if (takesOver) {
          // Not waited for: a business transaction may be long, and everyone who polls would wait with it.
          const free = await skipLocked(database, trx.selectFrom('lock_key').select('id').where('id', '=', id)).executeTakeFirst();
          if (!free) throw new Stopped('guarded');
        }
        const won =
          state.rowFence === undefined
            ? await insertIgnore(database, trx.insertInto('lock_key').values({ id, kind: key.kind, name: key.name, ...record }))
            : isOne((await trx.updateTable('lock_key').set(record).where('id', '=', id).where('fence', '=', state.rowFence).executeTakeFirstOrThrow()).numUpdatedRows);
        if (!won) throw new Stopped('overtaken');
        await bury(trx, state.dead.filter(({ seq }) => seq !== own?.seq));
        if (own) {
          const { numUpdatedRows } = await trx.updateTable('lock_owner').set(lease).where('seq', '=', own.seq).executeTakeFirstOrThrow();
          if (!isOne(numUpdatedRows)) throw new Stopped('overtaken');
        } else {
          await trx.insertInto('lock_owner').values({ key_id: id, owner, ...lease }).execute();
        }
      });
    } catch (error) {
      if (error instanceof Stopped) return error.why;
      // The same request came twice, and the other one was faster.
      if (isUniqueViolation(error)) return 'overtaken';
      throw error;
    }
    grants += 1;
    // Not waited for, and no harm when it fails: the next one does its work.
    if (grants % SWEEP_EVERY === 0) void sweep().catch(() => {});
    return fence;
  };
}

export function isOne(rows: bigint): boolean {
  return rows === 1n;
}

/** Parts that fit into one statement. */
export function chunks<T>(items: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < items.length; at += ROWS_PER_STATEMENT) parts.push(items.slice(at, at + ROWS_PER_STATEMENT));
  return parts;
}
