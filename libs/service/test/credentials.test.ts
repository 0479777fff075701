import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { systemClock } from '@staddle/kernel';
import { createTestClock, runExample } from '@staddle/testing';
import { createAuthenticator, ensureStandaloneCredentials, signToken } from '@staddle/service';
import { expect, it, onTestFinished } from 'vitest';

async function freshDir(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'staddle-credentials-'));
  onTestFinished(() => rm(parent, { recursive: true }));
  return join(parent, 'data', 'nested');
}

it('writes a secret and an admin token that fit each other, for their owner only', async () => {
  const dataDir = await freshDir();
  const { secret, adminToken, secretFile, adminTokenFile } = await ensureStandaloneCredentials({ dataDir });
  expect(secret).toMatch(/^[\w-]{64}$/);
  const identity = await createAuthenticator({ secret })(adminToken);
  expect(identity).toMatchObject({ sub: 'admin', roles: ['admin'] });
  expect(identity.expiresAt).toBeGreaterThan(systemClock.now() + 9 * 365 * 86_400_000);
  expect(await readdir(dataDir)).toEqual(['admin-token', 'auth-secret']);
  for (const file of [secretFile, adminTokenFile]) expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
  expect(await readFile(adminTokenFile, 'utf8')).toBe(`${adminToken}\n`);
});

it('reads what it wrote at the next start', async () => {
  const dataDir = await freshDir();
  const first = await ensureStandaloneCredentials({ dataDir });
  expect(await ensureStandaloneCredentials({ dataDir })).toEqual(first);
});

it('gives one secret to all callers of one process', async () => {
  const dataDir = await freshDir();
  const all = await Promise.all(Array.from({ length: 20 }, () => ensureStandaloneCredentials({ dataDir })));
  expect(new Set(all.map(({ secret }) => secret)).size).toBe(1);
  const authenticate = createAuthenticator({ secret: all[0]!.secret });
  for (const { adminToken } of all) await authenticate(adminToken);
  expect(await readdir(dataDir)).toEqual(['admin-token', 'auth-secret']);
});

it('gives one secret to processes that start together', async () => {
  const dataDir = await freshDir();
  const children = await Promise.all(Array.from({ length: 4 }, () => runExample('test/fixtures/credentials.ts', { args: [dataDir] })));
  const all = children.map(({ stdout }) => JSON.parse(stdout) as { secret: string; adminToken: string });
  expect(new Set(all.map(({ secret }) => secret)).size).toBe(1);
  const authenticate = createAuthenticator({ secret: all[0]!.secret });
  for (const { adminToken } of all) await authenticate(adminToken);
});

it.each([
  ['lost', (file: string) => rm(file)],
  ['empty', (file: string) => writeFile(file, '')],
  ['of another secret', async (file: string) => writeFile(file, await signToken({ secret: 'x'.repeat(32), sub: 'admin', roles: ['admin'], ttlMs: 1e9, now: systemClock.now() }))],
])('writes the admin token anew when it is %s', async (_what, damage) => {
  const dataDir = await freshDir();
  const { secret, adminTokenFile } = await ensureStandaloneCredentials({ dataDir });
  await damage(adminTokenFile);
  const again = await ensureStandaloneCredentials({ dataDir });
  expect(again.secret).toBe(secret);
  expect(await createAuthenticator({ secret })(again.adminToken)).toMatchObject({ sub: 'admin' });
  expect(await readFile(adminTokenFile, 'utf8')).toBe(`${again.adminToken}\n`);
  expect((await stat(adminTokenFile)).mode & 0o777).toBe(0o600);
});

it('replaces an admin token that has expired', async () => {
  const dataDir = await freshDir();
  const clock = createTestClock();
  const { adminToken } = await ensureStandaloneCredentials({ dataDir, clock });
  clock.setWall(clock.now() + 11 * 365 * 86_400_000);
  expect((await ensureStandaloneCredentials({ dataDir, clock })).adminToken).not.toBe(adminToken);
});

it('takes a secret that an operator wrote', async () => {
  const dataDir = await freshDir();
  await mkdir(dataDir, { recursive: true });
  await writeFile(join(dataDir, 'auth-secret'), `${'o'.repeat(40)}\n`);
  expect((await ensureStandaloneCredentials({ dataDir })).secret).toBe('o'.repeat(40));
});

it.each([
  ['too short', (file: string) => writeFile(file, 'short\n'), /holds 5 bytes; a secret has at least 32$/],
  ['empty', (file: string) => writeFile(file, ''), /holds 0 bytes/],
  ['a folder', (file: string) => mkdir(file), /cannot be read: EISDIR/],
])('names the secret file when it is %s', async (_what, damage, message) => {
  const dataDir = await freshDir();
  await mkdir(dataDir, { recursive: true });
  const file = join(dataDir, 'auth-secret');
  await damage(file);
  await expect(ensureStandaloneCredentials({ dataDir })).rejects.toMatchObject({ code: 'ERR_SERVICE_CREDENTIALS', file, message: expect.stringMatching(message) });
});

it('names the data directory when it cannot be made', async () => {
  const dataDir = await freshDir();
  await mkdir(join(dataDir, '..'), { recursive: true });
  await writeFile(dataDir, 'a file');
  await expect(ensureStandaloneCredentials({ dataDir })).rejects.toMatchObject({ code: 'ERR_SERVICE_CREDENTIALS', file: dataDir });
});
