import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Cleans up after this process, even when it is killed with SIGKILL.
 *
 * A small shell waits at the other end of a pipe. However this process ends, the kernel closes the pipe; the shell
 * then kills the process it was last told of and runs the clean-up command. A normal `close()` takes the very same
 * way, so the path that matters in an accident is the one that every test run uses.
 */
export interface Guard {
  /** The process to kill at the end; `undefined` when there is none (any more). */
  watch(pid: number | undefined): void;
  /** Kills and cleans up now. Idempotent. */
  close(): Promise<void>;
}

// The last line read is the process to kill. A killed process may still write into the folder that is being
// deleted; hence the second try.
const SCRIPT = 'pid=; while read -r line; do pid=$line; done; [ -n "$pid" ] && kill -9 "$pid"; "$@" || { sleep 1; "$@"; }';

/** @param cleanUp command and arguments, run once, at the end: `['rm', '-rf', folder]` */
export function startGuard(cleanUp: readonly string[]): Guard {
  // Detached: Ctrl-C in a terminal goes to the whole process group, and the guard must outlive it.
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'guard', ...cleanUp], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  const exited = once(shell, 'exit');
  // A shell that is gone already is found out by `exited`.
  shell.stdin.on('error', () => {});
  shell.unref();
  return {
    watch: (pid) => void shell.stdin.write(`${pid ?? ''}\n`),
    async close() {
      shell.ref();
      shell.stdin.end();
      await exited;
    },
  };
}
