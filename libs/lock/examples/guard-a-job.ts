import { createLocks } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory'; // or redisLockDriver(client) from '@staddle/lock/redis'

const locks = createLocks({ driver: memoryLockDriver() });

await locks.using('nightly-report', { ttlMs: 30_000, waitMs: 5_000 }, async (lease) => {
  for (const page of ['a', 'b', 'c']) {
    lease.assertHeld(); // or pass lease.signal to whatever can be cancelled
    console.log(`page ${page}, fence is a ${typeof lease.fence}`);
  }
});
await locks.close();
