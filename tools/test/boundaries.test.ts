import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findBoundaryProblems } from '../boundaries.ts';
import { listPackages, ROOT } from '../workspace.ts';

// A copy of the house's manifests and tsconfigs with one planted fault each.
let house: string;
beforeEach(() => {
  house = mkdtempSync(join(tmpdir(), 'staddle-boundaries-'));
  for (const { dir, path } of listPackages()) {
    mkdirSync(join(house, path, 'src'), { recursive: true });
    for (const file of ['package.json', 'tsconfig.json']) cpSync(join(dir, file), join(house, path, file));
  }
});
afterEach(() => rmSync(house, { recursive: true }));

const write = (file: string, text: string): void => {
  mkdirSync(dirname(join(house, file)), { recursive: true });
  writeFileSync(join(house, file), text);
};
const edit = (file: string, change: (manifest: Record<string, Record<string, unknown>>) => void): void => {
  const manifest = JSON.parse(readFileSync(join(house, file), 'utf8')) as Record<string, Record<string, unknown>>;
  change(manifest);
  write(file, JSON.stringify(manifest));
};

describe('boundaries', () => {
  it('stand in the house itself', () => {
    expect(findBoundaryProblems(ROOT)).toEqual([]);
    expect(findBoundaryProblems(house)).toEqual([]);
  });

  it.each([
    ['libs/lock/src/lock.ts', `import { parse } from 'yaml';`, '"yaml" is not declared in dependencies or peerDependencies'],
    ['libs/lock/src/lock.ts', `import { Redis } from 'ioredis';`, '"ioredis" belongs in src/drivers/ or src/stores/'],
    ['libs/lock/src/lock.ts', `import type {\n  Redis,\n} from 'ioredis';`, '"ioredis" belongs in src/drivers/ or src/stores/'],
    ['libs/lock/src/lock.ts', `const { Redis } = await import('ioredis');`, '"ioredis" belongs in src/drivers/ or src/stores/'],
    ['libs/flags/src/flags.ts', `import { sql } from 'kysely';`, '"kysely" belongs in src/drivers/ or src/stores/'],
    ['libs/lock/src/lock.ts', `import { x } from '@staddle/kernel/src/errors.ts';`, "goes past the package's exports"],
    ['libs/lock/src/lock.ts', `import { x } from '../../cron/src/index.ts';`, 'leaves src/'],
    ['libs/lock/src/lock.ts', `export { x } from '@staddle/cron';`, '"@staddle/cron" is not declared'],
    ['libs/lock/src/drivers/redis.ts', `import { DatabaseSync } from 'node:sqlite';\nimport 'left-pad';`, '"left-pad" is not declared'],
    ['libs/lock/test/lock.test.ts', `import { x } from '@staddle/cron';`, '"@staddle/cron" is not declared in package.json'],
  ])('%s must not say %s', (file, text, problem) => {
    write(file, text);
    expect(findBoundaryProblems(house)).toEqual([expect.stringContaining(problem)]);
  });

  it('let a driver import its vendor, and a test import vitest', () => {
    write('libs/flags/src/drivers/kysely.ts', `import { sql } from 'kysely';`);
    write('libs/lock/src/drivers/redis.ts', `import type { Redis } from 'ioredis';\n// a sentence that ends from 'nowhere'`);
    write('libs/lock/test/lock.test.ts', `import { it } from 'vitest';`);
    expect(findBoundaryProblems(house)).toEqual([]);
  });

  it('refuse a library that depends on a platform package', () => {
    edit('libs/lock/package.json', (manifest) => (manifest['dependencies']!['@staddle/config'] = '0.1.0'));
    expect(findBoundaryProblems(house)).toEqual([
      expect.stringContaining('libs/lock: layer "lib" must not depend on @staddle/config (layer "platform"); allowed: kernel, store, lib'),
      expect.stringContaining('libs/lock/tsconfig.json lacks a reference to ../config'),
    ]);
  });

  it('refuse the testing library outside of devDependencies', () => {
    edit('services/push/package.json', (manifest) => (manifest['dependencies']!['@staddle/testing'] = '0.1.0'));
    expect(findBoundaryProblems(house)).toContain('services/push: @staddle/testing belongs in devDependencies');
  });

  it('refuse a tsconfig reference that package.json does not know', () => {
    edit('libs/lock/tsconfig.json', (config) => (config['references'] as unknown as { path: string }[]).push({ path: '../cron' }));
    expect(findBoundaryProblems(house)).toEqual(['libs/lock/tsconfig.json references an undeclared dependency, ../cron']);
  });

  it('refuse a package without a layer', () => {
    edit('libs/lock/package.json', (manifest) => (manifest['nx'] = {}));
    expect(findBoundaryProblems(house)).toContainEqual(expect.stringContaining('libs/lock: nx.tags must hold one of "layer:kernel"'));
  });
});
