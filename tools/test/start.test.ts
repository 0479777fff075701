import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signToken } from '@staddle/service';
import { freePort, spawnNode, type ChildHandle } from '@staddle/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from '../workspace.ts';

let dataDir: string;
let ports: Record<string, string>;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'staddle-start-'));
  ports = {
    STADDLE_SCHEDULER__PORT: String(await freePort()),
    STADDLE_PUSH__PORT: String(await freePort()),
    STADDLE_SHORTENER__PORT: String(await freePort()),
  };
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const start = (args: string[] = [], env: Record<string, string> = {}): ChildHandle =>
  spawnNode({ script: join(ROOT, 'tools/start.ts'), args, cwd: ROOT, env: { STADDLE_DATA_DIR: dataDir, ...ports, ...env } });

const readyz = (service: string): Promise<number> => fetch(`http://127.0.0.1:${ports[`STADDLE_${service}__PORT`]}/readyz`).then(({ status }) => status, () => 0);

describe('npm start', () => {
  it('runs all services in one process, names them, and leaves with exit code 0', async () => {
    await using child = start();
    await child.waitForLine(/^staddle is ready after \d+\.\d s \(process \d+\)$/);
    expect(await Promise.all(['SCHEDULER', 'PUSH', 'SHORTENER'].map(readyz))).toEqual([200, 200, 200]);
    await child.waitForLine('Ctrl-C stops it.');
    for (const port of Object.values(ports)) expect(child.stdout()).toContain(`http://127.0.0.1:${port}`);
    expect(child.stdout()).toContain(`TOKEN=$(cat ${join(dataDir, 'admin-token')})`);
    expect(child.stdout().match(/^ {4}curl /gm)).toHaveLength(3);
    expect(statSync(join(dataDir, 'admin-token')).mode & 0o777).toBe(0o600);
    child.kill('SIGINT');
    expect(await child.exit).toEqual({ code: 0, signal: null });
    expect(child.stderr()).toBe('');
  });

  it('runs one service by name, with flags for its configuration', async () => {
    const port = String(await freePort());
    await using child = start(['shortener', `--shortener.port=${port}`]);
    await child.waitForLine(/^staddle is ready/);
    ports['STADDLE_SHORTENER__PORT'] = port;
    expect(await Promise.all(['SCHEDULER', 'PUSH', 'SHORTENER'].map(readyz))).toEqual([0, 0, 200]);
    child.kill('SIGTERM');
    expect(await child.exit).toEqual({ code: 0, signal: null });
  });

  it('names a taken port in one line, and stops what had started', async () => {
    const server = createServer().listen(Number(ports['STADDLE_PUSH__PORT']), '127.0.0.1');
    try {
      await using child = start();
      expect(await child.exit).toEqual({ code: 1, signal: null });
      expect(child.stderr().trim().split('\n')).toEqual([expect.stringMatching(new RegExp(`port ${ports['STADDLE_PUSH__PORT']} .*STADDLE_PUSH__PORT`))]);
    } finally {
      server.close();
    }
  });

  it('lists every fault of the configuration of all services and exits 78', async () => {
    await using child = start([], { STADDLE_PUSH__PORT: 'many', STADDLE_SHORTENER__PORT: '70000', STADDLE_AUTH__SECRET: 'short', STADDLE_SHEDULER__PORT: '1' });
    expect(await child.exit).toEqual({ code: 78, signal: null });
    for (const word of ['push.port', 'shortener.port', 'auth.secret', 'STADDLE_SHEDULER__PORT']) expect(child.stderr()).toContain(word);
    expect(child.stderr()).not.toContain('"short"');
  });

  it('says which services there are when asked for another one', async () => {
    await using child = start(['schedular']);
    expect(await child.exit).toEqual({ code: 64, signal: null });
    expect(child.stderr()).toBe('there is no service "schedular"; npm start [scheduler|push|shortener]\n');
  });
});

