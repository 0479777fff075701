import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { ChildExitedError } from './errors.ts';
import { withDeadline } from './with-deadline.ts';

export interface SpawnNodeOptions {
  /** Path of the script, absolute or relative to `cwd`. */
  readonly script: string;
  readonly args?: readonly string[];
  /** Added to the environment of this process; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: the folder of this process. */
  readonly cwd?: string;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface WaitForLineOptions {
  /** Default 20000. */
  readonly timeoutMs?: number;
}

/** A Node process that runs one script from source. `await using` kills it at the end of the block. */
export interface ChildHandle extends AsyncDisposable {
  readonly pid: number;
  /** Lines of standard output. Every iteration starts at the first line and ends when the process has ended. */
  readonly lines: AsyncIterable<string>;
  /**
   * The first line of standard output that holds the text or matches the pattern; a line that came already counts.
   * @throws ChildExitedError (`ERR_TESTING_CHILD_EXITED`) when the process ends without one
   * @throws WaitTimeoutError (`ERR_TESTING_TIMEOUT`)
   */
  waitForLine(pattern: string | RegExp, options?: WaitForLineOptions): Promise<string>;
  stdout(): string;
  stderr(): string;
  /** Default SIGTERM. Harmless after the end. */
  kill(signal?: NodeJS.Signals): void;
  /** Resolves when the process has ended and its output is complete; never rejects. */
  readonly exit: Promise<ChildExit>;
}

// A test run that fails or is interrupted must not leave processes behind.
const alive = new Set<{ kill(signal: NodeJS.Signals): void }>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** Starts `node script` with the condition `@staddle/source`, so that the child runs from `.ts` sources as the tests do. */
export function spawnNode({ script, args = [], env = {}, cwd }: SpawnNodeOptions): ChildHandle {
  const child = spawn(process.execPath, ['--conditions=@staddle/source', script, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  alive.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));

  const seen: string[] = [];
  const wakers = new Set<() => void>();
  const wake = (): void => {
    for (const waker of wakers) waker();
    wakers.clear();
  };
  const reader = createInterface({ input: child.stdout }).on('line', (line) => {
    seen.push(line);
    wake();
  });

  let ended = false;
  const untilEnd = async (): Promise<ChildExit> => {
    try {
      const [[code, signal]] = await Promise.all([once(child, 'close'), once(reader, 'close')]);
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    } catch (error) {
      // It could not be started: `close` never comes.
      stderr += String(error);
      return { code: null, signal: null };
    } finally {
      ended = true;
      alive.delete(child);
      wake();
    }
  };
  const exit = untilEnd();

  async function* lines(): AsyncGenerator<string> {
    for (let index = 0; ; index++) {
      while (index >= seen.length) {
        if (ended) return;
        await new Promise<void>((resolve) => void wakers.add(resolve));
      }
      yield seen[index]!;
    }
  }

  const output = (): string => `${stdout.slice(-2_000)}${stderr.slice(-2_000)}`.trim();

  return {
    pid: child.pid ?? -1,
    lines: { [Symbol.asyncIterator]: lines },
    waitForLine(pattern, { timeoutMs = 20_000 } = {}) {
      const search = async (): Promise<string> => {
        for await (const line of lines()) {
          if (typeof pattern === 'string' ? line.includes(pattern) : line.search(pattern) >= 0) return line;
        }
        const { code, signal } = await exit;
        throw new ChildExitedError(`${script} ended with ${signal ?? `code ${code}`} before a line matching ${String(pattern)}; its output: ${output()}`);
      };
      return withDeadline(search(), timeoutMs, () => `a line matching ${String(pattern)} from ${script}; its output: ${output()}`);
    },
    stdout: () => stdout,
    stderr: () => stderr,
    kill: (signal = 'SIGTERM') => void child.kill(signal),
    exit,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}
