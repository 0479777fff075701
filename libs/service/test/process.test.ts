import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

import { spawnNode, type ChildHandle } from '@staddle/testing';
import { expect, it, onTestFinished } from 'vitest';

function run(...args: string[]): ChildHandle {
  const child = spawnNode({ script: 'test/fixtures/run.ts', args });
  onTestFinished(() => child[Symbol.asyncDispose]());
  return child;
}

it.each(['SIGTERM', 'SIGINT'] as const)('stops in order and exits 0 at %s', async (signal) => {
  const child = run();
  await child.waitForLine('service demo is ready');
  child.kill(signal);
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(child.stdout().trim().split('\n').slice(-3)).toEqual(['service demo is stopping', 'workers stop', 'service demo has stopped']);
  expect(child.stderr()).toBe('');
});

it('takes two signals at once for one, as npm doubles Ctrl-C', async () => {
  const child = run();
  await child.waitForLine('service demo is ready');
  child.kill('SIGINT');
  child.kill('SIGINT');
  expect(await child.exit).toEqual({ code: 0, signal: null });
});

it('exits at once at a second signal', async () => {
  const child = run('stop-hangs');
  await child.waitForLine('service demo is ready');
  child.kill('SIGTERM');
  await child.waitForLine('workers stop');
  // Until it counts as a second one: the first half second belongs to the first.
  const again = setInterval(() => child.kill('SIGINT'), 100);
  onTestFinished(() => clearInterval(again));
  expect(await child.exit).toEqual({ code: 1, signal: null });
  expect(child.stderr()).toBe('SIGINT again: exiting without waiting for the stop\n');
});

it('exits 1 at the deadline and names what hangs', async () => {
  const child = run('stop-hangs-short');
  await child.waitForLine('service demo is ready');
  child.kill();
  expect(await child.exit).toEqual({ code: 1, signal: null });
  expect(child.stderr()).toBe('demo: service demo did not stop by its deadline: still waiting for component workers\n');
});

it('serves on, and stops at a signal, when nobody reads its output any more', async () => {
  const child = spawn(process.execPath, ['--conditions=@staddle/source', 'test/fixtures/run.ts'], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  for await (const text of child.stdout) if (String(text).includes('service demo is ready')) break;
  child.stdout.destroy();
  child.stderr.destroy();
  child.kill();
  expect(await once(child, 'exit')).toEqual([0, null]);
});

it('exits 0 at a signal before there is anything to stop', async () => {
  const child = run('make-hangs');
  await child.waitForLine('making');
  child.kill();
  expect(await child.exit).toEqual({ code: 0, signal: null });
});

it.each([['throw', 'thrown'], ['reject', 'rejected']])('logs an uncaught error (%s), stops and exits 1', async (fault, message) => {
  const child = run(fault);
  expect(await child.exit).toEqual({ code: 1, signal: null });
  expect(child.stdout()).toContain(`fatal: uncaught error: stopping: ${message}`);
  expect(child.stdout()).toContain('workers stop');
});

it('prints a configuration error in full and exits 78', async () => {
  const child = run('config');
  expect(await child.exit).toEqual({ code: 78, signal: null });
  expect(child.stderr()).toBe('2 faults in the configuration\n  port: too large\n  host: missing\n');
});

it('prints any other fault at the start in one line, with its place when it has no code, and exits 1', async () => {
  const child = run('make');
  expect(await child.exit).toEqual({ code: 1, signal: null });
  expect(child.stderr()).toMatch(/^start: cannot read properties at .*run\.ts:\d+:\d+\)?\n$/);
});

it('prints the component that cannot start and exits 1', async () => {
  const child = run('component');
  expect(await child.exit).toEqual({ code: 1, signal: null });
  expect(child.stderr()).toBe('demo: component workers cannot start: no such table\n');
});

it('prints the taken port and exits 1', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const child = run('none', String(port));
  expect(await child.exit).toEqual({ code: 1, signal: null });
  expect(child.stderr()).toBe(`demo: port ${port} on 127.0.0.1 is taken by another process; stop that one or choose a port with DEMO_PORT\n`);
});
