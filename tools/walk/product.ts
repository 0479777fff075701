import { spawn } from 'node:child_process';
import { ROOT } from '../workspace.ts';

export interface RunningProduct {
  /** Milliseconds from the start of the process to the line that says it is ready. */
  readonly readyAfterMs: number;
  /** Everything it printed so far. */
  output(): string;
  /** Sends a signal to the process and those above the services, and resolves with the exit code, the name of the signal that ended it, or `still running` after 40 s. */
  stop(signal: NodeJS.Signals): Promise<number | string>;
}

export interface ProductOptions {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** A line that matches means ready. */
  readonly ready: RegExp;
  readonly timeoutMs?: number;
}

// Above the deadline that services give themselves.
const STOP_TIMEOUT_MS = 40_000;

/** Starts the product as a user would and waits until it says that it is ready. */
export async function startProduct({ command, env, ready, timeoutMs = 120_000 }: ProductOptions): Promise<RunningProduct> {
  const startedAt = performance.now();
  const child = spawn(command[0]!, command.slice(1), { cwd: ROOT, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  // To the whole group, as a terminal does with Ctrl-C: old versions of npm pass no signal on.
  const signalGroup = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-child.pid!, signal);
    } catch {
      // The group is gone already.
    }
  };
  // It does not outlive us, however we end. Not SIGKILL: the services are in a group of their own and would not hear of it.
  const endWithUs = (): void => signalGroup('SIGTERM');
  process.once('exit', endWithUs);
  const exited = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => {
      process.off('exit', endWithUs);
      resolve(code ?? signal ?? 'unknown');
    });
  });
  let output = '';
  const isReady = new Promise<void>((resolve) => {
    const collect = (chunk: Buffer): void => {
      output += chunk;
      if (ready.test(output)) resolve();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
  });
  const deadline = new Promise<'late'>((resolve) => {
    setTimeout(resolve, timeoutMs, 'late').unref();
  });
  const outcome = await Promise.race([isReady.then(() => 'ready' as const), deadline, exited]);
  if (outcome !== 'ready') {
    signalGroup('SIGTERM');
    throw new Error(`${command.join(' ')} did not become ready (${outcome}):\n${output}`);
  }
  return {
    readyAfterMs: performance.now() - startedAt,
    output: () => output,
    async stop(signal) {
      signalGroup(signal);
      const late = new Promise<string>((resolve) => {
        setTimeout(resolve, STOP_TIMEOUT_MS, 'still running').unref();
      });
      return Promise.race([exited, late]);
    },
  };
}
