import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT, type WorkspacePackage } from './workspace.ts';

/**
 * Builds the dist of the packages and of what they depend on, in one compiler run: `tsc -b` knows the order from the
 * references, and two runs at a time would write the same files.
 */
export function buildPackages(packages: readonly WorkspacePackage[]): void {
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-b', ...packages.map(({ dir }) => dir)], { cwd: ROOT, stdio: 'inherit' });
}
