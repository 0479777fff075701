// Proves that what would be published works: packs every public library, installs the tarballs in an empty project,
// imports every export on plain Node (dist, no source condition), and type-checks the examples against the packed types.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { compile } from './compile.ts';
import { listPackages, reportProblems, ROOT, type WorkspacePackage } from './workspace.ts';

const libraries = listPackages().filter(({ path, manifest }) => path.startsWith('libs/') && !manifest.private);
const scratch = mkdtempSync(join(tmpdir(), 'staddle-pack-'));
const problems: string[] = [];

try {
  if (compile(libraries.map(({ path }) => path)) !== 0) throw new Error('the build failed');
  for (const library of libraries) problems.push(...(await publintProblems(library)));
  installTarballs();
  problems.push(...importProblems(), ...typeProblems());
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
reportProblems('pack', problems);

async function publintProblems({ dir, path, manifest }: WorkspacePackage): Promise<string[]> {
  const { messages } = await publint({ pkgDir: dir, level: 'warning', strict: true });
  return messages.map((message) => `${path}: ${formatMessage(message, manifest as never) ?? message.code}`);
}

/** A user's project: the tarballs, and the peers and clients that their entries and examples need. */
function installTarballs(): void {
  const tarballs = join(scratch, 'tarballs');
  mkdirSync(tarballs);
  execFileSync('npm', ['pack', '--silent', '--pack-destination', tarballs, ...libraries.map(({ dir }) => dir)], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  const files = readdirSync(tarballs);
  const dependencies: Record<string, string> = { '@types/node': '^24.0.0' };
  for (const { manifest } of libraries) Object.assign(dependencies, manifest.peerDependencies, manifest.devDependencies);
  // Private: what needs it is a test, and tests are not packed.
  delete dependencies['@staddle/testing'];
  for (const { manifest } of libraries) {
    const file = files.find((name) => name === `${manifest.name.slice(1).replace('/', '-')}-${manifest.version}.tgz`);
    if (file === undefined) throw new Error(`npm pack made no tarball of ${manifest.name}`);
    dependencies[manifest.name] = `file:${join(tarballs, file)}`;
  }
  writeFileSync(join(scratch, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module', dependencies }));
  execFileSync('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'], { cwd: scratch, stdio: ['ignore', 'ignore', 'inherit'] });
}

function entryPoints(): string[] {
  return libraries.flatMap(({ manifest }) => Object.keys(manifest.exports ?? {}).filter((entry) => entry !== './package.json').map((entry) => manifest.name + entry.slice(1)));
}

function importProblems(): string[] {
  const program = `
    const problems = [];
    for (const entry of ${JSON.stringify(entryPoints())}) {
      try {
        if (!import.meta.resolve(entry).includes('/dist/')) problems.push(entry + ' does not resolve to dist');
        if (Object.keys(await import(entry)).length === 0) problems.push(entry + ' exports nothing');
      } catch (error) { problems.push(entry + ': ' + error.message); }
    }
    console.log(JSON.stringify(problems));`;
  writeFileSync(join(scratch, 'import-all.mjs'), program);
  return JSON.parse(execFileSync(process.execPath, ['import-all.mjs'], { cwd: scratch, encoding: 'utf8' })) as string[];
}

/** The examples of the READMEs, compiled as a user's code: strict, and with the library's own declarations checked too. */
function typeProblems(): string[] {
  const consumer = join(scratch, 'consumer');
  for (const { dir, path } of libraries) {
    if (existsSync(join(dir, 'examples'))) cpSync(join(dir, 'examples'), join(consumer, path), { recursive: true });
  }
  writeFileSync(join(consumer, 'every-entry.ts'), entryPoints().map((entry, index) => `import * as entry${index} from '${entry}';\nexport { entry${index} };\n`).join(''));
  const compilerOptions = {
    target: 'es2024', module: 'nodenext', strict: true, exactOptionalPropertyTypes: true, noEmit: true, types: ['node'],
    lib: ['es2024', 'esnext.disposable'], allowImportingTsExtensions: true,
  };
  writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['consumer'] }));
  try {
    execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', '.'], { cwd: scratch, encoding: 'utf8' });
    return [];
  } catch (error) {
    return (error as { stdout: string }).stdout.trim().split('\n');
  }
}
