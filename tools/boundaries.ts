// The rules of the house that a compiler does not know: which layer may import which, that every import is declared, that
// vendor clients stay in drivers and stores, and that tsconfig references say the same as package.json.
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { listFiles, listPackages, type WorkspacePackage } from './workspace.ts';

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  store: ['kernel'],
  lib: ['kernel', 'store', 'lib'],
  platform: ['kernel', 'store'],
  service: ['kernel', 'store', 'lib', 'platform'],
};

// A library that names a vendor outside of these folders has let one backend leak into its core.
const VENDOR_LAYERS = new Set(['kernel', 'lib']);
const VENDOR_FOLDERS = /^src\/(drivers|stores)\//;
const VENDORS = new Set(['ioredis', 'mysql2', 'kysely', 'ws', 'casbin', 'bullmq', 'fastify', 'node:sqlite']);
const VENDOR_EXCEPTIONS: Readonly<Record<string, string>> = {
  'libs/permissions/src/enforcer.ts casbin': 'casbin is the policy engine itself, not one backend of several',
  'libs/testing/src/redis.ts ioredis': 'hands out clients of the test server',
};

const SPECIFIER = /^\s*(?:import|export)\b[^;'"=(]*?\bfrom\s+['"]([^'"\n]+)['"]|\bimport\s*\(?\s*['"]([^'"\n]+)['"]/gm;

/** Every broken rule under `root`, one sentence each; empty when the walls stand. */
export function findBoundaryProblems(root: string): string[] {
  const packages = listPackages(root);
  const byName = new Map(packages.map((pkg) => [pkg.manifest.name, pkg]));
  return packages.flatMap((pkg) => {
    if (!(layerOf(pkg) in MAY_IMPORT)) return [`${pkg.path}: nx.tags must hold one of ${Object.keys(MAY_IMPORT).map((layer) => `"layer:${layer}"`).join(', ')}`];
    return [...dependencyProblems(pkg, byName), ...referenceProblems(pkg, byName), ...importProblems(pkg, byName)];
  });
}

function layerOf(pkg: WorkspacePackage): string {
  return pkg.manifest.nx?.tags?.find((tag) => tag.startsWith('layer:'))?.slice('layer:'.length) ?? 'none';
}

/** Layers are judged on what package.json declares; an import that is not declared is a problem of its own. */
function dependencyProblems(pkg: WorkspacePackage, byName: ReadonlyMap<string, WorkspacePackage>): string[] {
  const allowed = MAY_IMPORT[layerOf(pkg)]!;
  return Object.keys({ ...pkg.manifest.dependencies, ...pkg.manifest.peerDependencies }).flatMap((name) => {
    const target = byName.get(name);
    if (target === undefined) return [];
    if (name === '@staddle/testing') return [`${pkg.path}: @staddle/testing belongs in devDependencies`];
    if (allowed.includes(layerOf(target))) return [];
    return [`${pkg.path}: layer "${layerOf(pkg)}" must not depend on ${name} (layer "${layerOf(target)}"); allowed: ${allowed.join(', ') || 'nothing'}`];
  });
}

function referenceProblems(pkg: WorkspacePackage, byName: ReadonlyMap<string, WorkspacePackage>): string[] {
  const { references = [] } = JSON.parse(readFileSync(join(pkg.dir, 'tsconfig.json'), 'utf8')) as { references?: { path: string }[] };
  const actual = new Set(references.map(({ path }) => resolve(pkg.dir, path)));
  const wanted = new Set(Object.keys({ ...pkg.manifest.dependencies, ...pkg.manifest.peerDependencies }).flatMap((name) => byName.get(name)?.dir ?? []));
  return [...actual.symmetricDifference(wanted)].map((dir) => {
    const what = wanted.has(dir) ? 'lacks a reference to' : 'references an undeclared dependency,';
    return `${pkg.path}/tsconfig.json ${what} ${relative(pkg.dir, dir)}`;
  });
}

function importProblems(pkg: WorkspacePackage, byName: ReadonlyMap<string, WorkspacePackage>): string[] {
  const { name: self, dependencies, peerDependencies, devDependencies } = pkg.manifest;
  const production = new Set([self, ...Object.keys({ ...dependencies, ...peerDependencies })]);
  const development = new Set([...production, ...Object.keys(devDependencies ?? {}), 'vitest']);
  const problems: string[] = [];
  for (const file of listFiles(pkg.dir, '.ts')) {
    const inSource = file.startsWith('src/');
    for (const match of readFileSync(join(pkg.dir, file), 'utf8').matchAll(SPECIFIER)) {
      const specifier = match[1] ?? match[2]!;
      const at = `${pkg.path}/${file}: "${specifier}"`;
      if (specifier.startsWith('.')) {
        const target = relative(pkg.dir, resolve(pkg.dir, dirname(file), specifier));
        if (inSource && !target.startsWith('src/') && target !== 'package.json') problems.push(`${at} leaves src/`);
        continue;
      }
      const vendor = specifier.startsWith('node:') ? specifier : specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
      if (inSource && VENDOR_LAYERS.has(layerOf(pkg)) && VENDORS.has(vendor) && !VENDOR_FOLDERS.test(file) && !(`${pkg.path}/${file} ${vendor}` in VENDOR_EXCEPTIONS)) {
        problems.push(`${at} belongs in src/drivers/ or src/stores/`);
      }
      if (vendor.startsWith('node:')) continue;
      if (!(inSource ? production : development).has(vendor)) problems.push(`${at} is not declared in ${inSource ? 'dependencies or peerDependencies' : 'package.json'}`);
      if (byName.has(vendor) && specifier.startsWith(`${vendor}/src`)) problems.push(`${at} goes past the package's exports`);
    }
  }
  return problems;
}
