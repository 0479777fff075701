import { sleep } from '@staddle/kernel';
import type { Lease, LockDriver, LockListener } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { beforeEach, describe, expect, it } from 'vitest';
import { overNetwork, seededRandom } from './network.ts';
import { createStand, never, type Stand } from './stand.ts';

let stand: Stand;
beforeEach(() => {
  stand = createStand();
});

/** A process to which messages of the named sorts never come. */
function deafTo(...sorts: (keyof LockListener)[]): Partial<LockDriver> {
  return { connect: (instance, listener) => stand.driver.connect!(instance, { ...listener, ...Object.fromEntries(sorts.map((sort) => [sort, () => {}])) }) };
}
/** Notes when a lease came. */
async function timed(acquired: Promise<Lease>): Promise<{ readonly lease: Lease; readonly atMs: number }> {
  const lease = await acquired;
  return { lease, atMs: stand.clock.monotonic() };
}

describe('23: the order of waiters', () => {
  /** Lets 200 waiters of four processes have the lock, one after the other, and gives them in the order in which they had it. */
  async function orderOf(priorityOf: (n: number) => number): Promise<number[]> {
    const processes = Array.from({ length: 4 }, () => stand.process({}, { maxLocalHandoffs: 0 }));
    const holder = await stand.process().acquire('job');
    const order: number[] = [];
    const waiters = Array.from({ length: 200 }, async (_, n) => {
      await sleep(n, { clock: stand.clock });
      await processes[n % 4]!.using('job', { waitMs: Infinity, priority: priorityOf(n) }, async () => void order.push(n));
    });
    await stand.clock.advance(200);
    await holder.release();
    await stand.clock.advance(1_000);
    await Promise.all(waiters);
    return order;
  }

  it('is that in which they came, over all processes', async () => {
    expect(await orderOf(() => 0)).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it('is that of their priorities first', async () => {
    const priorityOf = (n: number): number => ((n * 7) % 5) - 2;
    expect(await orderOf(priorityOf)).toEqual(Array.from({ length: 200 }, (_, n) => n).toSorted((a, b) => priorityOf(b) - priorityOf(a) || a - b));
  });
});

describe('a waiter', () => {
  it('starts on the message of its grant, without a question', async () => {
    const holder = await stand.process().acquire('job');
    const locks = stand.process();
    const acquired = locks.acquire('job', { waitMs: 60_000 });
    await stand.clock.advance(1_000);
    const asked = locks.calls.acquire.length;
    await holder.release();
    expect((await acquired).isHeld).toBe(true);
    expect(locks.calls.acquire.length).toBe(asked);
  });

  it('starts on a grant that comes while its questions fail, and one that is of no use does not make it ask without pause', async () => {
    for (const delayMs of [0, 1_900]) {
      const holder = await stand.process().acquire('job');
      let isDown = false;
      const locks = stand.process({
        acquire: (request) => (isDown ? Promise.reject(new Error('down')) : stand.driver.acquire(request)),
        connect: (instance, listener) =>
          stand.driver.connect!(instance, { ...listener, granted: (grant) => void sleep(delayMs, { clock: stand.clock }).then(() => listener.granted(grant)) }),
      });
      const acquired = locks.acquire('job', { waitMs: 60_000 });
      await stand.clock.advance(4_000);
      isDown = true;
      await stand.clock.advance(2_000);
      const asked = locks.calls.acquire.length;
      void holder.release();
      await stand.clock.advance(delayMs);
      expect(locks.calls.acquire.length - asked).toBeLessThan(20);
      isDown = false;
      await stand.clock.advance(600);
      const lease = await acquired;
      expect(lease.isHeld).toBe(true);
      await lease.release();
    }
  });

  it('does not start on a grant that came so late that it may be over, but asks', async () => {
    const holder = await stand.process().acquire('job');
    const locks = stand.process({
      connect: (instance, listener) =>
        stand.driver.connect!(instance, { ...listener, granted: (grant) => void sleep(1_900, { clock: stand.clock }).then(() => listener.granted(grant)) }),
    });
    const acquired = locks.acquire('job', { waitMs: 60_000 });
    await stand.clock.advance(1_000);
    const asked = locks.calls.acquire.length;
    await holder.release();
    await stand.clock.advance(1_900);
    expect((await acquired).isHeld).toBe(true);
    expect(locks.calls.acquire.length).toBe(asked + 1);
  });

  it.each([
    ['that was over before its last question was answered', 0],
    ['from a time that has not come yet, because the clock of the store was set back', 60_000],
  ])('does not start on a grant %s, but asks', async (_, aheadMs) => {
    const holder = await stand.process().acquire('job');
    let deliver: (() => void) | undefined;
    const locks = stand.process({
      connect: (instance, listener) =>
        stand.driver.connect!(instance, { ...listener, granted: (grant) => (deliver = () => listener.granted({ ...grant, grantedAtStoreMs: grant.grantedAtStoreMs + aheadMs })) }),
    });
    const acquired = locks.acquire('job', { waitMs: 60_000 });
    // It asks again after five seconds; in between it was granted, and an operator took it away.
    await stand.clock.advance(4_400);
    await holder.release();
    await stand.process().forceRelease('job');
    const other = await stand.process().acquire('job');
    await stand.clock.advance(700);
    const asked = locks.calls.acquire.length;
    deliver!();
    await stand.clock.advance(0);
    expect(locks.calls.acquire.length).toBe(asked + 1);
    await other.release();
    await stand.clock.advance(0);
    deliver!();
    await stand.clock.advance(0);
    expect((await acquired).isHeld).toBe(true);
  });

  it('has its turn although every message to it is lost', async () => {
    const holder = await stand.process().acquire('job');
    const acquired = timed(stand.process(deafTo('granted', 'next')).acquire('job', { waitMs: 60_000 }));
    await stand.clock.advance(1_000);
    await holder.release();
    await stand.clock.advance(10_000);
    // It asks every five seconds.
    expect((await acquired).atMs).toBeLessThan(6_100);
  });

  it.each([false, true])('takes over from one that was granted and is dead, when its short lease ends (told while asking: %s)', async (slow) => {
    const holder = await stand.process().acquire('job');
    stand.process({ ...deafTo('granted'), acquire: once(stand.driver.acquire) }).acquire('job', { waitMs: Infinity }).catch(() => {});
    await stand.clock.advance(1_000);
    const heir = timed(
      stand
        .process({
          async acquire(request) {
            const outcome = await stand.driver.acquire(request);
            if (slow) await sleep(200, { clock: stand.clock });
            return outcome;
          },
        })
        .acquire('job', { waitMs: Infinity }),
    );
    // After its second question has arrived, and before the answer when that is slow.
    await stand.clock.advance(slow ? 300 : 1_000);
    const releasedAt = stand.clock.monotonic();
    await holder.release();
    await stand.clock.advance(20_000);
    expect((await heir).atMs - releasedAt).toBeGreaterThanOrEqual(2_000);
    expect((await heir).atMs - releasedAt).toBeLessThan(2_500);
  });

  it('asks again at once when messages may have been missed', async () => {
    const holder = await stand.process().acquire('job');
    let ready: (() => void) | undefined;
    const locks = stand.process({
      connect(instance, listener) {
        ready = () => listener.ready();
        return stand.driver.connect!(instance, { ...listener, granted() {} });
      },
    });
    const acquired = locks.acquire('job', { waitMs: 60_000 });
    await stand.clock.advance(100);
    await holder.release();
    await stand.clock.advance(100);
    ready!();
    expect((await acquired).isHeld).toBe(true);
  });

  it('is skipped when its process has ended', async () => {
    const holder = await stand.process().acquire('job');
    const dying = stand.process();
    const lost = expect(dying.acquire('job', { waitMs: Infinity })).rejects.toMatchObject({ code: 'ERR_LOCK_CLOSED' });
    await stand.clock.advance(10);
    const acquired = stand.process().acquire('job', { waitMs: Infinity });
    await stand.clock.advance(10);
    await dying.close();
    await lost;
    await holder.release();
    expect((await acquired).isHeld).toBe(true);
  });
});

describe('22: a store that has lost its queue', () => {
  it.each([0, 16])('has all 100 waiters back in a few seconds (%i local hand-offs)', async (maxLocalHandoffs) => {
    const random = seededRandom(7);
    let driver = stand.driver;
    const connections = new Set<() => void>();
    // All processes see the store of the moment.
    const store: LockDriver = {
      ...stand.driver,
      acquire: (request) => driver.acquire(request),
      renew: (requests) => driver.renew(requests),
      release: (request) => driver.release(request),
      connect(instance, listener) {
        let connection = driver.connect!(instance, listener);
        let wanted = false;
        connections.add(() => {
          connection = driver.connect!(instance, listener);
          if (wanted) void connection.listen();
        });
        return {
          get listening() {
            return connection.listening;
          },
          async listen() {
            wanted = true;
            await connection.listen();
          },
          close: () => connection.close(),
        };
      },
    };
    const processes = Array.from({ length: 4 }, () => stand.process(overNetwork(store, { clock: stand.clock, random, latencyMs: 2 }), { maxLocalHandoffs }));
    const holder = stand.process(store).acquire('job', { ttlMs: 3_000 });
    await stand.clock.advance(10);
    let most = 0;
    let inside = 0;
    let done = 0;
    const waiters = Array.from({ length: 100 }, (_, n) =>
      processes[n % 4]!.using('job', { waitMs: Infinity }, async () => {
        most = Math.max(most, ++inside);
        await sleep(1, { clock: stand.clock });
        inside -= 1;
        done += 1;
      }),
    );
    await stand.clock.advance(1_000);
    driver = memoryLockDriver({ clock: stand.clock });
    for (const reconnect of connections) reconnect();
    await holder;
    await stand.clock.advance(5_500 + 100 * 10);
    expect(done).toBe(100);
    expect(most).toBe(1);
    await Promise.all(waiters);
  });
});

it('the first waiter that finds the queue of the store gone has the others come back at once', async () => {
  let driver = stand.driver;
  let reconnect: (() => void) | undefined;
  const locks = stand.process(
    {
      acquire: (request) => driver.acquire(request),
      renew: (requests) => driver.renew(requests),
      release: (request) => driver.release(request),
      connect(instance, listener) {
        reconnect = () => void driver.connect!(instance, listener).listen();
        return stand.driver.connect!(instance, listener);
      },
    },
    { maxLocalHandoffs: 0 },
  );
  await stand.process().acquire('job');
  const got: Lease[] = [];
  const waiting = [1, 2, 3].map(async () => got.push(await locks.acquire('job', { waitMs: Infinity })));
  await stand.clock.advance(100);
  driver = memoryLockDriver({ clock: stand.clock });
  reconnect!();
  while (got.length === 0) await stand.clock.advance(1);
  expect((await driver.inspect({ kind: 'mutex', name: 'job' }))?.waiters).toHaveLength(2);
  for (const turn of [0, 1]) {
    while (got.length <= turn) await stand.clock.advance(1);
    await got[turn]!.release();
  }
  await Promise.all(waiting);
});

/** The first call only; the process is dead after it. */
function once(acquire: LockDriver['acquire']): LockDriver['acquire'] {
  let calls = 0;
  // Its second question is the one that queues.
  return (request) => (++calls <= 2 ? acquire(request) : never());
}
