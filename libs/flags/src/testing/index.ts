import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FlagsManifestError } from '../errors.ts';
import { compareManifests, type FlagsManifest } from '../manifest.ts';

export interface CheckManifestOptions {
  /** Writes a missing manifest, and new and retired flags into an existing one; default false. Never writes over a problem. */
  readonly update?: boolean;
}

/**
 * Compares a set with the manifest that is committed at `path`, so that a test fails before a moved, renamed or reused
 * bit reaches stored words. A flag that is new has to be added to the file, by a run with `update`.
 * @throws FlagsManifestError (`ERR_FLAGS_MANIFEST`)
 */
export function checkManifest(flags: { manifest(): FlagsManifest }, path: string | URL, { update = false }: CheckManifestOptions = {}): void {
  const file = typeof path === 'string' ? path : fileURLToPath(path);
  const current = flags.manifest();
  const committed = existsSync(file) ? readManifest(current.set, file) : undefined;
  const { problems, additions } = committed ? compareManifests(committed, current) : { problems: [], additions: ['there is no such file'] };
  if (problems.length > 0) throw new FlagsManifestError(current.set, file, problems, 'stored words would change their meaning');
  if (additions.length === 0) return;
  if (!update) throw new FlagsManifestError(current.set, file, additions, 'run once with { update: true } and commit the file');
  writeFileSync(file, `${JSON.stringify(current, null, 2)}\n`);
}

function readManifest(set: string, file: string): FlagsManifest {
  const unreadable = (): FlagsManifestError => new FlagsManifestError(set, file, ['it is not a manifest'], 'restore the committed file');
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw unreadable(); // a merge conflict, most likely
  }
  if (!isManifest(json)) throw unreadable();
  return json;
}

function isManifest(json: unknown): json is FlagsManifest {
  if (typeof json !== 'object' || json === null) return false;
  const { set, backend, bits, retired } = json as Record<string, unknown>;
  if (typeof set !== 'string' || (backend !== 'number' && backend !== 'bigint') || !isRecordOf(bits, 'number') || !isRecordOf(retired, 'string')) return false;
  // Two branches that each took the next bit, merged by hand: of one flag nobody would notice that it moves.
  const indexes = [...Object.values(bits), ...Object.keys(retired).map(Number)];
  return indexes.every(Number.isInteger) && new Set(indexes).size === indexes.length;
}

function isRecordOf(value: unknown, type: 'number' | 'string'): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.values(value).every((item) => typeof item === type);
}
