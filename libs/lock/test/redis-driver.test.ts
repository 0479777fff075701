import type { LockKind } from '@staddle/lock';
import { redisLockDriver } from '@staddle/lock/redis';
import { startRedis, testRedis, waitFor, type TestRedis } from '@staddle/testing';
import { Cluster, Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, hold, keysOf, requestOf, TTL_MS } from './redis-stand.ts';

let redis: TestRedis;
let prefix: string;
beforeEach(async () => {
  redis = await testRedis();
  prefix = `${redis.prefix}lock`;
});
afterEach(() => redis.close());

describe('options', () => {
  it.each([
    ['prefix', ''],
    ['prefix', 'a{b}'],
    ['prefix', "a'b"],
    ['prefix', 'a b'],
    ['prefix', 'a'.repeat(201)],
    ['fenceMemoryMs', 999],
    ['handoffMs', 0],
    ['handoffMs', 1.5],
    ['restartGuardMs', -1],
  ])('are refused when out of range: %s %o', (field, value) => {
    expect(() => redisLockDriver(redis.client(), { [field]: value })).toThrow(expect.objectContaining({ code: 'ERR_LOCK_OPTION', field }));
  });

  it('have no restart guard for a Cluster', () => {
    const cluster = new Cluster([{ port: 1 }], { lazyConnect: true });
    expect(() => redisLockDriver(cluster, { restartGuardMs: 1_000 })).toThrow(expect.objectContaining({ code: 'ERR_LOCK_OPTION', field: 'restartGuardMs' }));
  });
});

describe('keys', () => {
  it('tell the truth to whoever looks at them by hand', async () => {
    const client = redis.client();
    const driver = redisLockDriver(client, { prefix });
    const fence = await hold(driver, 'web-1.a', { name: 'report 7' });
    expect(await client.get(`${prefix}:v1:mutex:{report 7}`)).toBe('web-1.a');
    expect(await client.pttl(`${prefix}:v1:mutex:{report 7}`)).toBeGreaterThan(TTL_MS / 2);
    expect(await client.get(`${prefix}:v1:mutex:{report 7}:fence`)).toBe(`${fence}+0`);
  });

  it('are gone after the last release, but for the fences', async () => {
    const client = redis.client();
    const driver = redisLockDriver(client, { prefix });
    const party = connect(driver, 'p');
    await party.connection.listen();
    const kinds: LockKind[] = ['mutex', 'semaphore', 'read-write'];
    for (const kind of kinds) {
      const key = { kind, name: 'job' };
      await hold(driver, 'p.1', { key, meta: '{"a":1}' });
      for (const owner of ['p.2', 'p.3', 'p.4']) await driver.acquire(requestOf(owner, { key, queue: true, meta: '{"b":2}' }));
      await driver.release({ key, owner: 'p.3' });
      for (const owner of ['p.1', 'p.2', 'p.4']) await driver.release({ key, owner });
    }
    await party.connection.close();
    expect(await keysOf(client, prefix)).toEqual(kinds.map((kind) => `${prefix}:v1:${kind}:{job}:fence`).toSorted());
    for (const key of await keysOf(client, prefix)) expect(await client.pttl(key)).toBeGreaterThan(0);
  });

  it('are gone after a release that comes when the lease has run out', async () => {
    const client = redis.client();
    const driver = redisLockDriver(client, { prefix });
    for (const kind of ['mutex', 'semaphore', 'read-write'] as const) {
      const key = { kind, name: 'late' };
      await hold(driver, 'p.1', { key, ttlMs: 1, meta: '{"a":1}' });
      await waitFor(async () => (await client.exists(`${prefix}:v1:${kind}:{late}`)) === 0, { what: 'the lease to run out' });
      expect(await driver.release({ key, owner: 'p.1' })).toBe('not-held');
      expect(await keysOf(client, `${prefix}:v1:${kind}:{late}`)).toEqual([`${prefix}:v1:${kind}:{late}:fence`]);
    }
  });

  it('all expire by themselves when everybody dies', async () => {
    const client = redis.client();
    const driver = redisLockDriver(client, { prefix });
    const party = connect(driver, 'p');
    await party.connection.listen();
    for (const kind of ['mutex', 'semaphore', 'read-write'] as const) {
      await hold(driver, 'p.1', { key: { kind, name: 'job' }, meta: '{"a":1}' });
      await driver.acquire(requestOf('p.2', { key: { kind, name: 'job' }, queue: true }));
    }
    await driver.claim({ key: { kind: 'run', name: 'job' }, owner: 'p.1', ttlMs: TTL_MS, keepMs: TTL_MS, onCrash: 'skip' });
    const keys = await keysOf(client, prefix);
    expect(keys).toHaveLength(3 * 4 + 3);
    for (const key of keys) expect(await client.pttl(key)).toBeGreaterThan(0);
    await party.connection.close();
  });

  it('of another format are not looked at', async () => {
    const client = redis.client();
    await client.set(`${prefix}:v2:mutex:{job}`, 'somebody');
    await client.set(`${prefix}:{job}`, 'somebody');
    expect(await redisLockDriver(client, { prefix }).acquire(requestOf('a.1'))).toMatchObject({ acquired: true });
  });

  it('that somebody else has overwritten cost nobody else a renewal', async () => {
    const client = redis.client();
    const driver = redisLockDriver(client, { prefix });
    for (const name of ['a', 'b', 'c']) await hold(driver, 'p.1', { name });
    await client.del(`${prefix}:v1:mutex:{b}`);
    await client.lpush(`${prefix}:v1:mutex:{b}`, 'not a lock');
    const outcomes = await driver.renew(['a', 'b', 'c'].map((name) => ({ key: { kind: 'mutex', name }, owner: 'p.1', ttlMs: TTL_MS })));
    expect(outcomes).toMatchObject([{ renewed: true }, expect.any(Error), { renewed: true }]);
  });
});

