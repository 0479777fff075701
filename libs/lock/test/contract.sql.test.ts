import { setTimeout as pause } from 'node:timers/promises';
import { migrate, type Database } from '@staddle/database';
import { lockMigrations, sqlLockDriver } from '@staddle/lock/sql';
import { describeLockDriver } from '@staddle/lock/testing';
import { testDatabase, type TestDialect } from '@staddle/testing';
import { atRepeatableRead } from './sql-stand.ts';

const CASES: readonly { readonly as: string; readonly dialect: TestDialect; readonly seenAs?: (database: Database) => Database }[] = [
  { as: 'sql on sqlite', dialect: 'sqlite' },
  { as: 'sql on mysql', dialect: 'mysql' },
  { as: 'sql on mysql, with repeatable read', dialect: 'mysql', seenAs: atRepeatableRead },
];

for (const { as, dialect, seenAs = (database: Database) => database } of CASES) {
  describeLockDriver(
    as,
    async () => {
      const fresh = await testDatabase(dialect);
      const driver = (database: Database) => sqlLockDriver(seenAs(database), { watchdogUrl: fresh.url });
      const database = fresh.open();
      await migrate(database, [lockMigrations]);
      return { driver: driver(database), another: async () => driver(fresh.open()), pass: (ms) => pause(ms), close: () => fresh.close() };
    },
    { lacks: ['messages'] },
  );
}
