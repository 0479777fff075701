import { redisLockDriver } from '@staddle/lock/redis';
import { startRedis, testRedis } from '@staddle/testing';
import { Redis, type RedisOptions } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { connect, hold, keysOf, requestOf, startCluster, TTL_MS } from './redis-stand.ts';
import { collect } from './stand.ts';

const KEY = { kind: 'mutex', name: 'job' } as const;
const ARRIVES = { timeout: 20_000, interval: 5 };

/** A client that bears a server which comes and goes. */
function patient(url: string, options: Omit<RedisOptions, 'replyMapping'> = {}): Redis {
  const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 20, ...options });
  client.on('error', () => {});
  return client;
}

describe('a server that loses everything', () => {
  it('gives higher fences than before', async () => {
    await using server = await startRedis();
    const client = patient(server.url);
    const driver = redisLockDriver(client);
    const first = await hold(driver, 'a.1');
    await client.flushall();
    const second = await hold(driver, 'a.2');
    await server.restart();
    const third = await hold(driver, 'a.3');
    expect([first, second, third]).toEqual([first, second, third].toSorted());
    expect(new Set([first, second, third]).size).toBe(3);
    expect(await driver.renew([{ key: KEY, owner: 'a.1', ttlMs: TTL_MS }])).toEqual([{ renewed: false, holder: 'a.3' }]);
    client.disconnect();
  });

  it('has the waiters queue anew, and tells them that they do', async () => {
    await using server = await startRedis();
    const client = patient(server.url);
    const driver = redisLockDriver(client);
    const party = connect(driver, 'p');
    await party.connection.listen();
    await hold(driver, 'a.1');
    expect(await driver.acquire(requestOf('p.1', { queue: true }))).toMatchObject({ unqueued: true });
    expect(await driver.acquire(requestOf('p.1', { queue: true }))).toMatchObject({ unqueued: false });
    await client.flushall();
    await hold(driver, 'a.2');
    expect(await driver.acquire(requestOf('p.1', { queue: true }))).toMatchObject({ acquired: false, unqueued: true });
    await client.flushall();
    expect(await driver.acquire(requestOf('p.1', { queue: true }))).toMatchObject({ acquired: true, unqueued: true });
    await party.connection.close();
    client.disconnect();
  });

  it('gives nothing for restartGuardMs, and everything afterwards', async () => {
    await using server = await startRedis();
    const client = patient(server.url);
    const guarded = redisLockDriver(client, { restartGuardMs: 300 });
    const claim = { key: { kind: 'run', name: 'job' }, owner: 'a.1', ttlMs: TTL_MS, keepMs: TTL_MS, onCrash: 'retry' } as const;
    for (const lose of [async () => {}, () => server.restart()]) {
      await lose();
      const refused = await guarded.acquire(requestOf('a.1', { queue: true }));
      expect(refused).toMatchObject({ acquired: false, holder: undefined, expiresInMs: expect.toSatisfy((ms: number) => ms > 0 && ms <= 300), position: undefined });
      expect(await guarded.acquire(requestOf('a.1', { fencing: false, barge: true }))).toMatchObject({ acquired: false });
      expect(await guarded.acquire(requestOf('a.1', { key: { kind: 'semaphore', name: 'job' } }))).toMatchObject({ acquired: false });
      await expect(guarded.claim(claim)).rejects.toThrow('QUARANTINE');
      await expect.poll(() => guarded.acquire(requestOf('a.1')), ARRIVES).toMatchObject({ acquired: true });
      expect(await guarded.claim(claim)).toMatchObject({ claimed: true });
    }
    // What proves that the data are still there never goes away by itself.
    expect(await client.ttl('lock:v1:epoch')).toBe(-1);
    client.disconnect();
  });
});

