import { insertIgnore, isUniqueViolation, skipLocked, storeNow, type Database } from '@staddle/database';
import { hasCode } from '@staddle/kernel';
import { sql, type ExpressionBuilder, type InsertObject, type Kysely, type RawBuilder, type UpdateObject } from 'kysely';
import type { AcquireRequest, LockKey } from '../driver.ts';
import { isExpiredHolder, type KeyState, type OwnerState } from './sql-state.ts';
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
 * The fence, or why there is none. `overtaken`: the tables have changed since the state was read. `guarded`: the lease that is
 * over may not be given away before the business transaction that relies on it has ended.
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

/** Every so many grants one sweep, which removes up to twice as many keys: bounded growth without a timer. */
const SWEEP_EVERY = 64;
const SWEEP_KEYS = 2 * SWEEP_EVERY;
/** Rows that a key keeps for further owners. Fewer would be deleted and inserted all the time by locks that a few wait for. */
const SPARE_ROWS = 16;

/** Makes owners holders. `fenceMemoryMs`: how long the row of a key is kept after its last grant. */
export function createGrant(database: Database, fenceMemoryMs: number): (key: LockKey, state: KeyState, taker: Taker) => Promise<GrantOutcome> {
  const db = database.query<LockTables>();
  const now = storeNow(database);
  const after = (ms: number): RawBuilder<number> => sql<number>`${now} + ${ms}`;
  const isForgotten = (eb: ExpressionBuilder<LockTables, 'lock_key'>) =>
    eb.and([eb('forget_at', '<', now), eb.not(eb.exists(eb.selectFrom('lock_owner').select('slot').whereRef('key_id', '=', 'lock_key.id').where('ends_at', '>=', now)))]);
  let grants = 0;

  /** Removes what nobody asks for any more: free keys whose fence or claim may be forgotten, with their rows. */
  const sweep = async (): Promise<void> => {
    const forgotten = await db.selectFrom('lock_key').select('id').where(isForgotten).orderBy('forget_at').limit(SWEEP_KEYS).execute();
    if (forgotten.length === 0) return;
    const ids = forgotten.map(({ id }) => id);
    await db.deleteFrom('lock_owner').where('key_id', 'in', ids).where('ends_at', '<', now).execute();
    await db.deleteFrom('lock_key').where('id', 'in', ids).where(isForgotten).execute();
  };

  /** Removes rows that a crowd has left behind, so that every later look at the key need not pass them. */
  const thin = async ({ id, spent }: KeyState): Promise<void> => {
    const slots = spent.slice(SPARE_ROWS).map(({ slot }) => slot);
    if (slots.length > 0) await db.deleteFrom('lock_owner').where('key_id', '=', id).where('slot', 'in', slots).where('ends_at', '<', now).execute();
  };

  return async (key, state, { own, takesOver, claimKeepMs, owner, ttlMs, weight, priority, reserve, meta }) => {
    const { id, nowMs, rowFence, lastFence, nextPlace } = state;
    const clockFence = BigInt(nowMs) * 1_000n;
    const fence = clockFence > lastFence ? clockFence : lastFence + 1n;
    const last_fence = fence + BigInt(reserve);
    const record = { fence: last_fence, claim_owner: claimKeepMs === undefined ? null : owner, claim_done: 0, forget_at: after(claimKeepMs ?? fenceMemoryMs) };
    const lease = { fence, last_fence, weight, priority, place: own?.place ?? nextPlace, ends_at: after(ttlMs), kept: 0, meta: meta ?? null };

    try {
      await database.transaction<LockTables, void>(async (trx) => {
        if (takesOver && rowFence !== undefined) {
          // Not waited for: a business transaction may be long, and everyone who polls would wait with it.
          const free = await skipLocked(database, trx.selectFrom('lock_key').select('id').where('id', '=', id)).executeTakeFirst();
          if (!free) throw new Stopped('guarded');
        }
        const won =
          rowFence === undefined
            ? await insertIgnore(database, trx.insertInto('lock_key').values({ id, kind: key.kind, name: key.name, ...record }))
            : (await trx.updateTable('lock_key').set(record).where('id', '=', id).where('fence', '=', rowFence).executeTakeFirstOrThrow()).numUpdatedRows === 1n;
        const taken = won ? await takeRow(trx, state, owner, lease, own) : undefined;
        if (!taken) throw new Stopped('overtaken');
        if (!takesOver) return;
        for (const row of state.spent.filter(isExpiredHolder)) {
          if (row.slot !== taken.slot && !(await changeRow(trx, id, row, { ends_at: 0 }))) throw new Stopped('overtaken');
        }
      });
    } catch (error) {
      if (error instanceof Stopped) return error.why;
      throw error;
    }
    grants += 1;
    // Not waited for, and no harm when they fail: the next ones do their work.
    if (state.spent.length > 2 * SPARE_ROWS) void thin(state).catch(() => {});
    if (grants % SWEEP_EVERY === 0) void sweep().catch(() => {});
    return fence;
  };
}

/** Changes a row that is still exactly as it was seen; false when it is not. */
export async function changeRow(db: Kysely<LockTables>, id: string, { slot, owner, endsAt }: OwnerState, changes: UpdateObject<LockTables, 'lock_owner'>): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('lock_owner')
    .set(changes)
    .where('key_id', '=', id)
    .where('slot', '=', slot)
    .where('owner', '=', owner)
    .where('ends_at', '=', endsAt)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/**
 * Gives the owner a row: the one it has, else one that is spent, else a new one. Undefined when somebody else was faster.
 * The row of an expired holder stays until a grant has taken what it held.
 */
export async function takeRow(
  db: Kysely<LockTables>,
  { id, spent, nextSlot }: KeyState,
  owner: string,
  values: Omit<InsertObject<LockTables, 'lock_owner'>, 'key_id' | 'slot' | 'owner'>,
  own: OwnerState | undefined = spent.find((row) => row.owner === owner),
): Promise<{ readonly slot: number } | undefined> {
  const row = own ?? spent.find((other) => !isExpiredHolder(other));
  try {
    if (row) return (await changeRow(db, id, row, { ...values, owner })) ? row : undefined;
    await db.insertInto('lock_owner').values({ key_id: id, slot: nextSlot, owner, ...values }).execute();
    return { slot: nextSlot };
  } catch (error) {
    if (isUniqueViolation(error)) return undefined;
    throw error;
  }
}

/** Runs a single statement again that lost against others: it did nothing, and a transaction would take three round trips. */
export async function persist<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (attempt === 3 || !hasCode(error, 'ERR_DATABASE_CONTENTION')) throw error;
    }
  }
}
