import { hasCode } from '@staddle/kernel';
import { migrate, openDatabase, type Database } from '@staddle/database';
import type { LockDriver } from '@staddle/lock';
import { lockMigrations, sqlLockDriver } from '@staddle/lock/sql';
import { recordingLogger, startMariadb, waitFor, type TestServer } from '@staddle/testing';
import { sql } from 'kysely';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { atRepeatableRead, createSqlStand, hold, keyOf, refused, request, silence, TTL_MS, type SqlStand } from './sql-stand.ts';

const LOCK = keyOf('lock');
const RENEWED = { renewed: true, previousMs: expect.any(Number) };
const UNAVAILABLE = expect.objectContaining({ code: 'ERR_DATABASE_UNAVAILABLE' });

describe.each([
  { as: 'read committed', seenAs: (database: Database) => database },
  { as: 'repeatable read', seenAs: atRepeatableRead },
])('a deadlock with $as', ({ seenAs }) => {
  /**
   * Another transaction takes `first`, and when the driver's `work` waits for it, `then`, which the driver has taken. It has
   * changed more, so InnoDB ends what the driver does.
   */
  const deadlock = async <T>({ database, place }: SqlStand, first: string, work: () => Promise<T>, then: string): Promise<T> => {
    const other = await createConnection(place.url);
    onTestFinished(() => other.end());
    await other.query('create table ballast (id int primary key auto_increment)');
    await other.query('set session transaction isolation level read committed');
    await other.query('start transaction');
    await other.query(`insert into ballast values ${Array.from({ length: 200 }, () => '()').join(', ')}`);
    await other.query(first);
    const working = work();
    const waiting = async () => {
      const { rows } = await sql`select 1 from information_schema.processlist where db = database() and info like 'update \`lock_owner\`%'`.execute(database.query());
      return rows.length > 0;
    };
    await waitFor(waiting, { what: 'the driver to wait for the other transaction' });
    await other.query(then);
    await other.query('commit');
    return working;
  };

  it('does not show: the grant runs again', async () => {
    const logger = recordingLogger();
    const stand = await createSqlStand('mysql', { seenAs, logger });
    await hold(stand.driver, LOCK, 'a.1');
    await silence(stand.database, 'a.1');
    const grant = () => hold(stand.driver, LOCK, 'b.1');
    expect(await deadlock(stand, "select * from lock_owner where owner = 'a.1' for update", grant, 'select * from lock_key for update')).toEqual(expect.any(BigInt));
    expect(logger.lines.map(({ message, fields }) => [message, fields?.['err']])).toEqual([
      ['transaction runs again', expect.objectContaining({ cause: expect.objectContaining({ errno: 1213 }) })],
    ]);
  });

  it('does not show: the renewal runs again', async () => {
    const stand = await createSqlStand('mysql', { seenAs });
    const keys = [keyOf('first'), keyOf('second')];
    for (const key of keys) await hold(stand.driver, key, 'a.1');
    // A statement takes its rows in the order of their keys.
    const { rows } = await sql<{ id: string }>`select key_id as id from lock_owner order by key_id`.execute(stand.database.query());
    const [first, second] = rows.map(({ id }) => `select * from lock_owner where key_id = '${id}' for update`) as [string, string];
    const renew = () => stand.driver.renew(keys.map((key) => ({ key, owner: 'a.1', ttlMs: TTL_MS })));
    expect(await deadlock(stand, second, renew, first)).toEqual([RENEWED, RENEWED]);
  });
});

