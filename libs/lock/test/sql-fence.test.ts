import { setTimeout as pause } from 'node:timers/promises';
import { columns, createTable, isTransient, type Database } from '@staddle/database';
import { createLocks } from '@staddle/lock';
import { assertLeaseInTransaction, fencedUpdate } from '@staddle/lock/sql';
import { DIALECTS } from '@staddle/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { atRepeatableRead, createSqlStand, hold, keyOf, refused, silence, TTL_MS, type SqlStand } from './sql-stand.ts';

interface Tables {
  report: { id: number; body: string; fence: bigint | null };
}

const LOCK = keyOf('report');
const STALE = expect.objectContaining({ code: 'ERR_LOCK_STALE_FENCE', lockName: 'report' });

const createReport = async (database: Database): Promise<void> => {
  const { integer, text } = columns(database);
  await createTable(database.query(), database, 'report')
    .addColumn('id', integer, (column) => column.primaryKey())
    .addColumn('body', text(100), (column) => column.notNull())
    .addColumn('fence', integer)
    .execute();
  await database.query<Tables>().insertInto('report').values({ id: 1, body: 'empty', fence: null }).execute();
};
const bodyOf = async (database: Database): Promise<string> => (await database.query<Tables>().selectFrom('report').select('body').executeTakeFirstOrThrow()).body;

describe.each([
  { as: 'sqlite', dialect: 'sqlite', seenAs: (database: Database) => database },
  { as: 'mysql', dialect: 'mysql', seenAs: (database: Database) => database },
  { as: 'mysql with repeatable read', dialect: 'mysql', seenAs: atRepeatableRead },
] as const)('assertLeaseInTransaction on $as', ({ dialect, seenAs }) => {
  let stand: SqlStand;
  beforeEach(async () => {
    // Short, for those who wait for a transaction that a test holds open.
    stand = await createSqlStand(dialect, { seenAs, lockTimeoutMs: 1_000 });
    await createReport(stand.database);
  });

  const write = (lease: Parameters<typeof assertLeaseInTransaction>[1], body: string): Promise<void> =>
    stand.database.transaction<Tables, void>(async (trx) => {
      await trx.updateTable('report').set({ body }).execute();
      await assertLeaseInTransaction(trx, lease);
    });

  it('lets the holder commit, under every fence that it reserved', async () => {
    const fence = await hold(stand.driver, LOCK, 'a.1', { reserve: 2 });
    for (const reserved of [fence, fence + 1n, fence + 2n]) await write({ name: 'report', fence: reserved }, `by ${reserved}`);
    expect(await bodyOf(stand.database)).toBe(`by ${fence + 2n}`);
    await expect(write({ name: 'report', fence: fence + 3n }, 'late')).rejects.toEqual(STALE);
    await expect(write({ name: 'report', fence: fence - 1n }, 'late')).rejects.toEqual(STALE);
  });

  it('takes leases as the locks give them, also those handed on inside the process', async () => {
    const locks = createLocks({ driver: stand.driver });
    const bodies = ['first', 'second', 'third'];
    const leases = await Promise.all(
      bodies.map((body) =>
        locks.using('report', { waitMs: 30_000 }, async (lease) => {
          await write(lease, body);
          return lease;
        }),
      ),
    );
    expect(await bodyOf(stand.database)).toBe('third');
    for (const lease of leases) await expect(write(lease, 'late')).rejects.toEqual(STALE);
    await locks.close();
  });

  it('undoes the work of one whose lease was handed on inside the process meanwhile', async () => {
    const locks = createLocks({ driver: stand.driver });
    const first = await locks.acquire('report');
    const second = locks.acquire('report', { waitMs: 30_000 });
    await first.release();
    expect((await second).token).toBe(first.token);
    await expect(write(first, 'late')).rejects.toEqual(STALE);
    await write(await second, 'in time');
    await locks.close();
  });

  it('undoes the work of one whose lease has ended, was released, forced or kept', async () => {
    const { database, driver } = stand;
    await expect(write({ name: 'report', fence: 1n }, 'late')).rejects.toEqual(STALE);
    const ends = [
      () => silence(database, 'a.0'),
      () => driver.release({ key: LOCK, owner: 'a.1' }),
      () => driver.forceRelease(LOCK),
      () => driver.release({ key: LOCK, owner: 'a.3', keepMs: TTL_MS }),
    ];
    for (const [index, end] of ends.entries()) {
      const fence = await hold(driver, LOCK, `a.${index}`);
      await end();
      await expect(write({ name: 'report', fence }, 'late')).rejects.toMatchObject({ code: 'ERR_LOCK_STALE_FENCE', fence });
    }
    expect(await bodyOf(database)).toBe('empty');
  });

  it('undoes the work of one whose lock has another holder', async () => {
    const { database, driver } = stand;
    const fence = await hold(driver, LOCK, 'a.1');
    await silence(database, 'a.1');
    const next = await hold(driver, LOCK, 'b.1');
    await expect(write({ name: 'report', fence }, 'late')).rejects.toEqual(STALE);
    await write({ name: 'report', fence: next }, 'in time');
    expect(await bodyOf(database)).toBe('in time');
  });

  it('tells the holders of a semaphore apart', async () => {
    const { driver } = stand;
    const key = keyOf('report', 'semaphore');
    const [first, second] = [await hold(driver, key, 'a.1', { capacity: 2 }), await hold(driver, key, 'b.1', { capacity: 2 })];
    for (const fence of [first, second]) await write({ kind: 'semaphore', name: 'report', fence }, 'in time');
    await expect(write({ name: 'report', fence: first }, 'of another kind')).rejects.toEqual(STALE);
    await driver.release({ key, owner: 'b.1' });
    await write({ kind: 'semaphore', name: 'report', fence: first }, 'in time');
    await expect(write({ kind: 'semaphore', name: 'report', fence: second }, 'late')).rejects.toEqual(STALE);
  });
});

