import { setTimeout as pause } from 'node:timers/promises';
import { createFaultProxy } from '@staddle/testing';
import { expect, it } from 'vitest';
import type { ContestResult } from '../fixtures/contest.ts';
import { createStage } from './stage.ts';

const LENGTH_MS = 8_000;
const TTL_MS = 1_000;

// Faults of a kind have tests of their own; this one lets them meet. What the processes get done is of no interest, only that
// nothing of it breaks the invariants: two at once, a lower fence, an acquisition that hangs, something left behind.
it('1: stays exclusive while processes are stopped and killed, and their lines cut, silent and slow', async () => {
  await using stage = await createStage();
  await using lines = new AsyncDisposableStack();
  const faults: string[] = [];
  const contest = { name: 'job', tasks: 100_000, lanes: 2, sectionMs: 20, forMs: LENGTH_MS, options: { ttlMs: TTL_MS, waitMs: 5_000 } };
  const party = async () => {
    const proxy = lines.use(await createFaultProxy({ target: stage.server.url }));
    const process = await stage.contestant({ url: proxy.url() });
    return { proxy, process, contest: process.order<ContestResult>({ do: 'contest', contest }) };
  };
  type Party = Awaited<ReturnType<typeof party>>;
  const parties = await Promise.all(Array.from({ length: 4 }, party));
  const nemesis: Record<string, (victim: Party, ms: number) => Promise<unknown>> = {
    async stop({ process }, ms) {
      process.kill('SIGSTOP');
      await pause(ms);
      process.kill('SIGCONT');
    },
    async cut({ proxy }) {
      proxy.cut();
      await pause(50);
      proxy.restore();
    },
    async silence({ proxy }, ms) {
      proxy.blackhole();
      await pause(ms);
      proxy.restore();
    },
    async deafen({ proxy }, ms) {
      proxy.blackhole('answers');
      await pause(ms);
      proxy.restore();
    },
    async slow({ proxy }, ms) {
      proxy.delay(150);
      await pause(ms);
      proxy.restore();
    },
    kill: () => stage.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub'),
  };
  const names = Object.keys(nemesis);
  const startedAt = performance.now();
  while (performance.now() - startedAt < LENGTH_MS * 0.8) {
    const name = names[Math.floor(Math.random() * names.length)]!;
    const index = Math.floor(Math.random() * parties.length);
    const ms = Math.round(Math.random() * 2 * TTL_MS);
    faults.push(`${Math.round(performance.now() - startedAt)}: ${name} ${index} for ${ms} ms`);
    await Promise.race([nemesis[name]!(parties[index]!, ms), pause(Math.random() * 500)]);
  }
  const [killed, ...rest] = parties;
  await killed!.process.die();
  const results = await Promise.all(rest.map((each) => each.contest));
  // Otherwise nothing was tried.
  expect(results.reduce((sum, { done }) => sum + done, 0)).toBeGreaterThan(10);
  for (const { proxy } of parties) proxy.restore();
  // Whoever comes next clears away what is known of the dead.
  await stage.locks().using('job', { waitMs: 30_000 }, async () => {});
  expect(await stage.verdict(), faults.join('\n')).toEqual([]);
});