describe('a server without memory', () => {
  it('refuses to lock, and still renews, releases, hands on and settles', async () => {
    await using server = await startRedis();
    const client = patient(server.url);
    const driver = redisLockDriver(client);
    const party = connect(driver, 'p');
    await party.connection.listen();
    await hold(driver, 'a.1');
    await driver.acquire(requestOf('p.1', { queue: true }));
    await driver.acquire(requestOf('p.2', { queue: true }));
    const permits = { kind: 'semaphore', name: 'job' } as const;
    await hold(driver, 'a.1', { key: permits });
    await driver.acquire(requestOf('p.3', { key: permits, queue: true }));
    await hold(driver, 'a.1', { name: 'other' });
    const run = { kind: 'run', name: 'job' } as const;
    await driver.claim({ key: run, owner: 'a.1', ttlMs: 1, keepMs: TTL_MS, onCrash: 'skip' });
    await client.config('SET', 'maxmemory', '1');
    await expect(driver.acquire(requestOf('b.1', { name: 'third' }))).rejects.toThrow('OOM');
    await expect(driver.acquire(requestOf('b.1', { name: 'third', fencing: false, barge: true }))).rejects.toThrow('OOM');
    expect(await driver.renew([{ key: KEY, owner: 'a.1', ttlMs: TTL_MS }, { key: permits, owner: 'a.1', ttlMs: TTL_MS }])).toMatchObject([{ renewed: true }, { renewed: true }]);
    expect(await driver.renew([{ key: permits, owner: 'a.1', ttlMs: TTL_MS }])).toMatchObject([{ renewed: true }]);
    expect(await driver.settle({ key: run, owner: 'a.1', keepMs: TTL_MS })).toBe(true);
    expect(await driver.release({ key: KEY, owner: 'a.1' })).toBe('handed-off');
    expect(await driver.release({ key: KEY, owner: 'p.1' })).toBe('handed-off');
    expect(await driver.release({ key: KEY, owner: 'p.2' })).toBe('released');
    expect(await driver.release({ key: permits, owner: 'a.1' })).toBe('handed-off');
    expect(await driver.release({ key: { kind: 'mutex', name: 'other' }, owner: 'a.1', keepMs: 1_000 })).toBe('kept');
    await expect.poll(() => party.granted.map(({ owner }) => owner), ARRIVES).toEqual(['p.1', 'p.2', 'p.3']);
    await party.connection.close();
    client.disconnect();
  });
});

it('a user that may do what the README asks for, and no more, may lock', async () => {
  await using server = await startRedis();
  const admin = patient(server.url);
  const rights = '~lock:v1:* &lock:v1:wake:* +@read +@write +@scripting +@connection +time +publish +subscribe +unsubscribe';
  await admin.call('ACL', 'SETUSER', 'locker', 'reset', 'on', '>secret', ...rights.split(' '));
  const client = patient(server.url, { username: 'locker', password: 'secret', enableReadyCheck: false });
  const driver = redisLockDriver(client);
  const party = connect(driver, 'p');
  await party.connection.listen();
  for (const key of [KEY, { kind: 'semaphore', name: 'job' } as const]) {
    await hold(driver, 'q.1', { key });
    await driver.acquire(requestOf('p.1', { key, queue: true }));
    expect(await driver.renew([{ key, owner: 'q.1', ttlMs: TTL_MS }])).toMatchObject([{ renewed: true }]);
    expect(await driver.release({ key, owner: 'q.1' })).toBe('handed-off');
    await expect.poll(() => party.granted, ARRIVES).toMatchObject([{ owner: 'p.1' }]);
    party.granted.length = 0;
    expect(await driver.inspect(key)).toMatchObject({ holders: [{ owner: 'p.1' }] });
    expect(await driver.forceRelease(key)).toBe(true);
  }
  const run = { kind: 'run', name: 'report@0' } as const;
  expect(await driver.claim({ key: run, owner: 'q.2', ttlMs: 1_000, keepMs: TTL_MS, onCrash: 'skip' })).toMatchObject({ claimed: true });
  expect(await driver.settle({ key: run, owner: 'q.2', keepMs: TTL_MS })).toBe(true);
  expect(await collect(driver.list({ kind: 'run', prefix: 'rep' }))).toEqual([run]);
  await party.connection.close();
  for (const each of [admin, client]) each.disconnect();
});