describe.each([
  { as: 'read committed', seenAs: (database: Database) => database },
  { as: 'repeatable read', seenAs: atRepeatableRead },
])('assertLeaseInTransaction on mysql while the transaction is open, with $as', ({ seenAs }) => {
  it('keeps the lock also from waiters of the same process', async () => {
    const { database, driver } = await createSqlStand('mysql', { seenAs });
    const locks = createLocks({ driver });
    const lease = await locks.acquire('report');
    let isOpen = true;
    const next = locks.acquire('report', { waitMs: 30_000 }).then((got) => ({ got, wasOpen: isOpen }));
    await database.transaction(async (trx) => {
      await assertLeaseInTransaction(trx, lease);
      expect(await lease.release()).toBe('released');
      // Time for several polls.
      await pause(300);
      isOpen = false;
    });
    expect(await next).toMatchObject({ wasOpen: false });
    await locks.close();
  });

  it('keeps the lock from being given away, and lets the lease be renewed and released', async () => {
    const { database, driver } = await createSqlStand('mysql', { seenAs });
    const fence = await hold(driver, LOCK, 'a.1');
    await database.transaction(async (trx) => {
      await assertLeaseInTransaction(trx, { name: 'report', fence });
      expect(await driver.renew([{ key: LOCK, owner: 'a.1', ttlMs: TTL_MS }])).toEqual([{ renewed: true, previousMs: expect.any(Number) }]);
      expect(await refused(driver, LOCK, 'b.1', { queue: true })).toMatchObject({ holder: 'a.1', position: 0 });
      await silence(database, 'a.1');
      // Over, but not given away, and whoever asks does not wait for the transaction.
      expect(await refused(driver, LOCK, 'b.1', { queue: true })).toMatchObject({ holder: 'a.1', position: 0 });
      expect(await refused(driver, LOCK, 'c.1')).toMatchObject({ position: undefined });
    });
    expect(await hold(driver, LOCK, 'b.1', { queue: true })).toBeGreaterThan(fence);
  });

  it('keeps a run from being claimed anew', async () => {
    const { database, driver } = await createSqlStand('mysql', { seenAs });
    const claim = { key: keyOf('report', 'run'), ttlMs: TTL_MS, keepMs: TTL_MS * 2, onCrash: 'retry' } as const;
    const claimed = await driver.claim({ ...claim, owner: 'a.1' });
    await database.transaction(async (trx) => {
      await assertLeaseInTransaction(trx, { kind: 'run', name: 'report', fence: (claimed as { fence: bigint }).fence });
      await silence(database, 'a.1');
      expect(await driver.claim({ ...claim, owner: 'b.1' })).toEqual({ claimed: false, state: 'running', owner: 'a.1' });
    });
    expect(await driver.claim({ ...claim, owner: 'b.1' })).toMatchObject({ claimed: true });
  });
});

