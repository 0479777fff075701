import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { createFaultProxy, spawnNode, startMariadb, testDatabase, waitFor, type TestServer } from '@staddle/testing';
import { sql } from 'kysely';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { columns, createTable, isTransient, openDatabase, type Database } from '@staddle/database';

interface Tables {
  note: { id: number };
}

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'it succeeded',
    (error: unknown) => error,
  );
const UNAVAILABLE = expect.objectContaining({ code: 'ERR_DATABASE_UNAVAILABLE', retryable: true });
const insert = (database: Database, id: number): Promise<unknown> => database.query<Tables>().insertInto('note').values({ id }).execute();
const ids = async (database: Database): Promise<number[]> =>
  (await database.query<Tables>().selectFrom('note').select('id').orderBy('id').execute()).map(({ id }) => id);

describe('a server that is not there', () => {
  it('shows in every call as ERR_DATABASE_UNAVAILABLE with the URL, the cause and no password', async () => {
    // Port 1 is never served on a test machine.
    const database = openDatabase({ url: 'mysql://app:hunter2@127.0.0.1:1/main' });
    const errors = await Promise.all([
      failureOf(sql`select 1`.execute(database.query())),
      failureOf(database.transaction(async () => {})),
      failureOf(database.ping()),
    ]);
    for (const error of errors) {
      expect(error).toEqual(UNAVAILABLE);
      expect(error).toMatchObject({ outcomeUnknown: false, cause: expect.objectContaining({ code: 'ECONNREFUSED' }) });
      expect((error as Error).message).toContain('mysql://app@127.0.0.1:1/main');
      expect(JSON.stringify(error) + (error as Error).stack).not.toContain('hunter2');
      expect(isTransient(error)).toBe(true);
    }
    await database.close();
  });

  it('is told from one that is there and refuses', async () => {
    const url = new URL(process.env['TEST_MYSQL_URL']!);
    url.username = 'nobody';
    url.password = 'hunter2';
    url.pathname = '/main';
    const database = openDatabase({ url: url.href });
    const error = await failureOf(database.ping());
    expect(error).toMatchObject({ code: 'ERR_DATABASE_REFUSED', retryable: false, cause: expect.objectContaining({ errno: 1045 }) });
    expect((error as Error).message).not.toContain('hunter2');
    await database.close();

    url.username = 'root';
    url.password = '';
    url.pathname = '/no_such_database';
    const unknown = openDatabase({ url: url.href });
    expect(await failureOf(unknown.ping())).toMatchObject({ code: 'ERR_DATABASE_REFUSED', cause: expect.objectContaining({ errno: 1049 }) });
    await unknown.close();
  });
});

describe('a MariaDB that goes away and comes back', () => {
  let server: TestServer;
  let database: Database;

  beforeAll(async () => {
    server = await startMariadb();
    const admin = await createConnection(new URL('/', server.url).href);
    await admin.query('create database outage');
    await admin.end();
    database = openDatabase({ url: new URL('/outage', server.url).href, pool: { max: 4 } });
    await createTable(database.query(), database, 'note')
      .addColumn('id', columns(database).integer, (column) => column.primaryKey())
      .execute();
  });
  afterAll(async () => {
    await database.close();
    await server.stop();
  });

  const isBack = (): Promise<unknown> => waitFor(() => database.ping().then(() => true), { what: 'the pool to recover by itself', timeoutMs: 30_000 });

  it('fails what is in hand with a typed error and needs no reopening', async () => {
    // Several connections, idle and in use, are open when the server dies.
    await Promise.all([1, 2, 3].map((id) => insert(database, id)));
    const inTransaction = database.transaction<Tables, void>(async (trx) => {
      await trx.insertInto('note').values({ id: 10 }).execute();
      await server.kill();
      await trx.insertInto('note').values({ id: 11 }).execute();
    });
    expect(await failureOf(inTransaction)).toEqual(UNAVAILABLE);
    expect(await failureOf(inTransaction)).toMatchObject({ outcomeUnknown: false });
    for (let id = 20; id < 26; id++) expect(await failureOf(insert(database, id))).toEqual(UNAVAILABLE);
    expect(await failureOf(database.ping())).toEqual(UNAVAILABLE);

    await server.restart();
    await isBack();
    expect(await ids(database)).toEqual([1, 2, 3]);
    await Promise.all([30, 31, 32, 33, 34].map((id) => insert(database, id)));
    expect(await ids(database)).toEqual([1, 2, 3, 30, 31, 32, 33, 34]);
  });

  it('fails a query that was waiting for its answer', async () => {
    const slow = failureOf(sql`select sleep(30)`.execute(database.query()));
    await waitFor(
      async () => {
        const { rows } = await sql`select 1 from information_schema.processlist where info like 'select sleep%'`.execute(database.query());
        return rows.length > 0;
      },
      { what: 'the server to run the query' },
    );
    await server.kill();
    expect(await slow).toEqual(UNAVAILABLE);
    expect(await slow).toMatchObject({ outcomeUnknown: true });
    await server.restart();
    await isBack();
  });

  it.each([
    ['query', 'select sleep(31)'],
    ['connection', 'select sleep(32)'],
  ])('fails a statement whose %s an operator kills, and does not send it again', async (what, statement) => {
    const ended = failureOf(database.transaction((trx) => sql.raw(statement).execute(trx)));
    const running = async (): Promise<number | undefined> =>
      (await sql<{ id: number }>`select id from information_schema.processlist where info = ${statement}`.execute(database.query())).rows[0]?.id;
    await sql.raw(`kill ${what} ${await waitFor(running, { what: 'the server to run the statement' })}`).execute(database.query());
    expect(await ended).toEqual(UNAVAILABLE);
    await database.ping();
  });

  it('does not keep a ping, a statement or the end of the process waiting while it is silent', async () => {
    const hasty = openDatabase({ url: new URL('/outage', server.url).href, statementTimeoutMs: 300, pool: { max: 2, connectTimeoutMs: 300 } });
    await waitFor(() => hasty.ping().then(() => true), { what: 'a connection within its short deadline' });
    const child = spawnNode({ script: `${import.meta.dirname}/processes/close-when-told.ts`, args: [new URL('/outage', server.url).href] });
    await child.waitForLine('open');
    await server.pause();
    try {
      expect(await failureOf(insert(hasty, 40))).toEqual(UNAVAILABLE);
      // Not even a greeting: connecting has a deadline too.
      expect(await failureOf(insert(hasty, 41))).toEqual(UNAVAILABLE);
      expect(await failureOf(database.ping({ timeoutMs: 200 }))).toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE', message: expect.stringContaining('no answer within 200 ms') });
      await hasty.close();
      child.kill('SIGTERM');
      expect(await child.exit).toEqual({ code: 0, signal: null });
    } finally {
      await server.resume();
    }
    await isBack();
  });
});

