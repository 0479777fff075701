import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock, type Clock } from '@staddle/kernel';
import { createLocks, type Lease, type LockDriver, type RenewRequest } from '@staddle/lock';
import { redisLockDriver } from '@staddle/lock/redis';
import { waitFor } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { createStage, lockKey, type Stage } from './stage.ts';

// Clocks that jump, stand still or run out, with a real Redis. A Redis cannot be told another time, but what a jump of its
// clock does to a key can be done to the key: its expiry stays where it is while the time moves.

const HOUR_MS = 3_600_000;

/** The system's clock, with hands to turn. */
interface TurnedClock extends Clock {
  /** Added to the wall time. */
  wallMs: number;
  /** Time for which the monotonic clock stood still, as in a suspended machine. */
  suspendedMs: number;
}

function turnedClock(): TurnedClock {
  const clock: TurnedClock = {
    wallMs: 0,
    suspendedMs: 0,
    now: () => systemClock.now() + clock.wallMs + clock.suspendedMs,
    monotonic: () => systemClock.monotonic(),
    setTimer: (...args) => systemClock.setTimer(...args),
  };
  return clock;
}

const reasonOf = async ({ signal }: Lease): Promise<string> => {
  if (!signal.aborted) await once(signal, 'abort');
  return (signal.reason as { reason: string }).reason;
};

describe("the client's clock", () => {
  it('18: an hour ahead puts the lease in doubt until the server has confirmed it', async () => {
    await using stage = await createStage();
    const clock = turnedClock();
    const locks = stage.locks({ clock });
    const lease = await locks.acquire('job', { ttlMs: 30_000 });
    clock.wallMs = HOUR_MS;
    expect(lease.isHeld).toBe(false);
    await waitFor(() => lease.isHeld, { what: 'the lease to be confirmed' });
    expect(lease.signal.aborted).toBe(false);
    expect(await lease.release()).toBe('released');
    expect(locks.events).toEqual([]);
    expect(await stage.verdict()).toEqual([]);
  });

  it('18: an hour ahead gives no lock that another holds, and takes none away', async () => {
    await using stage = await createStage();
    const clock = turnedClock();
    const lease = await stage.locks().acquire('job', { ttlMs: 30_000 });
    clock.wallMs = HOUR_MS;
    expect(await stage.locks({ clock }).tryAcquire('job')).toBeUndefined();
    await lease.renew();
    await lease.release();
    expect(await stage.verdict()).toEqual([]);
  });

  it.each([['an hour back', -HOUR_MS], ['a little ahead, as when it is being corrected', 90]])('18: %s changes nothing', async (_, wallMs) => {
    await using stage = await createStage();
    const clock = turnedClock();
    const locks = stage.locks({ clock });
    const lease = await locks.acquire('job', { ttlMs: 30_000 });
    const before = lease.remaining();
    clock.wallMs = wallMs;
    expect(lease.isHeld).toBe(true);
    // The wall clock counts whole milliseconds.
    expect(lease.remaining()).toBeLessThan(before + 2);
    expect(lease.remaining()).toBeGreaterThan(before - 10_000);
    await lease.renew();
    await lease.release();
    expect(locks.events).toEqual([]);
    expect(await stage.verdict()).toEqual([]);
  });

  it('19: a machine that slept past the end of the lease does not hold it in its first moment', async () => {
    await using stage = await createStage();
    const clock = turnedClock();
    const asleep = stage.locks({ clock });
    const lease = await asleep.acquire('job', { ttlMs: 30_000 });
    // Ten minutes in which the lease ends and another has its turn; the monotonic clock has seen none of them.
    await stage.admin.del(lockKey('job'));
    const next = await stage.locks().acquire('job');
    clock.suspendedMs = 600_000;
    expect(lease.isHeld).toBe(false);
    expect(lease.remaining()).toBe(0);
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'ERR_LOCK_LOST' }));
    expect(await reasonOf(lease)).toBe('clock');
    expect(await lease.release()).toBe('not-held');
    await next.renew();
    await next.release();
    expect(await stage.verdict()).toEqual([]);
  });
});