describe('assertLeaseInTransaction on mysql in a transaction that sees the past', () => {
  it('finds that the lock was given to another owner since', async () => {
    const { database, driver } = await createSqlStand('mysql', { seenAs: atRepeatableRead });
    await createReport(database);
    const fence = await hold(driver, LOCK, 'a.1');
    const late = database.transaction<Tables, void>(async (trx) => {
      await trx.selectFrom('report').selectAll().execute();
      await driver.forceRelease(LOCK);
      await hold(driver, LOCK, 'b.1');
      await assertLeaseInTransaction(trx, { name: 'report', fence });
    });
    await expect(late).rejects.toEqual(STALE);
  });

  it('finds that the lease was renewed since', async () => {
    const { database, driver } = await createSqlStand('mysql', { seenAs: atRepeatableRead });
    await createReport(database);
    const fence = await hold(driver, LOCK, 'a.1');
    const renew = (ttlMs: number) => driver.renew([{ key: LOCK, owner: 'a.1', ttlMs }]);
    await renew(300);
    const late = database.transaction<Tables, void>(async (trx) => {
      await trx.selectFrom('report').selectAll().execute();
      await renew(TTL_MS);
      // By what it sees, its lease ends after 300 ms of the server's time.
      await pause(350);
      await assertLeaseInTransaction(trx, { name: 'report', fence });
    });
    await expect(late).resolves.toBeUndefined();
  });
});

it('keeps every other process from the lock while the transaction is open on sqlite', async () => {
  const { database, driver, another } = await createSqlStand('sqlite', { lockTimeoutMs: 100 });
  const elsewhere = another();
  const fence = await hold(driver, LOCK, 'a.1');
  await database.transaction(async (trx) => {
    await assertLeaseInTransaction(trx, { name: 'report', fence });
    expect(await refused(elsewhere, LOCK, 'b.1')).toMatchObject({ holder: 'a.1' });
    await expect(elsewhere.forceRelease(LOCK)).rejects.toSatisfy(isTransient);
  });
  expect(await elsewhere.forceRelease(LOCK)).toBe(true);
});

describe.each(DIALECTS)('fencedUpdate on %s', (dialect) => {
  let database: Database;
  beforeEach(async () => {
    ({ database } = await createSqlStand(dialect));
    await createReport(database);
  });

  const write = (fence: bigint, body: string, id = 1): Promise<number> =>
    fencedUpdate(database.query<Tables>().updateTable('report').set({ body }).where('id', '=', id), { column: 'fence', lease: { name: 'report', fence } });

  it('lets fences rise and repeat, and refuses lower ones', async () => {
    const fence = BigInt(Date.now()) * 1_000n;
    expect(await write(fence, 'first')).toBe(1);
    expect(await write(fence, 'first')).toBe(1);
    expect(await write(fence + 1n, 'second')).toBe(1);
    await expect(write(fence, 'late')).rejects.toMatchObject({ code: 'ERR_LOCK_STALE_FENCE', lockName: 'report', fence });
    expect(await bodyOf(database)).toBe('second');
  });

  it('works inside of a transaction, and with fences beyond the exact integers of a number', async () => {
    const lease = { name: 'report', fence: 2n ** 62n + 1n };
    await database.transaction<Tables, void>(async (trx) => {
      expect(await fencedUpdate(trx.updateTable('report').set({ body: 'high' }), { column: 'fence', lease })).toBe(1);
    });
    await expect(write(2n ** 62n, 'late')).rejects.toEqual(STALE);
    expect(await write(2n ** 62n + 1n, 'high again')).toBe(1);
  });

  it('takes no row for a stale fence too, for it cannot tell', async () => {
    await expect(write(1n, 'nowhere', 2)).rejects.toEqual(STALE);
  });

  it('knows the columns of the table', () => {
    const update = database.query<Tables>().updateTable('report').set({ body: 'x' });
    // @ts-expect-error -- there is no such column
    void (() => fencedUpdate(update, { column: 'fenze', lease: { name: 'report', fence: 1n } }));
    expect(update.compile().sql).toContain('update');
  });
});