describe('a MariaDB that fails', () => {
  let server: TestServer;
  let root: Connection;

  beforeAll(async () => {
    server = await startMariadb();
    root = await createConnection(new URL('/', server.url).href);
    await root.query('create database app');
    // Without the rights of root, whom neither init_connect nor read_only concerns.
    await root.query("create user app@'%' identified by 'secret'");
    await root.query("grant all on app.* to app@'%'");
    const database = openDatabase({ url: appUrl() });
    await migrate(database, [lockMigrations]);
    await database.close();
  });
  afterAll(async () => {
    await root.end();
    await server.stop();
  });

  const appUrl = (): string => {
    const url = new URL('/app', server.url);
    url.username = 'app';
    url.password = 'secret';
    return url.href;
  };
  /** A driver with connections of its own. */
  const connect = (options: { readonly statementTimeoutMs?: number } = {}): LockDriver => {
    const database = openDatabase({ ...options, url: appUrl() });
    onTestFinished(() => database.close());
    return sqlLockDriver(database);
  };

  it('keeps a lease whose connections are killed', async () => {
    const key = keyOf('killed');
    const driver = connect();
    const fence = await hold(driver, key, 'a.1');
    const connections = async (): Promise<number[]> => {
      const [rows] = await root.query<RowDataPacket[]>("select id from information_schema.processlist where user = 'app'");
      return rows.map(({ id }) => id as number);
    };
    const killed = await connections();
    expect(killed).not.toEqual([]);
    for (const id of killed) await root.query(`kill ${id}`);
    // Whoever was about to use a killed connection hears of it once.
    await waitFor(async () => !((await driver.renew([{ key, owner: 'a.1', ttlMs: TTL_MS }]))[0] instanceof Error), { what: 'a new connection' });
    expect(await driver.renew([{ key, owner: 'a.1', ttlMs: TTL_MS }])).toEqual([RENEWED]);
    expect(await connections()).not.toEqual(expect.arrayContaining(killed));
    expect(await hold(driver, key, 'a.1')).toBe(fence);
    expect(await refused(connect(), key, 'b.1')).toMatchObject({ holder: 'a.1' });
  });

  it('refuses to write while it is read-only, and goes on afterwards', async () => {
    const [held, free] = [keyOf('held'), keyOf('free')];
    const driver = connect();
    await hold(driver, held, 'a.1');
    await root.query('set global read_only = 1');
    try {
      await expect(driver.acquire(request(free, 'a.2'))).rejects.toEqual(UNAVAILABLE);
      expect(await driver.renew([{ key: held, owner: 'a.1', ttlMs: TTL_MS }])).toEqual([UNAVAILABLE]);
      await expect(driver.release({ key: held, owner: 'a.1' })).rejects.toEqual(UNAVAILABLE);
      await expect(driver.claim({ key: keyOf('run', 'run'), owner: 'a.1', ttlMs: TTL_MS, keepMs: TTL_MS * 2, onCrash: 'skip' })).rejects.toEqual(UNAVAILABLE);
      // It can still be read.
      expect(await refused(driver, held, 'b.1')).toMatchObject({ holder: 'a.1' });
      expect(await driver.diagnose?.()).toContainEqual(expect.stringContaining('read-only'));
    } finally {
      await root.query('set global read_only = 0');
    }
    expect(await driver.renew([{ key: held, owner: 'a.1', ttlMs: TTL_MS }])).toEqual([RENEWED]);
    await hold(driver, free, 'a.2');
    expect(await driver.release({ key: held, owner: 'a.1' })).toBe('released');
  });

  it('gives an unknown outcome while it stands still, and the same answer to the same request afterwards', async () => {
    const key = keyOf('frozen');
    const driver = connect({ statementTimeoutMs: 300 });
    await waitFor(async () => (await driver.inspect(key)) === undefined, { what: 'a connection within its short deadline' });
    await server.pause();
    try {
      await expect(driver.acquire(request(key, 'a.1'))).rejects.toEqual(UNAVAILABLE);
    } finally {
      await server.resume();
    }
    const fence = await waitFor(() => hold(driver, key, 'a.1'), { what: 'the server to answer' });
    expect(await hold(driver, key, 'a.1')).toBe(fence);
    expect((await driver.inspect(key))?.holders).toEqual([expect.objectContaining({ owner: 'a.1', fence })]);
  });

  it('loses no lease when it is killed, and forgets those that ran out while it was away', async () => {
    const [long, short] = [keyOf('long'), keyOf('short')];
    const driver = connect();
    const fence = await hold(driver, long, 'a.1');
    const ended = await hold(driver, short, 'a.1', { ttlMs: 100 });
    await server.kill();
    await expect(driver.acquire(request(long, 'a.1'))).rejects.toSatisfy((error: unknown) => hasCode(error, 'ERR_DATABASE_UNAVAILABLE'));
    await server.restart();
    root = await createConnection(new URL('/', server.url).href);
    expect(await waitFor(() => hold(driver, long, 'a.1'), { what: 'the server to answer' })).toBe(fence);
    expect(await hold(driver, short, 'b.1')).toBeGreaterThan(ended);
  });

  describe('and whose clock jumps', () => {
    /** Connections that are made from now on see the server's clock as if it had jumped. */
    const jump = async (hours: number): Promise<LockDriver> => {
      await root.query(`set global init_connect = 'set timestamp = unix_timestamp(now(6)) + ${hours * 3_600}'`);
      try {
        const driver = connect();
        await driver.inspect(LOCK);
        return driver;
      } finally {
        await root.query("set global init_connect = ''");
      }
    };

    it('ends leases early when it jumps forward, and tells their holders', async () => {
      const key = keyOf('forward');
      const fence = await hold(connect(), key, 'a.1');
      const later = await jump(+1);
      expect(await later.renew([{ key, owner: 'a.1', ttlMs: TTL_MS }])).toEqual([{ renewed: false, holder: undefined }]);
      const next = await hold(later, key, 'b.1');
      expect(next).toBeGreaterThan(fence);
      expect(next - fence).toBeGreaterThan(3_500_000_000n);
      expect(await later.release({ key, owner: 'a.1' })).toBe('not-held');
    });

    it('ends leases late when it jumps back, shows it in renewals, and goes on raising fences', async () => {
      const key = keyOf('back');
      const fence = await hold(connect(), key, 'a.1');
      const earlier = await jump(-1);
      expect((await refused(earlier, key, 'b.1')).expiresInMs).toBeGreaterThan(3_600_000);
      expect(await earlier.renew([{ key, owner: 'a.1', ttlMs: TTL_MS }])).toEqual([{ renewed: true, previousMs: expect.toSatisfy((ms: number) => ms > 3_600_000) }]);
      expect((await refused(earlier, key, 'b.1')).expiresInMs).toBeLessThanOrEqual(TTL_MS);
      expect(await earlier.release({ key, owner: 'a.1' })).toBe('released');
      expect(await hold(earlier, key, 'b.1')).toBe(fence + 1n);
    });
  });
});
