import { spawnNode, type SpawnNodeOptions } from './child.ts';
import { WaitTimeoutError } from './errors.ts';

export interface RunExampleOptions extends Omit<SpawnNodeOptions, 'script'> {
  /** Default 30000; the example is then killed. */
  readonly timeoutMs?: number;
}

export interface ExampleResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs an example to its end: `runExample('examples/guard-a-job.ts')`. The path is relative to the package's folder, where its tests run.
 * @throws WaitTimeoutError (`ERR_TESTING_TIMEOUT`) when it does not end by itself
 */
export async function runExample(file: string, { timeoutMs = 30_000, ...options }: RunExampleOptions = {}): Promise<ExampleResult> {
  await using child = spawnNode({ script: file, ...options });
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new WaitTimeoutError(`${file} to end; its output: ${child.stdout()}${child.stderr()}`, timeoutMs)), timeoutMs);
  });
  try {
    const { code } = await Promise.race([child.exit, timeout]);
    return { code, stdout: child.stdout(), stderr: child.stderr() };
  } finally {
    clearTimeout(timer);
  }
}
