/** The same cycle on every driver: what one pays for where the lock lives. */
import { createLocks, type LockDriver } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { redisLockDriver } from '@staddle/lock/redis';
import { lockMigrations, sqlLockDriver } from '@staddle/lock/sql';
import { migrate } from '@staddle/database';
import { DIALECTS, measure, printMachine, testDatabase } from '@staddle/testing';
import { Redis } from 'ioredis';

const SECONDS = 1;
const ROUNDS = 5;

const cleanups: (() => Promise<unknown>)[] = [];
const drivers: Record<string, LockDriver> = { memory: memoryLockDriver() };
const client = new Redis(process.env['TEST_REDIS_URL']!);
cleanups.push(() => client.quit());
drivers['redis'] = redisLockDriver(client, { prefix: 'drivers' });
for (const dialect of DIALECTS) {
  const place = await testDatabase(dialect);
  const database = place.open();
  cleanups.unshift(() => place.close());
  await migrate(database, [lockMigrations]);
  drivers[`sql, ${dialect}`] = sqlLockDriver(database);
}

/** Cycles per second; `tasks` above 1 share one name, in one process. */
async function cycles(driver: LockDriver, tasks: number): Promise<number> {
  const locks = createLocks({ driver });
  const startedAt = performance.now();
  const endsAt = startedAt + SECONDS * 1_000;
  let count = 0;
  await Promise.all(
    Array.from({ length: tasks }, async () => {
      while (performance.now() < endsAt) {
        const lease = await locks.acquire('cycle', { waitMs: Infinity });
        await lease.release();
        count += 1;
      }
    }),
  );
  const elapsed = performance.now() - startedAt;
  await locks.close();
  return count / (elapsed / 1_000);
}

printMachine();
for (const [title, tasks] of [['drivers-sequential', 1], ['drivers-50-one-name', 50]] as const) {
  await measure({
    bench: 'lock',
    case: title,
    metric: 'cycles',
    unit: '1/s',
    better: 'higher',
    rounds: ROUNDS,
    ours: () => cycles(drivers['redis']!, tasks),
    peers: Object.fromEntries(Object.entries(drivers).filter(([name]) => name !== 'redis').map(([name, driver]) => [`ours on ${name}`, () => cycles(driver, tasks)])),
  });
}
for (const cleanup of cleanups) await cleanup();
