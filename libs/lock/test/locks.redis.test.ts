import { redisLockDriver } from '@staddle/lock/redis';
import { testRedis } from '@staddle/testing';
import { describeLocks } from './suite/index.ts';

describeLocks('redis', async () => {
  const { url, prefix, client, close } = await testRedis();
  return { driver: async () => redisLockDriver(client(), { prefix: `${prefix}lock` }), address: { store: 'redis', url, prefix: `${prefix}lock` }, close };
});
