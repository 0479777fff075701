import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startRedis, testRedis, type TestServer } from '@staddle/testing';

let server: TestServer;

beforeAll(async () => {
  server = await startRedis();
});
beforeEach(() => void vi.stubEnv('TEST_REDIS_URL', server.url));
afterAll(() => server.stop());

describe('testRedis', () => {
  it('gives every caller a prefix of its own and clients of the same server', async () => {
    await using first = await testRedis();
    await using second = await testRedis();
    expect(first.prefix).not.toBe(second.prefix);
    await first.client().set(`${first.prefix}key`, 'value');
    expect(await second.client({ connectionName: 'other' }).get(`${first.prefix}key`)).toBe('value');
  });

  it('deletes its own keys at the end, and no others', async () => {
    await using other = await testRedis();
    const client = other.client();
    await client.set(`${other.prefix}stays`, '1');
    const redis = await testRedis();
    await Promise.all(Array.from({ length: 100 }, (_, index) => redis.client().set(`${redis.prefix}${index}`, '1')));
    await redis.close();
    expect(await client.keys(`${redis.prefix}*`)).toEqual([]);
    expect(await client.exists(`${other.prefix}stays`)).toBe(1);
  });

  it('closes every client it gave, whatever state it is in', async () => {
    const redis = await testRedis();
    const connected = redis.client();
    await connected.ping();
    const unused = redis.client({ lazyConnect: true });
    const closed = redis.client();
    await closed.quit();
    const lost = redis.client({ retryStrategy: () => 3_600_000 });
    await lost.ping();
    lost.disconnect(true);
    await once(lost, 'reconnecting');
    await redis.close();
    expect([connected, unused, closed].map((client) => client.status)).toEqual(['end', 'end', 'end']);
    expect(lost.status).toBe('reconnecting');
  });

  it.each([
    ['', 'environment variable TEST_REDIS_URL is not set'],
    ['6379', 'environment variable TEST_REDIS_URL is not a URL'],
  ])('says what is wrong with the variable %j', async (value, message) => {
    vi.stubEnv('TEST_REDIS_URL', value);
    await expect(testRedis()).rejects.toMatchObject({ code: 'ERR_TESTING_SERVER_URL', variable: 'TEST_REDIS_URL', message: expect.stringContaining(message) });
  });
});
