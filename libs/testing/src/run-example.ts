import { spawnNode, type SpawnNodeOptions } from './child.ts';
import { withDeadline } from './with-deadline.ts';

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
  const { code } = await withDeadline(child.exit, timeoutMs, () => `${file} to end; its output: ${child.stdout()}${child.stderr()}`);
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}
