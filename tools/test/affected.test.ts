import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listPackages, ROOT } from '../workspace.ts';

const packages = listPackages();
const projectOf = (name: string): string => packages.find(({ manifest }) => manifest.name === name)?.manifest.nx?.name ?? name;

/** The projects that a change of `name` can break, by the package.json files alone. */
function dependentsOf(name: string): string[] {
  const found = new Set([name]);
  for (const dependency of found) {
    for (const { manifest } of packages) {
      if (dependency in { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.devDependencies }) found.add(manifest.name);
    }
  }
  // The tools start all services, so every change reaches them.
  return [...[...found].map(projectOf), 'tools'].toSorted();
}

function affectedBy(file: string): string[] {
  const output = execFileSync(join(ROOT, 'node_modules/.bin/nx'), ['show', 'projects', '--affected', `--files=${file}`, '--json'], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...process.env, NX_DAEMON: 'false' },
  });
  return (JSON.parse(output) as string[]).toSorted();
}

describe('nx affected', () => {
  it.each(['cron', 'shortlink', 'kernel'])('selects libs/%s, its dependents and no other project', (library) => {
    expect(affectedBy(`libs/${library}/src/index.ts`)).toEqual(dependentsOf(`@staddle/${library}`));
  });

  it('does not reach the shortener from cron', () => {
    const affected = affectedBy('libs/cron/src/index.ts');
    expect(affected).toEqual(expect.arrayContaining(['@staddle/cron', '@staddle/dispatch', 'scheduler']));
    expect(affected).not.toContain('shortener');
    expect(affected).not.toContain('@staddle/lock');
  });
});
