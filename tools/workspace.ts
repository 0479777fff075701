import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT: string = resolve(import.meta.dirname, '..');

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly nx?: { readonly name?: string; readonly tags?: readonly string[] };
}

export interface WorkspacePackage {
  /** Absolute path of the package's folder. */
  readonly dir: string;
  /** Folder relative to the root: `libs/lock`. */
  readonly path: string;
  readonly manifest: Manifest;
}

/** Every library and service under `root`, in the order of their folders. */
export function listPackages(root: string = ROOT): WorkspacePackage[] {
  return ['libs', 'services'].flatMap((group) =>
    readdirSync(join(root, group), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => {
        const dir = join(root, group, name);
        return { dir, path: `${group}/${name}`, manifest: JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as Manifest };
      }),
  );
}

/** Files below `dir` with one of the endings, as paths relative to it; build output and dependencies left out. */
export function listFiles(dir: string, ...endings: readonly string[]): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((file) => endings.some((ending) => file.endsWith(ending)) && !/(^|[\\/])(node_modules|dist)[\\/]/.test(file))
    .toSorted();
}

/** Prints the problems of a check, one a line, and fails the process when there are any. */
export function reportProblems(check: string, problems: readonly string[]): void {
  for (const problem of problems) console.error(problem);
  console.log(problems.length === 0 ? `${check}: ok` : `${check}: ${problems.length} problem(s)`);
  if (problems.length > 0) process.exitCode = 1;
}
