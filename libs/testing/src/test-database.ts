import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database, DatabaseOptions } from '@staddle/database';
import { serverUrl } from './server-urls.ts';

/** Every dialect that a store is tested on: `describe.each(DIALECTS)`. */
export const DIALECTS = ['sqlite', 'mysql'] as const;

export type TestDialect = (typeof DIALECTS)[number];

export interface TestDatabase extends AsyncDisposable {
  /** For `openDatabase`, also from another process. */
  readonly url: string;
  readonly dialect: TestDialect;
  /** A new handle, closed by `close()`. On SQLite open one per process: the driver is synchronous, and two would block each other. */
  open(options?: Omit<DatabaseOptions, 'url'>): Database;
  /** Closes every handle that `open()` made and drops the database. */
  close(): Promise<void>;
}

/**
 * A fresh, empty database of one's own: a temporary file for SQLite, a schema on the run's server for MySQL.
 * @throws ServerUrlMissingError (`ERR_TESTING_SERVER_URL`) for MySQL without a server
 */
export async function testDatabase(dialect: TestDialect): Promise<TestDatabase> {
  // Loaded here, so that the tests of a package without rows do not pay for the database clients.
  const { openDatabase } = await import('@staddle/database');
  const { url, drop } = dialect === 'sqlite' ? await createFile() : await createSchema();
  const opened: Database[] = [];

  const close = async (): Promise<void> => {
    try {
      await Promise.all(opened.splice(0).map((database) => database.close()));
    } finally {
      await drop();
    }
  };
  return {
    url,
    dialect,
    open(options = {}) {
      const database = openDatabase({ ...options, url });
      opened.push(database);
      return database;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

interface FreshDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

async function createFile(): Promise<FreshDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'staddle-test-'));
  return { url: `sqlite:${join(folder, 'test.db')}`, drop: () => rm(folder, { recursive: true, force: true }) };
}

async function createSchema(): Promise<FreshDatabase> {
  const url = serverUrl('TEST_MYSQL_URL');
  const name = `staddle_test_${randomBytes(8).toString('hex')}`;
  await administer(url, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  return { url: own.href, drop: () => administer(url, `DROP DATABASE IF EXISTS ${name}`) };
}

async function administer(url: URL, statement: string): Promise<void> {
  const mysql = await import('mysql2/promise');
  const connection = await mysql.createConnection(url.href);
  try {
    // A connection that a test forgot may hold a lock on a table; the default would wait for it for a day.
    await connection.query('SET SESSION lock_wait_timeout = 10');
    await connection.query(statement);
  } finally {
    await connection.end();
  }
}
