import { createLocks, type Lease } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { createTestClock } from '@staddle/testing';
import { describe, expect, it } from 'vitest';

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
      if (lease!.isHeld) expect(holders, `stood still after ${looks} looks`).toMatchObject([{ owner: lease!.token }]);
      if (!hasStoodStill()) break;
      expect(looks).toBeLessThan(100);
    }
  });
});
