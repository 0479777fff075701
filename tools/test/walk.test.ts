import { join } from 'node:path';
import { spawnNode, waitFor } from '@staddle/testing';
import { expect, it } from 'vitest';
import { ROOT } from '../workspace.ts';

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

it('leaves no product behind when a walk ends in the middle', async () => {
  await using walk = spawnNode({ script: join(ROOT, 'tools/test/fixtures/leave-product.ts'), cwd: ROOT });
  expect(await walk.exit).toEqual({ code: 0, signal: null });
  const pid = Number(walk.stdout());
  expect(pid).toBeGreaterThan(0);
  await waitFor(() => !isAlive(pid), { what: `process ${pid} to end` });
});
