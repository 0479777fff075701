import { sleep } from '@staddle/kernel';
import type { AcquireOptions, Lease } from '@staddle/lock';
import { beforeEach, describe, expect, it } from 'vitest';
import { overNetwork, seededRandom } from './network.ts';
import { createStand, never, type Stand, type StandProcess } from './stand.ts';

let stand: Stand;
beforeEach(() => {
  stand = createStand();
});

/** Has one lease after the other and says who had it, with its fence. */
async function inTurn(locks: StandProcess, waiters: readonly (AcquireOptions & { readonly who: string })[], log: { who: string; fence: bigint }[]): Promise<void> {
  await Promise.all(
    waiters.map(({ who, ...options }) =>
      locks.using('job', { waitMs: Infinity, ...options }, async ({ fence, isHeld }) => {
        expect(isHeld).toBe(true);
        log.push({ who, fence });
      }),
    ),
  );
}

describe('a hand-off inside the process', () => {
  it('costs no command, and each lease has a fence of its own', async () => {
    const locks = stand.process();
    const log: { who: string; fence: bigint }[] = [];
    await inTurn(locks, ['a', 'b', 'c', 'd'].map((who) => ({ who })), log);
    expect(log.map(({ who }) => who)).toEqual(['a', 'b', 'c', 'd']);
    expect(locks.calls).toMatchObject({ acquire: { length: 1 }, release: { length: 1 } });
    const fences = log.map(({ fence }) => fence);
    expect(new Set(fences).size).toBe(4);
    expect(fences).toEqual(fences.toSorted((a, b) => Number(a - b)));
    expect((await stand.process().acquire('job')).fence).toBeGreaterThan(log.at(-1)!.fence);
  });

  it('ends the lease of the one before, whatever it still asks of it', async () => {
    const locks = stand.process();
    const first = await locks.acquire('job');
    const waiting = locks.acquire('job');
    expect(await first.release()).toBe('handed-off');
    const second = await waiting;
    expect(first.isHeld).toBe(false);
    expect(() => first.assertHeld()).toThrow(expect.objectContaining({ code: 'ERR_LOCK_LOST', reason: 'released' }));
    await expect(first.renew()).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'released' });
    expect(() => first.export()).toThrow(expect.objectContaining({ code: 'ERR_LOCK_LOST' }));
    expect(await first.release()).toBe('handed-off');
    expect(second.isHeld).toBe(true);
    expect(await stand.process().tryAcquire('job')).toBeUndefined();
  });

  it('serves by priority, then in the order in which they came', async () => {
    const locks = stand.process();
    const holder = await locks.acquire('job');
    const log: { who: string; fence: bigint }[] = [];
    const all = inTurn(locks, [{ who: 'a' }, { who: 'low', priority: -1 }, { who: 'b' }, { who: 'high', priority: 5 }, { who: 'c' }, { who: 'high too', priority: 5 }], log);
    await stand.clock.advance(0);
    await holder.release();
    await all;
    expect(log.map(({ who }) => who)).toEqual(['high', 'high too', 'a', 'b', 'c', 'low']);
  });

  it.each([
    { renew: false },
    { fencing: false },
    { barge: true },
    { meta: { for: 'one' } },
    { minHoldMs: 1 },
    { replicas: { count: 1, timeoutMs: 100 } },
  ])('does not happen where the store has to know the lease: %o', async (options) => {
    const locks = stand.process();
    const first = await locks.acquire('job');
    const acquired = locks.acquire('job', { waitMs: 60_000, ...options });
    await stand.clock.advance(1);
    await first.release();
    const second = await acquired;
    expect(second.token).not.toBe(first.token);
    expect(second.fence === 0n).toBe('fencing' in options);
    await stand.clock.advance(5_000);
    expect(second.isHeld).toBe(true);
    await second.release();
  });

  it('does not pass on a lease that another process takes part in', async () => {
    const locks = stand.process();
    const first = await locks.acquire('job');
    const adopted = await stand.process().adopt(first.export());
    const waiting = locks.acquire('job', { waitMs: 60_000 });
    await stand.clock.advance(1);
    await first.release();
    expect((await waiting).token).not.toBe(first.token);
    await stand.clock.advance(30_000);
    expect(adopted.isHeld).toBe(false);
  });

  it('does not pass on a lease that is over', async () => {
    let stalledMs = 0;
    const clock = { ...stand.clock, monotonic: () => stand.clock.monotonic() + stalledMs, now: () => stand.clock.now() + stalledMs };
    const locks = stand.process({}, { clock });
    const first = await locks.acquire('job', { ttlMs: 1_000 });
    const waiting = locks.acquire('job', { waitMs: 60_000 });
    stalledMs = 2_000;
    await first.release();
    expect((await waiting).token).not.toBe(first.token);
  });

  it('passes on a lease only to one who wants the same length: a renewal for the shorter one that comes late would end the longer one early', async () => {
    let comesLate: (() => void) | undefined;
    const locks = stand.process({
      async renew(requests) {
        if (!comesLate) await new Promise<void>((resolve) => (comesLate = resolve));
        return stand.driver.renew(requests);
      },
    });
    const short = await locks.acquire('job', { ttlMs: 3_000 });
    const waiting = locks.acquire('job', { ttlMs: 60_000 });
    await stand.clock.advance(1_500);
    await short.release();
    const long = await waiting;
    await stand.clock.advance(5_000);
    comesLate!();
    await stand.clock.advance(5_000);
    expect(await stand.process().tryAcquire('job')).toBeUndefined();
    expect(long.isHeld).toBe(true);
  });

  it('gives each the length that it asked for', async () => {
    const locks = stand.process({ renew: (requests) => stand.driver.renew(requests) });
    const long = await locks.acquire('job', { ttlMs: 60_000 });
    const [short, longAgain] = [locks.acquire('job', { ttlMs: 1_000 }), locks.acquire('job', { ttlMs: 60_000 })];
    await long.release();
    const second = await short;
    await stand.clock.advance(400);
    // Renewed soon, because a crash is to be noticed after a second.
    expect(locks.calls.renew.at(-1)).toMatchObject([{ ttlMs: 1_000 }]);
    expect(second.remaining()).toBeLessThanOrEqual(1_000);
    await second.release();
    const third = await longAgain;
    await stand.clock.advance(1_000);
    expect(third.remaining()).toBeGreaterThan(50_000);
  });

  it('goes on when the lease before was lost', async () => {
    const locks = stand.process();
    const first = await locks.acquire('job');
    const waiting = locks.acquire('job', { waitMs: 60_000 });
    await stand.clock.advance(0);
    await stand.process().forceRelease('job');
    // It has no line for messages and learns of it by its next renewal.
    await stand.clock.advance(12_000);
    const second = await waiting;
    expect(first.signal.reason).toMatchObject({ reason: 'state-lost' });
    expect(second.token).not.toBe(first.token);
    expect(await first.release()).toBe('not-held');
    expect(second.isHeld).toBe(true);
  });
});

