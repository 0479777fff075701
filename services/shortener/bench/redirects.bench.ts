/**
 * Redirects of the real service, as `npm start shortener` runs it, against a bare node:http server that answers 302 to
 * everything. Both are child processes; the load comes from this one, over connections that are kept.
 *
 * Throughput is what comes back when every connection asks again at once. Latency is measured at a fixed rate that both
 * can keep, since under full load it would only restate the throughput.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, importPeer, measure, printMachine, testDatabase, waitFor, type TestDialect } from '@staddle/testing';

interface LoadResult {
  readonly requests: { readonly total: number };
  /** Seconds that it really took. */
  readonly duration: number;
  readonly latency: { readonly p99: number; readonly max: number };
  readonly '3xx': number;
  readonly non2xx: number;
  readonly errors: number;
}
type Autocannon = (options: object) => Promise<LoadResult>;

const LONG_URL = 'https://example.com/a%20b?x=%20c&flag&y=a|b#part?z=1';
const LINKS = 100;
const SECONDS = 2;
const FULL_LOAD = { connections: 50 };
// A few connections: with many, the generator sends in bursts and measures itself.
const STEADY_LOAD = { connections: 10, overallRate: 1_000 };
const ROUNDS = 5;

const { default: autocannon } = await importPeer<{ default: Autocannon }>('autocannon');
const cleanups: (() => Promise<unknown>)[] = [];

/** Starts a script whose output goes nowhere, as to a log collector that is never slow, and waits until it answers. */
async function serve(script: string, args: readonly string[], env: Record<string, string>, probe: string): Promise<void> {
  const child = spawn(process.execPath, ['--conditions=@staddle/source', script, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  cleanups.push(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  await waitFor(async () => (await fetch(probe, { redirect: 'manual' })).status < 400, { what: `${script} to answer` });
}

async function serveShortener(dialect: TestDialect, level: string): Promise<readonly string[]> {
  const [dataDir, database, port] = await Promise.all([mkdtemp(join(tmpdir(), 'staddle-bench-')), testDatabase(dialect), freePort()]);
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }), () => database.close());
  const url = `http://127.0.0.1:${port}`;
  const env = { STADDLE_DATA_DIR: dataDir, STADDLE_DATABASE__URL: database.url, STADDLE_SHORTENER__PORT: String(port), STADDLE_LOG__LEVEL: level };
  await serve('src/main.ts', [], env, `${url}/readyz`);
  const headers = { authorization: `Bearer ${(await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()}`, 'content-type': 'application/json' };
  const addresses: string[] = [];
  for (let made = 0; made < LINKS; made++) {
    const response = await fetch(`${url}/v1/links`, { method: 'POST', headers, body: JSON.stringify({ longUrl: LONG_URL }) });
    addresses.push(((await response.json()) as { shortUrl: string }).shortUrl);
  }
  return addresses;
}

async function serveRaw(): Promise<readonly string[]> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  await serve('bench/raw-redirect.ts', [String(port), LONG_URL], {}, url);
  return Array.from({ length: LINKS }, (_, index) => `${url}/code${index}`);
}

async function load(addresses: readonly string[], shape: object): Promise<LoadResult> {
  const result = await autocannon({
    url: new URL(addresses[0]!).origin,
    requests: addresses.map((address) => ({ path: new URL(address).pathname })),
    duration: SECONDS,
    ...shape,
  });
  if (result.errors > 0 || result['3xx'] === 0 || result.non2xx !== result['3xx']) throw new Error(`not every answer was a redirect: ${JSON.stringify(result)}`);
  return result;
}

/** Not autocannon's own average, which counts a sample that comes late as one second. */
async function throughput(addresses: readonly string[]): Promise<number> {
  const { requests, duration } = await load(addresses, FULL_LOAD);
  return requests.total / duration;
}

printMachine();
try {
  const raw = await serveRaw();
  const contestants = [
    ['SQLite', await serveShortener('sqlite', 'info')],
    ['SQLite, log level warn', await serveShortener('sqlite', 'warn')],
    ['MariaDB', await serveShortener('mysql', 'info')],
  ] as const;
  for (const [name, ours] of contestants) {
    await measure({
      bench: 'redirects',
      case: name,
      metric: 'throughput',
      unit: 'redirects/s',
      better: 'higher',
      rounds: ROUNDS,
      ours: () => throughput(ours),
      peers: { 'node:http': () => throughput(raw) },
    });
  }
  for (const [metric, key] of [['p99 latency', 'p99'], ['peak latency', 'max']] as const) {
    await measure({
      bench: 'redirects',
      case: `SQLite at ${STEADY_LOAD.overallRate}/s`,
      metric,
      unit: 'ms',
      better: 'lower',
      rounds: ROUNDS,
      ours: async () => (await load(contestants[0][1], STEADY_LOAD)).latency[key],
      peers: { 'node:http': async () => (await load(raw, STEADY_LOAD)).latency[key] },
    });
  }
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup();
}
