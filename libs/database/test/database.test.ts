import { systemClock, type Clock } from '@staddle/kernel';
import { DIALECTS, testDatabase, type TestDatabase } from '@staddle/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { autoIncrement, columns, createTable, isUniqueViolation, openDatabase, type Database } from '@staddle/database';
import type { Generated } from 'kysely';

interface Tables {
  note: { id: Generated<number>; uid: string; body: string | null; size: number | bigint | null; data: Uint8Array | null };
}

describe.each(DIALECTS)('database on %s', (dialect) => {
  let place: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    place = await testDatabase(dialect);
    database = place.open();
    const c = columns(database);
    await createTable(database.query(), database, 'note')
      .addColumn('id', c.id, autoIncrement)
      .addColumn('uid', c.asciiKey(21), (column) => column.notNull().unique())
      .addColumn('body', c.longText)
      .addColumn('size', c.integer)
      .addColumn('data', c.bytes)
      .execute();
  });
  beforeEach(() => database.query<Tables>().deleteFrom('note').execute());
  afterAll(() => place.close());

  const insert = (uid: string, row: Partial<{ body: string; size: number | bigint; data: Uint8Array }> = {}) =>
    database.query<Tables>().insertInto('note').values({ uid, body: null, size: null, data: null, ...row }).executeTakeFirstOrThrow();
  const uids = async (): Promise<string[]> => (await database.query<Tables>().selectFrom('note').select('uid').orderBy('uid').execute()).map(({ uid }) => uid);

  describe('values', () => {
    it('come back as they went in', async () => {
      const row = { body: 'naïve 🎉 \\ \' " ? :x \0', size: Number.MAX_SAFE_INTEGER, data: new Uint8Array([0, 255, 39, 92]) };
      await insert('a', row);
      const [read] = await database.query<Tables>().selectFrom('note').select(['body', 'size', 'data']).execute();
      expect({ ...read, data: [...read!.data!] }).toEqual({ ...row, data: [...row.data] });
    });

    it('are exact integers: in text columns, in LIMIT, in sums and in bit operations', async () => {
      const db = database.query<Tables>();
      await insert('5', { size: 5 });
      await sql`update note set body = ${5}`.execute(db);
      const { rows } = await sql`select body, size + ${1} as more, (size & ${4}) as bits from note limit ${1}`.execute(db);
      expect(rows.map((row) => ({ ...(row as object) }))).toEqual([{ body: '5', more: 6, bits: 4 }]);
      const sums = await db.selectFrom('note').select(({ fn }) => [fn.sum<number>('size').as('sum'), fn.countAll<number>().as('count')]).executeTakeFirstOrThrow();
      expect({ ...sums }).toEqual({ sum: 5, count: 1 });
    });

    it('store booleans as 0 and 1', async () => {
      const { rows } = await sql<{ x: number; y: number }>`select ${true} as x, ${false} as y`.execute(database.query());
      expect({ ...rows[0] }).toEqual({ x: 1, y: 0 });
    });

    it('throw, and are not rounded, when an integer is too large for a number', async () => {
      const db = database.query<Tables>();
      await insert('big', { size: 9_007_199_254_740_993n });
      await expect(db.selectFrom('note').select('size').execute()).rejects.toMatchObject({ code: 'ERR_DATABASE_VALUE' });
      await expect(sql`select sum(size) as total from note`.execute(db)).rejects.toMatchObject({ code: 'ERR_DATABASE_VALUE' });
      const text = await db.selectFrom('note').select(sql<string>`cast(size as char)`.as('size')).executeTakeFirstOrThrow();
      expect(BigInt(text.size)).toBe(9_007_199_254_740_993n);
    });

    it.each([
      ['a Date', new Date(0), 'type Date'],
      ['an object', { a: 1 }, 'type object'],
      ['an array', [1, 2], 'type array'],
      ['undefined', undefined, 'type undefined'],
      ['NaN', Number.NaN, 'not a finite number'],
      ['an unsafe integer', 2 ** 53, 'pass a bigint'],
    ])('refuse %s as a parameter', async (_, value, message) => {
      const error = await sql`select ${value} as x`.execute(database.query()).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'ERR_DATABASE_VALUE', message: expect.stringContaining(message) });
    });
  });

  describe('transaction', () => {
    const inTransaction = (run: Parameters<typeof database.transaction<Tables, unknown>>[0]) => database.transaction<Tables, unknown>(run);

    it('commits what run did, and returns its result', async () => {
      const result = await database.transaction<Tables, number>(async (trx) => {
        await trx.insertInto('note').values({ uid: 'in' }).execute();
        return 7;
      });
      expect(result).toBe(7);
      expect(await uids()).toEqual(['in']);
    });

    it('undoes everything when run throws, and throws the same error', async () => {
      const reason = new Error('changed my mind');
      const thrown = await inTransaction(async (trx) => {
        await trx.insertInto('note').values({ uid: 'gone' }).execute();
        throw reason;
      }).catch((error: unknown) => error);
      expect(thrown).toBe(reason);
      expect(await uids()).toEqual([]);
    });

    it('goes on after a unique violation that run handled', async () => {
      await insert('taken');
      await inTransaction(async (trx) => {
        const error = await trx.insertInto('note').values({ uid: 'taken' }).execute().catch((thrown: unknown) => thrown);
        expect(isUniqueViolation(error)).toBe(true);
        await trx.insertInto('note').values({ uid: 'free' }).execute();
      });
      expect(await uids()).toEqual(['free', 'taken']);
    });

    it('reads in a read-only transaction', async () => {
      await insert('seen');
      const read = await database.transaction<Tables, number>(async (trx) => (await trx.selectFrom('note').selectAll().execute()).length, { readOnly: true });
      expect(read).toBe(1);
    });

    it('takes an isolation level for one transaction only', async () => {
      await database.transaction<Tables, void>(async (trx) => void (await trx.selectFrom('note').selectAll().execute()), { isolationLevel: 'serializable' });
      await insert('after');
      expect(await uids()).toEqual(['after']);
    });

    it('supports savepoints of Kysely', async () => {
      const trx = await database.query<Tables>().startTransaction().execute();
      await trx.insertInto('note').values({ uid: 'kept' }).execute();
      const point = await trx.savepoint('before_second').execute();
      await point.insertInto('note').values({ uid: 'dropped' }).execute();
      await point.rollbackToSavepoint('before_second').execute();
      await point.releaseSavepoint('before_second').execute();
      await trx.commit().execute();
      expect(await uids()).toEqual(['kept']);
    });

    it('refuses a savepoint name that is no identifier', async () => {
      const trx = await database.query<Tables>().startTransaction().execute();
      await expect(trx.savepoint('x; drop table note').execute()).rejects.toMatchObject({ code: 'ERR_DATABASE_VALUE' });
      await trx.rollback().execute();
    });
  });

  it('streams rows, and is usable after the reader stops early', async () => {
    for (const uid of ['a', 'b', 'c']) await insert(uid, { size: 1 });
    const rows = (): AsyncIterable<{ uid: string; size: number | bigint | null }> =>
      database.query<Tables>().selectFrom('note').select(['uid', 'size']).orderBy('uid').stream();
    const seen: string[] = [];
    for await (const { uid } of rows()) seen.push(uid);
    for await (const { uid } of rows()) {
      seen.push(uid);
      break;
    }
    expect(seen).toEqual(['a', 'b', 'c', 'a']);
    expect(await uids()).toEqual(['a', 'b', 'c']);
  });

  it('says what a wrong statement is, without the values in it', async () => {
    const error = await sql`select ${'hunter2'} from nowhere`.execute(database.query()).catch((thrown: unknown) => thrown);
    expect(JSON.stringify({ ...(error as object), message: (error as Error).message })).not.toContain('hunter2');
    expect((error as Error).message).toContain('nowhere');
  });

  it('answers a ping', async () => {
    await expect(database.ping()).resolves.toBeUndefined();
    await expect(database.ping({ timeoutMs: 5_000 })).resolves.toBeUndefined();
  });

  it('tells how large the pool is and how long it waited when no connection becomes free', async () => {
    const small = place.open({ pool: { max: 1, acquireTimeoutMs: 30 } });
    await small.transaction(async () => {
      const error = await sql`select 1`.execute(small.query()).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'ERR_DATABASE_ACQUIRE_TIMEOUT', retryable: true, poolSize: 1, waitedMs: 30 });
      expect((error as Error).message).toContain('all 1 of the pool are in use');
      await expect(small.ping({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'ERR_DATABASE_ACQUIRE_TIMEOUT' });
    });
    await small.ping();
    await small.close();
  });

  it('says of a ping that it waited for a connection, whichever of its timers comes first', async () => {
    // The first timer of a ping, which is that of the wait, comes late, as it may on a busy machine.
    const lateTimers = { ...systemClock, setTimer: vi.fn<Clock['setTimer']>(systemClock.setTimer) };
    const small = place.open({ pool: { max: 1 }, clock: lateTimers });
    await small.transaction(async () => {
      lateTimers.setTimer.mockImplementationOnce((callback, delayMs, options) => systemClock.setTimer(callback, delayMs + 50, options));
      await expect(small.ping({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'ERR_DATABASE_ACQUIRE_TIMEOUT', waitedMs: 20 });
    });
    await small.close();
  });

  it('finishes the work in hand before it closes, and refuses new work', async () => {
    const own = place.open();
    const started = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const work = own.transaction<Tables, void>(async (trx) => {
      started.resolve();
      await goOn.promise;
      await trx.insertInto('note').values({ uid: 'last' }).execute();
    });
    await started.promise;
    const closing = own.close();
    await expect(own.ping()).rejects.toMatchObject({ code: 'ERR_DATABASE_CLOSED', retryable: false });
    goOn.resolve();
    await work;
    await closing;
    await own.close();
    expect(await uids()).toEqual(['last']);
  });
});

describe('openDatabase', () => {
  it('throws for a wrong URL only', () => {
    expect(() => openDatabase({ url: 'redis://x' })).toThrow('does not start with');
    openDatabase({ url: 'mysql://nobody@127.0.0.1:1/nothing' });
    openDatabase({ url: 'sqlite:/proc/nothing/here.db' });
  });

  it('closes what was never used', async () => {
    await expect(openDatabase({ url: 'mysql://nobody@127.0.0.1:1/nothing' }).close()).resolves.toBeUndefined();
  });
});
