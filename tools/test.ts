// `npm test [-- PROJECT…]`: checks and tests of everything (or of the named projects), against private servers.
// `npm run affected [-- --base=REF]`: checks of everything, tests of what changed against REF (default main).
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startTestServers } from '@staddle/testing';
import { CHECKS, runNx } from './nx.ts';
import { interruption } from './process-group.ts';
import { listPackages, ROOT } from './workspace.ts';

const { values, positionals } = parseArgs({
  options: { affected: { type: 'boolean', default: false }, base: { type: 'string', default: 'main' } },
  allowPositionals: true,
});

const packages = listPackages();
// Nx runs nothing for a name that it does not know, and calls that a success.
const projects = [...packages.map(({ manifest }) => manifest.nx?.name ?? manifest.name), 'tools'];
const unknown = positionals.filter((name) => !projects.includes(name) && !projects.includes(`@staddle/${name}`));
if (unknown.length > 0) {
  console.error(`there is no project "${unknown.join('", "')}"; the projects are ${projects.join(', ')}`);
  process.exit(64);
}

const RESULTS = '.vitest/results.json';
const resultFiles = [...packages.map(({ dir }) => dir), join(ROOT, 'tools')].map((dir) => join(dir, RESULTS));
// What is left of an earlier run must not be counted; Nx puts the file of a cached test back.
for (const file of resultFiles) rmSync(file, { force: true });

const signal = interruption();
const startedAt = performance.now();
const servers = await startTestServers();
// Tests that are interrupted cannot clean up, so they get a temporary folder that goes as a whole. Its name is short, because
// paths of Unix sockets below it may have about a hundred characters.
const scratch = mkdtempSync(join(tmpdir(), 'st-'));
try {
  const checks = positionals.length === 0 ? [...CHECKS, 'pack'] : [];
  const env = { ...servers.env, TMPDIR: scratch };
  const checksCode = checks.length === 0 || signal.aborted ? 0 : await runNx(['run-many', '-t', ...checks], { env, signal });
  const testsCode = signal.aborted ? 1 : await runNx(testArgs(), { env, signal });
  if (signal.aborted) console.error(`\ninterrupted after ${secondsSinceStart()} s`);
  else summarise(checksCode === 0 ? checks.length : 0, checksCode, testsCode);
} finally {
  await servers.stop();
  // A worker that is just ending may still write.
  rmSync(scratch, { recursive: true, force: true, maxRetries: 10 });
}
if (signal.aborted) process.exitCode = 130;

function secondsSinceStart(): number {
  return Math.round((performance.now() - startedAt) / 1_000);
}

function testArgs(): string[] {
  if (values.affected) return ['affected', '-t', 'test', `--base=${values.base}`];
  return ['run-many', '-t', 'test', ...(positionals.length > 0 ? [`--projects=${positionals.join(',')}`] : [])];
}

/** The last line has the form that CI systems read. A failed check or a crashed runner counts as one failure. */
function summarise(checksPassed: number, checksCode: number, testsCode: number): void {
  const results = resultFiles.filter((file) => existsSync(file)).map((file) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>);
  const sum = (key: string): number => results.reduce((total, result) => total + (result[key] ?? 0), 0);
  const failedTests = sum('numFailedTests');
  const skipped = sum('numPendingTests') + sum('numTodoTests');
  const failed = failedTests + (checksCode === 0 ? 0 : 1) + (testsCode !== 0 && failedTests === 0 ? 1 : 0);
  console.log(`\n${results.length} test projects and ${checksPassed} checks in ${secondsSinceStart()} s`);
  console.log(`${sum('numPassedTests') + checksPassed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  if (failed > 0 || checksCode !== 0 || testsCode !== 0) process.exitCode = 1;
}
