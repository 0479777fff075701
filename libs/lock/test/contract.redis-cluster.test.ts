import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { LockDriver } from '@staddle/lock';
import { redisLockDriver } from '@staddle/lock/redis';
import { describeLockDriver } from '@staddle/lock/testing';
import { afterAll, beforeAll } from 'vitest';
import { startCluster, type TestCluster } from './redis-stand.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster();
}, 60_000);
afterAll(() => cluster[Symbol.asyncDispose]());

const NOBODY_COUNTS = 'a node of a Cluster does not know who listens at the others';

describeLockDriver(
  'redis cluster',
  async () => {
    const prefix = `lock-${randomUUID()}`;
    const clients = [cluster.client(), cluster.client()];
    const [driver, another] = clients.map((client) => redisLockDriver(client, { prefix })) as [LockDriver, LockDriver];
    return {
      driver,
      another: async () => another,
      pass: (ms) => pause(ms),
      close: async () => {
        for (const client of clients) client.disconnect();
      },
    };
  },
  {
    skip: {
      'are skipped at a hand-off': NOBODY_COUNTS,
      'do not hold up a newcomer at an expired lock': NOBODY_COUNTS,
      'do not keep a released lock': NOBODY_COUNTS,
      'are skipped before a live one that asks': NOBODY_COUNTS,
      'of any text are waited for': 'messages about locks on different nodes have no order among each other',
    },
    lacks: ['watchdog'],
  },
);
