import { setTimeout as pause } from 'node:timers/promises';
import { createLocks, type Lease, type Locks, type LocksOptions } from '@staddle/lock';
import { redisLockDriver } from '@staddle/lock/redis';
import { createFaultProxy, testRedis, waitFor, type TestRedis } from '@staddle/testing';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collect } from './stand.ts';

// Waiting on a real server: order, giving up, and messages that do not arrive.

let redis: TestRedis;
let opened: Locks[];
beforeEach(async () => {
  redis = await testRedis();
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((locks) => locks.close()));
  await redis.close();
});

function open(options: Partial<LocksOptions> = {}, client: Redis = redis.client()): Locks {
  const locks = createLocks({ driver: redisLockDriver(client, { prefix: `${redis.prefix}lock` }), ...options });
  opened.push(locks);
  return locks;
}
const waiters = (locks: Locks, count: number): Promise<unknown> => waitFor(async () => ((await locks.inspect('job'))?.waiters.length ?? 0) === count, { what: `${count} waiters` });
/** All keys of the lock but for the fence that is remembered. */
const left = async (): Promise<string[]> => (await redis.client().keys(`${redis.prefix}*`)).filter((key) => !key.endsWith(':fence'));

describe('23: 200 waiters of four processes', () => {
  it.each([
    { title: 'come in the order in which the server has seen them', priorityOf: () => 0 },
    { title: 'come in the order of their priorities first', priorityOf: (n: number) => (n % 5) - 2 },
  ])('$title', async ({ priorityOf }) => {
    const processes = Array.from({ length: 4 }, () => open({ maxLocalHandoffs: 0 }));
    const holder = await processes[0]!.acquire('job');
    const order: string[] = [];
    const all = Array.from({ length: 200 }, (_, n) => processes[n % 4]!.using('job', { waitMs: 50_000, priority: priorityOf(n) }, async ({ token }) => void order.push(token)));
    await waiters(processes[0]!, 200);
    const ranks = (await processes[0]!.inspect('job'))!.waiters;
    await holder.release();
    await Promise.all(all);
    expect(order).toEqual(ranks.map(({ token }) => token));
    const priorities = ranks.map(({ priority }) => priority);
    expect(priorities).toEqual(priorities.toSorted((a, b) => b - a));
    expect(await left()).toEqual([]);
  });
});

it('24: 500 waiters that are aborted at random times lose no grant and leave nothing', async () => {
  const processes = Array.from({ length: 4 }, (_, n) => open({ maxLocalHandoffs: n % 2 ? 16 : 0 }));
  const holder = await processes[0]!.acquire('job');
  let granted = 0;
  let aborted = 0;
  let inside = 0;
  const all = Array.from({ length: 500 }, async (_, n) => {
    const signal = AbortSignal.timeout(Math.trunc(Math.random() * 1_500));
    try {
      await processes[n % 4]!.using('job', { waitMs: Infinity, signal }, async () => {
        inside += 1;
        expect(inside).toBe(1);
        granted += 1;
        await Promise.resolve();
        inside -= 1;
      });
    } catch (error) {
      if (error !== signal.reason) throw error;
      aborted += 1;
    }
  });
  // Half of them have left by now, and the others go on leaving while they are granted.
  await pause(750);
  await holder.release();
  await Promise.all(all);
  expect(granted + aborted).toBe(500);
  expect(granted).toBeGreaterThan(0);
  expect(await open().tryAcquire('job').then((lease) => lease?.release())).toBe('released');
  await waitFor(async () => (await left()).length === 0, { what: 'nothing to be left in Redis' });
});

it('25: a waiter that gives up in the moment of the grant either has the lock or passes it on', async () => {
  const [ours, theirs, others] = [open(), open(), open()];
  const outcomes = { acquired: 0, 'gave up': 0 };
  for (let run = 0; run < 200; run++) {
    const name = `job ${run % 10}`;
    const holder = await ours.acquire(name);
    const waitMs = 8;
    const waiting = theirs.acquire(name, { waitMs }).then(
      (lease) => lease,
      (error: { code: string }) => {
        expect(error.code).toBe('ERR_LOCK_TIMEOUT');
        return undefined;
      },
    );
    const behind = others.acquire(name, { waitMs: 30_000 });
    // From five milliseconds before its end to as many after.
    await pause(waitMs - 5 + (run % 11));
    await holder.release();
    const lease = await waiting;
    outcomes[lease ? 'acquired' : 'gave up'] += 1;
    await lease?.release();
    await (await behind).release();
  }
  expect(outcomes.acquired + outcomes['gave up']).toBe(200);
  await waitFor(async () => (await left()).length === 0, { what: 'nothing to be left in Redis' });
});

