import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startMariadb, startRedis, startTestServers, type Machine, type TestServer } from '@staddle/testing';
import { thisMachine } from '../src/machine.ts';
import { startPrivateServer } from '../src/start-server.ts';
import { REDIS } from '../src/redis-server.ts';
import { machine } from './fixtures/machines.ts';
import { accepts, SOON } from './fixtures/ports.ts';

let redis: TestServer;
let mariadb: TestServer;

beforeAll(async () => {
  [redis, mariadb] = await Promise.all([startRedis(), startMariadb()]);
});
afterAll(async () => {
  await Promise.all([redis.stop(), mariadb.stop()]);
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

/** Debian as root without servers, where apt-get "installs" them: only then are the real ones found. */
function bareDebian(installed: (args: readonly string[]) => number): Machine & { readonly commands: string[] } {
  const commands: string[] = [];
  let done = false;
  return {
    ...machine({ uid: 0 }),
    commands,
    findProgram: (names) => (names.includes('apt-get') ? '/usr/bin/apt-get' : done ? thisMachine.findProgram(names) : undefined),
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

  it('installs what is missing on Debian as root, and starts it', async () => {
    const debian = bareDebian(() => 0);
    await using servers = await startTestServers({ machine: debian });
    expect(debian.commands).toEqual([
      'apt-get -o DPkg::Lock::Timeout=600 update',
      'apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends redis-server mariadb-server',
    ]);
    expect(await ping(servers.redisUrl)).toBe('PONG');
  });

  it('says when apt-get fails, and when it brought no program', async () => {
    await expect(startTestServers({ machine: bareDebian(() => 100) })).rejects.toMatchObject({
      code: 'ERR_TESTING_SERVERS',
      message: expect.stringContaining('update ended with code 100'),
    });
    const useless: Machine = { ...bareDebian(() => 0), findProgram: (names) => (names.includes('apt-get') ? '/usr/bin/apt-get' : undefined) };
    await expect(startTestServers({ machine: useless })).rejects.toMatchObject({
      code: 'ERR_TESTING_SERVERS',
      message: 'redis-server is installed, but none of redis-server, valkey-server is found',
    });
  });

  it('stops the one server when the other does not start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'staddle-wrapped-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const wrapped = join(folder, 'redis-server');
    await writeFile(wrapped, `#!/bin/sh\necho "$2" > ${folder}/port\nexec ${thisMachine.findProgram(['redis-server', 'valkey-server'])} "$@"\n`, { mode: 0o755 });
    const broken: Machine = { ...machine(), findProgram: (names) => (names.includes('mariadbd') ? '/bin/false' : wrapped) };
    await expect(startTestServers({ machine: broken })).rejects.toMatchObject({ code: 'ERR_TESTING_SERVER_START' });
    const port = Number(await readFile(join(folder, 'port'), 'utf8'));
    await expect.poll(() => accepts(port), SOON).toBe(false);
  });
});

describe('startPrivateServer', () => {
  it('says what to type where there is nothing', async () => {
    await expect(startPrivateServer(REDIS, {}, machine({ programs: ['dnf'] }))).rejects.toMatchObject({
      code: 'ERR_TESTING_SERVERS',
      message: expect.stringContaining('sudo dnf install -y redis'),
    });
  });

  it('installs on Debian as root', async () => {
    const debian = bareDebian(() => 0);
    await using server = await startPrivateServer(REDIS, {}, debian);
    expect(debian.commands.at(-1)).toContain('--no-install-recommends redis-server');
    expect(await ping(server.url)).toBe('PONG');
  });
});
