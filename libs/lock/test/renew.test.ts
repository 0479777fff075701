import { sleep } from '@staddle/kernel';
import type { LockDriver } from '@staddle/lock';
import { beforeEach, describe, expect, it } from 'vitest';
import { createStand, never, type Stand } from './stand.ts';

let stand: Stand;
beforeEach(() => {
  stand = createStand();
});
const down = (): Promise<never> => Promise.reject(new Error('down'));

describe('the watchdog', () => {
  it('renews a lease for as long as it is held, about three times per ttl', async () => {
    const locks = stand.process();
    const lease = await locks.acquire('job', { ttlMs: 3_000 });
    await stand.clock.advance(60_000);
    expect(lease.isHeld).toBe(true);
    expect(await stand.process().tryAcquire('job')).toBeUndefined();
    expect(locks.calls.renew.length).toBeGreaterThan(50);
    expect(locks.calls.renew.length).toBeLessThan(70);
    expect(await lease.release()).toBe('released');
    await stand.clock.advance(60_000);
    expect(locks.calls.renew.length).toBeLessThan(70);
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it('leaves a lease alone that is not to be renewed', async () => {
    const locks = stand.process();
    const lease = await locks.acquire('job', { ttlMs: 3_000, renew: false });
    await stand.clock.advance(3_000);
    expect(lease.isHeld).toBe(false);
    expect(locks.calls.renew).toEqual([]);
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it.each([true, false])('gives a lease that was handed over all of its ttl (renewed: %s)', async (renew) => {
    const first = await stand.process().acquire('job');
    const acquired = stand.process().acquire('job', { ttlMs: 30_000, waitMs: 60_000, renew });
    await stand.clock.advance(1_000);
    expect(await first.release()).toBe('handed-off');
    const lease = await acquired;
    await stand.clock.advance(20_000);
    expect(lease.isHeld).toBe(true);
    await stand.clock.advance(15_000);
    expect(lease.isHeld).toBe(renew);
  });

  it('renews in one command what falls due together', async () => {
    const locks = stand.process();
    const leases = await Promise.all(Array.from({ length: 50 }, (_, n) => locks.acquire(`job ${n}`, { ttlMs: 30_000 })));
    await stand.clock.advance(300_000);
    expect(leases.every(({ isHeld }) => isHeld)).toBe(true);
    expect(locks.calls.renew.flat().length).toBeGreaterThan(50 * 25);
    // A command gathers for a twentieth of the ten seconds between two renewals of a lease.
    expect(locks.calls.renew.length).toBeLessThanOrEqual(300 / 0.5);
  });

  it('puts at most 100 leases into one command', async () => {
    const locks = stand.process();
    const leases = await Promise.all(Array.from({ length: 1_050 }, (_, n) => locks.acquire(`job ${n}`, { ttlMs: 30_000 })));
    await stand.clock.advance(60_000);
    expect(leases.every(({ isHeld }) => isHeld)).toBe(true);
    expect(Math.max(...locks.calls.renew.map(({ length }) => length))).toBe(100);
    // 1050 leases every 10 s and a little more often, in commands of at most 100.
    expect(locks.calls.renew.length).toBeLessThan(110);
  });

  it('has one renewal of a lease in flight, however slow the store and however short the lease', async () => {
    const inFlight = new Set<string>();
    let most = 0;
    const slow: Partial<LockDriver> = {
      async renew(requests) {
        for (const { owner } of requests) {
          expect(inFlight).not.toContain(owner);
          inFlight.add(owner);
        }
        most = Math.max(most, inFlight.size);
        await sleep(40, { clock: stand.clock });
        for (const { owner } of requests) inFlight.delete(owner);
        return stand.driver.renew(requests);
      },
    };
    const locks = stand.process(slow);
    const leases = await Promise.all(Array.from({ length: 10 }, (_, n) => locks.acquire(`job ${n}`, { ttlMs: 300 })));
    for (let n = 0; n < 40; n++) {
      await stand.clock.advance(25);
      for (const lease of leases) lease.renew().catch(() => {});
    }
    expect(most).toBe(10);
    expect(leases.every(({ isHeld }) => isHeld)).toBe(true);
  });

  it.each([1, 2, 3, 10])('does not run hot for a lease of %i ms', async (ttlMs) => {
    const healthy = stand.process();
    const leases = await Promise.all(Array.from({ length: 10 }, (_, n) => healthy.acquire(`job ${n}`, { ttlMs })));
    const broken = stand.process({ renew: down });
    await broken.acquire('other', { ttlMs });
    await stand.clock.advance(1_000);
    // No more than one per millisecond, which is what timers can do, or four per ttl.
    expect(healthy.calls.renew.flat().length).toBeLessThanOrEqual(10 * Math.min(1_000, 4_100 / ttlMs));
    expect(broken.calls.renew.length).toBeLessThanOrEqual(10);
    for (const lease of leases) await lease.release();
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it('tries a failed renewal again, slower and slower, and survives when the store comes back', async () => {
    let isDown = true;
    const locks = stand.process({ renew: (requests) => (isDown ? down() : stand.driver.renew(requests)) });
    const lease = await locks.acquire('job', { ttlMs: 30_000 });
    await stand.clock.advance(25_000);
    // 15 seconds of failures with pauses of up to half a second and the window in which renewals travel together.
    expect(locks.calls.renew.length).toBeGreaterThan(12);
    expect(locks.calls.renew.length).toBeLessThan(60);
    isDown = false;
    await stand.clock.advance(60_000);
    expect(lease.isHeld).toBe(true);
    expect(locks.events).toMatchObject([{ type: 'renew-failed', name: 'job', fence: lease.fence, error: { message: 'down' } }]);
    expect(locks.logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('tries again at once, and together, when the store is back', async () => {
    let isDown = true;
    let ready: (() => void) | undefined;
    const locks = stand.process({
      renew: (requests) => (isDown ? down() : stand.driver.renew(requests)),
      connect(instance, listener) {
        ready = () => listener.ready();
        return stand.driver.connect!(instance, listener);
      },
    });
    const leases = await Promise.all(Array.from({ length: 150 }, (_, n) => locks.acquire(`job ${n}`, { ttlMs: 30_000 })));
    await stand.clock.advance(16_000);
    isDown = false;
    const before = locks.calls.renew.length;
    ready!();
    await stand.clock.advance(0);
    const since = locks.calls.renew.slice(before);
    expect(since.map(({ length }) => length)).toEqual([100, 50]);
    await stand.clock.advance(30_000);
    expect(leases.every(({ isHeld }) => isHeld)).toBe(true);
  });

  it('loses only those of a command that the store knows nothing about', async () => {
    const locks = stand.process({
      renew: async (requests) =>
        (await stand.driver.renew(requests)).map((outcome, index) => {
          const { name } = requests[index]!.key;
          if (name === 'gone') return { renewed: false, holder: undefined };
          if (name === 'taken') return { renewed: false, holder: 'other.1' };
          return name === 'unknown' ? new Error('moved') : outcome;
        }),
    });
    const [fine, gone, taken, unknown] = await Promise.all(['fine', 'gone', 'taken', 'unknown'].map((name) => locks.acquire(name, { ttlMs: 3_000 })));
    await stand.clock.advance(1_500);
    expect(fine!.isHeld).toBe(true);
    expect(gone!.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'state-lost' });
    expect(taken!.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'taken' });
    expect(unknown!.isHeld).toBe(true);
    expect(locks.events.map(({ type, name }) => `${type} ${name}`).toSorted()).toEqual(['lost gone', 'lost taken', 'renew-failed unknown']);
    await stand.clock.advance(3_000);
    expect(unknown!.signal.reason).toMatchObject({ reason: 'unreachable' });
  });

  it('asks nothing more about a lease that is over', async () => {
    const locks = stand.process({ renew: async (requests) => requests.map(() => ({ renewed: false, holder: undefined })) });
    await locks.acquire('job', { ttlMs: 3_000 });
    await stand.clock.advance(60_000);
    expect(locks.calls.renew.length).toBe(1);
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it('asks nothing more about a lease that was released while a renewal was under way', async () => {
    const locks = stand.process({
      async renew(requests) {
        await sleep(500, { clock: stand.clock });
        return stand.driver.renew(requests);
      },
    });
    const lease = await locks.acquire('job', { ttlMs: 3_000 });
    await stand.clock.advance(1_200);
    expect(locks.calls.renew.length).toBe(1);
    expect(await lease.release()).toBe('released');
    await stand.clock.advance(60_000);
    expect(locks.calls.renew.length).toBe(1);
    expect(locks.events).toEqual([]);
    expect(stand.clock.pendingTimers).toBe(0);
  });
});

describe('renew', () => {
  it('starts the lease anew with one round trip, also one that is not renewed by itself', async () => {
    const locks = stand.process();
    const lease = await locks.acquire('job', { ttlMs: 3_000, renew: false });
    await stand.clock.advance(2_000);
    await lease.renew();
    await stand.clock.advance(2_000);
    expect(lease.isHeld).toBe(true);
    expect(locks.calls.renew.length).toBe(1);
  });

  it('has one command for all who ask at once', async () => {
    const locks = stand.process();
    const lease = await locks.acquire('job');
    await Promise.all([lease.renew(), lease.renew(), lease.renew()]);
    expect(locks.calls.renew.length).toBe(1);
  });

  it('throws when the lease is over, and says why', async () => {
    const lease = await stand.process().acquire('job');
    await stand.driver.release({ key: { kind: 'mutex', name: 'job' }, owner: lease.token });
    await expect(lease.renew()).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'state-lost' });
    await expect(lease.renew()).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'state-lost' });
    expect(await lease.release()).toBe('not-held');
    const released = await stand.process().acquire('job');
    await released.release();
    await expect(released.renew()).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'released' });
  });

  it('throws when the store does not answer, and the old deadline stays', async () => {
    const lease = await stand.process({ renew: down }).acquire('job', { ttlMs: 3_000, renew: false });
    const left = lease.remaining();
    await expect(lease.renew()).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', cause: { message: 'down' } });
    expect(lease.remaining()).toBe(left);
    const silent = await stand.process({ renew: never }).acquire('other', { ttlMs: 30_000, renew: false });
    const failure = expect(silent.renew()).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    await stand.clock.advance(1_000);
    await failure;
    expect(silent.isHeld).toBe(true);
  });

  it('cannot bring back a lease that ended here, although the store would', async () => {
    let stalledMs = 0;
    const clock = { ...stand.clock, monotonic: () => stand.clock.monotonic() + stalledMs, now: () => stand.clock.now() + stalledMs };
    const lease = await stand.process({}, { clock }).acquire('job', { ttlMs: 1_000 });
    stalledMs = 999;
    await lease.renew();
    expect(lease.isHeld).toBe(false);
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'ERR_LOCK_LOST', reason: 'paused' }));
    expect(await lease.release()).toBe('released');
  });
});
