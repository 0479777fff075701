import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readdir, readFile, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ServerStartError } from './errors.ts';
import { freePort } from './free-port.ts';
import { startGuard, type Guard } from './guard.ts';
import type { ServerKind, ServerPlace, TestServer, TestServerOptions } from './test-server.ts';
import { waitFor } from './wait-for.ts';

/** A cold disk and a busy machine; a server that needs longer hangs. */
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 20;
/** Somebody else must win the race for a fresh port so many times in a row before we give up. */
const PORT_ATTEMPTS = 5;

/**
 * Runs a server program on a free port of 127.0.0.1 with a data folder of its own under the system's temporary folder.
 * @throws ServerStartError (`ERR_TESTING_SERVER_START`) with the end of the server's log
 */
export async function startLocalServer(kind: ServerKind, program: string, options: TestServerOptions = {}, pickPort: () => Promise<number> = freePort): Promise<TestServer> {
  // The real path, because the server will be asked for it; /tmp is a symbolic link on macOS.
  const folder = await realpath(await mkdtemp(join(tmpdir(), `staddle-${kind.name}-`)));
  const guard = startGuard(['rm', '-rf', folder]);
  const place = { program, folder };
  try {
    await kind.prepare(place);
    for (let attempt = 1; ; attempt++) {
      const port = await pickPort();
      try {
        return serverOn(port, await launch(port));
      } catch (error) {
        if (attempt === PORT_ATTEMPTS || !(error instanceof ServerStartError) || !/address already in use/i.test(error.message)) throw error;
      }
    }
  } catch (error) {
    await guard.close();
    throw error;
  }

  async function launch(port: number): Promise<ChildProcess> {
    const args = [...kind.placeArgs(place, port), ...kind.settings, ...(options.args ?? [])];
    return launchProcess(kind, place, args, kind.url(port), guard);
  }

  function serverOn(port: number, first: ChildProcess): TestServer {
    let child = first;
    const stop = async (): Promise<void> => {
      await end(child);
      await guard.close();
    };
    return {
      url: kind.url(port),
      host: '127.0.0.1',
      port,
      get pid() {
        return child.pid!;
      },
      pause: () => freeze(child),
      resume: async () => void child.kill('SIGCONT'),
      kill: () => end(child),
      async restart() {
        await end(child);
        child = await launch(port);
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  }
}

/** Starts the process and waits until this very process answers at `url`. */
async function launchProcess(kind: ServerKind, { program, folder }: ServerPlace, args: readonly string[], url: string, guard: Guard): Promise<ChildProcess> {
  const logPath = join(folder, 'server.log');
  await using log = await open(logPath, 'w');
  // Detached, so that Ctrl-C does not take the server away under tests that are still closing their clients.
  const child = spawn(program, args, { cwd: folder, detached: true, stdio: ['ignore', log.fd, log.fd] });
  guard.watch(child.pid);
  child.once('exit', () => guard.watch(undefined));
  await once(child, 'spawn');
  child.unref();

  const deadline = performance.now() + START_TIMEOUT_MS;
  while (isRunning(child) && performance.now() < deadline) {
    // Refused connections are how a server looks that is still starting.
    const dataFolder = await kind.dataFolder(url).catch(() => undefined);
    if (dataFolder === folder) return child;
    await pause(POLL_MS);
  }
  const how = isRunning(child) ? `did not answer within ${START_TIMEOUT_MS} ms` : `ended with ${child.signalCode ?? `code ${child.exitCode}`}`;
  await end(child);
  const text = await readFile(logPath, 'utf8');
  throw new ServerStartError(`${program} ${how} while it started; the end of its log: ${text.trim().slice(-1_500)}`);
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** The signal only asks: a thread goes on until the kernel gets round to it, and may still answer. */
async function freeze(child: ChildProcess): Promise<void> {
  child.kill('SIGSTOP');
  // Where threads cannot be looked at, the signal must do.
  if (isRunning(child) && existsSync(`/proc/${child.pid}/task`)) await waitFor(() => standsStill(child), { what: 'the server to stand still' });
}

async function standsStill({ pid }: ChildProcess): Promise<boolean> {
  const tasks = `/proc/${pid}/task`;
  const stats = await Promise.all((await readdir(tasks)).map((task) => readFile(`${tasks}/${task}/stat`, 'utf8')));
  // 'pid (name) state …', where the name may hold anything. T: stopped; Z: has ended.
  return stats.every((stat) => /^ [TZ]/.test(stat.slice(stat.lastIndexOf(')') + 1)));
}

/** SIGKILL reaches a process that is stopped by SIGSTOP, too. */
async function end(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return;
  child.ref();
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