describe('what npm start prints', () => {
  it('names the database and Redis only for services that use them', async () => {
    await using push = start(['push']);
    await push.waitForLine('Ctrl-C stops it.');
    expect(push.stdout()).toMatch(/^ {2}redis +none/m);
    expect(push.stdout()).not.toMatch(/^ {2}database/m);
    await using shortener = start(['shortener']);
    await shortener.waitForLine('Ctrl-C stops it.');
    expect(shortener.stdout()).toMatch(/^ {2}database +sqlite:/m);
    expect(shortener.stdout()).not.toMatch(/^ {2}redis/m);
  });

  it('offers a task that the scheduler accepts, also where it may call no host', async () => {
    const secret = 'a secret of at least thirty-two bytes';
    await using child = start(['scheduler'], { STADDLE_AUTH__SECRET: secret });
    await child.waitForLine('Ctrl-C stops it.');
    const body = /\/v1\/tasks .* -d '(.+)'$/m.exec(child.stdout())![1]!;
    const token = await signToken({ secret, sub: 'admin', roles: ['admin'], ttlMs: 60_000, now: Date.now() });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    expect((await fetch(`http://127.0.0.1:${ports['STADDLE_SCHEDULER__PORT']}/v1/tasks`, { method: 'POST', headers, body })).status).toBe(201);
  });

  it('says how it is used', async () => {
    await using child = start(['--help']);
    expect(await child.exit).toEqual({ code: 0, signal: null });
    expect(child.stdout()).toMatch(/^npm start \[scheduler\|push\|shortener\], /);
  });

  it('says how a flag is written when its value stands apart', async () => {
    await using child = start(['scheduler', '--scheduler.port', '4150']);
    expect(await child.exit).toEqual({ code: 64, signal: null });
    expect(child.stderr()).toContain('a flag and its value are one word: --scheduler.port=4150\n');
  });
});

describe('npm test', () => {
  it('refuses a project that does not exist instead of testing nothing', async () => {
    await using child = spawnNode({ script: join(ROOT, 'tools/test.ts'), args: ['lock', 'lokc'], cwd: ROOT });
    expect(await child.exit).toEqual({ code: 64, signal: null });
    expect(child.stderr()).toMatch(/^there is no project "lokc"; the projects are @staddle\/audit, .*, scheduler, .*tools\n$/);
  });
});

describe('npm run token', () => {
  const token = (...args: string[]): ChildHandle => spawnNode({ script: join(ROOT, 'tools/token.ts'), args, cwd: ROOT, env: { STADDLE_DATA_DIR: dataDir } });

  it('mints a token that the installation accepts', async () => {
    await using minted = token('--sub', 'alice', '--role', 'viewer', '--ttl', '1h');
    expect(await minted.exit).toEqual({ code: 0, signal: null });
    const claims = JSON.parse(Buffer.from(minted.stdout().split('.')[1]!, 'base64url').toString()) as Record<string, number>;
    expect(claims).toMatchObject({ sub: 'alice', roles: ['viewer'], aud: 'staddle' });
    // Both are whole seconds; the life of the token is rounded up.
    expect(claims['exp']! - claims['iat']!).toBeOneOf([3_600, 3_601]);

    await using child = start(['shortener']);
    await child.waitForLine(/^staddle is ready/);
    const authorization = `Bearer ${minted.stdout().trim()}`;
    const url = `http://127.0.0.1:${ports['STADDLE_SHORTENER__PORT']}/v1/links`;
    expect((await fetch(url, { headers: { authorization } })).status).toBe(200);
    expect((await fetch(url, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: '{"longUrl":"https://example.com/"}' })).status).toBe(403);
    expect(readFileSync(join(dataDir, 'admin-token'), 'utf8')).not.toBe(minted.stdout());
  });

  it.each([[[]], [['--sub', 'alice', '--ttl', 'soon']], [['--sub', 'alice', '--ttl', '10ms']], [['--for', 'alice']]])('refuses %j and says how it is used', async (args) => {
    await using child = token(...args);
    expect(await child.exit).toEqual({ code: 64, signal: null });
    expect(child.stderr()).toContain('usage: npm run token -- --sub NAME');
  });
});
