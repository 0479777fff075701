import { sleep } from '@staddle/kernel';
import { createLocks, LockTimeoutError, type LockDriver } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { createTestClock, recordingLogger, type TestClock } from '@staddle/testing';
import { beforeEach, describe, expect, it } from 'vitest';

let clock: TestClock;
let driver: LockDriver;
beforeEach(() => {
  clock = createTestClock();
  driver = memoryLockDriver({ clock });
});
const locksOver = (overrides: Partial<LockDriver> = {}, logger = recordingLogger()) => createLocks({ driver: { ...driver, ...overrides }, clock, logger });
const never = (): Promise<never> => new Promise(() => {});

describe('acquire', () => {
  it('waits until the holder lets go', async () => {
    const locks = locksOver();
    const first = await locks.acquire('job');
    const second = locks.acquire('job', { waitMs: 60_000 });
    await clock.advance(1_000);
    await first.release();
    await clock.advance(1_000);
    expect((await second).fence).toBeGreaterThan(first.fence);
  });

  it('gives up with the name and the time it waited', async () => {
    const locks = locksOver();
    await locks.acquire('job');
    const second = locks.acquire('job', { waitMs: 500 });
    const failure = expect(second).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT', lockName: 'job', waitedMs: 500 });
    await clock.advance(1_000);
    await failure;
  });

  it('takes a crashed holder\'s lock when its lease has run out', async () => {
    const locks = locksOver();
    await locks.acquire('job', { ttlMs: 1_000, renew: false });
    const second = locks.acquire('job', { waitMs: 5_000 });
    await clock.advance(2_000);
    expect((await second).isHeld).toBe(true);
  });

  it('stops waiting when its signal aborts, and leaves nothing behind', async () => {
    const locks = locksOver();
    const first = await locks.acquire('job');
    const controller = new AbortController();
    const second = locks.acquire('job', { waitMs: 60_000, signal: controller.signal });
    const failure = expect(second).rejects.toThrow('not needed any more');
    await clock.advance(1_000);
    controller.abort(new Error('not needed any more'));
    await failure;
    await first.release();
    expect(await locks.tryAcquire('job')).toBeDefined();
  });

  it.each([[0, 1_000], [700, 1_000], [5_000, 5_000]])('with a wait of %i ms ends after %i ms when the store never answers', async (waitMs, endsAfterMs) => {
    let ended = false;
    const failure = expect(locksOver({ acquire: never }).acquire('job', { waitMs }).finally(() => (ended = true))).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', retryable: true });
    await clock.advance(endsAfterMs - 1);
    expect(ended).toBe(false);
    await clock.advance(1);
    await failure;
  });

  it.each([0, 1, 500])('waits for the answer to its last attempt, so that a wait of %i ms ends with the truth', async (waitMs) => {
    const far: Partial<LockDriver> = {
      acquire: async (...args) => {
        await sleep(20, { clock });
        const outcome = await driver.acquire(...args);
        await sleep(20, { clock });
        return outcome;
      },
    };
    const first = await locksOver().acquire('job');
    const failure = expect(locksOver(far).acquire('job', { waitMs })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT', waitedMs: waitMs });
    await clock.advance(2_000);
    await failure;
    await first.release();
    const second = locksOver(far).acquire('job', { waitMs });
    await clock.advance(2_000);
    expect((await second).isHeld).toBe(true);
  });

  it('releases an attempt that wins after it was given up', async () => {
    let answer: (() => void) | undefined;
    const slow: Partial<LockDriver> = {
      acquire: async (...args) => {
        const outcome = await driver.acquire(...args);
        await new Promise<void>((resolve) => (answer = resolve));
        return outcome;
      },
    };
    const failure = expect(locksOver(slow).acquire('job', { waitMs: 2_000 })).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    await clock.advance(2_000);
    await failure;
    answer!();
    await clock.advance(0);
    expect(await locksOver().tryAcquire('job')).toBeDefined();
  });

  it('releases an attempt that failed although it had won', async () => {
    const broken: Partial<LockDriver> = {
      acquire: async (...args) => {
        await driver.acquire(...args);
        throw new Error('connection lost');
      },
    };
    await expect(locksOver(broken).acquire('job')).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    await expect(locksOver(broken).tryAcquire('job')).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    await clock.advance(0);
    expect(await locksOver().tryAcquire('job')).toBeDefined();
  });

  it('asks as a new owner after an answer that came too late, so that the late release of the old one frees nothing', async () => {
    const owners: string[] = [];
    const slow: Partial<LockDriver> = {
      acquire: async (...args) => {
        const outcome = await driver.acquire(...args);
        if (owners.push(args[1]) === 1) await sleep(200, { clock });
        return outcome;
      },
      release: never,
    };
    const acquired = locksOver(slow).acquire('job', { ttlMs: 100 });
    await clock.advance(1_000);
    const lease = await acquired;
    await driver.release('job', owners[0]!);
    expect(await driver.renew('job', lease.token, 100)).toBe(true);
  });

  it('paces its attempts on a store that is slower than the lease, and does not blame another owner', async () => {
    let attempts = 0;
    const slow: Partial<LockDriver> = {
      acquire: async (...args) => {
        attempts += 1;
        const outcome = await driver.acquire(...args);
        await sleep(2, { clock });
        return outcome;
      },
    };
    const logger = recordingLogger();
    const failure = expect(locksOver(slow, logger).acquire('job', { ttlMs: 1, waitMs: 1_000 })).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    await clock.advance(1_100);
    await failure;
    expect(attempts).toBeLessThan(300);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it.each([{ ttlMs: 0 }, { ttlMs: 1.5 }, { ttlMs: Number.NaN }, { ttlMs: Infinity }, { waitMs: -1 }])('refuses %j', async (options) => {
    await expect(locksOver().acquire('job', options)).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', field: Object.keys(options)[0] });
  });

  it.each(['', 'half a \ud83d'])('refuses the name %j', async (name) => {
    await expect(locksOver().acquire(name)).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', field: 'name' });
  });
});

describe('tryAcquire', () => {
  it('gives undefined only when another owner holds the lock', async () => {
    const locks = locksOver();
    await locks.acquire('job');
    expect(await locks.tryAcquire('job')).toBeUndefined();
    await expect(locksOver({ acquire: () => Promise.reject(new Error('down')) }).tryAcquire('job')).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
  });

  it('does not hand out a lease that ended before its answer came', async () => {
    const slow: Partial<LockDriver> = {
      acquire: async (...args) => {
        const outcome = await driver.acquire(...args);
        await clock.advance(200);
        return outcome;
      },
    };
    await expect(locksOver(slow).tryAcquire('job', { ttlMs: 100 })).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
  });
});

describe('a lease', () => {
  it('is renewed for as long as it is held', async () => {
    const locks = locksOver();
    const lease = await locks.acquire('job', { ttlMs: 1_000 });
    await clock.advance(60_000);
    expect(lease.isHeld).toBe(true);
    expect(await locks.tryAcquire('job')).toBeUndefined();
    expect(await lease.release()).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('aborts its signal before the store can give the lock away, although the store hangs', async () => {
    const logger = recordingLogger();
    const lease = await locksOver({ renew: never }, logger).acquire('job', { ttlMs: 1_000 });
    await clock.advance(899);
    expect(lease.isHeld).toBe(true);
    await clock.advance(1);
    expect(lease.signal.aborted).toBe(true);
    expect(lease.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'expired', lockName: 'job', fence: lease.fence });
    expect(await locksOver().tryAcquire('job')).toBeUndefined();
    expect(logger.lines.map(({ message }) => message)).toContain('lock lost');
    await clock.advance(60_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it('survives renewals that fail for a while', async () => {
    let down = true;
    const lease = await locksOver({ renew: (...args) => (down ? Promise.reject(new Error('down')) : driver.renew(...args)) }).acquire('job', { ttlMs: 3_000 });
    await clock.advance(2_000);
    down = false;
    await clock.advance(10_000);
    expect(lease.isHeld).toBe(true);
    await lease.release();
  });

  it('is lost at once when the store says that it is not ours', async () => {
    const lease = await locksOver().acquire('job', { ttlMs: 3_000 });
    await driver.release('job', lease.token);
    await clock.advance(1_000);
    expect(lease.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'taken' });
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'ERR_LOCK_LOST' }));
    await expect(lease.renew()).rejects.toMatchObject({ code: 'ERR_LOCK_LOST' });
    expect(await lease.release()).toBe(false);
  });

  it('counts its deadline from before the command was sent', async () => {
    const slow: Partial<LockDriver> = {
      acquire: async (...args) => {
        const outcome = await driver.acquire(...args);
        await clock.advance(400);
        return outcome;
      },
    };
    const lease = await locksOver(slow).acquire('job', { ttlMs: 1_000, renew: false });
    expect(lease.remaining()).toBe(500);
  });

  it('ends when the wall clock says that the machine slept', async () => {
    const lease = await locksOver().acquire('job', { ttlMs: 1_000 });
    clock.setWall(clock.now() + 5_000);
    expect(lease.isHeld).toBe(false);
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'ERR_LOCK_LOST', reason: 'expired' }));
  });

  it('is not extended by a wall clock that goes back', async () => {
    const lease = await locksOver().acquire('job', { ttlMs: 1_000, renew: false });
    clock.setWall(clock.now() - 3_600_000);
    await clock.advance(900);
    expect(lease.isHeld).toBe(false);
  });

  it('has one renewal in flight, however many ask', async () => {
    let renewals = 0;
    const counting: Partial<LockDriver> = {
      renew: (...args) => {
        renewals += 1;
        return driver.renew(...args);
      },
    };
    const lease = await locksOver(counting).acquire('job', { renew: false });
    await Promise.all([lease.renew(), lease.renew(), lease.renew()]);
    expect(renewals).toBe(1);
  });

  it('is released once, and its release never throws', async () => {
    const lease = await locksOver({ release: () => Promise.reject(new Error('down')) }).acquire('job');
    expect(await lease.release()).toBe(false);
    expect(await lease.release()).toBe(false);
    expect(lease.isHeld).toBe(false);
    expect(lease.signal.aborted).toBe(false);
  });

  it('does not let a store that hangs hold up its release', async () => {
    const lease = await locksOver({ release: never }).acquire('job');
    const released = lease.release();
    await clock.advance(5_000);
    expect(await released).toBe(false);
  });

  it('is released at the end of an `await using` block', async () => {
    const locks = locksOver();
    {
      await using lease = await locks.acquire('job');
      expect(lease.isHeld).toBe(true);
    }
    expect(await locks.tryAcquire('job')).toBeDefined();
  });
});

describe('using', () => {
  it('returns what the work returns and releases', async () => {
    const locks = locksOver();
    expect(await locks.using('job', {}, async ({ fence }) => typeof fence)).toBe('bigint');
    expect(await locks.tryAcquire('job')).toBeDefined();
  });

  it('does not mask the failure of the work by a failure of the release', async () => {
    const locks = locksOver({ release: () => Promise.reject(new Error('down')) });
    await expect(locks.using('job', {}, () => Promise.reject(new TypeError('the work failed')))).rejects.toThrow('the work failed');
  });

  it('never runs two at a time', async () => {
    const locks = locksOver();
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside);
      await Promise.resolve();
      inside -= 1;
    };
    const all = Promise.all(Array.from({ length: 20 }, () => locks.using('job', { waitMs: 600_000 }, work)));
    await clock.advance(600_000);
    await all;
    expect(most).toBe(1);
  });
});

it('tells the error by its code across copies of the package', () => {
  expect(new LockTimeoutError('job', 5)).toMatchObject({ code: 'ERR_LOCK_TIMEOUT', retryable: true, name: 'LockTimeoutError' });
});