describe('a user that may not publish', () => {
  const ACL = ['ACL', 'SETUSER', 'mute', 'on', '>secret', '~*', '+@all', 'resetchannels'] as const;

  it('does not listen, and its releases free the lock for whoever asks next', async () => {
    await using server = await startRedis();
    const admin = patient(server.url);
    await admin.call(...(ACL as unknown as [string, ...string[]]));
    const loud = redisLockDriver(admin);
    const client = patient(server.url, { username: 'mute', password: 'secret' });
    const mute = redisLockDriver(client);
    const [party, deaf] = [connect(loud, 'p'), connect(mute, 'q')];
    await party.connection.listen();
    await expect(deaf.connection.listen()).rejects.toThrow('NOPERM');
    expect(deaf.connection.listening).toBe(false);

    for (const key of [KEY, { kind: 'semaphore', name: 'job' } as const]) {
      await hold(mute, 'q.1', { key });
      await loud.acquire(requestOf('p.1', { key, queue: true }));
      await loud.acquire(requestOf('p.2', { key, queue: true }));
      expect(await mute.release({ key, owner: 'q.1' })).toBe('released');
      // Nobody could be told: whoever asks is let in, and who waits stays in the queue.
      await hold(mute, 'q.2', { key });
      expect(await loud.acquire(requestOf('p.1', { key, queue: true }))).toMatchObject({ acquired: false, position: 0, unqueued: false });
      expect(await mute.forceRelease(key, 'q.2')).toBe(true);
      await hold(loud, 'p.1', { key, queue: true });
      expect(await loud.release({ key, owner: 'p.1' })).toBe('handed-off');
    }

    // It is heard as soon as it may be.
    await admin.call('ACL', 'SETUSER', 'mute', 'allchannels');
    await expect.poll(() => deaf.connection.listening, ARRIVES).toBe(true);
    for (const { connection } of [party, deaf]) await connection.close();
    for (const each of [admin, client]) each.disconnect();
  });
});

describe('replicas', () => {
  it('that confirm in time are enough, and those that are missing are counted', async () => {
    await using master = await startRedis();
    await using replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
    const client = patient(master.url);
    const driver = redisLockDriver(client);
    const replicas = (count: number, timeoutMs: number) => ({ replicas: { count, timeoutMs } });
    await expect.poll(async () => (await client.info('replication')).includes('state=online'), ARRIVES).toBe(true);

    expect(await driver.acquire(requestOf('a.1', replicas(1, 20_000)))).not.toHaveProperty('missingReplicas');
    const other = patient(replica.url);
    expect(await other.get('lock:v1:mutex:{job}')).toBe('a.1');
    expect(await driver.acquire(requestOf('a.2', { name: 'second', ...replicas(3, 20) }))).toMatchObject({ acquired: true, missingReplicas: 2 });
    expect(await driver.acquire(requestOf('b.1', replicas(3, 20)))).toMatchObject({ acquired: false, holder: 'a.1' });
    await replica.pause();
    expect(await driver.acquire(requestOf('a.3', { name: 'third', fencing: false, barge: true, ...replicas(1, 20) }))).toMatchObject({ acquired: true, fence: 0n, missingReplicas: 1 });
    await replica.resume();

    const fromReplica = redisLockDriver(other);
    await expect(fromReplica.acquire(requestOf('c.1', { name: 'fourth' }))).rejects.toThrow('READONLY');
    expect(await fromReplica.inspect(KEY)).toMatchObject({ holders: [{ owner: 'a.1' }] });
    expect(await fromReplica.diagnose!()).toEqual([expect.stringContaining('replica')]);
    expect(await driver.diagnose!()).toEqual([expect.stringContaining('min-replicas-to-write')]);
    await client.config('SET', 'min-replicas-to-write', '1');
    expect(await driver.diagnose!()).toEqual([]);
    for (const each of [client, other]) each.disconnect();
  });

  it('are missing where there are none', async () => {
    await using redis = await testRedis();
    const driver = redisLockDriver(redis.client({ enableAutoPipelining: true }), { prefix: redis.prefix });
    const replicas = { count: 2, timeoutMs: 1 };
    expect(await driver.acquire(requestOf('a.1', { replicas }))).toMatchObject({ acquired: true, missingReplicas: 2 });
    expect(await driver.acquire(requestOf('a.1', { key: { kind: 'semaphore', name: 'job' }, replicas }))).toMatchObject({ acquired: true, missingReplicas: 2 });
  });

  it('are asked for on the node of a Cluster that has the lock', async () => {
    await using cluster = await startCluster();
    const driver = redisLockDriver(cluster.client());
    const replicas = { count: 1, timeoutMs: 1 };
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) expect(await driver.acquire(requestOf('a.1', { name, replicas }))).toMatchObject({ acquired: true, missingReplicas: 1 });
    expect(await driver.acquire(requestOf('b.1', { name: 'a', replicas }))).toMatchObject({ acquired: false, holder: 'a.1' });
    const renewals = ['a', 'b', 'c', 'x'].map((name) => ({ key: { kind: 'mutex' as const, name }, owner: 'a.1', ttlMs: TTL_MS }));
    expect(await driver.renew(renewals)).toMatchObject([{ renewed: true }, { renewed: true }, { renewed: true }, { renewed: false }]);
  });
});

