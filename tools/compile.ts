import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './workspace.ts';

/**
 * Runs `tsc -b` over the project folders, given relative to the root, and what they reference; returns its exit code.
 * One run for all: the compiler knows the order from the references, and two runs at a time would write the same files.
 */
export function compile(projects: readonly string[]): number {
  return spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-b', ...projects], { cwd: ROOT, stdio: 'inherit' }).status ?? 1;
}
