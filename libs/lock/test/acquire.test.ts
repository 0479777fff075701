import { sleep } from '@staddle/kernel';
import { createLocks, InvalidLockOptionError, type LockDriver } from '@staddle/lock';
import { beforeEach, describe, expect, it } from 'vitest';
import { createStand, never, type Stand } from './stand.ts';

let stand: Stand;
beforeEach(() => {
  stand = createStand();
});

describe('acquire', () => {
  it('gives a free lock with one command', async () => {
    const locks = stand.process();
    const lease = await locks.acquire('job');
    expect(lease).toMatchObject({ name: 'job', names: ['job'], isHeld: true, acquiredAt: stand.clock.now() });
    expect(lease.fence).toBeGreaterThan(0n);
    expect(lease.fenceOf('job')).toBe(lease.fence);
    expect(() => lease.fenceOf('other')).toThrow(expect.objectContaining({ code: 'ERR_LOCK_OPTION', field: 'name' }));
    expect(await lease.release()).toBe('released');
    expect(locks.calls).toMatchObject({ acquire: { length: 1 }, release: { length: 1 }, renew: { length: 0 } });
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it('asks as a new owner each time', async () => {
    const locks = stand.process();
    const first = await locks.acquire('job');
    await first.release();
    const second = await locks.acquire('job');
    expect(second.token).not.toBe(first.token);
    expect(second.fence).toBeGreaterThan(first.fence);
  });

  it('gives no fence to a mutex that is to have none', async () => {
    const locks = stand.process();
    expect((await locks.acquire('job', { fencing: false })).fence).toBe(0n);
    expect((await locks.readWrite('job').write.acquire({ fencing: false })).fence).toBeGreaterThan(0n);
    expect(locks.calls.acquire.map(({ fencing }) => fencing)).toEqual([false, true]);
  });

  it('gives back what too few replicas have confirmed', async () => {
    const locks = stand.process({
      async acquire(request) {
        const outcome = await stand.driver.acquire(request);
        return outcome.acquired ? { ...outcome, missingReplicas: 1 } : outcome;
      },
    });
    const replicas = { count: 2, timeoutMs: 100 };
    await expect(locks.acquire('job', { replicas })).rejects.toMatchObject({ code: 'ERR_LOCK_NOT_REPLICATED', retryable: true, lockName: 'job', wanted: 2, missing: 1 });
    await expect(locks.tryAcquire('job', { replicas })).rejects.toMatchObject({ code: 'ERR_LOCK_NOT_REPLICATED' });
    expect(locks.calls.acquire[0]).toMatchObject({ replicas });
    await stand.clock.advance(0);
    expect(await stand.process().inspect('job')).toBeUndefined();
  });

  it('passes on at once that the store refuses an option', async () => {
    const strict = stand.process({ acquire: () => Promise.reject(new InvalidLockOptionError('replicas', 2, 'absent')) });
    await expect(strict.acquire('job')).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', field: 'replicas' });
    await expect(strict.acquire('job', { fencing: false })).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', field: 'replicas' });
    expect(strict.calls).toMatchObject({ acquire: { length: 2 }, release: { length: 0 } });
  });

  it('waits until the holder lets go', async () => {
    const first = await stand.process().acquire('job');
    const second = stand.process().acquire('job', { waitMs: 60_000 });
    await stand.clock.advance(1_000);
    expect(await first.release()).toBe('handed-off');
    expect((await second).fence).toBeGreaterThan(first.fence);
  });

  it('gives up with the name, the time it waited and the holder', async () => {
    await stand.process({}, { instance: 'billing' }).acquire('job');
    const failure = expect(stand.process().acquire('job', { waitMs: 500 })).rejects.toMatchObject({
      code: 'ERR_LOCK_TIMEOUT',
      retryable: true,
      lockName: 'job',
      waitedMs: 500,
      holder: expect.stringMatching(/^billing_/),
      position: 0,
    });
    await stand.clock.advance(500);
    await failure;
    expect(await stand.process().inspect('job')).toMatchObject({ waiters: [] });
  });

  it('takes the lock of a crashed holder when its lease has run out', async () => {
    const crashed = stand.process({ renew: never, release: never });
    await crashed.acquire('job', { ttlMs: 1_000 });
    const second = stand.process().acquire('job', { waitMs: 5_000 });
    await stand.clock.advance(1_050);
    expect((await second).isHeld).toBe(true);
  });

  it.each([[0, 1_000], [700, 1_000], [2_500, 2_500], [5_000, 3_300], [Infinity, 3_300]])('with a wait of %d ms ends by %d ms when the store never answers', async (waitMs, endsAfterMs) => {
    let ended = false;
    const acquired = stand.process({ acquire: never }).acquire('job', { waitMs });
    const failure = expect(acquired.finally(() => (ended = true))).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', retryable: true, lockName: 'job' });
    await stand.clock.advance(endsAfterMs * 0.9);
    expect(ended).toBe(false);
    await stand.clock.advance(endsAfterMs * 0.1);
    expect(ended).toBe(true);
    await failure;
  });

  it.each([0, 1, 500])('waits for the answer to its first attempt, so that a wait of %i ms ends with the truth', async (waitMs) => {
    const far = delayed(20);
    const first = await stand.process().acquire('job');
    const failure = expect(stand.process(far).acquire('job', { waitMs })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT', waitedMs: waitMs });
    await stand.clock.advance(2_000);
    await failure;
    await first.release();
    const second = stand.process(far).acquire('job', { waitMs });
    await stand.clock.advance(2_000);
    expect((await second).isHeld).toBe(true);
  });

  it('asks again as the same owner when an answer was lost, and gets the same lease', async () => {
    let lost = 2;
    const lossy: Partial<LockDriver> = {
      async acquire(request) {
        const outcome = await stand.driver.acquire(request);
        if (lost-- > 0) throw new Error('connection lost');
        return outcome;
      },
    };
    const locks = stand.process(lossy);
    const acquired = locks.acquire('job');
    await stand.clock.advance(1_000);
    expect((await acquired).isHeld).toBe(true);
    expect(new Set(locks.calls.acquire.map(({ owner }) => owner)).size).toBe(1);
    expect(locks.calls.release).toEqual([]);
  });

  it('takes back an attempt that wins after it was given up', async () => {
    const answers: (() => void)[] = [];
    const slow: Partial<LockDriver> = {
      async acquire(request) {
        const outcome = await stand.driver.acquire(request);
        await new Promise<void>((resolve) => answers.push(resolve));
        return outcome;
      },
    };
    const locks = stand.process(slow);
    const failure = expect(locks.acquire('job', { waitMs: 2_000 })).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    await stand.clock.advance(2_100);
    await failure;
    for (const answer of answers) answer();
    await stand.clock.advance(0);
    expect(locks.calls.release.length).toBe(1);
    expect(await stand.process().tryAcquire('job')).toBeDefined();
  });

  it('asks as a new owner after an answer that came too late, so that the late release of the old one frees nothing', async () => {
    let answers = 0;
    const slow: Partial<LockDriver> = {
      async acquire(request) {
        const outcome = await stand.driver.acquire(request);
        if (++answers === 1) await sleep(200, { clock: stand.clock });
        return outcome;
      },
      release: never,
    };
    const locks = stand.process(slow);
    const acquired = locks.acquire('job', { ttlMs: 100 });
    await stand.clock.advance(1_000);
    const lease = await acquired;
    const [late] = locks.calls.acquire;
    expect(lease.token).not.toBe(late!.owner);
    expect(locks.calls.release).toMatchObject([{ owner: late!.owner }]);
    expect(lease.isHeld).toBe(true);
  });

  it('paces its attempts on a store that is slower than the lease, and does not blame another owner', async () => {
    const locks = stand.process(delayed(2));
    const failure = expect(locks.acquire('job', { ttlMs: 1, waitMs: 1_000 })).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', cause: { message: expect.stringMatching(/longer than the lease of 1 ms/) } });
    await stand.clock.advance(3_000);
    await failure;
    expect(locks.calls.acquire.length).toBeLessThan(40);
    expect(locks.logger.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });
});

describe('tryAcquire', () => {
  it('gives undefined only when another owner holds the lock', async () => {
    await stand.process().acquire('job');
    expect(await stand.process().tryAcquire('job')).toBeUndefined();
    const broken = stand.process({ acquire: () => Promise.reject(new Error('down')) });
    await expect(broken.tryAcquire('job')).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', cause: { message: 'down' } });
    const silent = expect(stand.process({ acquire: never }).tryAcquire('job')).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    await stand.clock.advance(1_000);
    await silent;
  });

  it('asks once, and leaves no release behind when it was refused', async () => {
    await stand.process().acquire('job');
    const locks = stand.process();
    for (let n = 0; n < 5; n++) expect(await locks.tryAcquire('job')).toBeUndefined();
    await stand.clock.advance(10_000);
    expect(locks.calls).toMatchObject({ acquire: { length: 5 }, release: { length: 0 } });
    expect(locks.calls.acquire[0]).toMatchObject({ queue: false });
  });

  it('does not ask the store for a lock that its own process holds', async () => {
    const locks = stand.process();
    const lease = await locks.acquire('job');
    expect(await locks.tryAcquire('job')).toBeUndefined();
    expect(locks.calls.acquire.length).toBe(1);
    await lease.release();
    expect(await locks.tryAcquire('job')).toBeDefined();
  });

  it('asks the store for a lock that was given to another process to release', async () => {
    const locks = stand.process();
    const adopted = await stand.process().adopt((await locks.acquire('job')).export());
    expect(await locks.tryAcquire('job')).toBeUndefined();
    await adopted.release();
    expect(await locks.tryAcquire('job')).toBeDefined();
  });

  it('takes back an attempt that failed although it had won', async () => {
    const locks = stand.process({
      async acquire(request) {
        await stand.driver.acquire(request);
        throw new Error('connection lost');
      },
    });
    await expect(locks.tryAcquire('job')).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    await stand.clock.advance(0);
    expect(await stand.process().tryAcquire('job')).toBeDefined();
  });

  it('does not hand out a lease that ended before its answer came', async () => {
    const acquired = stand.process(delayed(200)).tryAcquire('job', { ttlMs: 100 });
    const failure = expect(acquired).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    await stand.clock.advance(1_000);
    await failure;
  });

  it.each([[false], [true]])('passes those who queue for a free lock only when it barges (%s)', async (barge) => {
    await stand.process({ renew: never, release: never }).acquire('job', { ttlMs: 1_000 });
    const waiter = stand.process().acquire('job', { waitMs: 60_000 });
    // The lease is over, and the waiter is about to notice.
    await stand.clock.advance(1_000);
    const other = await stand.process().tryAcquire('job', { barge });
    expect(other !== undefined).toBe(barge);
    await other?.release();
    expect((await waiter).isHeld).toBe(true);
  });
});

describe('the options of an acquisition', () => {
  it.each([
    [{ ttlMs: 0 }, 'ttlMs'],
    [{ ttlMs: -1 }, 'ttlMs'],
    [{ ttlMs: 1.5 }, 'ttlMs'],
    [{ ttlMs: Number.NaN }, 'ttlMs'],
    [{ ttlMs: Infinity }, 'ttlMs'],
    [{ ttlMs: '30s' }, 'ttlMs'],
    [{ ttlMs: 2 ** 44 }, 'ttlMs'],
    [{ waitMs: -1 }, 'waitMs'],
    [{ waitMs: 0.5 }, 'waitMs'],
    [{ maxHoldMs: 0 }, 'maxHoldMs'],
    [{ graceMs: -1 }, 'graceMs'],
    [{ minHoldMs: Infinity }, 'minHoldMs'],
    [{ priority: 101 }, 'priority'],
    [{ priority: 0.5 }, 'priority'],
    [{ renew: 'yes' }, 'renew'],
    [{ reentrant: 1 }, 'reentrant'],
    [{ fencing: null }, 'fencing'],
    [{ barge: 'no' }, 'barge'],
    [{ signal: {} }, 'signal'],
    [{ meta: { at: 1 } }, 'meta'],
    [{ meta: 'text' }, 'meta'],
    [{ meta: { text: 'x'.repeat(5_000) } }, 'meta'],
    [{ replicas: { count: 0, timeoutMs: 1 } }, 'replicas.count'],
    [{ replicas: { count: 1, timeoutMs: 0 } }, 'replicas.timeoutMs'],
    [{ ttl: 5_000 }, 'ttl'],
    [{ permits: 2 }, 'permits'],
  ])('are refused before any command: %o', async (options, field) => {
    const locks = stand.process();
    const refusal = { code: 'ERR_LOCK_OPTION', field };
    await expect(locks.acquire('job', options as object)).rejects.toMatchObject(refusal);
    await expect(locks.readWrite('job').read.acquire(options as object)).rejects.toMatchObject(refusal);
    await expect(locks.using('job', options as object, async () => {})).rejects.toMatchObject(refusal);
    expect(locks.calls.acquire).toEqual([]);
  });

  it('of tryAcquire are checked too', async () => {
    await expect(stand.process().tryAcquire('job', { ttlMs: 0 })).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', field: 'ttlMs' });
  });

  it.each(['', 'half a \ud83d', 5 as never, undefined as never, null as never])('refuse the name %j', async (name) => {
    const refusal = { code: 'ERR_LOCK_OPTION', field: 'name' };
    const locks = stand.process();
    await expect(locks.acquire(name)).rejects.toMatchObject(refusal);
    await expect(locks.acquire(['fine', name])).rejects.toMatchObject(refusal);
    await expect(locks.inspect(name)).rejects.toMatchObject(refusal);
    await expect(locks.forceRelease(name)).rejects.toMatchObject(refusal);
    expect(() => locks.readWrite(name)).toThrow(expect.objectContaining(refusal));
    expect(() => locks.semaphore(name, 1)).toThrow(expect.objectContaining(refusal));
  });

  it('come from the defaults of the locks, and an option that is undefined counts as left out', async () => {
    const locks = stand.process({}, { defaults: { ttlMs: 5_000, meta: { from: 'defaults' } } });
    const lease = await locks.acquire('job', { ttlMs: undefined, meta: undefined, signal: undefined });
    expect(locks.calls.acquire[0]).toMatchObject({ ttlMs: 5_000, meta: '{"from":"defaults"}' });
    await lease.release();
    await locks.acquire('job', { ttlMs: 7_000 });
    expect(locks.calls.acquire[1]).toMatchObject({ ttlMs: 7_000 });
  });

  it.each([
    [{ driver: undefined as never }, 'driver'],
    [{ defaults: { ttlMs: 0 } }, 'defaults.ttlMs'],
    [{ defaults: { ttl: 5 } as object }, 'defaults.ttl'],
    [{ defaults: { replicas: { count: 0, timeoutMs: 1 } } }, 'defaults.replicas.count'],
    [{ commandTimeoutMs: 0 }, 'commandTimeoutMs'],
    [{ maxLocalHandoffs: -1 }, 'maxLocalHandoffs'],
    [{ instance: '' }, 'instance'],
    [{ watchdog: { maxStallMs: 1_000 } }, 'watchdog'],
  ])('are checked when the locks are made: %o', (options, field) => {
    expect(() => createLocks({ driver: stand.driver, clock: stand.clock, ...options })).toThrow(expect.objectContaining({ code: 'ERR_LOCK_OPTION', field }));
  });
});

/** Every acquire takes `ms` in each direction. */
function delayed(ms: number): Partial<LockDriver> {
  return {
    async acquire(request) {
      await sleep(ms, { clock: stand.clock });
      const outcome = await stand.driver.acquire(request);
      await sleep(ms, { clock: stand.clock });
      return outcome;
    },
  };
}
