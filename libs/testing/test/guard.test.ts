import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { spawnNode, waitFor } from '@staddle/testing';
import { startGuard } from '../src/guard.ts';
import { ask, makeProgram } from './fixtures/plain-kind.ts';
import { accepts, SOON } from './fixtures/ports.ts';

describe('startGuard', () => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('takes a server and its folder away when its owner dies of %s', async (signal) => {
    await using program = await makeProgram('plain-server', 'plain-server.ts');
    await using owner = spawnNode({ script: 'test/fixtures/server-owner.ts', args: [program.path] });
    const url = await owner.waitForLine('plain://');
    const { folder } = await ask(url);
    expect(existsSync(folder!)).toBe(true);

    owner.kill(signal);
    await expect.poll(() => accepts(Number(new URL(url).port)), SOON).toBe(false);
    await waitFor(() => !existsSync(folder!), { what: `${folder} to be removed` });
  });

  it('cleans up when it is closed, once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'staddle-guard-'));
    const guard = startGuard(['rm', '-rf', folder]);
    guard.watch(undefined);
    await Promise.all([guard.close(), guard.close()]);
    expect(existsSync(folder)).toBe(false);
    await guard.close();
  });
});
