// Every lock library behind one face, each with an ioredis client of its own and its own defaults, but for the ttl and the patience.
import { randomUUID } from 'node:crypto';
import { importPeer } from '@staddle/testing';
import { createLocks } from '@staddle/lock';
import { redisLockDriver } from '@staddle/lock/redis';
import { Redis } from 'ioredis';

export const TTL_MS = 10_000;

export interface Contestant {
  /** Waits for the lock as long as it takes; resolves to its release. */
  acquire(name: string): Promise<() => Promise<unknown>>;
  close(): Promise<unknown>;
}

type Open = (client: Redis) => Contestant | Promise<Contestant>;

/** What can be had at best without any library: no queue, no fence, no renewal, nobody told of a loss. */
const openRaw: Open = (client) => {
  client.defineCommand('deleteIfMine', { numberOfKeys: 1, lua: "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0" });
  const deleteIfMine = (client as unknown as { deleteIfMine(key: string, token: string): Promise<number> }).deleteIfMine.bind(client);
  return {
    async acquire(name) {
      const token = randomUUID();
      while ((await client.set(name, token, 'PX', TTL_MS, 'NX')) === null) await new Promise((resolve) => setImmediate(resolve));
      return () => deleteIfMine(name, token);
    },
    close: async () => {},
  };
};

const openOurs =
  (maxLocalHandoffs?: number): Open =>
  (client) => {
    const locks = createLocks({ driver: redisLockDriver(client, { prefix: 'bench' }), ...(maxLocalHandoffs !== undefined && { maxLocalHandoffs }) });
    return {
      async acquire(name) {
        const lease = await locks.acquire(name, { ttlMs: TTL_MS, waitMs: Infinity });
        return () => lease.release();
      },
      close: () => locks.close(),
    };
  };

/** Without fence and queue: one attempt, and again while it fails. */
const openLean: Open = (client) => {
  const locks = createLocks({ driver: redisLockDriver(client, { prefix: 'bench' }) });
  return {
    async acquire(name) {
      for (;;) {
        const lease = await locks.tryAcquire(name, { ttlMs: TTL_MS, fencing: false, barge: true });
        if (lease) return () => lease.release();
      }
    },
    close: () => locks.close(),
  };
};

interface RedlockLike {
  acquire(keys: string[], ttlMs: number): Promise<{ release(): Promise<unknown> }>;
}
const openRedlock =
  (peer: string): Open =>
  async (client) => {
    const module = await importPeer<Record<string, unknown>>(peer);
    const Redlock = (module['Redlock'] ?? (module['default'] as Record<string, unknown>)['default'] ?? module['default']) as new (clients: Redis[], options: object) => RedlockLike & { on(event: 'error', listener: () => void): void };
    const redlock = new Redlock([client], { retryCount: -1 });
    redlock.on('error', () => {});
    return {
      async acquire(name) {
        const lock = await redlock.acquire([name], TTL_MS);
        return () => lock.release();
      },
      close: async () => {},
    };
  };

const openSemaphore: Open = async (client) => {
  const { Mutex } = await importPeer<{ Mutex: new (client: Redis, key: string, options: object) => { acquire(): Promise<void>; release(): Promise<void> } }>('redis-semaphore');
  return {
    async acquire(name) {
      const mutex = new Mutex(client, name, { lockTimeout: TTL_MS, acquireTimeout: 2 ** 31 - 1 });
      await mutex.acquire();
      return () => mutex.release();
    },
    close: async () => {},
  };
};

const openUniversal: Open = async (client) => {
  interface Simple {
    acquire(): Promise<object>;
    release(handle: object): Promise<boolean>;
  }
  const { createLock, IoredisAdapter } = await importPeer<{ createLock(options: object): Simple; IoredisAdapter: new (client: Redis) => object }>('redlock-universal');
  const adapter = new IoredisAdapter(client);
  return {
    async acquire(name) {
      const lock = createLock({ adapter, key: name, ttl: TTL_MS, retryAttempts: 1_000_000 });
      const handle = await lock.acquire();
      return () => lock.release(handle);
    },
    close: async () => {},
  };
};

export const CONTESTANTS: Readonly<Record<string, Open>> = {
  ours: openOurs(),
  'ours, strict order': openOurs(0),
  'ours, lean': openLean,
  'raw SET NX PX': openRaw,
  redlock: openRedlock('redlock'),
  '@sesamecare-oss/redlock': openRedlock('@sesamecare-oss/redlock'),
  'redis-semaphore': openSemaphore,
  'redlock-universal': openUniversal,
};

export const PEERS = ['redlock', '@sesamecare-oss/redlock', 'redis-semaphore', 'redlock-universal'] as const;

export async function openContestant(name: string, options: object = {}): Promise<Contestant & { client: Redis }> {
  const client = new Redis(process.env['TEST_REDIS_URL']!, options);
  const contestant = await CONTESTANTS[name]!(client);
  return {
    client,
    acquire: contestant.acquire,
    async close() {
      await contestant.close();
      await client.quit();
    },
  };
}
