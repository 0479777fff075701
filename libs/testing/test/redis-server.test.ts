import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { startRedis, type TestServer } from '@staddle/testing';

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

describe('startRedis', () => {
  it('gives an empty server that saves nothing', async () => {
    await using server = await startRedis();
    const client = connect(server);
    expect(await client.dbsize()).toBe(0);
    expect([await client.config('GET', 'save'), await client.config('GET', 'appendonly')]).toEqual([
      ['save', ''],
      ['appendonly', 'no'],
    ]);
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
    await expect.poll(() => impatient.status).toBe('ready');
    await server.pause();
    const answer = client.get('key');
    await expect(impatient.get('key')).rejects.toThrow('Command timed out');
    await server.resume();
    expect(await answer).toBe('before');
    expect(client.status).toBe('ready');
  });

  it('comes back empty after it was killed, and clients find it again', async () => {
    await using server = await startRedis();
    const client = connect(server);
    await client.set('key', 'before');
    await server.kill();
    await server.restart();
    expect(await client.get('key')).toBeNull();
  });

  it('says why it does not start', async () => {
    await expect(startRedis({ args: ['--maxmemory', 'much'] })).rejects.toMatchObject({ code: 'ERR_TESTING_SERVER_START', message: expect.stringContaining('maxmemory "much"') });
  });
});
