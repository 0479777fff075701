import { join } from 'node:path';
import { runGroup, type GroupOptions } from './process-group.ts';
import { ROOT } from './workspace.ts';

const NX = join(ROOT, 'node_modules/nx/dist/bin/nx.js');

/** The static checks of the whole repository, as targets of the project `tools`. */
export const CHECKS = ['lint', 'boundaries', 'docs', 'types', 'unused'] as const;

/** Runs Nx with its output passed through; resolves with its exit code. */
export function runNx(args: readonly string[], { env = {}, ...options }: GroupOptions = {}): Promise<number> {
  // A daemon would outlive the run and keep watching a clone that may be temporary.
  return runGroup([NX, ...args], { ...options, env: { NX_DAEMON: 'false', NX_TUI: 'false', ...env } });
}
