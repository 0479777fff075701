import { silentLogger } from '@staddle/kernel';
import { createLocks, type Lease } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { createTestClock } from '@staddle/testing';
import { describe, expect, it, vi } from 'vitest';
import { createHold } from '../src/hold.ts';
import { createWatchdog } from '../src/watchdog.ts';

/** Longer than the lease of a hand-off, shorter than what `acquire` takes for a store that fails. */
const STOOD_STILL_MS = 2_500;

/** A store, a holder, and a process that stands still once after its clock was looked at: its timers are late by as much. */
function createStage() {
  const time = createTestClock();
  let stoodStillMs = 0;
  let looksLeft = Infinity;
  const look = (read: () => number): number => {
    const reading = read() + stoodStillMs;
    looksLeft -= 1;
    if (looksLeft === 0) stoodStillMs = STOOD_STILL_MS;
    return reading;
  };
  const driver = memoryLockDriver({ clock: { ...time, monotonic: () => time.monotonic() + stoodStillMs, now: () => time.now() + stoodStillMs } });
  return {
    time,
    driver,
    holder: createLocks({ driver, clock: time }),
    process: createLocks({ driver, clock: { ...time, monotonic: () => look(time.monotonic), now: () => look(time.now) } }),
    standStillAfter(looks: number): void {
      looksLeft = looks;
    },
    hasStoodStill: () => stoodStillMs > 0,
  };
}

describe('a process that stands still between two looks at its clock, whichever they are,', () => {
  it.each(['answer', 'message'])('counts on no lease that is over when it is given the lock by %s', async (way) => {
    for (let looks = 1; ; looks += 1) {
      const { time, driver, holder, process, standStillAfter, hasStoodStill } = createStage();
      const before = way === 'message' ? await holder.acquire('job', { renew: false }) : undefined;
      if (!before) standStillAfter(looks);
      let lease: Lease | undefined;
      const acquired = process.acquire('job', { ttlMs: STOOD_STILL_MS - 1, waitMs: 60_000 }).then((got) => (lease = got));
      await time.advance(1_000);
      if (before) standStillAfter(looks);
      await before?.release();
      await time.advance(1_000);
      await acquired;
      const { holders = [] } = (await driver.inspect({ kind: 'mutex', name: 'job' })) ?? {};
      const holdsInStore = holders.some(({ owner }) => owner === lease!.token);
      expect(lease!.isHeld && !holdsInStore, `believes in a lease that is over, having stood still after ${looks} looks`).toBe(false);
      if (!hasStoodStill()) break;
      expect(looks).toBeLessThan(100);
    }
  });

  it('takes no lease for renewed by its watchdog that was not', async () => {
    const time = createTestClock();
    let stoodStillMs = 0;
    let looksLeft = Infinity;
    const look = <T>(reading: T): T => {
      looksLeft -= 1;
      if (looksLeft === 0) stoodStillMs = STOOD_STILL_MS;
      return reading;
    };
    using shared = vi.spyOn(process.hrtime, 'bigint').mockImplementation(() => look(BigInt(time.monotonic() + stoodStillMs) * 1_000_000n));
    const clock = { ...time, monotonic: () => look(time.monotonic() + stoodStillMs) };
    const module = 'data:text/javascript,export const createWatchdogDriver = () => ({ renew: async () => [], close: async () => {} })';
    const watchdog = createWatchdog({ source: { module, data: undefined }, maxStallMs: 60_000, clock, logger: silentLogger });
    for (let looks = 1; looks <= 5; looks += 1) {
      stoodStillMs = 0;
      const since = { monotonic: 0, wall: time.now() };
      const hold = createHold({ key: { kind: 'mutex', name: 'job' }, owner: 'a.1', fence: 1n, ttlMs: 60_000, leaseMs: 60_000, since, roundTripMs: 0 });
      looksLeft = looks;
      watchdog.guard(hold);
      expect(hold.renewedElsewhere!(), `stood still after ${looks} looks`).toBeUndefined();
      watchdog.unguard(hold);
    }
    expect(shared).toHaveBeenCalled();
    await watchdog.close();
  });
});
