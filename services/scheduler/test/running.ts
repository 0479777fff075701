import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@staddle/config';
import { createSchedulerService, schedulerSchema, type SchedulerServiceOptions } from '@staddle/scheduler-service';
import { signToken, type Service } from '@staddle/service';
import { callJson, recordingLogger, testDatabase, waitFor, type JsonAnswer, type JsonCallOptions, type RecordingLogger, type TestDialect } from '@staddle/testing';
import { onTestFinished } from 'vitest';

export const SECRET = 'a secret of the tests, more than 32 bytes long';

export interface Caller {
  readonly sub?: string;
  readonly roles?: readonly string[];
  readonly tenant?: string;
}

export function tokenOf({ sub = 'alice', ...rest }: Caller = {}): Promise<string> {
  return signToken({ secret: SECRET, sub, ttlMs: 600_000, now: Date.now(), ...rest });
}

export interface Running {
  readonly service: Service;
  readonly logger: RecordingLogger;
  readonly dataDir: string;
  /** Calls a route as an admin, unless told otherwise. A body makes it a POST. */
  call(path: string, options?: JsonCallOptions & { as?: Caller | 'nobody' }): Promise<JsonAnswer>;
  /** Creates a task and gives its JSON. */
  create(task: Record<string, unknown>): Promise<Record<string, string>>;
  /** Waits for the newest run of the task to be in the state. */
  runIn(uid: string | undefined, state: string): Promise<Record<string, unknown>>;
}

type Overrides = Partial<Omit<SchedulerServiceOptions, 'config' | 'logger'>> & { readonly settings?: Record<string, string | undefined>; readonly dialect?: TestDialect };

/** A ready service on a free port and a fresh database, stopped at the end of the test. */
export async function run({ settings = {}, dialect = 'sqlite', ...options }: Overrides = {}): Promise<Running> {
  const dataDir = await mkdtemp(join(tmpdir(), 'staddle-scheduler-'));
  const fresh = await testDatabase(dialect);
  const env = {
    STADDLE_DATA_DIR: dataDir,
    STADDLE_DATABASE__URL: fresh.url,
    STADDLE_AUTH__SECRET: SECRET,
    STADDLE_SCHEDULER__PORT: '0',
    STADDLE_SCHEDULER__HTTP__ALLOWED_HOSTS: 'localhost,127.0.0.1',
    ...settings,
  };
  const { current: config } = loadConfig({ schema: schedulerSchema, env, cwd: dataDir });
  const logger = recordingLogger();
  const service = await createSchedulerService({ config, logger, clients: { publish: async () => {} }, ...options });
  onTestFinished(async () => {
    await service.stop();
    await fresh.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  await service.start();
  await service.ready;

  const running: Running = {
    service,
    logger,
    dataDir,
    async call(path, { as = { roles: ['admin'] }, token, ...request } = {}) {
      const bearer = as === 'nobody' ? undefined : (token ?? (await tokenOf(as)));
      return callJson(`${service.url}${path}`, { ...request, token: bearer });
    },
    async create(task) {
      const { status, body } = await running.call('/v1/tasks', { body: { module: 'demo', handler: 'log', trigger: { kind: 'after', delay: 'P1D' }, payload: { message: 'hello' }, ...task } });
      if (status !== 201) throw new Error(`the task was refused: ${JSON.stringify(body)}`);
      return body as Record<string, string>;
    },
    runIn: (uid, state) => waitFor(async () => (await running.call(`/v1/tasks/${uid}/runs?state=${state}&limit=1`)).body.items[0] as Record<string, unknown> | undefined, { what: `a run of ${uid} to be ${state}` }),
  };
  return running;
}

/** A server for the http handler to call; closed at the end of the test. */
export async function listen(answer: (request: IncomingMessage, response: ServerResponse, body: string) => void): Promise<{ url: string; port: number; requests: { method: string; path: string; headers: IncomingMessage['headers']; body: string }[] }> {
  const requests: { method: string; path: string; headers: IncomingMessage['headers']; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    requests.push({ method: request.method!, path: request.url!, headers: request.headers, body });
    answer(request, response, body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, requests };
}
