import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { ROOT } from '../workspace.ts';

const FIXTURE = join(import.meta.dirname, 'fixtures/wait-for-signal.ts');

function bootstrap(...args: string[]) {
  const child = spawn(process.execPath, [join(ROOT, 'tools/bootstrap.mjs'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, exit: once(child, 'close'), line: async () => (await lines.next()).value as string, stderr: () => stderr };
}

it('runs the script on Node 24.12 or newer with libraries resolved to source, and passes its arguments on', async () => {
  const { child, exit, line } = bootstrap(FIXTURE, 'one', '--two=2');
  const { node, args, kernel } = JSON.parse(await line()) as { node: string; args: string[]; kernel: string };
  const [major, minor] = node.split('.').map(Number) as [number, number];
  expect(major * 100 + minor).toBeGreaterThanOrEqual(2_412);
  expect(args).toEqual(['one', '--two=2']);
  expect(kernel).toMatch(/libs\/kernel\/src\/index\.ts$/);
  child.kill('SIGTERM');
  await exit;
});

it.each(['SIGINT', 'SIGTERM'] as const)('passes %s on once although the terminal and npm both deliver it, and exits like the script', async (signal) => {
  const { child, exit, line } = bootstrap(FIXTURE);
  await line();
  child.kill(signal);
  child.kill(signal);
  expect(await line()).toBe(`1 ${signal}`);
  expect(await exit).toEqual([7, null]);
});

it('says how it is used when it gets no script', async () => {
  const { exit, stderr } = bootstrap();
  expect(await exit).toEqual([1, null]);
  expect(stderr()).toBe('staddle: usage: node tools/bootstrap.mjs SCRIPT [args…]\n');
});
