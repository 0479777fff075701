import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMariadb, type TestServer } from '@staddle/testing';
import { startLocalServer } from '../src/local-server.ts';
import { MARIADB } from '../src/mariadb-server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startMariadb();
});
afterAll(() => server.stop());

async function query(sql: string): Promise<RowDataPacket[]> {
  const connection = await createConnection({ uri: server.url, multipleStatements: true });
  try {
    return (await connection.query<RowDataPacket[]>(sql))[0];
  } finally {
    await connection.end();
  }
}

describe('startMariadb', () => {
  it('gives root an empty server', async () => {
    const [grant] = await query('SHOW GRANTS');
    expect(Object.values(grant!)[0]).toMatch(/^GRANT ALL PRIVILEGES ON \*\.\* TO `root`@/);
    expect((await query('SHOW DATABASES')).map((row) => row['Database']).toSorted()).toEqual(['information_schema', 'mysql', 'performance_schema', 'sys']);
  });

  it('runs in a time zone that is not UTC, and allows many connections', async () => {
    expect(await query('SELECT @@time_zone AS zone, @@max_connections AS connections')).toEqual([{ zone: '-08:00', connections: 500 }]);
  });

  it('is not disturbed by others that start beside it', async () => {
    const others = await Promise.all(Array.from({ length: 3 }, () => startMariadb()));
    await Promise.all(others.map((other) => other.stop()));
    expect(await query('SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
  });

  it('keeps what was committed when it is killed', async () => {
    await query('CREATE DATABASE kept; CREATE TABLE kept.item (id INT PRIMARY KEY); INSERT INTO kept.item VALUES (1), (2)');
    await server.kill();
    await server.restart();
    expect(await query('SELECT id FROM kept.item ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('says why a data folder cannot be made', async () => {
    // A program that knows none of the options.
    await expect(startLocalServer(MARIADB, process.execPath)).rejects.toMatchObject({
      code: 'ERR_TESTING_SERVER_START',
      message: expect.stringMatching(/ended with code 9 while it made a data folder: .*bad option/s),
    });
  });
});
