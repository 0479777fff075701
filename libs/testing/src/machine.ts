import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCommand } from './run-command.ts';

/** What the choice of a server depends on. Tests hand in machines that they do not have. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  /** Effective user id; `undefined` where there is none. */
  readonly uid: number | undefined;
  env(name: string): string | undefined;
  /** Path of the first of these programs that is installed. */
  findProgram(names: readonly string[]): string | undefined;
  /** True when a Docker daemon answers. */
  dockerWorks(): Promise<boolean>;
  readonly run: typeof runCommand;
}

// Servers are often installed where the PATH of an ordinary user does not look: Debian, RHEL, Homebrew.
const SERVER_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/usr/libexec', '/opt/homebrew/bin', '/opt/homebrew/opt/mariadb/bin'];

/** A daemon that does not answer must not hold up a test run for long. */
const DOCKER_TIMEOUT_MS = 10_000;

export const thisMachine: Machine = {
  platform: process.platform,
  uid: process.geteuid?.(),
  env: (name) => process.env[name],
  findProgram(names) {
    const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...SERVER_FOLDERS];
    return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
  },
  async dockerWorks() {
    if (!thisMachine.findProgram(['docker'])) return false;
    const { code, stdout } = await runCommand('docker', ['info', '--format', '{{.ServerVersion}}'], { timeoutMs: DOCKER_TIMEOUT_MS });
    return code === 0 && stdout.trim() !== '';
  },
  run: runCommand,
};

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
