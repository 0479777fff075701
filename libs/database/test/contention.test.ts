import { DIALECTS, recordingLogger, spawnNode, testDatabase, type TestDatabase } from '@staddle/testing';
import { sql, type QueryExecutorProvider } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { columns, createTable, forUpdate, isTransient, type Database } from '@staddle/database';

interface Tables {
  counter: { id: number; value: number };
  visits: { pid: number };
}

const PROCESSES = `${import.meta.dirname}/processes`;

let place: TestDatabase;
let database: Database;

const prepare = async (dialect: 'sqlite' | 'mysql', options: Parameters<TestDatabase['open']>[0] = {}): Promise<void> => {
  place = await testDatabase(dialect);
  database = place.open(options);
  const c = columns(dialect);
  await createTable(database.query(), dialect, 'counter')
    .addColumn('id', c.integer, (column) => column.primaryKey())
    .addColumn('value', c.integer, (column) => column.notNull())
    .execute();
  await createTable(database.query(), dialect, 'visits').addColumn('pid', c.integer).execute();
  await database.query<Tables>().insertInto('counter').values([{ id: 1, value: 0 }, { id: 2, value: 0 }]).execute();
};

afterEach(() => place.close());

const add = (db: QueryExecutorProvider, id: number, amount = 1): Promise<unknown> =>
  sql`update counter set value = value + ${amount} where id = ${id}`.execute(db);
const values = async (): Promise<number[]> =>
  (await database.query<Tables>().selectFrom('counter').select('value').orderBy('id').execute()).map(({ value }) => value);

/** Resolves for all callers at once, when `count` of them have arrived; later callers pass. */
function meeting(count: number): () => Promise<void> {
  const all = Promise.withResolvers<void>();
  return () => {
    if (--count === 0) all.resolve();
    return all.promise;
  };
}

describe('transactions that deadlock on mysql', () => {
  beforeEach(() => prepare('mysql'));

  it('both commit, because the loser runs again', async () => {
    const bothHoldOne = meeting(2);
    const runs = { forwards: 0, backwards: 0 };
    const work = (name: keyof typeof runs, first: number, second: number): Promise<void> =>
      database.transaction(async (trx) => {
        runs[name]++;
        await add(trx, first);
        await bothHoldOne();
        await add(trx, second);
      });
    await Promise.all([work('forwards', 1, 2), work('backwards', 2, 1)]);
    expect(await values()).toEqual([2, 2]);
    expect(runs.forwards + runs.backwards).toBe(3);
  });

  it('say so in the log at level debug', async () => {
    await place.close();
    const logger = recordingLogger();
    await prepare('mysql', { logger });
    const bothHoldOne = meeting(2);
    const work = (first: number, second: number): Promise<void> =>
      database.transaction(async (trx) => {
        await add(trx, first);
        await bothHoldOne();
        await add(trx, second);
      });
    await Promise.all([work(1, 2), work(2, 1)]);
    expect(logger.lines).toEqual([expect.objectContaining({ level: 'debug', message: 'transaction runs again' })]);
  });

  it('cannot go on outside of the transaction when run swallows the error', async () => {
    const bothHoldOne = meeting(2);
    const work = (first: number, second: number): Promise<void> =>
      database.transaction(async (trx) => {
        await add(trx, first);
        await bothHoldOne();
        await add(trx, second).catch(() => {});
        await add(trx, second, 10).catch(() => {});
      });
    await Promise.all([work(1, 2), work(2, 1)]);
    expect(await values()).toEqual([12, 12]);
  });

  it('give up with a typed error after maxAttempts', async () => {
    const bothHoldOne = meeting(2);
    const work = (first: number, second: number): Promise<void> =>
      database.transaction(
        async (trx) => {
          await add(trx, first);
          await bothHoldOne();
          await add(trx, second);
        },
        { maxAttempts: 1 },
      );
    const results = await Promise.allSettled([work(1, 2), work(2, 1)]);
    const lost = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown);
    expect(lost).toEqual([expect.objectContaining({ code: 'ERR_DATABASE_CONTENTION', retryable: true, cause: expect.objectContaining({ errno: 1213 }) })]);
    expect(isTransient(lost[0])).toBe(true);
    expect(await values()).toEqual([1, 1]);
  });
});