describe('diagnose', () => {
  it('finds nothing wrong with a server as it comes', async () => {
    await using server = await startRedis();
    const client = patient(server.url);
    const driver = redisLockDriver(client);
    expect(await driver.diagnose!()).toEqual([]);
    await client.config('SET', 'maxmemory-policy', 'volatile-lru');
    expect(await driver.diagnose!()).toEqual([expect.stringContaining('volatile-lru')]);
    client.disconnect();
  });

  it('says what it may not look at', async () => {
    await using server = await startRedis();
    const admin = patient(server.url);
    await admin.call('ACL', 'SETUSER', 'blind', 'on', '>secret', '~*', '&*', '+@all', '-info');
    const client = patient(server.url, { username: 'blind', password: 'secret', enableReadyCheck: false });
    const driver = redisLockDriver(client);
    expect(await driver.diagnose!()).toEqual([expect.stringMatching(/INFO is refused.*could not be checked/)]);
    // Nor does it need INFO to listen.
    const party = connect(driver, 'p');
    await party.connection.listen();
    await party.connection.close();
    for (const each of [admin, client]) each.disconnect();
  });

  it('rejects when the server cannot be asked at all', async () => {
    const client = new Redis({ port: 1, lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => {});
    const driver = redisLockDriver(client);
    await expect(driver.diagnose!()).rejects.toThrow(/closed|ECONN/);
    await expect(driver.acquire(requestOf('a.1'))).rejects.toThrow(/closed|ECONN/);
    await expect(driver.renew([{ key: KEY, owner: 'a.1', ttlMs: TTL_MS }, { key: KEY, owner: 'a.2', ttlMs: TTL_MS }])).rejects.toThrow(/closed|ECONN/);
    await expect(driver.inspect(KEY)).rejects.toThrow(/closed|ECONN/);
    await expect(driver.list({ kind: 'mutex', prefix: '' })[Symbol.asyncIterator]().next()).rejects.toThrow(/closed|ECONN/);
  });
});

it('forgets nothing that is held when it cleans up after the dead', async () => {
  await using redis = await testRedis();
  const client = redis.client();
  const driver = redisLockDriver(client, { prefix: `${redis.prefix}lock` });
  const key = { kind: 'semaphore', name: 'job' } as const;
  await hold(driver, 'a.1', { key, weight: 2, capacity: 3 });
  await hold(driver, 'b.1', { key, capacity: 3, ttlMs: 1 });
  await expect.poll(() => driver.inspect(key), ARRIVES).toMatchObject({ holders: [{ owner: 'a.1', weight: 2 }] });
  await hold(driver, 'c.1', { key, capacity: 3 });
  expect(await driver.acquire(requestOf('d.1', { key, capacity: 3 }))).toMatchObject({ acquired: false });
  for (const owner of ['a.1', 'c.1']) expect(await driver.release({ key, owner })).toBe('released');
  // Also when all of them died, and Redis has removed the set with its key.
  await hold(driver, 'e.1', { key, weight: 3, capacity: 3, ttlMs: 1 });
  await expect.poll(() => driver.inspect(key), ARRIVES).toBeUndefined();
  await hold(driver, 'f.1', { key, weight: 3, capacity: 3 });
  expect(await driver.release({ key, owner: 'f.1' })).toBe('released');
  expect(await keysOf(client, `${redis.prefix}lock`)).toEqual([`${redis.prefix}lock:v1:semaphore:{job}:fence`]);
});
