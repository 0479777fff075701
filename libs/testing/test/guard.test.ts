import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { spawnNode, waitFor } from '@staddle/testing';
import { startGuard } from '../src/guard.ts';
import { accepts, SOON } from './fixtures/ports.ts';

describe('startGuard', () => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('takes a server and its folder away when its owner dies of %s', async (signal) => {
    await using owner = spawnNode({ script: 'test/fixtures/server-owner.ts' });
    const port = Number((await owner.waitForLine('server')).split(' ')[1]);
    const client = new Redis(port, { retryStrategy: () => null });
    client.on('error', () => {});
    const [, folder] = (await client.config('GET', 'dir')) as [string, string];
    client.disconnect();
    expect(existsSync(folder)).toBe(true);

    owner.kill(signal);
    await expect.poll(() => accepts(port), SOON).toBe(false);
    await waitFor(() => !existsSync(folder), { what: `${folder} to be removed` });
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
