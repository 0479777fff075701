// `npm run bench -- NAME [--json]`: runs bench/*.bench.ts of the package NAME (`lock`, `shortener`), one after the other.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { startTestServers } from '@staddle/testing';
import { interruption, runGroup } from './process-group.ts';
import { listPackages, ROOT } from './workspace.ts';

const { values, positionals } = parseArgs({ options: { json: { type: 'boolean', default: false } }, allowPositionals: true });
const benches = listPackages()
  .map(({ dir }) => ({ name: basename(dir), folder: join(dir, 'bench') }))
  .filter(({ folder }) => existsSync(folder));
const chosen = benches.filter(({ name }) => positionals.includes(name));
const names = [...new Set(benches.map(({ name }) => name))];

if (positionals.length === 0 || positionals.some((name) => !names.includes(name))) {
  console.error(`usage: npm run bench -- NAME [--json]; NAME is one of: ${names.join(', ')}`);
  process.exit(64);
}

const peers = join(ROOT, 'tools/bench');
if (!existsSync(join(peers, 'node_modules'))) {
  console.error('installing the peers that the benchmarks compare with …');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: peers, stdio: ['ignore', 2, 2] });
}

const signal = interruption();
const servers = await startTestServers();
// Goes as a whole, also after a bench that was interrupted and could not clean up.
const scratch = mkdtempSync(join(tmpdir(), 'staddle-bench-'));
try {
  for (const { folder } of chosen) {
    for (const file of readdirSync(folder).filter((entry) => entry.endsWith('.bench.ts')).toSorted()) {
      if (signal.aborted) break;
      const code = await runGroup(['--expose-gc', '--conditions=@staddle/source', join(folder, file), ...(values.json ? ['--json'] : [])], {
        cwd: join(folder, '..'),
        env: { ...servers.env, BENCH_PEERS_DIR: peers, TMPDIR: scratch },
        signal,
      });
      if (code !== 0) process.exitCode = code;
    }
  }
} finally {
  await servers.stop();
  rmSync(scratch, { recursive: true, force: true, maxRetries: 10 });
}
if (signal.aborted) process.exitCode = 130;
