import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settings } from '@staddle/config';
import { shortenerSchema } from '@staddle/shortener-service';
import { DIALECTS, spawnNode, testDatabase, waitFor, type ChildHandle, type TestDialect } from '@staddle/testing';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { LONG_URL } from './running.ts';

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'staddle-shortener-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

function start(env: Record<string, string> = {}): ChildHandle {
  const child = spawnNode({ script: 'src/main.ts', env: { STADDLE_DATA_DIR: dataDir, STADDLE_SHORTENER__PORT: '0', ...env } });
  onTestFinished(() => child[Symbol.asyncDispose]());
  return child;
}

async function urlOf(child: ChildHandle): Promise<string> {
  const line = await child.waitForLine('service shortener listens at');
  await child.waitForLine('service shortener is ready');
  return /http:\/\/[\d.:]+/.exec(line)![0];
}

async function databaseUrl(dialect: TestDialect): Promise<string> {
  const fresh = await testDatabase(dialect);
  onTestFinished(() => fresh.close());
  return fresh.url;
}

describe.each(DIALECTS)('the process on %s', (dialect) => {
  it('serves with the admin token of its data folder, and at SIGTERM writes the last visits and exits 0', async () => {
    const env = { STADDLE_DATABASE__URL: await databaseUrl(dialect) };
    const first = start(env);
    const url = await urlOf(first);
    const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();
    expect((await stat(join(dataDir, 'admin-token'))).mode & 0o777).toBe(0o600);
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const created = await fetch(`${url}/v1/links`, { method: 'POST', headers, body: JSON.stringify({ longUrl: LONG_URL, slug: 'sale' }) });
    expect(created.status).toBe(201);
    const { uid } = (await created.json()) as { uid: string };
    for (let count = 0; count < 7; count++) expect((await fetch(`${url}/sale`, { redirect: 'manual' })).status).toBe(302);
    first.kill('SIGTERM');
    expect(await first.exit).toEqual({ code: 0, signal: null });
    expect(first.stderr()).toBe('');
    expect(first.stdout()).not.toContain(token);

    // A second start finds the data of the first, and the same secret.
    const second = start(env);
    const again = await urlOf(second);
    const link = (await (await fetch(`${again}/v1/links/${uid}`, { headers })).json()) as { visits: number; shortUrl: string };
    expect(link).toMatchObject({ visits: 7, shortUrl: `${again}/sale` });
    expect((await fetch(`${again}/sale`, { redirect: 'manual' })).headers.get('location')).toBe(LONG_URL);
    second.kill('SIGINT');
    expect(await second.exit).toEqual({ code: 0, signal: null });
  });
});

describe('the process', () => {
  it('keeps what it has written when it is killed, and never counts a visit twice', async () => {
    const env = { STADDLE_DATABASE__URL: await databaseUrl('sqlite') };
    const killed = start(env);
    let url = await urlOf(killed);
    const headers = { authorization: `Bearer ${(await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()}`, 'content-type': 'application/json' };
    const created = await fetch(`${url}/v1/links`, { method: 'POST', headers, body: JSON.stringify({ longUrl: LONG_URL, slug: 'sale' }) });
    const { uid } = (await created.json()) as { uid: string };
    const visit = async (times: number): Promise<void> => {
      for (let count = 0; count < times; count++) await fetch(`${url}/sale`, { redirect: 'manual' });
    };
    const visits = async (): Promise<number> => ((await (await fetch(`${url}/v1/links/${uid}`, { headers })).json()) as { visits: number }).visits;
    await visit(5);
    await waitFor(async () => (await visits()) === 5, { what: 'the first visits to be written' });
    await visit(4);
    killed.kill('SIGKILL');
    await killed.exit;

    url = await urlOf(start(env));
    // The last four came within the second that a write may take to begin.
    expect(await visits()).toBeGreaterThanOrEqual(5);
    expect(await visits()).toBeLessThanOrEqual(9);
    await visit(1);
    await waitFor(async () => (await visits()) >= 6, { what: 'the visit after the restart to be written' });
  });

  it('exits 78 and lists every fault of its configuration', async () => {
    const child = start({
      STADDLE_SHORTENER__PORT: '70000',
      STADDLE_SHORTENER__BASE_URL: 'sho.rt',
      STADDLE_SHORTENER__BASEURL: 'https://sho.rt',
      STADDLE_DATABASE__URL: 'postgres://localhost/app',
      STADDLE_AUTH__SECRET: 'short',
      // Of another service: known, and not looked at.
      STADDLE_SCHEDULER__PORT: 'whatever',
    });
    expect(await child.exit).toEqual({ code: 78, signal: null });
    for (const key of ['shortener.port', 'shortener.baseUrl', 'shortener.baseurl', 'database.url', 'auth.secret']) expect(child.stderr()).toContain(key);
    expect(child.stderr()).not.toContain('scheduler');
  });

  it('exits 1 with one line that names a port that is taken', async () => {
    const first = start();
    const { port } = new URL(await urlOf(first));
    const second = start({ STADDLE_SHORTENER__PORT: port });
    expect(await second.exit).toEqual({ code: 1, signal: null });
    expect(second.stderr().trim().split('\n')).toEqual([expect.stringContaining('STADDLE_SHORTENER__PORT') as string]);
    expect(second.stderr()).toContain(port);
  });
});

describe('the README', () => {
  it('names every setting of the shortener section with its default', async () => {
    const readme = await readFile('README.md', 'utf8');
    for (const setting of settings(shortenerSchema).filter(({ key }) => key.startsWith('shortener.'))) {
      expect(readme).toContain(`| \`${setting.env}\` | ${setting.default === undefined ? '–' : `\`${setting.default}\``} |`);
    }
  });
});
