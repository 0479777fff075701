import { existsSync } from 'node:fs';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort, startRedis, type TestServer } from '@staddle/testing';
import { startLocalServer } from '../src/local-server.ts';
import { thisMachine } from '../src/machine.ts';
import { REDIS } from '../src/redis-server.ts';
import { accepts, SOON } from './fixtures/ports.ts';

const clients: Redis[] = [];

function connect(server: TestServer, options: { commandTimeout?: number } = {}): Redis {
  const client = new Redis(server.url, { ...options, retryStrategy: () => 20 });
  client.on('error', () => {});
  clients.push(client);
  return client;
}

afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});

async function dataFolder(client: Redis): Promise<string> {
  return ((await client.config('GET', 'dir')) as string[])[1]!;
}

describe('startRedis', () => {
  it('gives a server of its own on the loopback address, and leaves nothing behind', async () => {
    const [one, two] = await Promise.all([startRedis(), startRedis()]);
    const client = connect(one);
    expect(one.port).not.toBe(two.port);
    expect(await client.config('GET', 'bind')).toEqual(['bind', '127.0.0.1']);
    const folder = await dataFolder(client);
    expect(existsSync(folder)).toBe(true);

    await Promise.all([one.stop(), two.stop()]);
    expect(existsSync(folder)).toBe(false);
    await expect.poll(() => accepts(one.port), SOON).toBe(false);
    await one.stop();
  });

  it('takes further settings, which win over its own', async () => {
    await using server = await startRedis({ args: ['--maxmemory', '10mb', '--appendonly', 'yes'] });
    const client = connect(server);
    expect(await client.config('GET', 'maxmemory')).toEqual(['maxmemory', '10485760']);
    expect(await client.config('GET', 'appendonly')).toEqual(['appendonly', 'yes']);
  });

  it('can be paused and resumed: connections stay, answers come late', async () => {
    await using server = await startRedis();
    const client = connect(server);
    await client.set('key', 'before');
    const impatient = connect(server, { commandTimeout: 50 });
    await impatient.ping();
    await server.pause();
    const answer = client.get('key');
    await expect(impatient.get('key')).rejects.toThrow('Command timed out');
    await server.resume();
    expect(await answer).toBe('before');
    expect(client.status).toBe('ready');
  });

  it('can be killed and started again on the same port, with clients that reconnect', async () => {
    await using server = await startRedis();
    const { port, pid, url } = server;
    const client = connect(server);
    await client.set('key', 'before');
    await server.kill();
    await expect.poll(() => accepts(port), SOON).toBe(false);
    await server.restart();
    expect([server.port, server.url]).toEqual([port, url]);
    expect(server.pid).not.toBe(pid);
    expect(await client.get('key')).toBeNull();
  });

  it('can be stopped while it is paused', async () => {
    const server = await startRedis();
    await server.pause();
    await server.stop();
    await expect.poll(() => accepts(server.port), SOON).toBe(false);
  });

  it('tries another port when a neighbour was faster, and never hands out the neighbour', async () => {
    await using neighbour = await startRedis();
    const ports = [neighbour.port, neighbour.port];
    const program = thisMachine.findProgram(REDIS.programs)!;
    await using server = await startLocalServer(REDIS, program, {}, async () => ports.shift() ?? freePort());
    expect(ports).toEqual([]);
    expect(server.port).not.toBe(neighbour.port);
    expect(await dataFolder(connect(server))).not.toBe(await dataFolder(connect(neighbour)));
  });

  it('gives up after some ports', async () => {
    await using neighbour = await startRedis();
    const program = thisMachine.findProgram(REDIS.programs)!;
    await expect(startLocalServer(REDIS, program, {}, async () => neighbour.port)).rejects.toMatchObject({ code: 'ERR_TESTING_SERVER_START' });
  });

  it('shows the log of a server that does not start', async () => {
    await expect(startRedis({ args: ['--maxmemory', 'much'] })).rejects.toMatchObject({
      code: 'ERR_TESTING_SERVER_START',
      message: expect.stringMatching(/redis-server ended with code 1 while it started; .*maxmemory "much"/s),
    });
  });
});