describe('commands', () => {
  it('of two drivers on one client do not meet', async () => {
    const client = redis.client();
    const one = redisLockDriver(client, { prefix, handoffMs: 100 });
    const other = redisLockDriver(client, { prefix: `${prefix}-2`, handoffMs: 200 });
    await hold(one, 'p.1');
    await hold(other, 'p.2');
    for (const driver of [one, other]) {
      const party = connect(driver, 'p');
      await party.connection.listen();
      await driver.acquire(requestOf('p.3', { queue: true }));
      await driver.forceRelease({ kind: 'mutex', name: 'job' });
      const [holder] = (await driver.inspect({ kind: 'mutex', name: 'job' }))!.holders;
      expect(holder).toMatchObject({ owner: 'p.3', expiresInMs: expect.toSatisfy((ms: number) => ms <= (driver === one ? 100 : 200)) });
      await party.connection.close();
    }
  });

  it('are one for each operation, and a plain SET without fencing, queue and meta', async () => {
    await using server = await startRedis();
    const client = new Redis(server.url);
    const driver = redisLockDriver(client);
    const commandsOf = async (work: () => Promise<unknown>): Promise<string[]> => {
      await work(); // Now every script is known to the server.
      const monitor = await client.monitor();
      const seen: string[] = [];
      monitor.on('monitor', (_time: string, [name]: string[], source: string) => source !== 'lua' && seen.push(name!.toLowerCase()));
      await work();
      await client.echo('end');
      await expect.poll(() => seen.at(-1)).toBe('echo');
      monitor.disconnect();
      return seen.slice(0, -1);
    };
    const key = { kind: 'mutex', name: 'job' } as const;
    const release = () => driver.release({ key, owner: 'a.1' });
    expect(await commandsOf(async () => void (await hold(driver, 'a.1'), await release()))).toEqual(['evalsha', 'evalsha']);
    expect(await commandsOf(async () => void (await hold(driver, 'a.1', { fencing: false, barge: true }), await release()))).toEqual(['set', 'evalsha']);
    expect(await commandsOf(() => driver.renew(Array.from({ length: 100 }, (_, index) => ({ key: { kind: 'mutex', name: `${index}` }, owner: 'a.1', ttlMs: TTL_MS }))))).toEqual(['evalsha']);
    client.disconnect();
  });

  it('survive that the server forgets the scripts', async () => {
    await using server = await startRedis();
    const client = new Redis(server.url, { enableAutoPipelining: true });
    const driver = redisLockDriver(client);
    for (let turn = 0; turn < 20; turn++) {
      const [outcome] = await Promise.all([driver.acquire(requestOf(`a.${turn}`)), client.script('FLUSH')]);
      expect(outcome).toMatchObject({ acquired: true });
      await client.script('FLUSH');
      expect(await driver.release({ key: { kind: 'mutex', name: 'job' }, owner: `a.${turn}` })).toBe('released');
    }
    client.disconnect();
  });
});

describe('queue', () => {
  it('keeps the order of arrival when the clock was set back', async () => {
    const client = redis.client();
    const driver = redisLockDriver(client, { prefix });
    const party = connect(driver, 'p');
    await party.connection.listen();
    await hold(driver, 'a.1');
    await driver.acquire(requestOf('p.1', { queue: true }));
    // As it would be had the server's clock gone back by a minute since.
    await client.zincrby(`${prefix}:v1:mutex:{job}:queue`, 60_000_000, 'p.1');
    expect(await driver.acquire(requestOf('p.2', { queue: true }))).toMatchObject({ position: 1 });
    expect(await driver.acquire(requestOf('p.3', { queue: true, priority: 1 }))).toMatchObject({ position: 0 });
    expect(await driver.acquire(requestOf('p.4', { queue: true, priority: 1 }))).toMatchObject({ position: 1 });
    await party.connection.close();
  });

  it('hands on to a waiter whose record is gone', async () => {
    const client = redis.client();
    const driver = redisLockDriver(client, { prefix });
    const party = connect(driver, 'p');
    await party.connection.listen();
    await hold(driver, 'a.1');
    await driver.acquire(requestOf('p.1', { queue: true }));
    await client.del(`${prefix}:v1:mutex:{job}:owners`);
    expect(await driver.release({ key: { kind: 'mutex', name: 'job' }, owner: 'a.1' })).toBe('handed-off');
    await party.connection.close();
  });
});

describe('watchdog', () => {
  it('is given what leads to the same server', async () => {
    const client = redis.client({ keyPrefix: 'app:', db: 3, username: 'default', lazyConnect: true });
    const { watchdog } = redisLockDriver(client, { prefix });
    expect(structuredClone(watchdog?.data)).toMatchObject({
      connection: { host: new URL(redis.url).hostname, port: Number(new URL(redis.url).port), db: 3, keyPrefix: 'app:', username: 'default' },
      options: { prefix },
    });
  });

  it.each([
    ['a function decides about a certificate', { tls: { checkServerIdentity: () => undefined } }],
    ['a function maps addresses', { natMap: () => null }],
  ])('is not offered when %s', (_why, options) => {
    const client = new Redis({ ...options, lazyConnect: true });
    expect(redisLockDriver(client).watchdog).toBeUndefined();
  });
});
