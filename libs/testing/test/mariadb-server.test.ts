import { existsSync } from 'node:fs';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMariadb, type TestServer } from '@staddle/testing';
import { startLocalServer } from '../src/local-server.ts';
import { MARIADB } from '../src/mariadb-server.ts';
import { accepts, SOON } from './fixtures/ports.ts';

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
  it('gives root an empty server on the loopback address only', async () => {
    expect(await query('SELECT CURRENT_USER() AS user, @@bind_address AS address')).toEqual([{ user: 'root@localhost', address: '127.0.0.1' }]);
    expect((await query('SHOW DATABASES')).map((row) => row['Database'])).not.toContain('test');
  });

  it('runs in a time zone that is not UTC, and allows many connections', async () => {
    expect(await query('SELECT @@time_zone AS zone, @@max_connections AS connections')).toEqual([{ zone: '-08:00', connections: 500 }]);
  });

  it('keeps what was committed when it is killed', async () => {
    await query('CREATE DATABASE kept; CREATE TABLE kept.item (id INT PRIMARY KEY); INSERT INTO kept.item VALUES (1), (2)');
    await server.kill();
    await expect.poll(() => accepts(server.port), SOON).toBe(false);
    await server.restart();
    expect(await query('SELECT id FROM kept.item ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('leaves nothing behind', async () => {
    const other = await startMariadb();
    const connection = await createConnection(other.url);
    const [[row]] = await connection.query<RowDataPacket[]>('SELECT @@datadir AS folder');
    connection.destroy();
    expect(existsSync(row!['folder'] as string)).toBe(true);
    await other.stop();
    expect(existsSync(row!['folder'] as string)).toBe(false);
    await expect.poll(() => accepts(other.port), SOON).toBe(false);
  });

  it('shows why a data folder cannot be made', async () => {
    await expect(startLocalServer(MARIADB, '/bin/false')).rejects.toMatchObject({
      code: 'ERR_TESTING_SERVER_START',
      message: expect.stringContaining('/bin/false ended with code 1 while it made a data folder'),
    });
  });
});
