import { setTimeout as pause } from 'node:timers/promises';
import { redisLockDriver } from '@staddle/lock/redis';
import { describeLockDriver } from '@staddle/lock/testing';
import { testRedis, type TestRedisOptions } from '@staddle/testing';

const OPTIONS: readonly (TestRedisOptions & { readonly as: string })[] = [
  { as: 'redis' },
  { as: 'redis, with a key prefix', keyPrefix: 'app {1}*:' },
  { as: 'redis, with automatic pipelines', enableAutoPipelining: true },
  { as: 'redis, over RESP2 with numbers as texts', protocol: 2, stringNumbers: true },
];

for (const { as, ...options } of OPTIONS) {
  describeLockDriver(as, async () => {
    const redis = await testRedis();
    // Put before what the client itself adds, so that close() finds the keys.
    const client = () => redis.client({ ...options, ...(options.keyPrefix && { keyPrefix: redis.prefix + options.keyPrefix }) });
    const driver = () => redisLockDriver(client(), { prefix: options.keyPrefix ? 'lock' : `${redis.prefix}lock` });
    return { driver: driver(), another: async () => driver(), pass: (ms) => pause(ms), close: () => redis.close() };
  });
}
