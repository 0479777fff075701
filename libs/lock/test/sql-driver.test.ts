import type { Database } from '@staddle/database';
import { createLocks } from '@staddle/lock';
import { lockMigrations, sqlLockDriver } from '@staddle/lock/sql';
import { DIALECTS, testDatabase, waitFor } from '@staddle/testing';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import type { LockTables } from '../src/drivers/sql-tables.ts';
import { createSqlStand, hold, keyOf, refused, request, silence, TTL_MS } from './sql-stand.ts';

const countOf = async (database: Database, table: 'lock_key' | 'lock_owner'): Promise<number> => {
  const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(database.query());
  return rows[0]!.n;
};
const LOCK = keyOf('lock');

describe.each(DIALECTS)('the sql driver on %s', (dialect) => {
  describe('queue', () => {
    it('skips a waiter that was silent for too long', async () => {
      const { database, driver } = await createSqlStand(dialect);
      await hold(driver, LOCK, 'a.1');
      await refused(driver, LOCK, 'b.1', { queue: true });
      expect(await refused(driver, LOCK, 'c.1', { queue: true })).toMatchObject({ position: 1 });
      await silence(database, 'b.1');
      expect(await refused(driver, LOCK, 'c.1', { queue: true })).toMatchObject({ position: 0 });
      await driver.release({ key: LOCK, owner: 'a.1' });
      await hold(driver, LOCK, 'c.1', { queue: true });
    });

    it('gives a silent waiter its place back when it asks before anybody took its turn', async () => {
      const { database, driver } = await createSqlStand(dialect);
      await hold(driver, LOCK, 'a.1');
      for (const owner of ['b.1', 'c.1']) await refused(driver, LOCK, owner, { queue: true });
      await silence(database, 'b.1');
      expect(await refused(driver, LOCK, 'b.1', { queue: true })).toMatchObject({ position: 0, unqueued: false });
      expect(await refused(driver, LOCK, 'c.1', { queue: true })).toMatchObject({ position: 1 });
    });

    it('keeps a waiter alive that asks again', async () => {
      const { database, driver } = await createSqlStand(dialect);
      const owners = database.query<LockTables>().selectFrom('lock_owner').select('ends_at').where('owner', '=', 'b.1');
      await hold(driver, LOCK, 'a.1');
      await refused(driver, LOCK, 'b.1', { queue: true });
      const before = await owners.executeTakeFirstOrThrow();
      await database.query<LockTables>().updateTable('lock_owner').set({ ends_at: before.ends_at - 2_000 }).where('owner', '=', 'b.1').execute();
      await refused(driver, LOCK, 'b.1', { queue: true });
      expect((await owners.executeTakeFirstOrThrow()).ends_at).toBeGreaterThanOrEqual(before.ends_at);
    });

    it('takes over a priority that has risen', async () => {
      const { driver } = await createSqlStand(dialect);
      await hold(driver, LOCK, 'a.1');
      for (const owner of ['b.1', 'c.1']) await refused(driver, LOCK, owner, { queue: true });
      expect(await refused(driver, LOCK, 'c.1', { queue: true, priority: 1 })).toMatchObject({ position: 0 });
      expect((await driver.inspect(LOCK))?.waiters).toEqual([{ owner: 'c.1', weight: 1, priority: 1 }, { owner: 'b.1', weight: 1, priority: 0 }]);
    });
  });

  describe('fences', () => {
    it('beyond the exact integers of a number are exact', async () => {
      const { database, driver } = await createSqlStand(dialect);
      await hold(driver, LOCK, 'a.1');
      await driver.release({ key: LOCK, owner: 'a.1' });
      await database.query<LockTables>().updateTable('lock_key').set({ fence: 2n ** 62n + 1n }).execute();
      expect(await hold(driver, LOCK, 'b.1')).toBe(2n ** 62n + 2n);
      expect((await driver.inspect(LOCK))?.holders[0]?.fence).toBe(2n ** 62n + 2n);
    });

    it('go on rising when the row of the key is lost', async () => {
      const { database, driver } = await createSqlStand(dialect);
      const before = await hold(driver, LOCK, 'a.1', { ttlMs: 1 });
      await database.query<LockTables>().deleteFrom('lock_key').execute();
      await waitFor(async () => (await driver.inspect(LOCK)) === undefined, { what: 'the lease of 1 ms to end' });
      expect(await hold(driver, LOCK, 'b.1')).toBeGreaterThan(before);
    });
  });

  describe('rows', () => {
    it('of owners are used again', async () => {
      const { database, driver } = await createSqlStand(dialect);
      for (let turn = 0; turn < 20; turn++) {
        await hold(driver, LOCK, `a.${turn}`);
        await refused(driver, LOCK, `b.${turn}`, { queue: true });
        await driver.release({ key: LOCK, owner: `a.${turn}` });
        await hold(driver, LOCK, `b.${turn}`, { queue: true });
        await driver.release({ key: LOCK, owner: `b.${turn}` });
      }
      expect(await countOf(database, 'lock_owner')).toBe(2);
    });

    it('that a crowd left behind are removed', async () => {
      const { database, driver } = await createSqlStand(dialect);
      await hold(driver, LOCK, 'a.1');
      for (let waiter = 0; waiter < 40; waiter++) {
        await refused(driver, LOCK, `b.${waiter}`, { queue: true });
        await silence(database, `b.${waiter}`);
      }
      expect(await countOf(database, 'lock_owner')).toBeGreaterThan(1);
      await driver.release({ key: LOCK, owner: 'a.1' });
      await hold(driver, LOCK, 'c.1');
      await waitFor(async () => (await countOf(database, 'lock_owner')) <= 20, { what: 'the rows to be removed' });
      expect(await refused(driver, LOCK, 'd.1')).toMatchObject({ holder: 'c.1' });
    });

    it('of names that nobody asks for again are removed, and never those of a held lock', async () => {
      const { database, another } = await createSqlStand(dialect);
      const driver = another({ fenceMemoryMs: 1 });
      const held = await hold(driver, keyOf('held'), 'a.1');
      for (let turn = 0; turn < 300; turn++) {
        const key = keyOf(`invoice ${turn}`);
        await hold(driver, key, `a.${turn}`);
        await driver.release({ key, owner: `a.${turn}` });
      }
      await waitFor(async () => (await countOf(database, 'lock_key')) < 150 && (await countOf(database, 'lock_owner')) < 150, { what: 'the rows to be removed' });
      expect(await refused(driver, keyOf('held'), 'b.1')).toMatchObject({ holder: 'a.1' });
      await driver.release({ key: keyOf('held'), owner: 'a.1' });
      expect(await hold(driver, keyOf('held'), 'b.1')).toBeGreaterThan(held);
    });
  });

  /** The database as it is when something else happens right before the next transaction. */
  const interrupted = (database: Database, first: () => Promise<unknown>): Database => {
    let pending: (() => Promise<unknown>) | undefined = first;
    return {
      ...database,
      async transaction(run, options) {
        const now = pending;
        pending = undefined;
        await now?.();
        return database.transaction(run, options);
      },
    };
  };

  it('does not give a lease away that was renewed after it was taken for over, as when the clock is set back', async () => {
    const { database, driver } = await createSqlStand(dialect);
    await hold(driver, LOCK, 'a.1');
    await silence(database, 'a.1');
    const hasty = sqlLockDriver(interrupted(database, () => database.query<LockTables>().updateTable('lock_owner').set({ ends_at: 4e12 }).where('owner', '=', 'a.1').execute()));
    expect(await refused(hasty, LOCK, 'b.1')).toMatchObject({ holder: 'a.1' });
    expect(await driver.renew([{ key: LOCK, owner: 'a.1', ttlMs: TTL_MS }])).toEqual([{ renewed: true, previousMs: expect.any(Number) }]);
  });

  it('does not give a lock twice when another owner is granted right before', async () => {
    const { database, driver } = await createSqlStand(dialect);
    for (const prepare of [() => Promise.resolve(), () => driver.release({ key: LOCK, owner: 'a.1' })]) {
      await prepare();
      const late = sqlLockDriver(interrupted(database, () => hold(driver, LOCK, 'a.1')));
      expect(await refused(late, LOCK, 'b.1')).toMatchObject({ holder: 'a.1' });
    }
  });

  it('does not let a release overtake the acquire that it takes back', async () => {
    const { database } = await createSqlStand(dialect);
    const reached = Promise.withResolvers<void>();
    const passed = Promise.withResolvers<void>();
    const slow = sqlLockDriver(interrupted(database, () => (reached.resolve(), passed.promise)));
    const acquiring = hold(slow, LOCK, 'a.1');
    await reached.promise;
    const releasing = slow.release({ key: LOCK, owner: 'a.1' });
    await slow.inspect(LOCK);
    passed.resolve();
    await acquiring;
    expect(await releasing).toBe('released');
    expect(await slow.inspect(LOCK)).toBeUndefined();
  });

  it('refuses an owner that has let go of a kept lock, also when it would queue', async () => {
    const { driver } = await createSqlStand(dialect);
    const semaphore = keyOf('lock', 'semaphore');
    await hold(driver, semaphore, 'a.1', { capacity: 2 });
    expect(await driver.release({ key: semaphore, owner: 'a.1', keepMs: TTL_MS })).toBe('kept');
    for (const queue of [false, true]) expect(await refused(driver, semaphore, 'a.1', { capacity: 2, queue })).toMatchObject({ position: undefined });
    expect(await driver.release({ key: semaphore, owner: 'a.1', keepMs: TTL_MS })).toBe('kept');
    await hold(driver, semaphore, 'b.1', { capacity: 2 });
  });

  it('refuses what it cannot do', async () => {
    const { driver, another } = await createSqlStand(dialect);
    await expect(driver.acquire(request(LOCK, 'a.1', { replicas: { count: 1, timeoutMs: 100 } }))).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', field: 'replicas' });
    expect(() => another({ watchdogUrl: 'sqlite::memory:' })).toThrow(expect.objectContaining({ code: 'ERR_LOCK_OPTION', field: 'watchdogUrl' }));
  });

  it('leaves out the watchdog when it does not know how to connect', async () => {
    const { driver, another, place } = await createSqlStand(dialect);
    expect(driver.watchdog).toBeUndefined();
    expect(another({ watchdogUrl: { reveal: () => place.url } }).watchdog).toEqual({ module: expect.stringContaining('sql-watchdog'), data: { url: place.url } });
  });

  it('tells when its tables are missing', async () => {
    await using place = await testDatabase(dialect);
    const driver = sqlLockDriver(place.open());
    await expect(driver.acquire(request(LOCK, 'a.1'))).rejects.toThrow(/lock_(key|owner)/);
    expect(await driver.renew([{ key: LOCK, owner: 'a.1', ttlMs: TTL_MS }])).toEqual([expect.any(Error)]);
    expect(lockMigrations.library).toBe('lock');
  });

  it('does not wait for ever for the only connection, which a transaction of the asker has, and leaves nothing behind', async () => {
    const { database, driver } = await createSqlStand(dialect, { pool: { max: 1 } });
    await using locks = createLocks({ driver });
    const asked = await database.transaction(() => locks.acquire('job', { waitMs: 0 }).catch((error: unknown) => error));
    expect(asked).toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    await waitFor(async () => (await locks.inspect('job')) === undefined, { what: 'the attempt to be taken back' });
  });
});

it('finds the settings of a server that endanger locks', async () => {
  const { driver } = await createSqlStand('mysql');
  // The server of the tests does not wait for its disk.
  expect(await driver.diagnose?.()).toEqual([expect.stringMatching(/^innodb_flush_log_at_trx_commit is [02], .* should be 1$/)]);
});

it('finds nothing that endangers locks in a file', async () => {
  const { driver } = await createSqlStand('sqlite');
  expect(await driver.diagnose?.()).toEqual([]);
});
