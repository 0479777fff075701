import { afterEach, describe, expect, it } from 'vitest';
import { runExample, spawnNode, type ChildHandle, type SpawnNodeOptions } from '@staddle/testing';
import { accepts, SOON } from './fixtures/ports.ts';

const SCRIPT = 'test/fixtures/talker.ts';
const children: ChildHandle[] = [];

function start(options: Partial<SpawnNodeOptions> = {}): ChildHandle {
  const child = spawnNode({ script: SCRIPT, ...options });
  children.push(child);
  return child;
}

afterEach(async () => {
  for (const child of children.splice(0)) await child[Symbol.asyncDispose]();
});

describe('spawnNode', () => {
  it('runs the script from source', async () => {
    expect(await start().waitForLine('source:')).toBe('source: true, function');
  });

  it('finds a line by text or pattern, also one that came before', async () => {
    const child = start({ args: ['--say', 'port 4100', '--say', 'port 4200'] });
    expect(await child.waitForLine(/port 42\d\d/)).toBe('port 4200');
    expect(await child.waitForLine('port')).toBe('port 4100');
  });

  it('adds to the environment and takes variables away', async () => {
    const added = start({ env: { STADDLE_PORT: '4100' }, args: ['--env', 'STADDLE_PORT'] });
    expect(await added.waitForLine('STADDLE_PORT')).toBe('STADDLE_PORT=4100');
    const taken = start({ env: { PATH: undefined }, args: ['--env', 'PATH'] });
    expect(await taken.waitForLine('PATH')).toBe('PATH=not set');
  });

  it('gives all lines to every reader, and ends them with the process', async () => {
    const child = start({ args: ['--say', 'one', '--say', 'two', '--exit', '3'] });
    const read = async (): Promise<string[]> => {
      const lines: string[] = [];
      for await (const line of child.lines) lines.push(line);
      return lines;
    };
    const [first, second] = await Promise.all([read(), read()]);
    expect(first).toEqual(['one', 'two', 'source: true, function']);
    expect(second).toEqual(first);
    expect(await read()).toEqual(first);
    expect(await child.exit).toEqual({ code: 3, signal: null });
    expect(child.stderr()).toBe('a word on stderr\n');
  });

  it('delivers signals', async () => {
    const polite = start();
    await polite.waitForLine('ready');
    polite.kill();
    expect(await polite.exit).toEqual({ code: 0, signal: null });
    expect(polite.stdout()).toContain('got SIGTERM');

    const abrupt = start();
    await abrupt.waitForLine('ready');
    abrupt.kill('SIGKILL');
    expect(await abrupt.exit).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('says how the process ended when the line never comes', async () => {
    await expect(start({ args: ['--exit', '5'] }).waitForLine('ready')).rejects.toMatchObject({
      code: 'ERR_TESTING_CHILD_EXITED',
      message: expect.stringMatching(/ended with code 5 before a line matching ready; its output: .*a word on stderr/s),
    });
  });

  it('gives up on a line in time', async () => {
    await expect(start().waitForLine('never said', { timeoutMs: 5 })).rejects.toMatchObject({ code: 'ERR_TESTING_TIMEOUT' });
  });

  it('reports a folder that is not there as an end, not as a crash of the test', async () => {
    const child = start({ cwd: '/no/such/folder' });
    expect(await child.exit).toEqual({ code: null, signal: null });
    expect(child.stderr()).toContain('ENOENT');
  });

  it('takes its children along when the process ends', async () => {
    const parent = start({ script: 'test/fixtures/parent-of-talker.ts' });
    const line = await parent.waitForLine('grandchild is ready');
    await parent.exit;
    await expect.poll(() => accepts(Number(/\d+$/.exec(line)?.[0])), SOON).toBe(false);
  });
});

describe('runExample', () => {
  it('gives the exit code and the whole output', async () => {
    expect(await runExample(SCRIPT, { args: ['--say', 'hello', '--exit', '0'] })).toEqual({
      code: 0,
      stdout: 'hello\nsource: true, function\n',
      stderr: 'a word on stderr\n',
    });
  });

  it('kills an example that does not end', async () => {
    await expect(runExample(SCRIPT, { timeoutMs: 5 })).rejects.toMatchObject({ code: 'ERR_TESTING_TIMEOUT' });
  });
});