describe("the server's clock", () => {
  const jump = async ({ admin }: Stage, byMs: number): Promise<void> => {
    const leftMs = await admin.pttl(lockKey('job'));
    await admin.pexpire(lockKey('job'), leftMs - byMs);
  };

  it('18: an hour ahead ends every lease there, and the holder is told', async () => {
    await using stage = await createStage();
    const locks = stage.locks();
    const lease = await locks.acquire('job', { ttlMs: 900 });
    await jump(stage, HOUR_MS);
    expect(await reasonOf(lease)).toBe('state-lost');
    expect(await stage.verdict()).toEqual([]);
  });

  it.each([['ahead', 20_000], ['back', -HOUR_MS]])('18: a jump %s that the lease outlives is reported', async (_, byMs) => {
    await using stage = await createStage();
    const locks = stage.locks();
    const lease = await locks.acquire('job', { ttlMs: 60_000 });
    await jump(stage, byMs);
    await lease.renew();
    expect(lease.isHeld).toBe(true);
    expect(locks.events).toEqual([expect.objectContaining({ type: 'clock-jump', name: 'job' })]);
    const [{ byMs: reported }] = locks.events as unknown as [{ byMs: number }];
    // The time that the test itself takes cannot be told from a jump.
    expect(Math.abs(reported - byMs)).toBeLessThan(10_000);
    await lease.release();
    expect(await stage.verdict()).toEqual([]);
  });
});

describe('a short lease', () => {
  interface Renewals {
    count: number;
    atOnce: number;
    mostAtOnce: number;
  }

  /** Counts renewals per owner, and how many of one are under way at a time. */
  const counted = (driver: LockDriver, renewals: Map<string, Renewals>): LockDriver => ({
    ...driver,
    async renew(requests: readonly RenewRequest[]) {
      const seen = requests.map(({ owner }) => {
        const each = renewals.get(owner) ?? { count: 0, atOnce: 0, mostAtOnce: 0 };
        renewals.set(owner, each);
        each.count += 1;
        each.atOnce += 1;
        each.mostAtOnce = Math.max(each.mostAtOnce, each.atOnce);
        return each;
      });
      try {
        return await driver.renew(requests);
      } finally {
        for (const each of seen) each.atOnce -= 1;
      }
    },
  });

  // Sections of so many ttls, which is 20 where it does not take long.
  it.each([
    { ttlMs: 1_000, ttls: 2, contenders: 2 },
    { ttlMs: 300, ttls: 4, contenders: 2 },
    { ttlMs: 50, ttls: 20, contenders: 3 },
    { ttlMs: 10, ttls: 20, contenders: 5 },
    { ttlMs: 1, ttls: 20, contenders: 5 },
  ])('7: of $ttlMs ms is renewed in time and never in a loop, or reported as lost', async ({ ttlMs, ttls, contenders }) => {
    await using stage = await createStage();
    const renewals = new Map<string, Renewals>();
    const driver = counted(redisLockDriver(stage.locks().client), renewals);
    const processes = Array.from({ length: contenders }, () => createLocks({ driver }));
    const stays = await Promise.all(
      processes.map(async (locks) => {
        const section = stage.history.ask('job', 30_000);
        const lease = await locks.acquire('job', { ttlMs, waitMs: 30_000 });
        const enteredAt = systemClock.monotonic();
        section.entered(lease);
        const { signal } = lease;
        while (section.works() && systemClock.monotonic() - enteredAt < ttlMs * ttls) await pause(1);
        const stayedMs = systemClock.monotonic() - enteredAt;
        section.left();
        const result = await lease.release();
        return { token: lease.token, stayedMs, aborted: signal.aborted, result };
      }),
    );
    // A second is enough for a process that never stood still.
    const mayBeLost = ttlMs < 1_000 || stage.stalledMs(0) > 0;
    expect(stays.filter(({ result }) => result === 'not-held' && !mayBeLost)).toEqual([]);
    for (const { token, stayedMs, aborted, result } of stays) {
      const { count = 0, mostAtOnce = 0 } = renewals.get(token) ?? {};
      // A third of the ttl apart, 10 % jitter, and a few more after failures and at the end. Timers come every ms at most.
      expect(count).toBeLessThanOrEqual(3 + (stayedMs / Math.max(1, ttlMs)) * 4);
      expect(mostAtOnce).toBeLessThanOrEqual(1);
      // `not-held` and an abort are how a loss is reported; a section that looked for itself may have left before the abort.
      expect(aborted ? ['not-held'] : ['released', 'handed-off', 'not-held', 'unknown']).toContain(result);
    }
    await Promise.all(processes.map((locks) => locks.close()));
    // Whoever comes next clears away what is known of leases that ran out.
    await stage.locks().using('job', {}, async () => {});
    expect(await stage.verdict({ latenessMs: 50 })).toEqual([]);
  });

  it.each([0, Number.NaN, 1.5, -1, '1s'])('7: of %s is no lease', async (ttlMs) => {
    await using stage = await createStage();
    await expect(stage.locks().acquire('job', { ttlMs: ttlMs as number })).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', field: 'ttlMs' });
    expect(await stage.verdict()).toEqual([]);
  });
});
