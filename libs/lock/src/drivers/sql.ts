/*
 * Locks in the tables of a SQLite, MySQL or MariaDB database.
 *
 * 1. A grant changes the row of the key and raises its fence. It is made only if that fence is still the one that the decision
 *    was based on, so of many who decide at the same time one wins and the others look again. Decisions themselves read without
 *    locks: whoever is refused waits for nobody and stands in nobody's way.
 * 2. The row of an owner is given to another only as it was seen. A grant that needs what a dead holder had proves in its
 *    transaction that no dead holder has been renewed meanwhile, also after a jump of the clock.
 * 3. An owner extends and ends its own row without touching that of the key. A business transaction can therefore keep a
 *    shared lock on the key's row, which stops every grant until it commits, while the lease is renewed (sql-fence.ts).
 * 4. All times are the database's. Where a statement waited for a lock, its time is that of its start: earlier, and so a
 *    lease is never taken for over too soon.
 * 5. No transaction here reads without a lock, so the isolation level does not matter.
 *
 * States of an owner's row
 *   none --[acquire]--> waits --[acquire]--> holds --[release]--> spent
 *   none --[acquire, claim]--> holds --[release with keepMs]--> kept
 *   waits, holds, kept --[their time is over]--> spent; a spent row serves another owner
 */
import { extname } from 'node:path';
import { parseDatabaseUrl, storeNow, type Database, type Revealable } from '@staddle/database';
import { sql, type Expression, type ExpressionBuilder, type RawBuilder, type SqlBool, type UpdateObject } from 'kysely';
import type { AcquireOutcome, AcquireRequest, ClaimOutcome, ClaimRequest, LockDriver, RenewOutcome, RenewRequest, WatchdogSource } from '../driver.ts';
import { InvalidLockOptionError } from '../errors.ts';
import { changeRow, createGrant, persist, takeRow } from './sql-grant.ts';
import { diagnoseDatabase } from './sql-health.ts';
import { idOf, isExpiredHolder, judge, readState, type KeyState, type OwnerState, type Verdict } from './sql-state.ts';
import type { LockTables } from './sql-tables.ts';

export { assertLeaseInTransaction, fencedUpdate, type FencedUpdateOptions, type LeaseProof } from './sql-fence.ts';
export { lockMigrations } from './sql-tables.ts';

