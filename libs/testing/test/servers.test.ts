import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMariadb, startRedis, startTestServers, type Machine, type TestServer } from '@staddle/testing';
import { thisMachine } from '../src/machine.ts';
import { startServers } from '../src/servers.ts';
import { startPrivateServer } from '../src/start-server.ts';
import type { ServerKind } from '../src/test-server.ts';
import { machine } from './fixtures/machines.ts';
import { ask, makeProgram, PLAIN } from './fixtures/plain-kind.ts';
import { accepts, SOON } from './fixtures/ports.ts';

let redis: TestServer;
let mariadb: TestServer;
let plain: Awaited<ReturnType<typeof makeProgram>>;

beforeAll(async () => {
  [redis, mariadb, plain] = await Promise.all([startRedis(), startMariadb(), makeProgram('plain-server', 'plain-server.ts')]);
});
afterAll(async () => {
  await Promise.all([redis.stop(), mariadb.stop(), plain[Symbol.asyncDispose]()]);
});

async function ping(url: string): Promise<string> {
  const client = new Redis(url, { retryStrategy: () => null });
  client.on('error', () => {});
  try {
    return await client.ping();
  } finally {
    client.disconnect();
  }
}

/** Debian as root without servers, where apt-get "installs" the plain one: only then is it found. */
function bareDebian(installed: (args: readonly string[]) => number): Machine & { readonly commands: string[] } {
  const commands: string[] = [];
  let done = false;
  return {
    ...machine({ uid: 0 }),
    commands,
    findProgram: (names) => (names.includes('apt-get') ? '/usr/bin/apt-get' : done && names.includes('plain-server') ? plain.path : undefined),
    async run(command, args) {
      commands.push([command, ...args].join(' '));
      const code = installed(args);
      done = code === 0 && args.includes('install');
      return { code, stdout: '', stderr: '' };
    },
  };
}

describe('startTestServers', () => {
  it('uses the servers of the environment, and leaves them running', async () => {
    const env = { TEST_REDIS_URL: redis.url, TEST_MYSQL_URL: mariadb.url };
    const servers = await startTestServers({ machine: machine({ env }) });
    expect(servers.env).toEqual(env);
    expect([servers.redisUrl, servers.mysqlUrl]).toEqual([redis.url, mariadb.url]);
    await servers.stop();
    expect(await ping(redis.url)).toBe('PONG');
  });

  it('starts what the environment does not give, and stops just that', async () => {
    const servers = await startTestServers({ machine: { ...thisMachine, env: (name) => (name === 'TEST_MYSQL_URL' ? mariadb.url : undefined) } });
    expect(servers.mysqlUrl).toBe(mariadb.url);
    expect(await ping(servers.redisUrl)).toBe('PONG');
    await servers.stop();
    await expect.poll(() => accepts(Number(new URL(servers.redisUrl).port)), SOON).toBe(false);
    await servers.stop();
  });

  it.each([
    ['TEST_REDIS_URL', 'redis://user:hush@127.0.0.1:1/', 'TEST_REDIS_URL names redis://user:***@127.0.0.1:1/, which does not answer: Error: connect ECONNREFUSED 127.0.0.1:1'],
    ['TEST_MYSQL_URL', 'mysql://root:hush@127.0.0.1:1', 'TEST_MYSQL_URL names mysql://root:***@127.0.0.1:1, which does not answer: Error: connect ECONNREFUSED 127.0.0.1:1'],
    ['TEST_REDIS_URL', 'hush', 'TEST_REDIS_URL names something that is not a URL, which does not answer'],
  ])('says when %s=%s does not answer, without the password', async (variable, url, message) => {
    const env = { TEST_REDIS_URL: redis.url, TEST_MYSQL_URL: mariadb.url, [variable]: url };
    await expect(startTestServers({ machine: machine({ env }) })).rejects.toMatchObject({ code: 'ERR_TESTING_SERVERS', message: expect.stringContaining(message) });
  });

  it('says what to type where there is nothing, before it starts anything', async () => {
    const bare = machine({ platform: 'darwin', programs: ['redis-server'] });
    await expect(startTestServers({ machine: bare })).rejects.toMatchObject({
      code: 'ERR_TESTING_SERVERS',
      message:
        'no mariadb server for the tests: neither TEST_MYSQL_URL nor a program nor Docker is there. ' +
        'Install with "brew install mariadb", or start Docker, or point TEST_MYSQL_URL to a server',
    });
  });

  it('installs all that is missing on Debian as root at once, and says when it is of no use', async () => {
    const debian = bareDebian(() => 0);
    await expect(startTestServers({ machine: debian })).rejects.toMatchObject({
      code: 'ERR_TESTING_SERVERS',
      message: 'redis-server is installed, but none of redis-server, valkey-server is found',
    });
    expect(debian.commands).toEqual([
      'apt-get -o DPkg::Lock::Timeout=600 update',
      'apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends redis-server mariadb-server',
    ]);
  });

  it('says when apt-get fails', async () => {
    await expect(startTestServers({ machine: bareDebian(() => 100) })).rejects.toMatchObject({
      code: 'ERR_TESTING_SERVERS',
      message: 'apt-get -o DPkg::Lock::Timeout=600 update ended with code 100; its output is above',
    });
  });
});

describe('startServers', () => {
  it('stops the one server when the other does not start', async () => {
    let url = '';
    const watched: ServerKind = {
      ...PLAIN,
      url(port) {
        url = PLAIN.url(port);
        return url;
      },
    };
    const broken: ServerKind = { ...PLAIN, variable: 'TEST_MYSQL_URL', settings: ['--fail', 'bad setting'] };
    const onlyPlain: Machine = { ...machine(), findProgram: () => plain.path };
    await expect(startServers([watched, broken], onlyPlain)).rejects.toMatchObject({ code: 'ERR_TESTING_SERVER_START' });
    await expect.poll(() => accepts(Number(new URL(url).port)), SOON).toBe(false);
  });
});

describe('startPrivateServer', () => {
  it('says what to type where there is nothing', async () => {
    await expect(startPrivateServer(PLAIN, {}, machine({ programs: ['dnf'] }))).rejects.toMatchObject({
      code: 'ERR_TESTING_SERVERS',
      message: expect.stringContaining('Install with "sudo dnf install -y plain-dnf"'),
    });
  });

  it('installs on Debian as root, and starts what came', async () => {
    const debian = bareDebian(() => 0);
    await using server = await startPrivateServer(PLAIN, {}, debian);
    expect(debian.commands.at(-1)).toContain('--no-install-recommends plain-apt');
    expect((await ask(server.url)).motto).toBe('set by the kind');
  });
});
