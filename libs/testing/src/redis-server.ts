import type { Redis } from 'ioredis';
import { startPrivateServer } from './start-server.ts';
import type { ServerKind, TestServer, TestServerOptions } from './test-server.ts';

const ANSWER_TIMEOUT_MS = 5_000;

export const REDIS: ServerKind = {
  name: 'redis',
  variable: 'TEST_REDIS_URL',
  programs: ['redis-server', 'valkey-server'],
  packages: { apt: 'redis-server', dnf: 'redis', apk: 'redis', brew: 'redis' },
  image: { name: 'redis:7', port: 6379, env: [] },
  url: (port) => `redis://127.0.0.1:${port}`,
  settings: ['--save', '', '--appendonly', 'no'],
  prepare: async () => {},
  placeArgs: ({ folder }, port) => ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder],
  ping: (url) => withClient(url, async (client) => void (await client.ping())),
  dataFolder: (url) => withClient(url, async (client) => ((await client.config('GET', 'dir')) as string[])[1] ?? ''),
};

/**
 * A private Redis without persistence: `kill()` and `restart()` give an empty one.
 * @throws ServersUnavailableError (`ERR_TESTING_SERVERS`)
 * @throws ServerStartError (`ERR_TESTING_SERVER_START`)
 */
export function startRedis(options: TestServerOptions = {}): Promise<TestServer> {
  return startPrivateServer(REDIS, options);
}

async function withClient<T>(url: string, ask: (client: Redis) => Promise<T>): Promise<T> {
  const ioredis = await import('ioredis');
  const client = new ioredis.Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: ANSWER_TIMEOUT_MS,
    commandTimeout: ANSWER_TIMEOUT_MS,
  });
  // The promise of connect() only says "Connection is closed"; the reason comes as an event.
  let reason: Error | undefined;
  client.on('error', (error: Error) => (reason = error));
  try {
    await client.connect();
    return await ask(client);
  } catch (error) {
    throw reason ?? error;
  } finally {
    client.disconnect();
  }
}
