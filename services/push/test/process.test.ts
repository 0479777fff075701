import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settings } from '@staddle/config';
import { pushSchema } from '@staddle/push-service';
import { spawnNode, waitFor, type ChildHandle } from '@staddle/testing';
import { Centrifuge } from 'centrifuge';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { mustListen } from './running.ts';

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'staddle-push-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

function start(env: Record<string, string> = {}): ChildHandle {
  const child = spawnNode({ script: 'src/main.ts', env: { STADDLE_DATA_DIR: dataDir, STADDLE_PUSH__PORT: '0', ...env } });
  onTestFinished(() => child[Symbol.asyncDispose]());
  return child;
}

async function urlOf(child: ChildHandle): Promise<string> {
  const line = await child.waitForLine('service push listens at');
  await child.waitForLine('service push is ready');
  return /http:\/\/[\d.:]+/.exec(line)![0];
}

describe('the process', () => {
  it('serves with the admin token of its data folder, and at SIGTERM closes its clients with 3001 and exits 0', async () => {
    const child = start();
    const url = await urlOf(child);
    const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();
    expect((await stat(join(dataDir, 'admin-token'))).mode & 0o777).toBe(0o600);
    const client = new Centrifuge(`${url.replace('http', 'ws')}/connection/websocket`, { websocket: WebSocket, token });
    onTestFinished(() => client.disconnect());
    const closes: { code: number; reason: string }[] = [];
    client.on('connecting', ({ code, reason }) => void closes.push({ code, reason }));
    client.connect();
    const { data } = await mustListen(client, 'runs:demo');
    const published = await fetch(`${url}/api/publish`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ channel: 'runs:demo', data: { state: 'SUCCEEDED' } }),
    });
    expect(published.status).toBe(200);
    await waitFor(() => data.length === 1, { what: 'the publication' });
    expect(data).toEqual([{ state: 'SUCCEEDED' }]);
    child.kill('SIGTERM');
    expect(await child.exit).toEqual({ code: 0, signal: null });
    await waitFor(() => closes.length > 1, { what: 'the close' });
    expect(closes.at(1)).toEqual({ code: 3001, reason: 'shutdown' });
    expect(child.stderr()).toBe('');
    expect(child.stdout()).not.toContain(token);
  });

  it('exits 78 and lists every fault of its configuration', async () => {
    const child = start({
      STADDLE_PUSH__PORT: '70000',
      STADDLE_PUSH__ORIGINS: 'app.example',
      STADDLE_PUSH__OPEN_NAMESPACES: 'news,a b',
      STADDLE_PUSH__DRAIN_MS: 'soon',
      STADDLE_AUTH__SECRET: 'short',
      STADDLE_PUSH__ORIGIN: 'https://app.example',
      STADDLE_REDIS__URL: 'http://127.0.0.1',
      // Of another service: known, and not looked at.
      STADDLE_SCHEDULER__PORT: 'whatever',
    });
    expect(await child.exit).toEqual({ code: 78, signal: null });
    for (const key of ['push.port', 'push.origins', 'push.openNamespaces', 'push.drainMs', 'auth.secret', 'push.origin', 'redis.url']) expect(child.stderr()).toContain(key);
    expect(child.stderr()).not.toContain('scheduler');
  });

  it('exits 1 with one line that names a port that is taken', async () => {
    const first = start();
    const port = new URL(await urlOf(first)).port;
    const second = start({ STADDLE_PUSH__PORT: port });
    expect(await second.exit).toEqual({ code: 1, signal: null });
    expect(second.stderr().trim().split('\n')).toEqual([expect.stringContaining('STADDLE_PUSH__PORT') as string]);
    expect(second.stderr()).toContain(port);
  });
});

describe('the README', () => {
  it('names every setting of the push section with its default', async () => {
    const readme = await readFile('README.md', 'utf8');
    for (const setting of settings(pushSchema).filter(({ key }) => key.startsWith('push.'))) {
      expect(readme).toContain(`| \`${setting.env}\` | ${setting.default === undefined ? '–' : `\`${setting.default}\``} |`);
    }
  });
});