export interface SqlLockDriverOptions {
  /**
   * How long the last fence of a lock is remembered after its last grant, in ms. Default one day. After that the next fence
   * is the database's time in microseconds, which is higher unless its clock went back by more than this.
   */
  readonly fenceMemoryMs?: number;
  /**
   * How a worker thread can open the same database, to renew leases while their holder keeps its own thread busy. Default: it
   * cannot, for a `Database` does not tell its password. SQLite must be in a file.
   */
  readonly watchdogUrl?: string | Revealable;
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
/** SQLite nests no expression deeper than 1000. */
const LEASES_PER_STATEMENT = 100;
const KEYS_PER_PAGE = 500;

type Owners = ExpressionBuilder<LockTables, 'lock_owner'>;

/**
 * Locks in the tables of `lockMigrations`. The caller owns and closes the database.
 * The database sends no messages: waiters poll, and a released lock stays free until the first of the queue asks.
 */
export function sqlLockDriver(database: Database, { fenceMemoryMs = 86_400_000, watchdogUrl }: SqlLockDriverOptions = {}): LockDriver {
  const db = database.query<LockTables>();
  const grant = createGrant(database, fenceMemoryMs);
  const now = storeNow(database);
  const after = (ms: number): RawBuilder<number> => sql<number>`${now} + ${ms}`;
  const isHeld = (eb: Owners) => eb.and([eb('fence', 'is not', null), eb('ends_at', '>=', now)]);
  const isRenewable = (eb: Owners) => eb.and([isHeld(eb), eb('kept', '=', 0)]);
  const isOf = (id: string, owner: string) => (eb: Owners) => eb.and([eb('key_id', '=', id), eb('owner', '=', owner)]);

  /** Changes the rows in one statement; how many there were. */
  const change = async (where: (eb: Owners) => Expression<SqlBool>, set: UpdateObject<LockTables, 'lock_owner'>): Promise<number> => {
    const { numUpdatedRows } = await persist(() => db.updateTable('lock_owner').set(set).where(where).executeTakeFirstOrThrow());
    return Number(numUpdatedRows);
  };
  const changeLease = (id: string, owner: string, set: UpdateObject<LockTables, 'lock_owner'>): Promise<number> =>
    change((eb) => eb.and([isOf(id, owner)(eb), isRenewable(eb)]), set);

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

  /** Enters the queue or stays in it; false when the rows have changed meanwhile. */
  const wait = async (state: KeyState, { owner, weight, priority, meta }: AcquireRequest, own: OwnerState | undefined): Promise<boolean> => {
    const { id, nowMs, nextPlace } = state;
    if (own?.priority === priority && own.endsAt - nowMs >= WAITER_REFRESH_MS) return true;
    const ends_at = after(WAITER_LIFE_MS);
    if (own) return persist(() => changeRow(db, id, own, { priority, ends_at }));
    const row = { fence: null, last_fence: null, weight, priority, place: nextPlace, ends_at, kept: 0, meta: meta ?? null };
    return (await persist(() => takeRow(db, state, owner, row))) !== undefined;
  };

  const acquire = async (request: AcquireRequest): Promise<AcquireOutcome> => {
    const { key, owner, ttlMs, weight, queue } = request;
    const id = idOf(key);
    // Whoever must look again was overtaken by somebody who got on, so this comes to an end.
    for (;;) {
      const state = await readState(database, id);
      const verdict = judge(state, request);
      if (verdict.is === 'held') {
        const { fence, weight: heldWeight } = verdict.own;
        if ((await changeLease(id, owner, { ends_at: after(ttlMs), weight: Math.min(weight, heldWeight) })) === 1) return { acquired: true, fence: fence! };
        continue;
      }
      if (verdict.is === 'over') return refusal(state, verdict, false);
      const { own } = verdict;
      if (verdict.is === 'free') {
        const fence = await grant(key, state, { ...request, ...verdict });
        if (typeof fence === 'bigint') return { acquired: true, fence, ...(own ? {} : { unqueued: true }) };
        if (fence === 'overtaken') continue;
      }
      if (queue ? !(await wait(state, request, own)) : own && !(await persist(() => changeRow(db, id, own, { ends_at: 0 })))) continue;
      return refusal(state, verdict, queue);
    }
  };

  const claim = async ({ key, owner, ttlMs, keepMs, onCrash }: ClaimRequest): Promise<ClaimOutcome> => {
    const id = idOf(key);
    for (;;) {
      const state = await readState(database, id);
      const [holder] = state.holders;
      if (holder && holder.owner === owner && !holder.kept) {
        if ((await changeLease(id, owner, { ends_at: after(ttlMs) })) === 1) return { claimed: true, fence: holder.fence! };
        continue;
      }
      if (state.claim?.done) return { claimed: false, state: 'done', owner: state.claim.owner };
      if (holder) return { claimed: false, state: 'running', owner: holder.owner };
      if (state.claim && onCrash === 'skip') return { claimed: false, state: 'crashed', owner: state.claim.owner };
      const crashed = state.spent.find(isExpiredHolder);
      const fence = await grant(key, state, { owner, ttlMs, weight: 1, priority: 0, reserve: 0, own: undefined, takesOver: crashed !== undefined, claimKeepMs: keepMs });
      if (typeof fence === 'bigint') return { claimed: true, fence };
      if (fence === 'guarded') return { claimed: false, state: 'running', owner: crashed!.owner };
    }
  };

  const renewSome = async (requests: readonly RenewRequest[]): Promise<RenewOutcome[]> => {
    const asked = requests.map(({ key, owner, ttlMs }) => ({ id: idOf(key), owner, ttlMs }));
    const rows = await db
      .selectFrom('lock_owner')
      .select(['key_id', 'owner', 'ends_at', now.as('nowMs')])
      .where((eb) => eb.or(asked.map(({ id, owner }) => isOf(id, owner)(eb))))
      .where(isRenewable)
      .execute();
    const leftMs = new Map(rows.map((row) => [lineOf(row.key_id, row.owner), row.ends_at - row.nowMs]));

    const renewed = new Set<string>();
    const found = asked.filter(({ id, owner }) => leftMs.has(lineOf(id, owner)));
    for (const [ttlMs, sameTtl] of Map.groupBy(found, (lease) => lease.ttlMs)) {
      const leases = [...new Map(sameTtl.map((lease) => [lineOf(lease.id, lease.owner), lease]))];
      const ends_at = after(ttlMs);
      const all = (await change((eb) => eb.and([eb.or(leases.map(([, { id, owner }]) => isOf(id, owner)(eb))), isRenewable(eb)]), { ends_at })) === leases.length;
      // One by one when some of them ended this very moment, to know which.
      for (const [line, { id, owner }] of leases) if (all || (await changeLease(id, owner, { ends_at })) === 1) renewed.add(line);
    }

    const refused = asked.filter(({ id, owner }) => !renewed.has(lineOf(id, owner))).map(({ id }) => id);
    const others = refused.length === 0 ? [] : await db.selectFrom('lock_owner').select(['key_id', 'owner']).where('key_id', 'in', refused).where(isRenewable).execute();
    const holders = new Map(others.map((row) => [row.key_id, row.owner]));
    return asked.map(({ id, owner }) => {
      const line = lineOf(id, owner);
      return renewed.has(line) ? { renewed: true, previousMs: leftMs.get(line)! } : { renewed: false, holder: holders.get(id) };
    });
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
      for (let at = 0; at < requests.length; at += LEASES_PER_STATEMENT) {
        const some = requests.slice(at, at + LEASES_PER_STATEMENT);
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
        if ((await changeLease(id, owner, { kept: 1, ends_at: after(keepMs) })) === 1) return 'kept';
      } else if ((await changeLease(id, owner, { ends_at: 0 })) === 1) {
        return 'released';
      }
      if ((await change((eb) => eb.and([isOf(id, owner)(eb), eb('fence', 'is', null), eb('ends_at', '>', 0)]), { ends_at: 0 })) === 1) return 'dequeued';
      const kept = await db.selectFrom('lock_owner').select('slot').where(isOf(id, owner)).where('kept', '=', 1).where(isHeld).executeTakeFirst();
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
          .where((eb) => eb.or([eb('forget_at', '>=', now), eb.exists(eb.selectFrom('lock_owner').select('slot').where(isOf(id, owner)).where(isRenewable))]))
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) return false;
        await trx.updateTable('lock_owner').set({ ends_at: 0 }).where(isOf(id, owner)).execute();
        return true;
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
            const owned = eb.exists(eb.selectFrom('lock_owner').select('slot').whereRef('key_id', '=', 'lock_key.id').where('ends_at', '>=', now));
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
      if (owner !== undefined) return (await changeLease(id, owner, { ends_at: 0 })) > 0;
      return (await change((eb) => eb.and([eb('key_id', '=', id), isHeld(eb)]), { ends_at: 0 })) > 0;
    },

    diagnose: () => diagnoseDatabase(database),
    ...(watchdogUrl === undefined ? {} : { watchdog: watchdogSource(watchdogUrl) }),
  };
}

function watchdogSource(url: string | Revealable): WatchdogSource {
  const data = { url: typeof url === 'string' ? url : url.reveal() };
  const parsed = parseDatabaseUrl(data.url);
  if (parsed.dialect === 'sqlite' && parsed.file === ':memory:') throw new InvalidLockOptionError('watchdogUrl', parsed.shown, 'a database that another thread can open too');
  // Beside this file, as source or as built.
  return { module: new URL(`./sql-watchdog${extname(import.meta.url)}`, import.meta.url).href, data };
}

/** One owner and one key. Neither holds a blank. */
function lineOf(id: string, owner: string): string {
  return `${id} ${owner}`;
}

function refusal({ nowMs, holders, spent }: KeyState, { is, own, ahead }: Exclude<Verdict, { is: 'held' }>, queue: boolean): AcquireOutcome {
  const guarded = is === 'free' ? spent.find(isExpiredHolder) : undefined;
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
