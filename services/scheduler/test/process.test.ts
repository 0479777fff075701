import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settings } from '@staddle/config';
import { schedulerSchema } from '@staddle/scheduler-service';
import { callJson, createFaultProxy, spawnNode, testDatabase, waitFor, type ChildHandle, type JsonAnswer } from '@staddle/testing';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { listen } from './running.ts';

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'staddle-scheduler-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

function start(env: Record<string, string> = {}): ChildHandle {
  const child = spawnNode({ script: 'src/main.ts', env: { STADDLE_DATA_DIR: dataDir, STADDLE_SCHEDULER__PORT: '0', STADDLE_SCHEDULER__PUSH_URL: 'http://127.0.0.1:1', ...env } });
  onTestFinished(() => child[Symbol.asyncDispose]());
  return child;
}

async function urlOf(child: ChildHandle): Promise<string> {
  return /http:\/\/[\d.:]+/.exec(await child.waitForLine('service scheduler listens at'))![0];
}

/** Calls the API with the admin token of the data folder. */
async function api(url: string, path: string, body?: unknown): Promise<JsonAnswer> {
  const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();
  return callJson(`${url}${path}`, { body, token });
}

const NOW = { kind: 'after', delay: 0 };

describe('the process', () => {
  it('serves with the admin token of its data folder, exits 0 at SIGTERM, and finds its tasks at the next start', async () => {
    const target = await listen((_request, response) => response.end('ok'));
    const first = start();
    const url = await urlOf(first);
    await first.waitForLine('service scheduler is ready');
    expect((await stat(join(dataDir, 'admin-token'))).mode & 0o777).toBe(0o600);
    const { body: task } = await api(url, '/v1/tasks', { module: 'demo', handler: 'http', trigger: NOW, payload: { url: target.url } });
    await waitFor(async () => (await api(url, `/v1/tasks/${task.uid}/runs`)).body.items[0]?.state === 'SUCCEEDED', { what: 'the run' });
    first.kill('SIGTERM');
    expect(await first.exit).toEqual({ code: 0, signal: null });
    expect(first.stderr()).toBe('');

    const second = start();
    const again = await urlOf(second);
    await second.waitForLine('service scheduler is ready');
    expect((await api(again, `/v1/tasks/${task.uid}`)).body).toMatchObject({ uid: task.uid, state: 'FINISHED', runCount: 1 });
    second.kill('SIGTERM');
    expect(await second.exit).toEqual({ code: 0, signal: null });
  });

  it('hands back what does not end in time for the stop', async () => {
    const target = await listen(() => {});
    const first = start({ STADDLE_STOP__TIMEOUT_MS: '3s' });
    const url = await urlOf(first);
    await first.waitForLine('service scheduler is ready');
    const { body: task } = await api(url, '/v1/tasks', { module: 'demo', handler: 'http', trigger: NOW, payload: { url: target.url, deadline: '1h' } });
    await waitFor(() => target.requests.length === 1, { what: 'the call' });
    first.kill('SIGTERM');
    expect(await first.exit).toEqual({ code: 0, signal: null });

    const second = start({ STADDLE_STOP__TIMEOUT_MS: '3s' });
    await waitFor(() => target.requests.length === 2, { what: 'the second call' });
    // The same run, so the same idempotency key; the stop was no attempt of its own.
    expect(target.requests[1]!.headers['idempotency-key']).toBe(target.requests[0]!.headers['idempotency-key']);
    const { body: runs } = await api(await urlOf(second), `/v1/tasks/${task.uid}/runs`);
    expect(runs.items).toMatchObject([{ state: 'RUNNING', claims: 1, flags: ['RECOVERED'] }]);
  });

  it('takes no address of the push service that holds a password', async () => {
    const child = start({ STADDLE_SCHEDULER__PUSH_URL: 'http://user:hunter2hunter2@push:4200' });
    expect(await child.exit).toEqual({ code: 78, signal: null });
    expect(child.stderr()).toContain('must not hold a user or a password');
    expect(child.stderr()).not.toContain('hunter2');
  });

  it('exits 78 and lists every fault of its configuration', async () => {
    const child = start({
      STADDLE_SCHEDULER__PORT: '70000',
      STADDLE_SCHEDULER__WORKERS: '-1',
      STADDLE_SCHEDULER__LEASE_MS: '1s',
      STADDLE_SCHEDULER__PUSH_URL: 'ws://push',
      STADDLE_SCHEDULER__HTTP__ALLOWED_HOSTS: 'example.com,http://example.com',
      STADDLE_SCHEDULER__HTTP__DEADLINE_MS: 'soon',
      STADDLE_SCHEDULER__WORKER: '5',
      STADDLE_AUTH__SECRET: 'short',
      STADDLE_DATABASE__URL: 'postgres://db/app',
      // Of another service: known, and not looked at.
      STADDLE_SHORTENER__PORT: 'whatever',
    });
    expect(await child.exit).toEqual({ code: 78, signal: null });
    const keys = ['port', 'workers', 'leaseMs', 'pushUrl', 'http.allowedHosts', 'http.deadlineMs', 'worker'].map((key) => `scheduler.${key}`);
    for (const key of [...keys, 'auth.secret', 'database.url']) expect(child.stderr()).toContain(key);
    expect(child.stderr()).not.toContain('shortener');
  });

  it('exits 1 with one line that names a port that is taken', async () => {
    const port = new URL(await urlOf(start())).port;
    const second = start({ STADDLE_SCHEDULER__PORT: port });
    expect(await second.exit).toEqual({ code: 1, signal: null });
    expect(second.stderr().trim().split('\n')).toEqual([expect.stringMatching(new RegExp(`${port}.*STADDLE_SCHEDULER__PORT|STADDLE_SCHEDULER__PORT.*${port}`)) as string]);
  });

  it('listens without its database, is not ready, and recovers when the database comes', async () => {
    const fresh = await testDatabase('mysql');
    const proxy = await createFaultProxy({ target: fresh.url });
    onTestFinished(async () => {
      await proxy.close();
      await fresh.close();
    });
    proxy.cut();
    const child = start({ STADDLE_DATABASE__URL: proxy.url() });
    const url = await urlOf(child);
    await child.waitForLine('component database cannot start yet');
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect((await api(url, '/v1/tasks')).body).toMatchObject({ status: 503, code: 'ERR_SERVICE_NOT_READY' });

    proxy.restore();
    await child.waitForLine('service scheduler is ready');
    await waitFor(async () => (await fetch(`${url}/readyz`)).status === 200, { what: 'readiness' });
    const { body: task } = await api(url, '/v1/tasks', { module: 'demo', handler: 'log', trigger: NOW, payload: { message: 'hello' } });
    await waitFor(async () => (await api(url, `/v1/tasks/${task.uid}/runs`)).body.items[0]?.state === 'SUCCEEDED', { what: 'the run' });

    proxy.cut();
    await waitFor(async () => (await fetch(`${url}/readyz`)).status === 503, { what: 'the loss of readiness' });
    expect((await api(url, '/v1/tasks')).body).toMatchObject({ status: 503, code: 'ERR_DATABASE_UNAVAILABLE' });
    proxy.restore();
    await waitFor(async () => (await fetch(`${url}/readyz`)).status === 200, { what: 'readiness again' });
    await waitFor(async () => (await api(url, '/v1/tasks')).status === 200, { what: 'the API again' });
    child.kill('SIGTERM');
    expect(await child.exit).toEqual({ code: 0, signal: null });
  });
});

describe('the README', () => {
  it('names every setting of the scheduler section with its default', async () => {
    const readme = await readFile('README.md', 'utf8');
    for (const setting of settings(schedulerSchema).filter(({ key }) => key.startsWith('scheduler.'))) {
      expect(readme).toContain(`| \`${setting.env}\` | ${setting.default === undefined ? '–' : `\`${setting.default}\``} |`);
    }
  });
});
