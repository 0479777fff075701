import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, type TestServer } from '@staddle/testing';
import { startLocalServer } from '../src/local-server.ts';
import type { ServerKind, TestServerOptions } from '../src/test-server.ts';
import { ask, makeProgram, PLAIN } from './fixtures/plain-kind.ts';
import { accepts, SOON } from './fixtures/ports.ts';

let program: Awaited<ReturnType<typeof makeProgram>>;

beforeAll(async () => {
  program = await makeProgram('plain-server', 'plain-server.ts');
});
afterAll(() => program[Symbol.asyncDispose]());

function start(options: TestServerOptions = {}, pickPort?: () => Promise<number>, kind: ServerKind = PLAIN): Promise<TestServer> {
  return startLocalServer(kind, program.path, options, pickPort);
}

describe('startLocalServer', () => {
  it('gives a server with a folder of its own under the temporary folder, and leaves nothing behind', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    const { folder } = await ask(one.url);
    expect(folder!.startsWith(realpathSync(tmpdir()))).toBe(true);
    expect([one.port !== two.port, folder !== (await ask(two.url)).folder, existsSync(folder!)]).toEqual([true, true, true]);

    await Promise.all([one.stop(), two.stop()]);
    expect(existsSync(folder!)).toBe(false);
    await expect.poll(() => accepts(one.port), SOON).toBe(false);
    await one.stop();
  });

  it('takes further arguments, which win over those of the kind', async () => {
    await using plain = await start();
    await using special = await start({ args: ['--motto', 'mine'] });
    expect([(await ask(plain.url)).motto, (await ask(special.url)).motto]).toEqual(['set by the kind', 'mine']);
  });

  it('can be paused and resumed', async () => {
    await using server = await start();
    await server.pause();
    // The kernel still accepts; nobody answers.
    const answer = ask(server.url);
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 50, 'silence'))]);
    expect(first).toBe('silence');
    await server.resume();
    expect((await answer).motto).toBe('set by the kind');
  });

  // Elsewhere there is no /proc to look at.
  it.runIf(process.platform === 'linux')('stands still in all its threads once it is paused', async () => {
    await using server = await start();
    const tasks = `/proc/${server.pid}/task`;
    const states = (): (string | undefined)[] => readdirSync(tasks).map((task) => /\) (\w)/.exec(readFileSync(`${tasks}/${task}/stat`, 'utf8'))?.[1]);
    for (let round = 0; round < 20; round++) {
      const answer = ask(server.url);
      await server.pause();
      expect(new Set(states())).toEqual(new Set(['T']));
      await server.resume();
      await answer;
    }
  });

  it('can be killed and started again on the same port and folder', async () => {
    await using server = await start();
    const { port, pid, url } = server;
    const { folder } = await ask(url);
    await server.kill();
    await server.kill();
    await expect.poll(() => accepts(port), SOON).toBe(false);
    await server.restart();
    expect([server.port, server.url, (await ask(url)).folder]).toEqual([port, url, folder]);
    expect(server.pid).not.toBe(pid);
    await server.restart();
    expect((await ask(url)).folder).toBe(folder);
  });

  it('can be stopped while it is paused', async () => {
    const server = await start();
    await server.pause();
    await server.stop();
    await expect.poll(() => accepts(server.port), SOON).toBe(false);
  });

  it('tries another port when a neighbour was faster, and never hands out the neighbour', async () => {
    await using neighbour = await start();
    const ports = [neighbour.port, neighbour.port];
    await using server = await start({}, async () => ports.shift() ?? freePort());
    expect(ports).toEqual([]);
    expect((await ask(server.url)).folder).not.toBe((await ask(neighbour.url)).folder);
  });

  it('gives up after some ports', async () => {
    await using neighbour = await start();
    let picked = 0;
    await expect(start({}, async () => (picked++, neighbour.port))).rejects.toMatchObject({ code: 'ERR_TESTING_SERVER_START' });
    expect(picked).toBe(5);
  });

  it('shows the log of a server that does not start, and removes its folder', async () => {
    let folder = '';
    const kind: ServerKind = { ...PLAIN, prepare: async (place) => void (folder = place.folder) };
    await expect(start({ args: ['--fail', 'bad setting'] }, undefined, kind)).rejects.toMatchObject({
      code: 'ERR_TESTING_SERVER_START',
      message: `${program.path} ended with code 3 while it started; the end of its log: bad setting`,
    });
    expect([folder === '', existsSync(folder)]).toEqual([false, false]);
  });

  it('removes the folder when it cannot be prepared, or when the program is not there', async () => {
    const folders: string[] = [];
    const failing: ServerKind = {
      ...PLAIN,
      async prepare({ folder }) {
        folders.push(folder);
        throw new Error('disk is full');
      },
    };
    await expect(start({}, undefined, failing)).rejects.toThrow('disk is full');
    const kind: ServerKind = { ...PLAIN, prepare: async ({ folder }) => void folders.push(folder) };
    await expect(startLocalServer(kind, '/no/such/program')).rejects.toThrow('ENOENT');
    expect(folders.map((folder) => existsSync(folder))).toEqual([false, false]);
  });
});
