/*
 * Locks in the tables of a SQLite, MySQL or MariaDB database.
 *
 * 1. A grant changes the row of the key and raises its fence. It is made only if that fence is still the one that the decision
 *    was based on, so of many who decide at the same time one wins and the others look again. Decisions themselves read without
 *    locks: whoever is refused waits for nobody and stands in nobody's way.
 * 2. A grant that relies on the end of other owners' time proves in its transaction that they were not extended meanwhile.
 * 3. An owner extends and ends its own row without touching that of the key. A business transaction can therefore keep a
 *    shared lock on the key's row, which stops every grant until it commits, while the lease is renewed (sql-fence.ts).
 * 4. All times are the database's. Where a statement waited for a lock, its time is that of its start: earlier, and so a
 *    lease is never taken for over too soon.
 * 5. No transaction here reads without a lock, so the isolation level does not matter.
 *
 * States of an owner's row
 *   none --[acquire]--> waits --[acquire]--> holds --[release]--> none
 *   none --[acquire, claim]--> holds --[release with keepMs]--> kept
 *   any state ends with the row's time.
 */
import { insertIgnore, storeNow, type Database } from '@staddle/database';
import { sql, type ExpressionBuilder, type RawBuilder } from 'kysely';
import type { AcquireOutcome, AcquireRequest, ClaimOutcome, ClaimRequest, LockDriver, RenewOutcome, RenewRequest } from '../driver.ts';
import { InvalidLockOptionError } from '../errors.ts';
import { chunks, createGrant, isOne } from './sql-grant.ts';
import { idOf, isHolder, judge, readState, type KeyState, type OwnerState, type Verdict } from './sql-state.ts';
import type { LockTables } from './sql-tables.ts';

export { assertLeaseInTransaction, fencedUpdate, type FencedUpdateOptions, type LeaseProof } from './sql-fence.ts';
export { lockMigrations } from './sql-tables.ts';

export interface SqlLockDriverOptions {
  /**
   * How long the last fence of a lock is remembered after its last grant, in ms. Default one day. After that the next fence
   * is the database's time in microseconds, which is higher unless its clock went back by more than this.
   */
  readonly fenceMemoryMs?: number;
}

/**
 * A waiter that does not ask again for this long is dead and is skipped. Waiters ask at least once a second: shorter would cost
 * a live one its place over a long garbage collection or a reconnect, longer would hold up those behind a crashed one.
 */
const WAITER_LIFE_MS = 5_000;
/** A waiter's row is written when it has less left than this: about once a second, however often it asks. */
const WAITER_REFRESH_MS = 4_000;
/** When to ask again for a lease that is over but guarded by a business transaction. */
const GUARDED_RETRY_MS = 50;
const KEYS_PER_PAGE = 500;

type Owners = ExpressionBuilder<LockTables, 'lock_owner'>;

/**
 * Locks in the tables of `lockMigrations`. The caller owns and closes the database.
 * The database sends no messages: waiters poll, and a released lock stays free until the first of the queue asks.
 */
