import { migrate, type Database } from '@staddle/database';
import { lockMigrations, sqlLockDriver } from '@staddle/lock/sql';
import { testDatabase, type TestDatabase, type TestDialect } from '@staddle/testing';
import { afterAll, beforeAll } from 'vitest';
import type { LockTables } from '../../src/drivers/sql-tables.ts';
import { describeLocks } from './index.ts';

/** The suite on one database, emptied for every test: to make one takes longer than most of the tests. */
export function describeSqlLocks(dialect: TestDialect): void {
  let place: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    place = await testDatabase(dialect);
    database = place.open();
    await migrate(database, [lockMigrations]);
  });
  afterAll(() => place.close());

  describeLocks(`sql on ${dialect}`, async () => {
    const opened: Database[] = [];
    const open = (): Database => {
      // SQLite has one handle per process, because its driver would block itself.
      if (dialect === 'sqlite') return database;
      opened.push(place.open());
      return opened.at(-1)!;
    };
    const db = database.query<LockTables>();
    await db.deleteFrom('lock_owner').execute();
    await db.deleteFrom('lock_key').execute();
    return {
      driver: async () => sqlLockDriver(open()),
      address: { store: 'sql', url: place.url },
      close: async () => void (await Promise.all(opened.map((each) => each.close()))),
    };
  });
}
