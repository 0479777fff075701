import { existsSync } from 'node:fs';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { DIALECTS, startMariadb, testDatabase, type TestServer } from '@staddle/testing';

let server: TestServer;

beforeAll(async () => {
  server = await startMariadb();
});
beforeEach(() => void vi.stubEnv('TEST_MYSQL_URL', server.url));
afterAll(() => server.stop());

interface Tables {
  item: { id: number };
}

describe.each(DIALECTS)('testDatabase on %s', (dialect) => {
  it('gives every caller an empty database of its own', async () => {
    await using one = await testDatabase(dialect);
    await using other = await testDatabase(dialect);
    expect(one.dialect).toBe(dialect);
    expect(one.url).not.toBe(other.url);
    for (const { open } of [one, other]) {
      const database = open();
      await database.query().schema.createTable('item').addColumn('id', 'integer').execute();
      await database.query<Tables>().insertInto('item').values({ id: 1 }).execute();
      expect(await database.query<Tables>().selectFrom('item').select('id').execute()).toEqual([{ id: 1 }]);
    }
  });

  it('closes what it opened', async () => {
    const fixture = await testDatabase(dialect);
    const database = fixture.open();
    await database.ping();
    await fixture.close();
    await expect(database.ping()).rejects.toMatchObject({ code: 'ERR_DATABASE_CLOSED' });
  });
});

describe('testDatabase', () => {
  it('removes the SQLite file at the end', async () => {
    const fixture = await testDatabase('sqlite');
    const path = fixture.url.replace('sqlite:', '');
    await fixture.open().ping();
    expect(existsSync(path)).toBe(true);
    await fixture.close();
    expect(existsSync(path)).toBe(false);
  });

  it('drops the MySQL schema at the end, also when nobody opened it', async () => {
    const fixture = await testDatabase('mysql');
    const name = new URL(fixture.url).pathname.slice(1);
    const names = async (): Promise<unknown[]> => {
      const connection = await createConnection(server.url);
      const [rows] = await connection.query<RowDataPacket[]>('SHOW DATABASES');
      await connection.end();
      return rows.map((row) => row['Database']);
    };
    expect(await names()).toContain(name);
    await fixture.close();
    expect(await names()).not.toContain(name);
  });

  it('says which variable is missing', async () => {
    vi.stubEnv('TEST_MYSQL_URL', '');
    await expect(testDatabase('mysql')).rejects.toMatchObject({ code: 'ERR_TESTING_SERVER_URL', variable: 'TEST_MYSQL_URL' });
  });
});
