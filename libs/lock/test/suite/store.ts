import { openDatabase } from '@staddle/database';
import type { LockDriver } from '@staddle/lock';
import { redisLockDriver } from '@staddle/lock/redis';
import { sqlLockDriver } from '@staddle/lock/sql';
import { Redis } from 'ioredis';

/** Where another process finds the locks. */
export type StoreAddress = { readonly store: 'redis'; readonly url: string; readonly prefix: string } | { readonly store: 'sql'; readonly url: string };

export interface OpenStore {
  readonly driver: LockDriver;
  close(): Promise<void>;
}

export function openStore(address: StoreAddress): OpenStore {
  if (address.store === 'sql') {
    const database = openDatabase({ url: address.url });
    return { driver: sqlLockDriver(database), close: () => database.close() };
  }
  const client = new Redis(address.url);
  return {
    driver: redisLockDriver(client, { prefix: address.prefix }),
    async close() {
      client.disconnect();
    },
  };
}

