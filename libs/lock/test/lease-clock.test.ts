import { sleep } from '@staddle/kernel';
import { beforeEach, describe, expect, it } from 'vitest';
import { createStand, never, type Stand } from './stand.ts';

let stand: Stand;
beforeEach(() => {
  stand = createStand();
});
const down = (): Promise<never> => Promise.reject(new Error('down'));
const lost = (reason: string) => expect.objectContaining({ code: 'ERR_LOCK_LOST', reason });

describe('the deadline of a lease', () => {
  it('counts from before the command was sent', async () => {
    const acquired = stand
      .process({
        async acquire(request) {
          await sleep(200, { clock: stand.clock });
          const outcome = await stand.driver.acquire(request);
          await sleep(200, { clock: stand.clock });
          return outcome;
        },
      })
      .acquire('job', { ttlMs: 1_000, renew: false });
    await stand.clock.advance(400);
    // 1000 less the tenth that is the margin, one in a hundred for drifting clocks and 2 ms for rounding, 400 ago.
    expect((await acquired).remaining()).toBeCloseTo(488);
  });

  it.each([10, 50, 1_000, 30_000])('comes before a lease of %i ms ends in the store, which hangs', async (ttlMs) => {
    const locks = stand.process({ renew: never, release: never });
    const lease = await locks.acquire('job', { ttlMs });
    const aborted = new Promise<number>((resolve) => lease.signal.addEventListener('abort', () => resolve(stand.clock.monotonic())));
    // The test clock moves to the time of each timer and no further.
    while (!lease.signal.aborted) await stand.clock.advance(Math.min(0.1, ttlMs / 20));
    expect(await aborted).toBeLessThan(ttlMs);
    expect(await aborted).toBeGreaterThan(ttlMs * 0.7);
    expect(lease.isHeld).toBe(false);
    expect(lease.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', lockName: 'job', fence: lease.fence });
    expect(await stand.process().tryAcquire('job')).toBeUndefined();
    await stand.clock.advance(ttlMs);
    expect(await stand.process().tryAcquire('job')).toBeDefined();
    expect(locks.events.at(-1)).toMatchObject({ type: 'lost', name: 'job' });
    expect(locks.logger.lines).toContainEqual(expect.objectContaining({ level: 'warn', message: 'lock lost' }));
  });

  it.each([1, 2])('of %i ms may come before any timer, and isHeld knows', async (ttlMs) => {
    const lease = await stand.process({ renew: never }).acquire('job', { ttlMs });
    expect(lease.isHeld).toBe(true);
    await stand.clock.advance(ttlMs * 0.79);
    expect(lease.isHeld).toBe(false);
    await stand.clock.advance(2);
    expect(lease.signal.aborted).toBe(true);
  });

  it('is told by its reason: unreachable when renewals failed, expired when there were none', async () => {
    const failing = await stand.process({ renew: down }).acquire('a', { ttlMs: 3_000 });
    const silent = await stand.process({ renew: never }).acquire('b', { ttlMs: 3_000 });
    const unrenewed = await stand.process().acquire('c', { ttlMs: 3_000, renew: false });
    await stand.clock.advance(3_000);
    expect(() => failing.assertHeld()).toThrow(lost('unreachable'));
    expect(() => silent.assertHeld()).toThrow(lost('unreachable'));
    expect(() => unrenewed.assertHeld()).toThrow(lost('expired'));
  });

  it('is seen after the process stood still, before any timer has run', async () => {
    let stalledMs = 0;
    const clock = { ...stand.clock, monotonic: () => stand.clock.monotonic() + stalledMs, now: () => stand.clock.now() + stalledMs, setTimer: stand.clock.setTimer };
    const lease = await stand.process({}, { clock }).acquire('job', { ttlMs: 1_000 });
    stalledMs = 5_000;
    expect(lease.isHeld).toBe(false);
    expect(() => lease.assertHeld()).toThrow(lost('paused'));
    await stand.clock.advance(400);
    expect(lease.signal.reason).toEqual(lost('paused'));
  });

  it('can be asked for more than nothing', async () => {
    const lease = await stand.process().acquire('job', { ttlMs: 1_000, renew: false });
    await stand.clock.advance(500);
    lease.assertHeld(300);
    expect(() => lease.assertHeld(500)).toThrow(expect.objectContaining({ code: 'ERR_LOCK_LOST' }));
    expect(lease.isHeld).toBe(true);
  });
});

describe('18: a jump of the wall clock here', () => {
  it('forwards puts a lease in doubt until the store has confirmed it', async () => {
    const locks = stand.process();
    const lease = await locks.acquire('job', { ttlMs: 30_000 });
    stand.clock.setWall(stand.clock.now() + 3_600_000);
    expect(lease.isHeld).toBe(false);
    expect(lease.signal.aborted).toBe(false);
    await stand.clock.advance(0);
    expect(lease.isHeld).toBe(true);
    expect(locks.calls.renew.length).toBe(1);
    await stand.clock.advance(60_000);
    expect(lease.isHeld).toBe(true);
    expect(await lease.release()).toBe('released');
    expect(locks.events).toEqual([]);
  });

  it('forwards does not fail a release', async () => {
    const locks = stand.process({
      async release(request) {
        await sleep(50, { clock: stand.clock });
        return stand.driver.release(request);
      },
    });
    const lease = await locks.acquire('job');
    stand.clock.setWall(stand.clock.now() + 3_600_000);
    const released = lease.release();
    await stand.clock.advance(100);
    expect(await released).toBe('released');
    expect(locks.events).toEqual([]);
  });

  it('forwards fails no work that ends in time', async () => {
    const locks = stand.process();
    const value = await locks.using('job', {}, async () => {
      stand.clock.setWall(stand.clock.now() + 3_600_000);
      return 'done';
    });
    expect(value).toBe('done');
  });

  it('forwards is asked about at most as often as a failed renewal is tried again', async () => {
    const locks = stand.process({ renew: down });
    const lease = await locks.acquire('job', { ttlMs: 30_000 });
    stand.clock.setWall(stand.clock.now() + 3_600_000);
    for (let n = 0; n < 100; n++) {
      expect(lease.isHeld).toBe(false);
      await stand.clock.advance(1);
    }
    expect(locks.calls.renew.length).toBeLessThan(6);
  });

  it('backwards neither extends a lease nor ends it', async () => {
    const lease = await stand.process().acquire('job', { ttlMs: 1_000, renew: false });
    stand.clock.setWall(stand.clock.now() - 3_600_000);
    expect(lease.remaining()).toBeCloseTo(888);
    await stand.clock.advance(888);
    expect(lease.isHeld).toBe(false);
  });

  it('of a few milliseconds at a time, as a daemon smears it, changes nothing', async () => {
    const locks = stand.process();
    const lease = await locks.acquire('job', { ttlMs: 3_000 });
    for (let n = 0; n < 600; n++) {
      stand.clock.setWall(stand.clock.now() + 0.05);
      await stand.clock.advance(100);
      expect(lease.isHeld).toBe(true);
    }
    expect(locks.events).toEqual([]);
    expect(locks.calls.renew.length).toBeLessThan(70);
  });

  it.each([3_600_000, -3_600_000])('by %i ms grants nobody a lock that is held', async (byMs) => {
    await stand.process().acquire('job');
    const waiter = stand.process();
    const second = waiter.acquire('job', { waitMs: 10_000 });
    const failure = expect(second).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
    await stand.clock.advance(1_000);
    stand.clock.setWall(stand.clock.now() + byMs);
    await stand.clock.advance(10_000);
    await failure;
    expect(await stand.process().tryAcquire('job')).toBeUndefined();
  });
});

describe('19: a machine that was suspended', () => {
  it('finds its leases over at once, although its monotonic clock stood still', async () => {
    const locks = stand.process({
      // The store went on meanwhile.
      renew: async (requests) => requests.map(() => ({ renewed: false, holder: undefined })),
    });
    const lease = await locks.acquire('job', { ttlMs: 30_000 });
    stand.clock.setWall(stand.clock.now() + 600_000);
    expect(lease.isHeld).toBe(false);
    expect(lease.remaining()).toBe(0);
    expect(() => lease.assertHeld()).toThrow(lost('clock'));
    await stand.clock.advance(0);
    expect(lease.signal.reason).toEqual(lost('clock'));
  });

  it('does not start on a grant that it slept through', async () => {
    const holder = await stand.process().acquire('job');
    let asleep = false;
    let late: (() => void) | undefined;
    const sleeper = stand.process({
      connect: (instance, listener) =>
        stand.driver.connect!(instance, {
          ...listener,
          granted(grant) {
            if (asleep) late = () => listener.granted(grant);
            else listener.granted(grant);
          },
        }),
    });
    const acquired = sleeper.acquire('job', { waitMs: 600_000 });
    await stand.clock.advance(100);
    asleep = true;
    await holder.release();
    // Its monotonic clock does not move, the store's would.
    stand.clock.setWall(stand.clock.now() + 600_000);
    const asked = sleeper.calls.acquire.length;
    await stand.clock.advance(0);
    late!();
    await stand.clock.advance(0);
    expect(sleeper.calls.acquire.length).toBe(asked + 1);
    expect((await acquired).isHeld).toBe(true);
  });
});

describe('a jump of the clock of the store', () => {
  it.each([10_000, -10_000])('by %i ms shows in what was left of the lease', async (jumpMs) => {
    const locks = stand.process({
      renew: async (requests) => (await stand.driver.renew(requests)).map((outcome) => ('previousMs' in outcome ? { ...outcome, previousMs: outcome.previousMs - jumpMs } : outcome)),
    });
    const lease = await locks.acquire('job', { ttlMs: 30_000 });
    await stand.clock.advance(12_000);
    expect(locks.events).toMatchObject([{ type: 'clock-jump', name: 'job', kind: 'mutex', fence: lease.fence }]);
    const [event] = locks.events;
    expect(event).toHaveProperty('byMs', jumpMs);
    expect(locks.logger.lines).toContainEqual(expect.objectContaining({ level: 'warn', message: expect.stringMatching(/clock jumped/) }));
    expect(lease.isHeld).toBe(true);
  });

  it('is not taken for one when an earlier renewal arrived and only its answer was lost', async () => {
    let renewals = 0;
    const locks = stand.process({
      async renew(requests) {
        const outcomes = await stand.driver.renew(requests);
        if (++renewals % 2 === 1) throw new Error('connection lost');
        return outcomes;
      },
    });
    const lease = await locks.acquire('job', { ttlMs: 30_000 });
    await stand.clock.advance(120_000);
    expect(locks.events.filter(({ type }) => type === 'clock-jump')).toEqual([]);
    expect(lease.isHeld).toBe(true);
  });

  it('is not taken for one when another process renews the lease as well', async () => {
    const [first, second] = [stand.process(), stand.process()];
    const lease = await first.acquire('job', { ttlMs: 30_000 });
    const adopted = await second.adopt(lease.export());
    await stand.clock.advance(120_000);
    expect([...first.events, ...second.events]).toEqual([]);
    expect([lease.isHeld, adopted.isHeld]).toEqual([true, true]);
  });
});