export function sqlLockDriver(database: Database, { fenceMemoryMs = 86_400_000 }: SqlLockDriverOptions = {}): LockDriver {
  const db = database.query<LockTables>();
  const grant = createGrant(database, fenceMemoryMs);
  const now = storeNow(database);
  const after = (ms: number): RawBuilder<number> => sql<number>`${now} + ${ms}`;
  const isHeld = (eb: Owners) => eb.and([eb('fence', 'is not', null), eb('ends_at', '>=', now)]);
  const isRenewable = (eb: Owners) => eb.and([isHeld(eb), eb('kept', '=', 0)]);
  const holds = (id: string, owner: string) => (eb: Owners) => eb.and([eb('key_id', '=', id), eb('owner', '=', owner), isRenewable(eb)]);

  // Requests travel on whatever connection is free, so a release could overtake the acquire that it takes back; nobody would
  // hold that lease.
  const inFlight = new Map<string, Promise<unknown>>();
  const tracked = async <T>(line: string, work: Promise<T>): Promise<T> => {
    const all = Promise.allSettled([inFlight.get(line), work]);
    inFlight.set(line, all);
    try {
      return await work;
    } finally {
      if (inFlight.get(line) === all) inFlight.delete(line);
    }
  };

  /** Moves the ends of leases that live; how many of them did. */
  const extend = async (seqs: readonly number[], ttlMs: number, changes: { readonly weight?: number } = {}): Promise<number> => {
    const { numUpdatedRows } = await db
      .updateTable('lock_owner')
      .set({ ...changes, ends_at: after(ttlMs) })
      .where('seq', 'in', seqs)
      .where(isRenewable)
      .executeTakeFirstOrThrow();
    return Number(numUpdatedRows);
  };

  /** Enters the queue or stays in it; false when the row has changed meanwhile. */
  const wait = async (id: string, { nowMs, dead }: KeyState, { owner, weight, priority, meta }: AcquireRequest, own: OwnerState | undefined): Promise<boolean> => {
    if (own) {
      if (own.priority === priority && own.endsAt - nowMs >= WAITER_REFRESH_MS) return true;
      const stays = db.updateTable('lock_owner').set({ priority, ends_at: after(WAITER_LIFE_MS) }).where('seq', '=', own.seq).where('fence', 'is', null);
      return isOne((await stays.executeTakeFirstOrThrow()).numUpdatedRows);
    }
    // A lease of its own that is over would stand in the way.
    const old = dead.find((other) => other.owner === owner);
    if (old) await db.deleteFrom('lock_owner').where('seq', '=', old.seq).where('ends_at', '=', old.endsAt).execute();
    const row = { key_id: id, owner, fence: null, last_fence: null, weight, priority, ends_at: after(WAITER_LIFE_MS), kept: 0, meta: meta ?? null };
    return insertIgnore(database, db.insertInto('lock_owner').values(row));
  };

  const acquire = async (request: AcquireRequest): Promise<AcquireOutcome> => {
    const { key, owner, ttlMs, weight, queue } = request;
    const id = idOf(key);
    // Whoever must look again was overtaken by somebody who got on, so this comes to an end.
    for (;;) {
      const state = await readState(database, id);
      const verdict = judge(state, request);
      const contended = state.waiters.some((waiter) => waiter.owner !== owner);
      if (verdict.is === 'held') {
        const { seq, fence, weight: heldWeight } = verdict.own;
        if ((await extend([seq], ttlMs, { weight: Math.min(weight, heldWeight) })) === 1) return { acquired: true, fence: fence!, contended };
        continue;
      }
      const { own } = verdict;
      if (verdict.is === 'free') {
        const fence = await grant(key, state, { ...request, ...verdict });
        if (typeof fence === 'bigint') return { acquired: true, fence, contended, ...(own ? {} : { unqueued: true }) };
        if (fence === 'overtaken') continue;
      }
      if (queue && !(await wait(id, state, request, own))) continue;
      if (!queue && own) await db.deleteFrom('lock_owner').where('seq', '=', own.seq).where('fence', 'is', null).execute();
      return refusal(state, verdict, queue);
    }
  };

  const claim = async ({ key, owner, ttlMs, keepMs, onCrash }: ClaimRequest): Promise<ClaimOutcome> => {
    for (;;) {
      const state = await readState(database, idOf(key));
      const [holder] = state.holders;
      if (holder && holder.owner === owner && !state.claim?.done) {
        if ((await extend([holder.seq], ttlMs)) === 1) return { claimed: true, fence: holder.fence! };
        continue;
      }
      if (state.claim?.done) return { claimed: false, state: 'done', owner: state.claim.owner };
      if (holder) return { claimed: false, state: 'running', owner: holder.owner };
      if (state.claim && onCrash === 'skip') return { claimed: false, state: 'crashed', owner: state.claim.owner };
      const takesOver = state.dead.length > 0;
      const fence = await grant(key, state, { owner, ttlMs, weight: 1, priority: 0, reserve: 0, own: undefined, takesOver, claimKeepMs: keepMs });
      if (typeof fence === 'bigint') return { claimed: true, fence };
      if (fence === 'guarded') return { claimed: false, state: 'running', owner: state.dead[0]!.owner };
    }
  };

  const renewSome = async (requests: readonly RenewRequest[]): Promise<RenewOutcome[]> => {
    const asked = requests.map(({ key, owner, ttlMs }) => ({ id: idOf(key), owner, ttlMs }));
    const rows = await db
      .selectFrom('lock_owner')
      .select(['seq', 'key_id', 'owner', 'ends_at', now.as('nowMs')])
      .where((eb) => eb.or(asked.map(({ id, owner }) => holds(id, owner)(eb))))
      .execute();
    const found = new Map(rows.map((row) => [lineOf(row.key_id, row.owner), row]));
    const leases = asked.map(({ id, owner, ttlMs }) => ({ id, ttlMs, row: found.get(lineOf(id, owner)) }));

    const renewed = new Set<number>();
    for (const [ttlMs, group] of Map.groupBy(leases, (lease) => lease.ttlMs)) {
      const seqs = [...new Set(group.flatMap(({ row }) => row?.seq ?? []))];
      const all = seqs.length > 0 && (await extend(seqs, ttlMs)) === seqs.length;
      // One by one when some of them ended this very moment, to know which.
      for (const seq of seqs) if (all || (await extend([seq], ttlMs)) === 1) renewed.add(seq);
    }

    const refused = leases.filter(({ row }) => !row || !renewed.has(row.seq)).map(({ id }) => id);
    const others = refused.length === 0 ? [] : await db.selectFrom('lock_owner').select(['key_id', 'owner']).where('key_id', 'in', refused).where(isRenewable).execute();
    const holders = new Map(others.map((row) => [row.key_id, row.owner]));
    return leases.map(({ id, row }) => (row && renewed.has(row.seq) ? { renewed: true, previousMs: row.ends_at - row.nowMs } : { renewed: false, holder: holders.get(id) }));
  };

  return {
    name: 'sql',

    async acquire(request) {
      const { key, owner, replicas } = request;
      if (replicas !== undefined) throw new InvalidLockOptionError('replicas', replicas, 'absent: a SQL database does not tell how many replicas have a commit');
      return tracked(lineOf(idOf(key), owner), acquire(request));
    },

    async renew(requests) {
      const outcomes: (RenewOutcome | Error)[] = [];
      for (const some of chunks(requests)) {
        try {
          outcomes.push(...(await renewSome(some)));
        } catch (cause) {
          const error = cause instanceof Error ? cause : new Error('the renewal failed', { cause });
          outcomes.push(...some.map(() => error));
        }
      }
      return outcomes;
    },

    async release({ key, owner, keepMs = 0 }) {
      const id = idOf(key);
      await inFlight.get(lineOf(id, owner));
      if (keepMs > 0) {
        const { numUpdatedRows } = await db.updateTable('lock_owner').set({ kept: 1, ends_at: after(keepMs) }).where(holds(id, owner)).executeTakeFirstOrThrow();
        if (isOne(numUpdatedRows)) return 'kept';
      } else {
        const { numDeletedRows } = await db.deleteFrom('lock_owner').where(holds(id, owner)).executeTakeFirstOrThrow();
        if (isOne(numDeletedRows)) return 'released';
      }
      const { numDeletedRows } = await db.deleteFrom('lock_owner').where('key_id', '=', id).where('owner', '=', owner).where('fence', 'is', null).executeTakeFirstOrThrow();
      if (isOne(numDeletedRows)) return 'dequeued';
      const kept = await db.selectFrom('lock_owner').select('seq').where('key_id', '=', id).where('owner', '=', owner).where('kept', '=', 1).where(isHeld).executeTakeFirst();
      return kept ? 'kept' : 'not-held';
    },

    async claim(request) {
      return tracked(lineOf(idOf(request.key), request.owner), claim(request));
    },

    async settle({ key, owner, keepMs }) {
      const id = idOf(key);
      await inFlight.get(lineOf(id, owner));
      return database.transaction<LockTables, boolean>(async (trx) => {
        const { numUpdatedRows } = await trx
          .updateTable('lock_key')
          .set({ claim_done: 1, forget_at: after(keepMs) })
          .where('id', '=', id)
          .where('claim_owner', '=', owner)
          // A claim is remembered while its lease lives, however short it was to be kept.
          .where((eb) => eb.or([eb('forget_at', '>=', now), eb.exists(eb.selectFrom('lock_owner').select('seq').where(holds(id, owner)))]))
          .executeTakeFirstOrThrow();
        if (isOne(numUpdatedRows)) await trx.deleteFrom('lock_owner').where('key_id', '=', id).where('owner', '=', owner).execute();
        return isOne(numUpdatedRows);
      });
    },

    async inspect(key) {
      const { nowMs, holders, waiters, claim: claimed } = await readState(database, idOf(key), { withMeta: true });
      if (holders.length === 0 && waiters.length === 0 && !claimed) return undefined;
      return {
        // A kept lock belongs to nobody any more.
        holders: holders.map(({ owner, fence, weight, endsAt, kept, meta }) => ({ owner: kept ? '' : owner, fence: fence!, weight, expiresInMs: endsAt - nowMs, ...(meta && { meta }) })),
        waiters: waiters.map(({ owner, weight, priority, meta }) => ({ owner, weight, priority, ...(meta && { meta }) })),
        ...(claimed && { state: claimed.done ? 'done' : holders.length > 0 ? 'running' : 'crashed' }),
      };
    },

    async *list({ kind, prefix }) {
      for (let last = ''; ; ) {
        const page = await db
          .selectFrom('lock_key')
          .select(['id', 'name'])
          .where('kind', '=', kind)
          .where('id', '>', last)
          .where((eb) => {
            const owned = eb.exists(eb.selectFrom('lock_owner').select('seq').whereRef('key_id', '=', 'lock_key.id').where('ends_at', '>=', now));
            return eb.or([owned, eb.and([eb('claim_owner', 'is not', null), eb('forget_at', '>=', now)])]);
          })
          .orderBy('id')
          .limit(KEYS_PER_PAGE)
          .execute();
        // Compared here: LIKE has a mind of its own about case, patterns and NUL on each dialect.
        for (const { name } of page) if (name.startsWith(prefix)) yield { kind, name };
        if (page.length < KEYS_PER_PAGE) return;
        last = page.at(-1)!.id;
      }
    },

    async forceRelease(key, owner) {
      const id = idOf(key);
      const { numDeletedRows } = await db
        .deleteFrom('lock_owner')
        .where(owner === undefined ? (eb) => eb.and([eb('key_id', '=', id), isHeld(eb)]) : holds(id, owner))
        .executeTakeFirstOrThrow();
      return numDeletedRows > 0n;
    },
  };
}

/** One owner and one key. Neither holds a blank. */
function lineOf(id: string, owner: string): string {
  return `${id} ${owner}`;
}

function refusal({ nowMs, holders, dead }: KeyState, { is, own, ahead }: Exclude<Verdict, { is: 'held' }>, queue: boolean): AcquireOutcome {
  const guarded = is === 'free' ? dead.find(isHolder) : undefined;
  const ends = (holders.length > 0 ? holders : ahead).map(({ endsAt }) => endsAt - nowMs);
  return {
    acquired: false,
    holder: (holders.find(({ kept }) => !kept) ?? guarded)?.owner,
    expiresInMs: guarded ? GUARDED_RETRY_MS : ends.length > 0 ? Math.min(...ends) : WAITER_LIFE_MS,
    position: queue ? ahead.length : undefined,
    unqueued: own === undefined,
    storeNowMs: nowMs,
  };
}
