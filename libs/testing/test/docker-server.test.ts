import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TestServer } from '@staddle/testing';
import { thisMachine, type Machine } from '../src/machine.ts';
import { startPrivateServer } from '../src/start-server.ts';
import { ask, makeProgram, PLAIN } from './fixtures/plain-kind.ts';
import { accepts, SOON } from './fixtures/ports.ts';

/** A `docker` command at the head of PATH that runs "containers" as processes; see the fixture. */
let docker: Awaited<ReturnType<typeof makeProgram>>;

const withoutPrograms: Machine = { ...thisMachine, findProgram: (names) => (names.includes('docker') ? thisMachine.findProgram(names) : undefined) };

function start(args: readonly string[] = []): Promise<TestServer> {
  return startPrivateServer(PLAIN, { args }, withoutPrograms);
}

beforeEach(async () => {
  docker = await makeProgram('docker', 'docker-stand-in.ts');
  vi.stubEnv('DOCKER_STAND_IN', docker.folder);
  vi.stubEnv('PATH', `${docker.folder}:${process.env['PATH']}`);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await docker[Symbol.asyncDispose]();
});

describe('a server in Docker', () => {
  it('pulls the image once, answers on the loopback address, and is removed at the end', async () => {
    const first = await start();
    const second = await start();
    // The stand-in puts the address of --publish where a plain server has its folder.
    expect(await ask(first.url)).toEqual({ folder: '127.0.0.1', motto: 'set by the kind' });
    await Promise.all([first.stop(), second.stop()]);
    await expect.poll(() => accepts(first.port), SOON).toBe(false);
    expect((await readdir(docker.folder)).toSorted()).toEqual(['calls', 'docker', 'image']);
    expect((await readFile(join(docker.folder, 'calls'), 'utf8')).match(/^pull$/gm)).toHaveLength(1);
  });

  it('can be paused, resumed, killed and started again', async () => {
    await using server = await start();
    await server.pause();
    const answer = ask(server.url);
    await server.resume();
    expect((await answer).motto).toBe('set by the kind');

    const { pid } = server;
    await server.pause();
    await server.kill();
    await expect.poll(() => accepts(server.port), SOON).toBe(false);
    await server.restart();
    expect(server.pid).not.toBe(pid);
    expect((await ask(server.url)).motto).toBe('set by the kind');
  });

  it('shows the log of a container that ends while it starts, and removes it', async () => {
    await expect(start(['--fail', 'bad setting'])).rejects.toMatchObject({
      code: 'ERR_TESTING_SERVER_START',
      message: expect.stringMatching(/container of plain:1 is exited .*the last words of the container/s),
    });
    expect((await readdir(docker.folder)).toSorted()).toEqual(['calls', 'docker', 'image']);
  });
});
