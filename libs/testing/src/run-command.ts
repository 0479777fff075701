import { spawn } from 'node:child_process';

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Shows the output on the standard error of this process instead of collecting it: for what takes minutes. */
  readonly visible?: boolean;
  /** The command is killed after so many ms. Default: never. */
  readonly timeoutMs?: number;
}

/** Runs a command to its end, whatever its exit code; rejects only when it cannot be started. */
export function runCommand(command: string, args: readonly string[], { env, visible = false, timeoutMs }: CommandOptions = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', visible ? 2 : 'pipe', visible ? 2 : 'pipe'],
      env: { ...process.env, ...env },
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: 'SIGKILL' }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}
