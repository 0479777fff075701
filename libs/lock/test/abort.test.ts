import { getEventListeners } from 'node:events';
import { sleep } from '@staddle/kernel';
import type { Lease } from '@staddle/lock';
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';
import { overNetwork, seededRandom } from './network.ts';
import { createStand, never, type Stand } from './stand.ts';

let stand: Stand;
beforeEach(() => {
  stand = createStand();
});
// What the core leaves to chance is repeatable too.
let chance: MockInstance<() => number> | undefined;
const seed = (random: () => number): void => {
  chance?.mockRestore();
  chance = vi.spyOn(Math, 'random').mockImplementation(random);
};
afterEach(() => {
  chance?.mockRestore();
});

describe('an abort', () => {
  it('ends the waiting at once with its reason, and leaves nothing behind', async () => {
    const first = await stand.process().acquire('job');
    const controller = new AbortController();
    const locks = stand.process();
    const failure = expect(locks.acquire('job', { waitMs: Infinity, signal: controller.signal })).rejects.toThrow('not needed any more');
    await stand.clock.advance(1_000);
    controller.abort(new Error('not needed any more'));
    await failure;
    await stand.clock.advance(0);
    expect(await stand.process().inspect('job')).toMatchObject({ waiters: [] });
    expect(await first.release()).toBe('released');
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it('before the call is answered before any command', async () => {
    const locks = stand.process();
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(locks.acquire('job', { signal })).rejects.toThrow('too late');
    await expect(locks.acquire(['a', 'b'], { signal })).rejects.toThrow('too late');
    await expect(locks.using('job', { signal }, async () => {})).rejects.toThrow('too late');
    expect(locks.calls.acquire).toEqual([]);
  });

  it('does not end the holding', async () => {
    const controller = new AbortController();
    const lease = await stand.process().acquire('job', { signal: controller.signal });
    controller.abort();
    expect(lease.isHeld).toBe(true);
    expect(lease.signal.aborted).toBe(false);
  });

  it('takes back a request whose answer is still under way', async () => {
    const controller = new AbortController();
    const locks = stand.process({
      async acquire(request) {
        await stand.driver.acquire(request);
        return never();
      },
    });
    const failure = expect(locks.acquire('job', { signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' });
    await stand.clock.advance(0);
    controller.abort();
    await failure;
    await stand.clock.advance(0);
    expect(await stand.process().tryAcquire('job')).toBeDefined();
  });

  it('gives the lock back when one that could not be taken back is granted after all', async () => {
    let failures = 1;
    const locks = stand.process({ release: (request) => (failures-- > 0 ? Promise.reject(new Error('connection lost')) : stand.driver.release(request)) });
    const holder = await stand.process().acquire('job');
    const waiting = expect(locks.acquire('job', { waitMs: 100 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
    await stand.clock.advance(100);
    await waiting;
    await holder.release();
    await stand.clock.advance(0);
    expect(await stand.process().tryAcquire('job')).toBeDefined();
  });

  it('leaves no listener on a signal that is used again and again', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    try {
      const { signal } = new AbortController();
      const locks = stand.process();
      const holder = await stand.process().acquire('held');
      const waiters = Array.from({ length: 100 }, () => locks.acquire('held', { waitMs: 500, signal }).catch(() => {}));
      for (let n = 0; n < 1_000; n++) await (await locks.acquire('job', { signal })).release();
      for (let n = 0; n < 100; n++) await (await locks.acquire(['a', 'b'], { signal })).release();
      await stand.clock.advance(1_000);
      await Promise.all(waiters);
      await holder.release();
      expect(getEventListeners(signal, 'abort')).toEqual([]);
      expect(warnings).toEqual([]);
    } finally {
      process.off('warning', onWarning);
    }
  });
});

describe('29: patience', () => {
  it('a wait of 0 asks once and tells who holds the lock', async () => {
    await stand.process().acquire('job');
    const locks = stand.process();
    await expect(locks.acquire('job', { waitMs: 0 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT', waitedMs: 0 });
    expect(locks.calls).toMatchObject({ acquire: { length: 1 }, release: { length: 0 } });
  });

  it('a wait without end lasts until the abort', async () => {
    await stand.process().acquire('job');
    const controller = new AbortController();
    let ended = false;
    const waiting = stand.process().acquire('job', { waitMs: Infinity, signal: controller.signal });
    const failure = expect(waiting.finally(() => (ended = true))).rejects.toMatchObject({ name: 'AbortError' });
    await stand.clock.advance(86_400_000);
    expect(ended).toBe(false);
    controller.abort();
    await failure;
  });

  it.each([0, 16])('10 000 aborts, one after the other, leave nothing behind (%i local hand-offs)', async (maxLocalHandoffs) => {
    const holder = await stand.process().acquire('job', { renew: false, ttlMs: 1_000_000_000 });
    const locks = stand.process({}, { maxLocalHandoffs });
    const timers = stand.clock.pendingTimers;
    for (let n = 0; n < 10_000; n++) {
      const controller = new AbortController();
      const waiting = locks.acquire('job', { waitMs: Infinity, signal: controller.signal });
      // Some before the first answer, some while they queue.
      if (n % 2) for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      controller.abort();
      await expect(waiting).rejects.toBe(controller.signal.reason);
      expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    }
    await stand.clock.advance(0);
    expect(stand.clock.pendingTimers).toBe(timers);
    expect(await stand.process().inspect('job')).toMatchObject({ waiters: [] });
    expect(await holder.release()).toBe('released');
  });
});

interface Race {
  readonly outcome: 'acquired' | 'gave up';
  /** What is wrong with it. */
  readonly faults: string[];
}

/** A waiter that gives up around the moment at which it is granted, and somebody behind it. */
async function race(run: number, { maxLocalHandoffs, abort }: { readonly maxLocalHandoffs: number; readonly abort: boolean }): Promise<Race> {
  const random = seededRandom(run);
  seed(random);
  const { clock, driver, process } = createStand();
  const far = (): ReturnType<typeof process> => process(overNetwork(driver, { clock, random, latencyMs: 3 }), { maxLocalHandoffs });
  const faults: string[] = [];
  const holder = await process().acquire('job');
  const waiting = far();
  const controller = new AbortController();
  const giveUpMs = 100;
  const waiter = waiting.acquire('job', abort ? { waitMs: Infinity, signal: controller.signal } : { waitMs: giveUpMs }).catch((error: Error & { code?: string }) => {
    if (error.code !== 'ERR_LOCK_TIMEOUT' && error.name !== 'AbortError') faults.push(`it threw ${error.message}`);
    return undefined;
  });
  void sleep(giveUpMs, { clock }).then(() => controller.abort());
  await clock.advance(20);
  const behind = (random() < 0.5 ? far() : waiting).acquire('job', { waitMs: Infinity });
  void sleep(giveUpMs - 25 + random() * 10, { clock }).then(() => holder.release());
  await clock.advance(200);
  const lease = await waiter;
  if (lease?.isHeld === false) faults.push('its lease is not held');
  void lease?.release();
  let next: Lease | undefined;
  void behind.then((got) => (next = got));
  await clock.advance(50);
  if (!next?.isHeld) faults.push('the next one has not got the lock');
  void next?.release();
  await clock.advance(50);
  if (await driver.inspect({ kind: 'mutex', name: 'job' })) faults.push('something is left in the store');
  if (clock.pendingTimers > 0) faults.push('a timer is left');
  return { outcome: lease ? 'acquired' : 'gave up', faults };
}

describe('25: giving up in the moment of the grant', () => {
  it.each([
    { maxLocalHandoffs: 16, abort: false },
    { maxLocalHandoffs: 0, abort: false },
    { maxLocalHandoffs: 16, abort: true },
    { maxLocalHandoffs: 0, abort: true },
  ])('is either a lease or a lock passed on (%o)', async (options) => {
    const outcomes = { acquired: 0, 'gave up': 0 };
    const faults: string[] = [];
    for (let run = 1; run <= 500; run++) {
      const result = await race(run, options);
      outcomes[result.outcome] += 1;
      faults.push(...result.faults.map((fault) => `run ${run}: ${fault}`));
    }
    expect(faults).toEqual([]);
    expect(outcomes.acquired).toBeGreaterThan(50);
    expect(outcomes['gave up']).toBeGreaterThan(50);
  });
});

describe('24: 500 waiters that are aborted at random times', () => {
  it.each([1, 2, 3])('lose no grant, and the others keep their order (run %i)', async (run) => {
    const random = seededRandom(run);
    seed(random);
    const { clock } = stand;
    const seen: string[] = [];
    const store = {
      ...stand.driver,
      acquire(request: Parameters<Stand['driver']['acquire']>[0]) {
        if (request.queue && !seen.includes(request.owner)) seen.push(request.owner);
        return stand.driver.acquire(request);
      },
    };
    const processes = Array.from({ length: 4 }, () => stand.process(overNetwork(store, { clock, random, latencyMs: 2 }), { maxLocalHandoffs: 0 }));
    const holder = await stand.process().acquire('job', { renew: false, ttlMs: 10_000_000 });
    const granted: string[] = [];
    let aborted = 0;
    let inside = 0;
    const waiters = Array.from({ length: 500 }, async (_, n) => {
      const controller = new AbortController();
      await sleep(random() * 500, { clock });
      if (random() < 0.6) void sleep(random() * 2_000, { clock }).then(() => controller.abort());
      try {
        await processes[n % 4]!.using('job', { waitMs: Infinity, ttlMs: 1_000_000, signal: controller.signal }, async ({ token }) => {
          granted.push(token);
          inside += 1;
          expect(inside).toBe(1);
          // Some leave in the very moment at which the next one is granted.
          if (random() < 0.5) await sleep(random() * 4, { clock });
          inside -= 1;
        });
      } catch (error) {
        if (error !== controller.signal.reason) throw error;
        aborted += 1;
      }
    });
    await clock.advance(500);
    await holder.release();
    await clock.advance(10_000);
    await Promise.all(waiters);
    expect(granted.length + aborted).toBe(500);
    expect(granted.length).toBeGreaterThan(100);
    expect(aborted).toBeGreaterThan(100);
    const ranks = granted.map((owner) => seen.indexOf(owner));
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    expect(await stand.process().inspect('job')).toBeUndefined();
    expect(clock.pendingTimers).toBe(0);
  });
});
