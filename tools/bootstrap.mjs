// Runs a tool of this repository on a fresh clone: `node tools/bootstrap.mjs SCRIPT [args…]`.
//
// Plain JavaScript for Node >= 18, because it is what finds out whether anything else can run: it installs the
// dependencies when node_modules is missing or older than package-lock.json, then runs SCRIPT on the Node of the npm
// package `node` (24.x), whatever Node the host has, with libraries resolved to their TypeScript sources.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST_HOST_NODE = 18;
const OLDEST_NODE = [24, 12];
// npm prints no progress when its output is not a terminal; a silent minute looks like a hang.
const HEARTBEAT_MS = 5_000;
// An install that takes longer than this was killed: its lock is stale.
const STALE_LOCK_MS = 15 * 60_000;

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const stamp = join(modules, '.staddle-installed');
const bundledNode = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

const [script, ...args] = process.argv.slice(2);
if (script === undefined) fail('usage: node tools/bootstrap.mjs SCRIPT [args…]');
if (Number(process.versions.node.split('.')[0]) < OLDEST_HOST_NODE) {
  fail(`Node ${process.versions.node} is too old to install Staddle; it needs ${OLDEST_HOST_NODE} or newer (and brings its own Node ${OLDEST_NODE.join('.')} or newer)`);
}

if (!isInstalled()) await withInstallLock(install);
run(nodeToRun(), script, args);

function lockDigest() {
  return createHash('sha256').update(readFileSync(join(root, 'package-lock.json'))).digest('hex');
}

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === lockDigest();
}

// Two terminals may run `npm start` and `npm test` on the same fresh clone; two `npm ci` at once destroy each other's work.
async function withInstallLock(work) {
  const lock = join(root, '.staddle-install.lock');
  for (let announced = false; ; ) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > STALE_LOCK_MS) {
        rmSync(lock, { recursive: true, force: true });
        continue;
      }
      if (!announced) console.error('staddle: waiting for another install in this folder (if there is none, delete .staddle-install.lock) …');
      announced = true;
      await new Promise((done) => setTimeout(done, 500));
    }
  }
  const unlock = () => rmSync(lock, { recursive: true, force: true });
  process.once('exit', unlock);
  const onSignal = () => process.exit(130);
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    if (!isInstalled()) await work();
  } finally {
    unlock();
    process.off('exit', unlock).off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function install() {
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1_000);
  console.error('staddle: installing dependencies (npm ci) …');
  const heartbeat = process.stderr.isTTY ? undefined : setInterval(() => console.error(`staddle: still installing, ${seconds()} s …`), HEARTBEAT_MS);
  const code = await npm(['ci', '--loglevel=error', '--no-audit', '--no-fund']);
  clearInterval(heartbeat);
  if (code !== 0) fail(`npm ci failed with exit code ${code}; its message is above`);
  // With `ignore-scripts` in the user's npm settings the package `node` is there without its binary.
  if (!existsSync(bundledNode)) await npm(['rebuild', 'node', '--ignore-scripts=false', '--loglevel=error']);
  const node = nodeToRun();
  // npm leaves out optional binaries (of the linter, of Nx) whose `engines` do not fit the Node that npm itself runs on.
  // A second look on the Node that will use them brings what is missing, in about a second.
  if (node !== process.execPath && (await npm(['install', '--no-save', '--loglevel=error', '--no-audit', '--no-fund'], node)) !== 0) {
    fail('npm install on the Node that came with the dependencies failed; its message is above');
  }
  writeFileSync(stamp, lockDigest());
  console.error(`staddle: installed in ${seconds()} s`);
}

/** Runs npm, on the Node of this process unless told otherwise, and resolves with its exit code. */
function npm(npmArgs, node = process.execPath) {
  const cli = process.env.npm_execpath;
  const [command, first] = cli?.endsWith('.js') ? [node, [cli]] : ['npm', []];
  const env = { ...process.env, PATH: [dirname(node), process.env.PATH].join(delimiter) };
  return new Promise((done) => {
    spawn(command, [...first, ...npmArgs], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env })
      .once('error', (error) => fail(`npm could not be started: ${error.message}`))
      .once('exit', (code) => done(code ?? 1));
  });
}

function nodeToRun() {
  for (const candidate of [bundledNode, process.execPath]) {
    const { stdout } = spawnSync(candidate, ['--version'], { encoding: 'utf8' });
    const [major, minor] = (stdout ?? '').trim().replace('v', '').split('.').map(Number);
    if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return candidate;
  }
  return fail(`no Node ${OLDEST_NODE.join('.')} or newer: the npm package "node" has no binary for ${process.platform} ${process.arch}; install Node 24 and try again`);
}

function run(node, file, fileArgs) {
  const path = [join(modules, '.bin'), process.env.PATH].join(delimiter);
  // In a process group of its own the child does not see Ctrl-C twice: once from the terminal and once passed on by npm.
  const child = spawn(node, ['--conditions=@staddle/source', resolve(root, file), ...fileArgs], {
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
    detached: process.platform !== 'win32',
  });
  let lastSignalAt = -Infinity;
  const forward = (signal) => {
    // The terminal and npm both deliver one and the same Ctrl-C; a second press by a person takes longer than this.
    if (performance.now() - lastSignalAt < 300) return;
    lastSignalAt = performance.now();
    child.kill(signal);
  };
  for (const name of FORWARDED) process.on(name, forward);
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
    for (const name of FORWARDED) process.off(name, forward);
  });
}

function fail(message) {
  console.error(`staddle: ${message}`);
  process.exit(1);
}
