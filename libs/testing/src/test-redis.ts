import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Redis, RedisOptions } from 'ioredis';
import { serverUrl } from './server-urls.ts';

/** What ioredis takes; the reply mapping stays the usual one, because it changes the type of the client. */
export type TestRedisOptions = Omit<RedisOptions, 'replyMapping'>;

export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  /** Begins every key of this test, ends with `:`. Other tests use the same server at the same time. */
  readonly prefix: string;
  /** A new client of the run's server, closed by `close()`. It does not add the prefix by itself. */
  client(options?: TestRedisOptions): Redis;
  /** Deletes the keys under the prefix and closes every client. */
  close(): Promise<void>;
}

/**
 * A part of the run's Redis server for one test or test file.
 * @throws ServerUrlMissingError (`ERR_TESTING_SERVER_URL`)
 */
export async function testRedis(): Promise<TestRedis> {
  const url = serverUrl('TEST_REDIS_URL').href;
  // Loaded here, so that the tests of a package without Redis do not pay for the client.
  const ioredis = await import('ioredis');
  const prefix = `test:${randomBytes(8).toString('hex')}:`;
  const clients: Redis[] = [];
  const open = (options?: TestRedisOptions): Redis => {
    const client = options ? new ioredis.Redis(url, options) : new ioredis.Redis(url);
    clients.push(client);
    return client;
  };

  const close = async (): Promise<void> => {
    const cleaner = open();
    for await (const keys of cleaner.scanStream({ match: `${prefix}*`, count: 1_000 }) as AsyncIterable<string[]>) {
      if (keys.length > 0) await cleaner.unlink(keys);
    }
    await Promise.all(clients.splice(0).map(disconnect));
  };
  return { url, prefix, client: open, close, [Symbol.asyncDispose]: close };
}

async function disconnect(client: Redis): Promise<void> {
  // Between two attempts to connect ioredis only drops its timer: the client stays `reconnecting`, and no event comes.
  const silent = client.status === 'end' || client.status === 'reconnecting';
  const ended = silent ? undefined : once(client, 'end');
  client.disconnect();
  await ended;
}