describe('a lock that is held too long on mysql', () => {
  // One second is the shortest wait that the server knows.
  beforeEach(() => prepare('mysql', { lockTimeoutMs: 1_000 }));

  it('makes the waiting transaction run again until it is free', async () => {
    const held = Promise.withResolvers<void>();
    const waiterFailedOnce = Promise.withResolvers<void>();
    const holder = database.transaction<Tables, void>(async (trx) => {
      await forUpdate(database, trx.selectFrom('counter').selectAll().where('id', '=', 1)).execute();
      held.resolve();
      await waiterFailedOnce.promise;
    });
    await held.promise;
    let runs = 0;
    await database.transaction<Tables, void>(async (trx) => {
      runs++;
      await add(trx, 1).catch((error: unknown) => {
        waiterFailedOnce.resolve();
        throw error;
      });
    });
    await holder;
    expect(runs).toBeGreaterThan(1);
    expect(await values()).toEqual([1, 0]);
  });
});

describe('a SQLite file that another process writes', () => {
  beforeEach(() => prepare('sqlite', { lockTimeoutMs: 400 }));

  it('can be read, and leaves the event loop free while a writer waits', async () => {
    await using holder = spawnNode({ script: `${PROCESSES}/hold-write-lock.ts`, args: [place.url] });
    await holder.waitForLine('held');
    expect(await values()).toEqual([0, 0]);

    let ticks = 0;
    const ticking = setInterval(() => ticks++, 5);
    let runs = 0;
    const failures = await Promise.all([
      database.transaction(async () => void runs++).catch((error: unknown) => error),
      add(database.query(), 1).catch((error: unknown) => error),
    ]);
    clearInterval(ticking);
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: 'ERR_DATABASE_CONTENTION', retryable: true, message: expect.stringContaining('database is locked') });
    }
    expect(runs).toBe(0);
    // 800 ms of waiting in all: a blocked event loop would count next to none.
    expect(ticks).toBeGreaterThan(10);
  });

  it('is written as soon as the other process is gone', async () => {
    const patient = place.open({ lockTimeoutMs: 30_000 });
    await using holder = spawnNode({ script: `${PROCESSES}/hold-write-lock.ts`, args: [place.url] });
    await holder.waitForLine('held');
    const write = patient.transaction<Tables, void>(async (trx) => void (await add(trx, 1)));
    holder.kill('SIGKILL');
    await write;
    expect(await values()).toEqual([1, 0]);
  });

  it('lets readOnly transactions through', async () => {
    await using holder = spawnNode({ script: `${PROCESSES}/hold-write-lock.ts`, args: [place.url] });
    await holder.waitForLine('held');
    const rows = await database.transaction<Tables, number>(async (trx) => (await trx.selectFrom('counter').selectAll().execute()).length, { readOnly: true });
    expect(rows).toBe(2);
  });
});

describe.each(DIALECTS)('many writers on %s', (dialect) => {
  beforeEach(() => prepare(dialect, { lockTimeoutMs: 30_000 }));

  it('in one process lose no update', async () => {
    await Promise.all(
      Array.from({ length: 40 }, () =>
        database.transaction<Tables, void>(async (trx) => {
          const { value } = await forUpdate(database, trx.selectFrom('counter').select('value').where('id', '=', 1)).executeTakeFirstOrThrow();
          await trx.updateTable('counter').set({ value: value + 1 }).where('id', '=', 1).execute();
        }),
      ),
    );
    expect(await values()).toEqual([40, 0]);
  });
});

describe('several processes on one SQLite file', () => {
  beforeEach(() => prepare('sqlite', { lockTimeoutMs: 30_000 }));

  it('lose no update', async () => {
    await database.query<Tables>().deleteFrom('counter').where('id', '=', 2).execute();
    const children = Array.from({ length: 3 }, () => spawnNode({ script: `${PROCESSES}/count-up.ts`, args: [place.url, '60'] }));
    for (const child of children) expect(await child.exit, child.stderr()).toMatchObject({ code: 0 });
    expect(await values()).toEqual([180]);
    const visits = await database.query<Tables>().selectFrom('visits').selectAll().execute();
    expect(visits).toHaveLength(180);
  });
});
