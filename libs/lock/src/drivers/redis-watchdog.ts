import { Redis } from 'ioredis';
import type { LockDriver } from '../driver.ts';
import type { WatchdogData } from './redis-connection.ts';
import { redisLockDriver } from './redis.ts';

/** Loaded by a worker thread that renews leases while the thread of their holder is busy. */
export function createWatchdogDriver(data: WatchdogData): Pick<LockDriver, 'renew'> & { close(): Promise<void> } {
  // A lease may end within a second: a slow reconnect would be as bad as none.
  const client = new Redis({ ...data.connection, maxRetriesPerRequest: null, retryStrategy: (times: number) => Math.min(times * 50, 500) });
  client.on('error', () => {}); // Renewals reject, and the thread that watches them decides.
  const { renew } = redisLockDriver(client, data.options);
  return {
    renew,
    async close() {
      client.disconnect();
    },
  };
}
