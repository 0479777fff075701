import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@staddle/config';
import { signToken, type Service } from '@staddle/service';
import { createShortenerService, shortenerSchema, type ShortenerServiceOptions } from '@staddle/shortener-service';
import { callJson, recordingLogger, testDatabase, waitFor, type JsonAnswer, type JsonCallOptions, type RecordingLogger, type TestDialect } from '@staddle/testing';
import { onTestFinished } from 'vitest';

export const SECRET = 'a secret of the tests, more than 32 bytes long';
export const LONG_URL = 'https://example.com/a%20b?x=%20c&flag&y=a|b#part?z=1';

export interface Caller {
  readonly sub?: string;
  readonly roles?: readonly string[];
  readonly tenant?: string;
  readonly ttlMs?: number;
  readonly secret?: string;
}

export function tokenOf({ sub = 'alice', ttlMs = 600_000, secret = SECRET, ...rest }: Caller = {}): Promise<string> {
  return signToken({ secret, sub, ttlMs, now: Date.now(), ...rest });
}

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case, in the order and with the values that were sent. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

export interface Running {
  readonly service: Service;
  readonly logger: RecordingLogger;
  readonly dataDir: string;
  /** Calls a route as an admin, unless told otherwise. A body makes it a POST. */
  call(path: string, options?: JsonCallOptions & { as?: Caller | 'nobody' }): Promise<JsonAnswer>;
  /** Creates a link and gives its JSON. */
  create(link?: { longUrl?: string; slug?: string }, as?: Caller): Promise<Record<string, string>>;
  /** Asks for a path exactly as written, without an identity, and follows nothing. */
  visit(path: string, options?: { method?: string; headers?: Record<string, string> }): Promise<RawAnswer>;
  /** Waits until the link has at least so many visits, and gives how many it has. */
  visitsOf(uid: string | undefined, atLeast: number): Promise<number>;
}

type Overrides = Partial<Omit<ShortenerServiceOptions, 'config' | 'logger'>> & { readonly settings?: Record<string, string | undefined>; readonly dialect?: TestDialect };

/** A service on a free port and a fresh database, stopped at the end of the test; listening, and by default ready. */
export async function run({ settings = {}, dialect = 'sqlite', ...options }: Overrides = {}, { ready = true } = {}): Promise<Running> {
  const dataDir = await mkdtemp(join(tmpdir(), 'staddle-shortener-'));
  const fresh = await testDatabase(dialect);
  const env = { STADDLE_DATA_DIR: dataDir, STADDLE_DATABASE__URL: fresh.url, STADDLE_AUTH__SECRET: SECRET, STADDLE_SHORTENER__PORT: '0', ...settings };
  const { current: config } = loadConfig({ schema: shortenerSchema, env, cwd: dataDir });
  const logger = recordingLogger();
  const service = await createShortenerService({ config, logger, ...options });
  onTestFinished(async () => {
    await service.stop();
    await fresh.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  await service.start();
  if (ready) await service.ready;

  const running: Running = {
    service,
    logger,
    dataDir,
    async call(path, { as = { roles: ['admin'] }, token, ...request } = {}) {
      const bearer = as === 'nobody' ? undefined : (token ?? (await tokenOf(as)));
      return callJson(`${service.url}${path}`, { ...request, token: bearer });
    },
    async create(link = {}, as = { roles: ['admin'] }) {
      const { status, body } = await running.call('/v1/links', { body: { longUrl: LONG_URL, ...link }, as });
      if (status !== 201) throw new Error(`the link was refused: ${JSON.stringify(body)}`);
      return body as Record<string, string>;
    },
    visit(path, { method = 'GET', headers = {} } = {}) {
      const { hostname, port } = new URL(service.url);
      return new Promise((resolve, reject) => {
        const request = httpRequest({ hostname, port, path, method, headers, agent: false }, async (response) => {
          let body = '';
          for await (const chunk of response.setEncoding('latin1')) body += chunk;
          const { rawHeaders } = response;
          const pairs = rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), rawHeaders[index + 1]!] as const] : []));
          resolve({ status: response.statusCode!, headers: pairs, body });
        });
        request.on('error', reject).end();
      });
    },
    visitsOf(uid, atLeast) {
      const enough = async (): Promise<number | undefined> => {
        const visits = Number((await running.call(`/v1/links/${uid}`)).body.visits);
        return visits >= atLeast ? visits : undefined;
      };
      return waitFor(enough, { what: `${atLeast} visits of ${uid}` });
    },
  };
  return running;
}

/** The one value of a header; fails when it was sent twice or never. */
export function headerOf({ headers }: RawAnswer, name: string): string {
  const values = headers.filter(([key]) => key === name).map(([, value]) => value);
  if (values.length !== 1) throw new Error(`${name} was sent ${values.length} times`);
  return values[0]!;
}
