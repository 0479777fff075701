import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { ServerStartError } from './errors.ts';
import { freePort } from './free-port.ts';
import { startGuard } from './guard.ts';
import { runCommand } from './run-command.ts';
import type { ServerKind, TestServer, TestServerOptions } from './test-server.ts';

/** The first start of a database image initialises its data. */
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 100;
const PORT_ATTEMPTS = 5;

/**
 * Runs a server as a container, its port published on 127.0.0.1 only. The container is removed at the end by the
 * guard, not by `--rm`: a killed container would otherwise be gone with its data before `restart()`.
 * @throws ServerStartError (`ERR_TESTING_SERVER_START`) with Docker's words
 */
export async function startDockerServer(kind: ServerKind, options: TestServerOptions = {}): Promise<TestServer> {
  await ensureImage(kind.image.name);
  const container = `staddle-test-${kind.name}-${randomBytes(6).toString('hex')}`;
  const guard = startGuard(['docker', 'rm', '-f', '-v', container]);
  try {
    const port = await runContainer(kind, container, options);
    const url = kind.url(port);
    await untilAnswers(kind, url, container);
    let pid = await mainProcess(container);
    const stop = (): Promise<void> => guard.close();
    // Docker refuses to kill a paused or ended container; neither matters here.
    const kill = async (): Promise<void> => {
      await runCommand('docker', ['unpause', container]);
      await runCommand('docker', ['kill', container]);
    };
    return {
      url,
      host: '127.0.0.1',
      port,
      get pid() {
        return pid;
      },
      pause: async () => void (await docker('pause', container)),
      resume: async () => void (await docker('unpause', container)),
      kill,
      async restart() {
        await kill();
        await docker('start', container);
        await untilAnswers(kind, url, container);
        pid = await mainProcess(container);
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await guard.close();
    throw error;
  }
}

/** Pulls visibly, because it takes minutes the first time. */
async function ensureImage(image: string): Promise<void> {
  const { code } = await runCommand('docker', ['image', 'inspect', image]);
  if (code === 0) return;
  const pulled = await runCommand('docker', ['pull', image], { visible: true });
  if (pulled.code !== 0) throw new ServerStartError(`docker pull ${image} ended with code ${pulled.code}`);
}

async function runContainer(kind: ServerKind, container: string, { args = [] }: TestServerOptions): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const env = kind.image.env.flatMap((setting) => ['--env', setting]);
    const publish = ['--publish', `127.0.0.1:${port}:${kind.image.port}`];
    try {
      await docker('run', '--detach', '--name', container, ...publish, ...env, kind.image.name, ...kind.settings, ...args);
      return port;
    } catch (error) {
      await runCommand('docker', ['rm', '-f', '-v', container]);
      if (attempt === PORT_ATTEMPTS || !/already (in use|allocated)/i.test(String(error))) throw error;
    }
  }
}

async function untilAnswers(kind: ServerKind, url: string, container: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      await kind.ping(url);
      return;
    } catch (error) {
      const state = await docker('inspect', '--format', '{{.State.Status}}', container);
      if (state === 'running' && performance.now() < deadline) {
        await pause(POLL_MS);
        continue;
      }
      const { stdout, stderr } = await runCommand('docker', ['logs', '--tail', '20', container]);
      throw new ServerStartError(`container of ${kind.image.name} is ${state} and does not answer; the end of its log: ${stdout}${stderr}`, { cause: error });
    }
  }
}

async function mainProcess(container: string): Promise<number> {
  return Number(await docker('inspect', '--format', '{{.State.Pid}}', container));
}

async function docker(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand('docker', args);
  if (code !== 0) throw new ServerStartError(`docker ${args.join(' ')} ended with code ${code}: ${stderr.trim()}`);
  return stdout.trim();
}