describe('waiters of one process', () => {
  it('send one of them to the store', async () => {
    const holder = await stand.process().acquire('job');
    const locks = stand.process();
    const waiters = Array.from({ length: 50 }, () => locks.using('job', { waitMs: Infinity }, async () => {}));
    await stand.clock.advance(1_000);
    expect((await stand.process().inspect('job'))?.waiters).toHaveLength(1);
    await holder.release();
    await Promise.all(waiters);
    // 50 waiters take three turns of 1 + 16.
    expect(locks.calls.release.length).toBe(3);
  });

  it.each([['the first', 0], ['the second', 1]])('go on when %s leaves while the store is asked', async (_, index) => {
    const holder = await stand.process().acquire('job');
    const locks = stand.process(overNetwork(stand.driver, { clock: stand.clock, random: seededRandom(1), latencyMs: 5 }));
    const controllers = [new AbortController(), new AbortController()];
    const waiters = controllers.map(({ signal }) => locks.acquire('job', { waitMs: Infinity, signal }));
    const left = expect(waiters[index]).rejects.toMatchObject({ name: 'AbortError' });
    await stand.clock.advance(1);
    controllers[index]!.abort();
    await left;
    await stand.clock.advance(50);
    await holder.release();
    await stand.clock.advance(50);
    expect((await waiters[1 - index])?.isHeld).toBe(true);
  });

  it('leave the queue of the store with the last of them, and come back with the next', async () => {
    const holder = await stand.process().acquire('job');
    const locks = stand.process();
    const controller = new AbortController();
    const left = expect(locks.acquire('job', { waitMs: Infinity, signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' });
    await stand.clock.advance(10);
    controller.abort();
    // In the same turn, before the first has left the store.
    const next = locks.acquire('job', { waitMs: Infinity });
    await left;
    await stand.clock.advance(10);
    expect((await stand.process().inspect('job'))?.waiters).toHaveLength(1);
    await holder.release();
    expect((await next).isHeld).toBe(true);
  });

  it('go before others in the store when one of higher priority joins them', async () => {
    const holder = await stand.process().acquire('job');
    const [locks, other] = [stand.process(), stand.process()];
    const log: { who: string; fence: bigint }[] = [];
    const first = inTurn(locks, [{ who: 'low' }], log);
    await stand.clock.advance(10);
    const second = inTurn(other, [{ who: 'other', priority: 1 }], log);
    await stand.clock.advance(10);
    const third = inTurn(locks, [{ who: 'high', priority: 2 }], log);
    await stand.clock.advance(10);
    await holder.release();
    await Promise.all([first, second, third]);
    expect(log.map(({ who }) => who).indexOf('high')).toBe(0);
  });

  it('still have their turn when a tryAcquire of their process wins', async () => {
    await stand.process({ renew: never, release: never }).acquire('job', { ttlMs: 1_000 });
    const locks = stand.process();
    const waiters = [1, 2].map(() => locks.acquire('job', { waitMs: Infinity }));
    await stand.clock.advance(1_000);
    // The lease is over, and their contender has not asked yet. One that is not shared, and one that is.
    const barger = await locks.tryAcquire('job', { barge: true });
    expect(barger?.isHeld).toBe(true);
    await stand.clock.advance(1_000);
    await barger!.release();
    const first = await waiters[0]!;
    await first.release();
    const second = await waiters[1]!;
    await second.release();
    await stand.clock.advance(100);
    expect(await stand.process().inspect('job')).toBeUndefined();
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it('still have their turn when a tryAcquire overtakes their first question', async () => {
    let slow = true;
    const locks = stand.process({
      async acquire(request) {
        if (slow) {
          slow = false;
          await sleep(100, { clock: stand.clock });
        }
        return stand.driver.acquire(request);
      },
    });
    const waiting = locks.acquire('job', { waitMs: Infinity });
    const winner = await locks.tryAcquire('job');
    expect(winner?.isHeld).toBe(true);
    await stand.clock.advance(200);
    const asked = locks.calls.acquire.length;
    expect(await winner!.release()).toBe('handed-off');
    const lease = await waiting;
    expect(lease.token).toBe(winner!.token);
    await stand.clock.advance(10);
    // The contender has left the store.
    expect((await stand.process().inspect('job'))?.waiters).toEqual([]);
    expect(locks.calls.acquire.length).toBe(asked);
    await lease.release();
    expect(await stand.process().inspect('job')).toBeUndefined();
  });

  it('whose wait is over when the first answer comes end with the truth, and then', async () => {
    await stand.process().acquire('job');
    const locks = stand.process({
      async acquire(request) {
        await sleep(120, { clock: stand.clock });
        return stand.driver.acquire(request);
      },
    });
    let ended = 0;
    const failures = [1_000, 1, 50].map((waitMs) => expect(locks.acquire('job', { waitMs }).finally(() => ended++)).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT', waitedMs: waitMs }));
    await stand.clock.advance(119);
    expect(ended).toBe(0);
    await stand.clock.advance(1);
    expect(ended).toBe(2);
    await stand.clock.advance(1_000);
    await Promise.all(failures);
  });

  it('are all told when the store is away', async () => {
    const locks = stand.process({ acquire: () => Promise.reject(new Error('down')) });
    const waiters = [1_000, 5_000, Infinity].map((waitMs) => expect(locks.acquire('job', { waitMs })).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', cause: { message: 'down' } }));
    await stand.clock.advance(4_000);
    await Promise.all(waiters);
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it('know their place', async () => {
    await stand.process().acquire('job');
    const locks = stand.process();
    const places = [0, 1, 2].map((position) => expect(locks.acquire('job', { waitMs: 500 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT', position: expect.toSatisfy((place: number) => place <= position) }));
    await stand.clock.advance(1_000);
    await Promise.all(places);
  });
});

describe('27: a process that takes the lock again and again', () => {
  it.each([0, 1, 16])('lets a waiter of another process in after at most %i hand-offs of its own', async (maxLocalHandoffs) => {
    const busy = stand.process({}, { maxLocalHandoffs });
    let sections = 0;
    const stop = new AbortController();
    const loops = Array.from({ length: 5 }, async () => {
      while (!stop.signal.aborted) {
        await busy.using('job', { waitMs: Infinity }, async () => {
          sections += 1;
          await sleep(1, { clock: stand.clock });
        });
      }
    });
    const entries: number[] = [];
    const remote = stand.process();
    for (let n = 0; n < 10; n++) {
      await stand.clock.advance(17);
      const before = sections;
      const entered = remote.using('job', { waitMs: Infinity }, async () => void entries.push(sections - before));
      await stand.clock.advance(200);
      await entered;
    }
    stop.abort();
    await stand.clock.advance(200);
    await Promise.all(loops);
    // Without hand-offs its five tasks queue in the store as others do.
    expect(Math.max(...entries)).toBeLessThanOrEqual(maxLocalHandoffs === 0 ? 6 : maxLocalHandoffs + 2);
    expect(sections).toBeGreaterThan(500);
  });
});

it('many processes and tasks never meet, and their fences increase in the order of entry', async () => {
  const random = seededRandom(42);
  const processes = Array.from({ length: 4 }, () => stand.process(overNetwork(stand.driver, { clock: stand.clock, random, latencyMs: 2 })));
  let inside = 0;
  let last = 0n;
  let entered = 0;
  const section = async (lease: Lease): Promise<void> => {
    inside += 1;
    entered += 1;
    expect(inside).toBe(1);
    expect(lease.fence).toBeGreaterThan(last);
    last = lease.fence;
    await sleep(random() * 5, { clock: stand.clock });
    inside -= 1;
  };
  const tasks = processes.flatMap((locks) =>
    Array.from({ length: 20 }, async () => {
      for (let n = 0; n < 10; n++) {
        await locks.using('job', { waitMs: Infinity }, section);
        await sleep(random() * 5, { clock: stand.clock });
      }
    }),
  );
  await stand.clock.advance(60_000);
  await Promise.all(tasks);
  expect(entered).toBe(800);
  expect(await stand.process().inspect('job')).toBeUndefined();
  expect(stand.clock.pendingTimers).toBe(0);
});
