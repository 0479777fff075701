/** What locks cost while nothing happens to them: waiting, holding, and what is left of a million cycles. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { createLocks, type Lease } from '@staddle/lock';
import { redisLockDriver } from '@staddle/lock/redis';
import { measureTogether, printMachine } from '@staddle/testing';
import { Redis } from 'ioredis';
import { openContestant, PEERS } from './contestants.ts';

const WAITERS = 1_000;
const IDLE_SECONDS = 5;
const LEASES = 10_000;
const LEASE_TTL_MS = 30_000;
const HOLD_SECONDS = 60;
const BATCH = 100;
const CYCLES = 1_000_000;
const CYCLES_AT_ONCE = 100;

const control = new Redis(process.env['TEST_REDIS_URL']!);

/** Commands that the server has carried out, those inside of scripts included. */
async function commandCount(): Promise<number> {
  return Number(/total_commands_processed:(\d+)/.exec(await control.info('stats'))![1]);
}

/** Commands per second of a thousand tasks that wait for a lock which somebody holds all the time. */
async function idleWaiters(name: string): Promise<{ commands: number }> {
  const holder = await openContestant(name);
  const waiter = await openContestant(name);
  const lock = `idle-${Math.random()}`;
  const release = await holder.acquire(lock);
  const waiting = Array.from({ length: WAITERS }, async () => (await waiter.acquire(lock))());
  // Until all of them stand where they wait.
  await pause(1_000);
  const before = await commandCount();
  await pause(IDLE_SECONDS * 1_000);
  // Our own question is one.
  const commands = ((await commandCount()) - before - 1) / IDLE_SECONDS;
  await release();
  await Promise.all(waiting);
  await holder.close();
  await waiter.close();
  return { commands };
}

async function heldLeases(): Promise<Record<'lost' | 'renewal commands' | 'share of the bound' | 'event loop delay, max' | 'memory per lease', number>> {
  const client = new Redis(process.env['TEST_REDIS_URL']!);
  const driver = redisLockDriver(client, { prefix: 'held' });
  let renewals = 0;
  const locks = createLocks({
    driver: {
      ...driver,
      renew(requests) {
        renewals += 1;
        return driver.renew(requests);
      },
    },
  });
  globalThis.gc!();
  const heapBefore = process.memoryUsage().heapUsed;
  const leases: Lease[] = [];
  for (let at = 0; at < LEASES; at += BATCH) leases.push(...(await Promise.all(Array.from({ length: BATCH }, (_, index) => locks.acquire(`held-${at + index}`, { ttlMs: LEASE_TTL_MS })))));
  globalThis.gc!();
  const bytes = (process.memoryUsage().heapUsed - heapBefore) / LEASES;
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  renewals = 0;
  await pause(HOLD_SECONDS * 1_000);
  delay.disable();
  const perSecond = renewals / HOLD_SECONDS;
  const lost = leases.filter(({ isHeld }) => !isHeld).length;
  await locks.close();
  await client.quit();
  return {
    lost,
    'renewal commands': perSecond,
    'share of the bound': perSecond / (LEASES / (LEASE_TTL_MS / 3_000) / BATCH),
    'event loop delay, max': delay.max / 1e6,
    'memory per lease': bytes,
  };
}

/** Heap after a million cycles on distinct names, against the heap after the first tenth. */
async function heapGrowth(): Promise<Record<'heap growth' | 'keys left', number>> {
  const client = new Redis(process.env['TEST_REDIS_URL']!);
  // A short fence memory, so that what is left at the end is what the library leaves, not what it remembers for a day.
  const locks = createLocks({ driver: redisLockDriver(client, { prefix: 'heap', fenceMemoryMs: 1_000 }) });
  const heap: number[] = [];
  for (let at = 0; at < CYCLES; at += CYCLES_AT_ONCE) {
    await Promise.all(Array.from({ length: CYCLES_AT_ONCE }, async (_, index) => (await locks.acquire(`heap-${at + index}`, { ttlMs: 500 })).release()));
    if ((at + CYCLES_AT_ONCE) % (CYCLES / 10) !== 0) continue;
    globalThis.gc!();
    heap.push(process.memoryUsage().heapUsed);
  }
  await pause(2_000);
  let keys = 0;
  for await (const page of control.scanStream({ match: 'heap*', count: 1_000 })) keys += (page as string[]).length;
  await locks.close();
  await client.quit();
  return { 'heap growth': (heap.at(-1)! - heap[0]!) / heap[0]!, 'keys left': keys };
}

printMachine();
const lower = (unit: string): { readonly unit: string; readonly better: 'lower' } => ({ unit, better: 'lower' });
await measureTogether({
  bench: 'lock',
  case: 'idle-waiters-1000',
  rounds: 1,
  metrics: { commands: lower('1/s') },
  ours: () => idleWaiters('ours'),
  peers: { 'ours, strict order': () => idleWaiters('ours, strict order'), ...Object.fromEntries(PEERS.map((name) => [name, () => idleWaiters(name)])) },
});
const once = <T>(run: () => Promise<T>): (() => Promise<T>) => {
  let result: Promise<T> | undefined;
  return () => (result ??= run());
};
await measureTogether({
  bench: 'lock',
  case: 'held-leases-10000',
  rounds: 1,
  metrics: { lost: lower(''), 'renewal commands': lower('1/s'), 'share of the bound': lower(''), 'event loop delay, max': lower('ms'), 'memory per lease': lower('B') },
  ours: once(heldLeases),
});
await measureTogether({
  bench: 'lock',
  case: 'cycles-1m',
  rounds: 1,
  metrics: { 'heap growth': lower(''), 'keys left': lower('') },
  ours: once(heapGrowth),
});
await control.quit();
