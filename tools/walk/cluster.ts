import assert from 'node:assert/strict';
import { signToken } from '@staddle/service';
import { startTestServers, testDatabase } from '@staddle/testing';
import { journey, type Page, type Run } from './journey.ts';
import { startProduct, type RunningProduct } from './product.ts';
import { freeAddresses } from './standalone.ts';
import { createApi, eventually, type Api, type Steps } from './steps.ts';

const SECRET = 'the walk signs its own tokens with this secret';
const READY = /^staddle is ready/m;

/**
 * The same journey on MariaDB and Redis with two scheduler processes, and an every-second task during which one of them is killed
 * with SIGKILL: every second must have exactly one occurrence.
 */
export async function walkCluster(steps: Steps, { seconds }: { seconds: number }): Promise<void> {
  const servers = await startTestServers();
  Object.assign(process.env, servers.env);
  const database = await testDatabase('mysql');
  const products: RunningProduct[] = [];
  try {
    const first = await freeAddresses();
    const second = await freeAddresses();
    const shared = {
      STADDLE_DATABASE__URL: database.url,
      STADDLE_REDIS__URL: servers.redisUrl,
      STADDLE_AUTH__SECRET: SECRET,
      STADDLE_SCHEDULER__PUSH_URL: first.urls.push,
      STADDLE_SCHEDULER__HTTP__ALLOWED_HOSTS: '127.0.0.1',
    };
    const start = async (service: string, env: Record<string, string>): Promise<RunningProduct> => {
      const product = await startProduct({ command: ['npm', 'start', service], env: { ...env, ...shared }, ready: READY });
      products.push(product);
      return product;
    };
    const started = await steps.run('push, shortener and two schedulers become ready on MariaDB and Redis', () =>
      Promise.all([start('push', first.env), start('shortener', first.env), start('scheduler', first.env), start('scheduler', second.env)]),
    );
    const victim = started[3];
    const token = await signToken({ secret: SECRET, sub: 'walker', roles: ['admin'], ttlMs: 3_600_000, now: Date.now() });
    const api = createApi(token);
    await journey(steps, first.urls, api, token);

    const uid = await steps.run('create an every-second task', async () => {
      const task = await api.post<{ uid: string }>(`${second.urls.scheduler}/v1/tasks`, {
        module: 'demo', handler: 'log', trigger: { kind: 'cron', expr: '* * * * * *', tz: 'UTC' }, payload: { message: 'tick' },
      });
      return task.uid;
    });
    await new Promise((resolve) => setTimeout(resolve, (seconds * 1_000) / 2));
    await steps.run('kill one scheduler with SIGKILL half-way', async () => {
      process.kill(pidOf(victim), 'SIGKILL');
    });
    await new Promise((resolve) => setTimeout(resolve, (seconds * 1_000) / 2));
    await steps.run('pause the task', () => api.post<void>(`${first.urls.scheduler}/v1/tasks/${uid}/pause`, { reason: 'the walk is over' }));
    await steps.run(`${seconds} ± 1 occurrences, none twice, none missing`, async () => {
      const runs = await allRuns(api, `${first.urls.scheduler}/v1/tasks/${uid}/runs`);
      const instants = runs.map(({ scheduledAt }) => Date.parse(scheduledAt)).toSorted((a, b) => a - b);
      assert.ok(Math.abs(instants.length - seconds) <= 1, `${instants.length} occurrences in ${seconds} s`);
      for (const [index, instant] of instants.entries()) assert.equal(instant, instants[0]! + index * 1_000, 'the seconds are contiguous');
      return `${instants.length} occurrences`;
    });
    await steps.run('every run SUCCEEDED, also those of the killed process', () =>
      eventually('all runs SUCCEEDED', async () => {
        const runs = await allRuns(api, `${first.urls.scheduler}/v1/tasks/${uid}/runs`);
        return runs.every(({ state }) => state === 'SUCCEEDED') ? `${runs.length} of ${runs.length}` : undefined;
      }, 120_000),
    );
    await steps.run('SIGTERM stops the others cleanly', async () => {
      const codes = await Promise.all(started.slice(0, 3).map((product) => product.stop('SIGTERM')));
      assert.deepEqual(codes, [0, 0, 0]);
    });
  } finally {
    await Promise.all(products.map((product) => product.stop('SIGTERM')));
    await database.close();
    await servers.stop();
  }
}

/** The scheduler itself, not the npm above it. */
function pidOf(product: RunningProduct): number {
  return Number(/\(process (\d+)\)/.exec(product.output())![1]);
}

async function allRuns(api: Api, url: string): Promise<Run[]> {
  const runs: Run[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const page: Page<Run> = await api.get(`${url}?limit=100${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`);
    runs.push(...page.items);
    cursor = page.nextCursor;
  }
  return runs;
}
