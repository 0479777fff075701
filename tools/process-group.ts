import { spawn } from 'node:child_process';
import { ROOT } from './workspace.ts';

export interface GroupOptions {
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Aborting ends the process and every process below it. */
  readonly signal?: AbortSignal;
}

/** Runs this Node with `args` and its output passed through; resolves with the exit code. */
export function runGroup(args: readonly string[], { cwd = ROOT, env = {}, signal }: GroupOptions = {}): Promise<number> {
  const child = spawn(process.execPath, args, {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
    // A group of its own, so that the processes below it can be ended together with it.
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
