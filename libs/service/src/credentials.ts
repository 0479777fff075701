import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { systemClock, type Clock } from '@staddle/kernel';

import { createAuthenticator, signToken } from './authenticate.ts';
import { CredentialsError } from './errors.ts';

export interface CredentialsOptions {
  /** Created, for its owner only, when it is not there. */
  readonly dataDir: string;
  readonly clock?: Clock;
}

export interface StandaloneCredentials {
  /** Signing secret, text of 64 characters on our own files. */
  readonly secret: string;
  /** A token of `sub` `admin` with role `admin`. */
  readonly adminToken: string;
  readonly secretFile: string;
  readonly adminTokenFile: string;
}

// Nobody is there to renew it: as long as a machine lives.
const ADMIN_TOKEN_TTL_MS = 10 * 365 * 86_400_000;

/**
 * Secret and admin token of an installation that nobody configured. The first start writes them, mode 0600; later
 * starts read them. All callers, in any number of processes, get the same secret: whoever links the file first wins.
 * A token file that is lost, or no longer fits the secret, is written anew.
 * @throws CredentialsError (`ERR_SERVICE_CREDENTIALS`) when a file cannot be read or written, or holds no usable secret
 */
export async function ensureStandaloneCredentials({ dataDir, clock = systemClock }: CredentialsOptions): Promise<StandaloneCredentials> {
  const secretFile = join(dataDir, 'auth-secret');
  const adminTokenFile = join(dataDir, 'admin-token');
  await onFile(dataDir, 'cannot be created', () => mkdir(dataDir, { recursive: true, mode: 0o700 }));

  const secret = (await tryRead(secretFile)) ?? (await createOnce(secretFile, randomBytes(48).toString('base64url')));
  if (Buffer.byteLength(secret) < 32) throw new CredentialsError(secretFile, `holds ${Buffer.byteLength(secret)} bytes; a secret has at least 32`);

  const adminToken = await tryRead(adminTokenFile);
  if (adminToken !== undefined && (await isSignedWith(secret, adminToken, clock))) return { secret, adminToken, secretFile, adminTokenFile };
  const fresh = await signToken({ secret, sub: 'admin', roles: ['admin'], ttlMs: ADMIN_TOKEN_TTL_MS, now: clock.now() });
  await replace(adminTokenFile, fresh);
  return { secret, adminToken: fresh, secretFile, adminTokenFile };
}

async function isSignedWith(secret: string, token: string, clock: Clock): Promise<boolean> {
  try {
    return (await createAuthenticator({ secret, clock })(token)).roles.includes('admin');
  } catch {
    return false; // Forged, expired or not a token: all mean "write a new one".
  }
}

function tryRead(file: string): Promise<string | undefined> {
  return onFile(file, 'cannot be read', async () => {
    try {
      return (await readFile(file, 'utf8')).trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  });
}

/** Writes `file` unless it exists, and returns what it then holds. Nobody ever sees half of it. */
function createOnce(file: string, text: string): Promise<string> {
  return onFile(file, 'cannot be written', async () => {
    const draft = await writeDraft(file, text);
    try {
      await link(draft, file);
      return text;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return (await readFile(file, 'utf8')).trim();
    } finally {
      await rm(draft, { force: true });
    }
  });
}

function replace(file: string, text: string): Promise<void> {
  return onFile(file, 'cannot be written', async () => rename(await writeDraft(file, text), file));
}

async function writeDraft(file: string, text: string): Promise<string> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(`${text}\n`);
    // Before the file gets its name: otherwise a power cut could leave the name with nothing in it.
    await handle.sync();
  } finally {
    await handle.close();
  }
  return draft;
}

async function onFile<T>(file: string, rule: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new CredentialsError(file, `${rule}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