describe('26: without the connection for messages', () => {
  it('waiters poll and have their turn, and are handed the lock again when it is back', async () => {
    const { hostname, port } = new URL(redis.url);
    await using proxy = await createFaultProxy({ target: { host: hostname, port: Number(port) } });
    const direct = redis.client();
    // Commands go to the server, and copies of the client, of which the subscriber is one, through the proxy.
    const client = redis.client();
    const duplicate = client.duplicate.bind(client);
    client.duplicate = (override) => {
      const copy = duplicate({ ...override, host: '127.0.0.1', port: proxy.port, retryStrategy: () => 50 });
      copy.on('error', () => {});
      return copy;
    };
    const [ours, theirs] = [open({}, direct), open({}, client)];
    proxy.cut();
    for (let turn = 0; turn < 3; turn++) {
      const holder = await ours.acquire('job');
      const polled = theirs.acquire('job', { waitMs: 30_000 });
      await pause(100);
      expect((await ours.inspect('job'))?.waiters).toEqual([]);
      await holder.release();
      await (await polled).release();
    }
    const holder = await ours.acquire('job');
    const waiting = theirs.acquire('job', { waitMs: 30_000 });
    proxy.restore();
    // It stands in the queue only when messages reach it.
    await waiters(ours, 1);
    expect(await holder.release()).toBe('handed-off');
    expect((await waiting).isHeld).toBe(true);
    await (await waiting).release();
  });
});

it.each(['resetchannels', 'allchannels'])('28: where publishing is forbidden, releases succeed and waiters have their turn (%s)', async (channels) => {
  const admin = redis.client();
  const user = `user-${redis.prefix.replaceAll(':', '')}`;
  await admin.call('ACL', 'SETUSER', user, 'on', 'nopass', '~*', '+@all', '-publish', channels);
  const clients = [redis.client({ username: user, password: 'any' }), redis.client({ username: user, password: 'any' })] as const;
  try {
    const [ours, theirs] = [open({}, clients[0]), open({}, clients[1])];
    for (let turn = 0; turn < 2; turn++) {
      const holder = await ours.acquire('job', { ttlMs: 1_000 });
      const waiting = theirs.acquire('job', { waitMs: 30_000 });
      // Who hears nothing polls; who could hear and is told nothing asks when the lease would have ended.
      await pause(50);
      expect(await holder.release()).toBe('released');
      const lease = await waiting;
      expect(lease.fence).toBeGreaterThan(holder.fence);
      expect(await lease.release()).toBe('released');
    }
  } finally {
    // Before their user is gone: they would come back and be turned away.
    await Promise.all(opened.map((locks) => locks.close()));
    for (const client of clients) client.disconnect();
    await admin.call('ACL', 'DELUSER', user);
  }
});

it('30: with Redis away, nothing says that a lock is free', async () => {
  const { hostname, port } = new URL(redis.url);
  await using proxy = await createFaultProxy({ target: { host: hostname, port: Number(port) } });
  const client = new Redis(proxy.url('redis'), { retryStrategy: () => 50 });
  client.on('error', () => {});
  const locks = open({ commandTimeoutMs: 200 }, client);
  const lease: Lease = await locks.acquire('job');
  const unavailable = { code: 'ERR_LOCK_UNAVAILABLE', lockName: 'job' };
  proxy.cut();
  await expect(locks.tryAcquire('job', { barge: true })).rejects.toMatchObject(unavailable);
  await expect(locks.inspect('job')).rejects.toMatchObject(unavailable);
  await expect(locks.semaphore('job', 3).available()).rejects.toMatchObject(unavailable);
  await expect(locks.forceRelease('job')).rejects.toMatchObject(unavailable);
  await expect(collect(locks.list('job'))).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
  await expect(lease.renew()).rejects.toMatchObject(unavailable);
  expect(lease.isHeld).toBe(true);
  proxy.restore();
  await waitFor(() => lease.renew().then(() => true), { what: 'the line to be back' });
  expect(await lease.release()).toBe('released');
  client.disconnect();
});
