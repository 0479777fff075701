import { readdir, stat } from 'node:fs/promises';
import { join, posix, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CronDeclarationError } from '../errors.ts';
import { manifestOf, type CronManifest } from './cron-manifest.ts';
import { isCronDefinition, type CronDefinition } from './define-cron.ts';

export interface ScanCronsOptions {
  /** Where to look, with all folders below it but `node_modules` and those that begin with a dot. */
  readonly directory: string;
  /** Which files, as a glob relative to the directory. Default: every `*.cron.ts`, `.mts`, `.cts`, `.js`, `.mjs` and `.cjs`. */
  readonly pattern?: string | undefined;
}

/** A definition and where it was found. */
export interface ScannedCron {
  /** Relative to the directory, with `/`. */
  readonly file: string;
  readonly definition: CronDefinition;
}

export interface ScannedCrons {
  /** In order of their names. */
  readonly crons: readonly CronDefinition[];
  /** The same as JSON, to be kept and compared: see `diffManifests`. */
  readonly manifest: CronManifest;
}

const PATTERN = '**/*.cron.{ts,mts,cts,js,mjs,cjs}';

/**
 * Imports every `*.cron.ts` file below a directory and collects what they declare by `defineCron`, in whatever exports and arrays
 * of them. All or nothing: one bad file fails the scan, because a job that is silently missing is found out too late.
 * @throws CronDeclarationError (`ERR_CRON_DECLARATION`) for a directory that cannot be read or has no such file, a pattern that is not text, a file that cannot
 * be imported or declares nothing, and for two declarations of one name
 */
export async function scanCrons({ directory, pattern = PATTERN }: ScanCronsOptions): Promise<ScannedCrons> {
  for (const [option, value] of Object.entries({ directory, pattern })) if (typeof value !== 'string') throw new CronDeclarationError('', `${option} is not text`);
  const found = await stat(directory).catch((cause: unknown) => {
    throw new CronDeclarationError(directory, 'cannot be read', { cause });
  });
  if (!found.isDirectory()) throw new CronDeclarationError(directory, 'is not a directory');

  const scanned: ScannedCron[] = [];
  // What is imported may change the working directory.
  const root = resolve(directory);
  const matched = (await filesBelow(root, '')).filter((file) => posix.matchesGlob(file, posix.normalize(pattern)));
  if (matched.length === 0) throw new CronDeclarationError(directory, `has no file that matches ${pattern}`);
  // Sorted, so that they are imported in the same order everywhere.
  for (const file of matched.toSorted()) {
    const definitions = await definitionsOf(root, file);
    if (definitions.length === 0) throw new CronDeclarationError(file, 'declares nothing: export what defineCron returns');
    scanned.push(...definitions.map((definition) => ({ file, definition })));
  }
  scanned.sort((a, b) => (a.definition.name < b.definition.name ? -1 : 1));
  scanned.forEach(({ file, definition: { name } }, index) => {
    const other = scanned[index + 1];
    if (other?.definition.name === name) throw new CronDeclarationError(name, `is declared twice: in ${file} and in ${other.file}`);
  });
  return { crons: scanned.map(({ definition }) => definition), manifest: manifestOf(scanned) };
}

/**
 * Paths with `/`, of everything but `node_modules` and what begins with a dot. Not by `glob`, which takes a folder that cannot be
 * read for an empty one.
 */
async function filesBelow(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((cause: unknown) => {
    throw new CronDeclarationError(folder, 'cannot be read', { cause });
  });
  const files: string[] = [];
  for (const entry of entries) {
    if (entry.name === 'node_modules' || entry.name.startsWith('.')) continue;
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(root, path)));
    else files.push(path);
  }
  return files;
}

async function definitionsOf(directory: string, file: string): Promise<CronDefinition[]> {
  const url = pathToFileURL(join(directory, file)).href;
  const definitions = await (import(url) as Promise<Record<string, unknown>>)
    // Of a CommonJS module Node sees only the exports that it can read off the text; all of them are in this one.
    .then((exports) => [...Object.values(exports), ...Object.values(exports['module.exports'] ?? {})].flat().filter(isCronDefinition))
    .catch((cause: unknown) => {
      throw new CronDeclarationError(file, 'cannot be imported', { cause });
    });
  // An export and the default export may be one object.
  return [...new Set(definitions)];
}
