import { setTimeout as pause } from 'node:timers/promises';
import { migrate } from '@staddle/database';
import { lockMigrations, sqlLockDriver } from '@staddle/lock/sql';
import { describeLockDriver } from '@staddle/lock/testing';
import { DIALECTS, testDatabase } from '@staddle/testing';

for (const dialect of DIALECTS) {
  describeLockDriver(
    `sql on ${dialect}`,
    async () => {
      const fresh = await testDatabase(dialect);
      const database = fresh.open();
      await migrate(database, [lockMigrations]);
      return { driver: sqlLockDriver(database), another: async () => sqlLockDriver(fresh.open()), pass: (ms) => pause(ms), close: () => fresh.close() };
    },
    { lacks: ['messages', 'watchdog'] },
  );
}
