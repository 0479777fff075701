import { once } from 'node:events';
import { createLocks } from '@staddle/lock';
import { redisLockDriver } from '@staddle/lock/redis';
import { createFaultProxy, spawnNode, startRedis, testRedis, waitFor } from '@staddle/testing';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';

it('keeps fences increasing when the server lost everything', async () => {
  const server = await startRedis();
  const client = new Redis(server.url);
  try {
    const locks = createLocks({ driver: redisLockDriver(client) });
    const first = await locks.acquire('job', { renew: false });
    await client.flushall();
    const second = await locks.acquire('job', { renew: false });
    expect(second.fence).toBeGreaterThan(first.fence);
    await server.restart();
    const third = await locks.acquire('job', { waitMs: 30_000 });
    expect(third.fence).toBeGreaterThan(second.fence);
    await third.release();
  } finally {
    client.disconnect();
    await server.stop();
  }
});

it('tells the holder in time when the network swallows everything', async () => {
  const redis = await testRedis();
  const { hostname, port } = new URL(redis.url);
  const proxy = await createFaultProxy({ target: { host: hostname, port: Number(port) } });
  const client = new Redis(proxy.url('redis'), { maxRetriesPerRequest: null });
  try {
    const prefix = `${redis.prefix}lock`;
    const lease = await createLocks({ driver: redisLockDriver(client, { prefix }) }).acquire('job', { ttlMs: 1_000 });
    proxy.blackhole();
    await once(lease.signal, 'abort');
    expect(lease.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'expired' });
    // Afterwards, not before, another owner gets in.
    const other = createLocks({ driver: redisLockDriver(redis.client(), { prefix }) });
    await using next = await other.acquire('job');
    expect(next.fence).toBeGreaterThan(lease.fence);
  } finally {
    client.disconnect();
    await proxy.close();
    await redis.close();
  }
});

it('fences off a holder that was stopped past the end of its lease', async () => {
  await using redis = await testRedis();
  const prefix = `${redis.prefix}lock`;
  await using holder = spawnNode({ script: `${import.meta.dirname}/fixtures/holder.ts`, args: [redis.url, prefix] });
  const oldFence = BigInt((await holder.waitForLine(/^held /)).slice('held '.length));
  holder.kill('SIGSTOP');
  const locks = createLocks({ driver: redisLockDriver(redis.client(), { prefix }) });
  await using next = await locks.acquire('job', { waitMs: 30_000 });
  expect(next.fence).toBeGreaterThan(oldFence);
  holder.kill('SIGCONT');
  // The paused process learns of its loss by itself, and its late release does not free the new holder.
  expect(await holder.waitForLine(/^lost /)).toBe('lost ERR_LOCK_LOST false');
  expect(await locks.tryAcquire('job')).toBeUndefined();
});

it('lets four processes count without losing an update', async () => {
  await using redis = await testRedis();
  const args = [redis.url, `${redis.prefix}lock`, `${redis.prefix}counter`];
  const workers = Array.from({ length: 4 }, () => spawnNode({ script: `${import.meta.dirname}/fixtures/counter.ts`, args }));
  const exits = await Promise.all(workers.map(({ exit }) => exit));
  expect(exits.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  expect(await redis.client().get(`${redis.prefix}counter`)).toBe('100');
});

it('takes over from a killed holder when its lease has run out', async () => {
  await using redis = await testRedis();
  const prefix = `${redis.prefix}lock`;
  await using holder = spawnNode({ script: `${import.meta.dirname}/fixtures/holder.ts`, args: [redis.url, prefix] });
  await holder.waitForLine(/^held /);
  holder.kill('SIGKILL');
  const locks = createLocks({ driver: redisLockDriver(redis.client(), { prefix }) });
  await using lease = await waitFor(() => locks.tryAcquire('job'), { what: 'the lease of the killed holder to run out', timeoutMs: 30_000 });
  expect(lease.isHeld).toBe(true);
});
