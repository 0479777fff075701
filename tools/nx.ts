import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './workspace.ts';

const NX = join(ROOT, 'node_modules/nx/dist/bin/nx.js');

/** The static checks of the whole repository, as targets of the project `tools`. */
export const CHECKS = ['lint', 'boundaries', 'docs', 'types', 'unused'] as const;

export interface NxOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Aborting ends Nx and every process below it. */
  readonly signal?: AbortSignal;
}

/** Runs Nx with its output passed through; resolves with its exit code. */
export function runNx(args: readonly string[], { env = {}, signal }: NxOptions = {}): Promise<number> {
  const child = spawn(process.execPath, [NX, ...args], {
    cwd: ROOT,
    stdio: 'inherit',
    // A daemon would outlive the run and keep watching a clone that may be temporary.
    env: { ...process.env, NX_DAEMON: 'false', NX_TUI: 'false', ...env },
    // A group of its own, so that its test workers can be ended together with it.
    detached: true,
  });
  const endGroup = (): void => {
    try {
      process.kill(-child.pid!, 'SIGTERM');
    } catch {
      // The group is gone already.
    }
  };
  signal?.addEventListener('abort', endGroup, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      signal?.removeEventListener('abort', endGroup);
      resolve(code ?? 1);
    });
  });
}

/** Aborts on the first Ctrl-C or SIGTERM, so that a run can take its servers down before it ends. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => controller.abort(new Error(name)));
  return controller.signal;
}