describe('a network that fails between us and the server', () => {
  it('leaves the outcome open when the answer to COMMIT is lost, and only then', async () => {
    await using place = await testDatabase('mysql');
    const direct = place.open();
    await createTable(direct.query(), direct, 'note').addColumn('id', columns(direct).integer, (column) => column.primaryKey()).execute();
    await using proxy = await createFaultProxy({ target: place.url });
    const database = openDatabase({ url: proxy.url() });

    const lostCommit = database.transaction<Tables, void>(async (trx) => {
      await trx.insertInto('note').values({ id: 1 }).execute();
      proxy.blackhole('answers');
    });
    const lost = failureOf(lostCommit);
    await waitFor(async () => (await ids(direct)).length === 1, { what: 'the server to commit' });
    proxy.cut();
    expect(await lost).toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE', outcomeUnknown: true });
    proxy.restore();
    expect(await ids(database)).toEqual([1]);

    const lostStatement = database.transaction<Tables, void>(async (trx) => {
      await trx.insertInto('note').values({ id: 2 }).execute();
      proxy.cut();
      await trx.insertInto('note').values({ id: 3 }).execute();
    });
    expect(await failureOf(lostStatement)).toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE', outcomeUnknown: false });
    proxy.restore();
    expect(await ids(database)).toEqual([1]);
    await database.close();
  });
});

describe('a SQLite file that cannot be used', () => {
  it('is unavailable while its folder cannot be made, and works as soon as it can', async () => {
    const root = join(tmpdir(), `staddle-outage-${randomUUID()}`);
    await mkdir(root);
    await writeFile(join(root, 'data'), 'a file where a folder should be');
    const database = openDatabase({ url: `sqlite:${root}/data/deep/app.db` });
    expect(await failureOf(database.ping())).toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE', message: expect.stringContaining('data/deep') });
    await rm(join(root, 'data'));
    await database.ping();
    await database.close();
    await rm(root, { recursive: true });
  });

  it('is refused when it is no database', async () => {
    const file = join(tmpdir(), `staddle-outage-${randomUUID()}.db`);
    await writeFile(file, 'this is no database file at all, however long one looks at it; '.repeat(20));
    const database = openDatabase({ url: `sqlite:${file}` });
    expect(await failureOf(database.ping())).toMatchObject({ code: 'ERR_DATABASE_REFUSED', retryable: false });
    await database.close();
    await rm(file);
  });

  it('is refused when it is damaged', async () => {
    const file = join(tmpdir(), `staddle-outage-${randomUUID()}.db`);
    const whole = openDatabase({ url: `sqlite:${file}` });
    await sql`create table note (text text)`.execute(whole.query());
    for (let row = 0; row < 20; row++) await sql`insert into note values (${'x'.repeat(1_000)})`.execute(whole.query());
    await whole.close();
    await truncate(file, 9_000);
    const database = openDatabase({ url: `sqlite:${file}` });
    expect(await failureOf(sql`select max(text) from note`.execute(database.query()))).toMatchObject({ code: 'ERR_DATABASE_REFUSED', retryable: false });
    await database.close();
    await rm(file);
  });
});
