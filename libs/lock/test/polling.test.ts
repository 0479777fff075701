import { sleep } from '@staddle/kernel';
import type { Lease, LockDriver } from '@staddle/lock';
import { beforeEach, describe, expect, it } from 'vitest';
import { createStand, never, type Stand, type StandProcess } from './stand.ts';

let stand: Stand;
beforeEach(() => {
  stand = createStand();
});

/** Notes when a lease came. */
async function timed(acquired: Promise<Lease>): Promise<{ readonly lease: Lease; readonly atMs: number }> {
  const lease = await acquired;
  return { lease, atMs: stand.clock.monotonic() };
}

describe('waiters without messages', () => {
  const silent = (): Partial<LockDriver> => ({ connect: undefined as never });

  it('poll, and have their turn in order', async () => {
    const holder = await stand.process().acquire('job');
    const processes = Array.from({ length: 3 }, () => stand.process(silent(), { maxLocalHandoffs: 0 }));
    const order: number[] = [];
    const waiters = processes.map(async (locks, n) => {
      await sleep(n, { clock: stand.clock });
      await locks.using('job', { waitMs: Infinity }, async () => void order.push(n));
    });
    await stand.clock.advance(1_000);
    await holder.release();
    await stand.clock.advance(5_000);
    expect(order).toHaveLength(3);
    await Promise.all(waiters);
    expect(processes[0]!.calls.acquire.length).toBeGreaterThan(1);
    expect(processes[0]!.calls.acquire.length).toBeLessThan(30);
  });

  it('poll often again when their turn comes near', async () => {
    let position = 5;
    const locks = stand.process({
      ...silent(),
      acquire: async () => ({ acquired: false, holder: 'other.1', expiresInMs: 30_000, position, unqueued: false, storeNowMs: 0 }),
    });
    const waiting = expect(locks.acquire('job', { waitMs: 20_000 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
    await stand.clock.advance(10_000);
    for (const near of [1, 0]) {
      position = near;
      const asked = locks.calls.acquire.length;
      // It learns of it by its next question, half a second later at most; the ones after that come in quick succession.
      await stand.clock.advance(510 + 60 + 110 + 210);
      expect(locks.calls.acquire.length - asked).toBeGreaterThanOrEqual(4);
      await stand.clock.advance(3_000);
    }
    await stand.clock.advance(10_000);
    await waiting;
    expect(locks.calls.acquire.length).toBeLessThan(200);
  });

  it('26: poll while the line for messages is down, and listen when it is back', async () => {
    let up = false;
    let ready: (() => void) | undefined;
    const locks = stand.process({
      connect(instance, listener) {
        const connection = stand.driver.connect!(instance, listener);
        ready = () => {
          up = true;
          void connection.listen().then(() => listener.ready());
        };
        return {
          get listening() {
            return up && connection.listening;
          },
          listen: () => (up ? connection.listen() : Promise.reject(new Error('no line'))),
          close: () => connection.close(),
        };
      },
    });
    const first = await stand.process().acquire('job');
    const polled = timed(locks.acquire('job', { waitMs: Infinity }));
    await stand.clock.advance(5_000);
    expect(locks.calls.acquire.every(({ queue }) => !queue)).toBe(true);
    await first.release();
    await stand.clock.advance(1_000);
    const { lease } = await polled;
    const other = stand.process();
    const taken = other.acquire('job', { waitMs: Infinity });
    await stand.clock.advance(100);
    await lease.release();
    const second = await taken;
    const waiting = locks.acquire('job', { waitMs: Infinity });
    await stand.clock.advance(1_000);
    ready!();
    await stand.clock.advance(10);
    const asked = locks.calls.acquire.length;
    await stand.clock.advance(3_000);
    expect(locks.calls.acquire.length).toBe(asked);
    await second.release();
    expect((await waiting).isHeld).toBe(true);
  });

  it('wait for a line that never opens no longer than a command may take', async () => {
    const holder = await stand.process().acquire('job');
    const locks = stand.process({ connect: (instance, listener) => ({ ...stand.driver.connect!(instance, listener), listening: false, listen: never }) });
    const acquired = timed(locks.acquire('job', { waitMs: Infinity }));
    await stand.clock.advance(3_000);
    await holder.release();
    await stand.clock.advance(3_000);
    expect((await acquired).atMs).toBeLessThan(5_000);
  });
});

describe('the cost of waiting', () => {
  const perSecond = async (processes: readonly StandProcess[], seconds: number): Promise<number> => {
    const asked = (): number => processes.reduce((sum, { calls }) => sum + calls.acquire.length, 0);
    const before = asked();
    await stand.clock.advance(seconds * 1_000);
    return (asked() - before) / seconds;
  };

  it.each([0, 16])('of 1 000 waiters of one lock is less than five commands a second (%i local hand-offs)', async (maxLocalHandoffs) => {
    await stand.process().acquire('job');
    const locks = stand.process({}, { maxLocalHandoffs });
    for (let n = 0; n < 1_000; n++) locks.acquire('job', { waitMs: Infinity }).catch(() => {});
    await stand.clock.advance(1_000);
    expect(await perSecond([locks], 60)).toBeLessThan(5);
  });

  it('is shared by those who poll', async () => {
    await stand.process().acquire('job');
    const locks = stand.process({ connect: undefined as never }, { maxLocalHandoffs: 0 });
    for (let n = 0; n < 200; n++) locks.acquire('job', { waitMs: Infinity }).catch(() => {});
    await stand.clock.advance(5_000);
    expect(await perSecond([locks], 10)).toBeLessThan(400);
  });
});
