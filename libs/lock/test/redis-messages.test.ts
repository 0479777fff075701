import { redisLockDriver } from '@staddle/lock/redis';
import { createFaultProxy, startRedis, testRedis } from '@staddle/testing';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { connect, hold, requestOf, startCluster } from './redis-stand.ts';

const KEY = { kind: 'mutex', name: 'job' } as const;
// A missing message fails a test, a busy machine does not.
const ARRIVES = { timeout: 20_000, interval: 5 };

/** How many clients of a server are subscribed to something. */
async function subscribers(client: Redis): Promise<number> {
  const list = (await client.client('LIST')) as string;
  return list.split('\n').filter((line) => / sub=[1-9]/.test(line)).length;
}

describe('the connection for messages', () => {
  it('is one for all instances of a driver, and exists while one of them listens', async () => {
    await using server = await startRedis();
    const client = new Redis(server.url);
    const driver = redisLockDriver(client);
    const parties = ['a', 'b', 'c'].map((instance) => connect(driver, instance));
    expect(await subscribers(client)).toBe(0);
    await Promise.all(parties.map(({ connection }) => connection.listen()));
    expect(await subscribers(client)).toBe(1);
    await parties[0]!.connection.close();
    await hold(driver, 'x.1');
    await driver.acquire(requestOf('b.1', { queue: true }));
    await driver.release({ key: KEY, owner: 'x.1' });
    await expect.poll(() => parties[1]!.granted, ARRIVES).toMatchObject([{ owner: 'b.1' }]);
    for (const { connection } of parties) await connection.close();
    await expect.poll(() => subscribers(client), ARRIVES).toBe(0);
    // And again from the start.
    const late = connect(driver, 'd');
    await late.connection.listen();
    expect(await subscribers(client)).toBe(1);
    await late.connection.close();
    expect(client.status).toBe('ready');
    client.disconnect();
  });

  it('is one for all drivers of a client', async () => {
    await using server = await startRedis();
    const client = new Redis(server.url);
    const parties = Array.from({ length: 20 }, (_, index) => connect(redisLockDriver(client, { prefix: `p${index % 2}` }), `i${index}`));
    await Promise.all(parties.map(({ connection }) => connection.listen()));
    expect(await subscribers(client)).toBe(1);
    // Node warns of more than ten.
    expect(client.listenerCount('ready')).toBeLessThanOrEqual(2);
    for (const { connection } of parties) await connection.close();
    await expect.poll(() => subscribers(client), ARRIVES).toBe(0);
    client.disconnect();
  });

  it('may be closed and wanted again at any moment', async () => {
    await using redis = await testRedis();
    const client = redis.client();
    const driver = redisLockDriver(client, { prefix: redis.prefix });
    for (let turn = 0; turn < 30; turn++) {
      const [short, long] = [connect(driver, 'a'), connect(driver, 'b')];
      const listening = short.connection.listen();
      if (turn % 3 === 1) await listening;
      if (turn % 3 === 2) await new Promise(setImmediate);
      const closing = short.connection.close();
      await Promise.all([long.connection.listen(), closing, listening.catch(() => {})]);
      expect([short.connection.listening, long.connection.listening]).toEqual([false, true]);
      await long.connection.close();
    }
  });

  it('leaves no listener on the client', async () => {
    await using redis = await testRedis();
    const client = redis.client();
    const before = client.eventNames().map((name) => [name, client.listenerCount(name)]);
    const driver = redisLockDriver(client, { prefix: redis.prefix });
    for (let turn = 0; turn < 20; turn++) {
      const parties = [connect(driver, 'a'), connect(driver, 'b')];
      await Promise.all(parties.map(({ connection }) => connection.listen()));
      await Promise.all(parties.map(({ connection }) => connection.close()));
    }
    expect(client.eventNames().map((name) => [name, client.listenerCount(name)])).toEqual(before);
  });

  it('is opened again when it was killed, and says so', async () => {
    await using server = await startRedis();
    const client = new Redis(server.url);
    const driver = redisLockDriver(client);
    const party = connect(driver, 'p');
    await party.connection.listen();
    for (let turn = 1; turn <= 3; turn++) {
      const before = party.ready;
      await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await expect.poll(() => party.ready, ARRIVES).toBeGreaterThan(before);
      expect(party.connection.listening).toBe(true);
      await hold(driver, 'a.1');
      await driver.acquire(requestOf(`p.${turn}`, { queue: true }));
      expect(await driver.release({ key: KEY, owner: 'a.1' })).toBe('handed-off');
      await expect.poll(() => party.granted.at(-1), ARRIVES).toMatchObject({ owner: `p.${turn}` });
      await driver.release({ key: KEY, owner: `p.${turn}` });
    }
    await party.connection.close();
    client.disconnect();
  });

  it('does not listen while the server is away, and does afterwards', async () => {
    await using server = await startRedis();
    const client = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
    client.on('error', () => {});
    const party = connect(redisLockDriver(client), 'p');
    await party.connection.listen();
    await server.kill();
    await expect.poll(() => party.connection.listening, ARRIVES).toBe(false);
    const before = party.ready;
    await server.restart();
    await expect.poll(() => party.connection.listening, ARRIVES).toBe(true);
    expect(party.ready).toBeGreaterThan(before);
    await party.connection.close();
    client.disconnect();
  });

  it('rejects with the reason when it cannot listen, goes on trying, and stops when closed', async () => {
    await using server = await startRedis();
    await using proxy = await createFaultProxy({ target: { host: server.host, port: server.port } });
    proxy.cut();
    const client = new Redis(proxy.url('redis'), { maxRetriesPerRequest: null, retryStrategy: () => 20 });
    client.on('error', () => {});
    const driver = redisLockDriver(client);
    const [party, other] = [connect(driver, 'p'), connect(driver, 'q')];
    await expect(party.connection.listen()).rejects.toThrow(/closed|ECONN/);
    other.connection.listen().catch(() => {});
    await other.connection.close();
    expect(party.connection.listening).toBe(false);
    proxy.restore();
    await expect.poll(() => party.connection.listening, ARRIVES).toBe(true);
    expect(party.ready).toBeGreaterThan(0);
    await party.connection.close();
    await expect(other.connection.listen()).rejects.toThrow('closed');
    client.disconnect();
  });

  it('says when the connection of the client is back', async () => {
    await using server = await startRedis();
    const client = new Redis(server.url, { retryStrategy: () => 20 });
    const party = connect(redisLockDriver(client), 'p');
    await expect.poll(() => client.status, ARRIVES).toBe('ready');
    const before = party.ready;
    client.disconnect(true);
    await expect.poll(() => party.ready, ARRIVES).toBeGreaterThan(before);
    expect(party.connection.listening).toBe(false);
    await party.connection.close();
    client.disconnect();
  });

  it('goes to any node of a Cluster, and to another one when that is gone', async () => {
    await using cluster = await startCluster();
    const driver = redisLockDriver(cluster.client());
    const party = connect(driver, 'p');
    await party.connection.listen();
    const admins = cluster.nodes.map(({ url }) => new Redis(url));
    for (let turn = 0; turn < 3; turn++) {
      const before = party.ready;
      for (const admin of admins) await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await expect.poll(() => party.ready, ARRIVES).toBeGreaterThan(before);
    }
    // Locks on all nodes; their messages all arrive.
    const names = Array.from({ length: 12 }, (_, index) => `job ${index}`);
    for (const name of names) {
      await hold(driver, 'a.1', { name });
      await driver.acquire(requestOf(`p.${name.slice(4)}`, { name, queue: true }));
      await driver.release({ key: { kind: 'mutex', name }, owner: 'a.1' });
    }
    await expect.poll(() => party.granted.map(({ owner }) => owner).toSorted(), ARRIVES).toEqual(names.map((name) => `p.${name.slice(4)}`).toSorted());
    expect(await driver.diagnose!()).toEqual([]);
    await party.connection.close();
    for (const admin of admins) admin.disconnect();
  });
});

describe('messages', () => {
  it('that are none of ours are not listened to', async () => {
    await using redis = await testRedis();
    const client = redis.client();
    const prefix = `${redis.prefix}lock`;
    const driver = redisLockDriver(client, { prefix });
    const party = connect(driver, 'p');
    await party.connection.listen();
    for (const text of ['', 'G', 'G|p.1', 'G|p.1|x|1|1', 'X|p.1', 'R|', '\0', 'G|p.1|1|1', 'R|p.1|2', '{}']) await client.publish(`${prefix}:v1:wake:p`, text);
    await client.publish(`${prefix}:v1:wake:p`, 'R|p.9');
    await expect.poll(() => party.revoked, ARRIVES).toContain('p.9');
    expect(party).toMatchObject({ granted: [], next: [], revoked: ['p.9'] });
    await party.connection.close();
  });
});
