import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TestServer } from '@staddle/testing';
import { thisMachine, type Machine } from '../src/machine.ts';
import { REDIS } from '../src/redis-server.ts';
import { startPrivateServer } from '../src/start-server.ts';
import { accepts, SOON } from './fixtures/ports.ts';

/** A `docker` command at the head of PATH that runs "containers" as processes; see the fixture. */
let home: string;

const withoutPrograms: Machine = { ...thisMachine, findProgram: (names) => (names.includes('docker') ? thisMachine.findProgram(names) : undefined) };

function start(args: readonly string[] = []): Promise<TestServer> {
  return startPrivateServer(REDIS, { args }, withoutPrograms);
}

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'staddle-docker-'));
  const command = join(home, 'docker');
  const script = join(import.meta.dirname, 'fixtures/docker-stand-in.ts');
  await writeFile(command, `#!/bin/sh\nexec ${process.execPath} ${script} "$@"\n`);
  await chmod(command, 0o755);
  vi.stubEnv('DOCKER_STAND_IN', home);
  vi.stubEnv('PATH', `${home}:${process.env['PATH']}`);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

describe('a server in Docker', () => {
  it('pulls the image once, answers, and is removed at the end', async () => {
    const first = await start();
    const second = await start();
    const client = new Redis(first.url);
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
    await Promise.all([first.stop(), second.stop()]);
    await expect.poll(() => accepts(first.port), SOON).toBe(false);
    expect((await readdir(home)).toSorted()).toEqual(['calls', 'docker', 'image']);
    expect((await readFile(join(home, 'calls'), 'utf8')).match(/^pull$/gm)).toHaveLength(1);
  });

  it('can be paused, resumed, killed and started again', async () => {
    await using server = await start();
    const client = new Redis(server.url, { retryStrategy: () => 20 });
    client.on('error', () => {});
    await server.pause();
    const answer = client.ping();
    await server.resume();
    expect(await answer).toBe('PONG');

    const { pid } = server;
    await server.pause();
    await server.kill();
    await expect.poll(() => accepts(server.port), SOON).toBe(false);
    await server.restart();
    expect(server.pid).not.toBe(pid);
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
  });

  it('shows the log of a container that ends while it starts, and removes it', async () => {
    await expect(start(['--maxmemory', 'much'])).rejects.toMatchObject({
      code: 'ERR_TESTING_SERVER_START',
      message: expect.stringMatching(/container of redis:7 is exited .*the last words of the container/s),
    });
    expect((await readdir(home)).toSorted()).toEqual(['calls', 'docker', 'image']);
  });
});
