import { glob, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
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
 * @throws CronDeclarationError (`ERR_CRON_DECLARATION`) for a directory that is not there, a file that cannot be imported or
 * declares nothing, and for two declarations of one name
 */
export async function scanCrons({ directory, pattern = PATTERN }: ScanCronsOptions): Promise<ScannedCrons> {
  const found = await stat(directory).catch((cause: unknown) => {
    throw new CronDeclarationError(directory, 'cannot be read', { cause });
  });
  if (!found.isDirectory()) throw new CronDeclarationError(directory, 'is not a directory');

  const scanned: ScannedCron[] = [];
  // What is imported may change the working directory.
  const root = resolve(directory);
  for (const file of await filesOf(root, pattern)) {
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

/** Paths with `/`, sorted, so that files are imported in the same order everywhere. */
async function filesOf(directory: string, pattern: string): Promise<string[]> {
  const files: string[] = [];
  const exclude = (path: string): boolean => path.split(sep).some((part) => part === 'node_modules' || (part.startsWith('.') && part !== '.'));
  for await (const file of glob(pattern, { cwd: directory, exclude })) files.push(file.replaceAll(sep, '/'));
  return files.toSorted();
}

async function definitionsOf(directory: string, file: string): Promise<CronDefinition[]> {
  const url = pathToFileURL(join(directory, file)).href;
  const exports = await (import(url) as Promise<Record<string, unknown>>).catch((cause: unknown) => {
    throw new CronDeclarationError(file, 'cannot be imported', { cause });
  });
  // Of a CommonJS module Node sees only the exports that it can read off the text; all of them are in this one.
  const all = [...Object.values(exports), ...Object.values(exports['module.exports'] ?? {})].flat();
  // An export and the default export may be one object.
  return [...new Set(all)].filter(isCronDefinition);
}
