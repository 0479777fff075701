import { setTimeout as pause } from 'node:timers/promises';
import { redisLockDriver } from '@staddle/lock/redis';
import { describeLockDriver } from '@staddle/lock/testing';
import { testRedis } from '@staddle/testing';

describeLockDriver('redis', async () => {
  const redis = await testRedis();
  return { driver: redisLockDriver(redis.client(), { prefix: `${redis.prefix}lock` }), pass: (ms) => pause(ms), close: () => redis.close() };
});
