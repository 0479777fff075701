import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@staddle/testing';
import { journey, seeTraces, type Urls } from './journey.ts';
import { startProduct, type RunningProduct } from './product.ts';
import { createApi, type Steps } from './steps.ts';

const READY = /^staddle is ready/m;

/** One process, no server: start, use, stop, start again, find everything. */
export async function walkStandalone(steps: Steps, { built }: { built: boolean }): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'staddle-walk-'));
  const cleanUp = (): void => rmSync(dataDir, { recursive: true, force: true });
  process.once('exit', cleanUp);
  const { env, urls } = await freeAddresses();
  // The built product runs as a user of the packages would run it: without the source condition.
  const command = built ? [process.execPath, 'tools/start.ts'] : ['npm', 'start'];
  const start = (): Promise<RunningProduct> => startProduct({ command, env: { ...env, STADDLE_DATA_DIR: dataDir }, ready: READY });
  let product: RunningProduct | undefined;
  try {
    product = await steps.run(`${command.join(' ')} becomes ready`, start);
    console.log(`        ready after ${Math.round(product.readyAfterMs)} ms`);
    const token = await steps.run('the admin token lies in the data folder, for its owner only', async () => {
      const file = join(dataDir, 'admin-token');
      assert.equal(statSync(file).mode & 0o777, 0o600);
      return readFileSync(file, 'utf8').trim();
    }, { quiet: true });
    const api = createApi(token);
    const traces = await journey(steps, urls, api, token);
    await steps.run('Ctrl-C stops it cleanly', async () => assert.equal(await product!.stop('SIGINT'), 0));
    product = await steps.run('a second start becomes ready', start);
    await seeTraces(steps, urls, api, traces);
    await steps.run('SIGTERM stops it cleanly', async () => assert.equal(await product!.stop('SIGTERM'), 0));
  } finally {
    await product?.stop('SIGTERM');
    cleanUp();
  }
}

/** Ports that nobody uses, so that the walk also works beside a running Staddle. */
export async function freeAddresses(): Promise<{ env: Record<string, string>; urls: Urls }> {
  const [scheduler, push, shortener] = [await freePort(), await freePort(), await freePort()];
  return {
    env: { STADDLE_SCHEDULER__PORT: String(scheduler), STADDLE_PUSH__PORT: String(push), STADDLE_SHORTENER__PORT: String(shortener) },
    urls: { scheduler: `http://127.0.0.1:${scheduler}`, push: `http://127.0.0.1:${push}`, shortener: `http://127.0.0.1:${shortener}` },
  };
}
