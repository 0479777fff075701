import { describe, expect, it } from 'vitest';
import type { House } from './house.ts';

/** The shortest and the longest time of a lease. */
export function describeLimits(house: () => House): void {
  describe('41: limits', () => {
    it('minHoldMs leaves the name locked for the rest of its time, and no longer', async () => {
      const locks = await house().process();
      const other = await house().process();
      const startedAt = performance.now();
      const lease = await locks.acquire('job', { minHoldMs: 700 });
      const waiting = other.acquire('job', { waitMs: 60_000 });
      expect(await lease.release()).toBe('kept');
      expect(lease.isHeld).toBe(false);
      const next = await waiting;
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(699);
      expect(next.fence).toBeGreaterThan(lease.fence);
      // Nobody could renew what is kept.
      await expect(locks.adopt({ kind: 'mutex', name: 'job', token: lease.token, fence: String(lease.fence), ttlMs: 1_000 })).rejects.toMatchObject({ code: 'ERR_LOCK_LOST' });
    });

    it('maxHoldMs aborts, keeps the lock alone for graceMs, and then lets the next one in', async () => {
      const locks = await house().process();
      const other = await house().process();
      const startedAt = performance.now();
      const lease = await locks.acquire('job', { maxHoldMs: 300, graceMs: 400 });
      const aborted = new Promise<number>((resolve) => lease.signal.addEventListener('abort', () => resolve(performance.now())));
      const next = await other.acquire('job', { waitMs: 60_000 });
      const enteredAt = performance.now();
      expect((await aborted) - startedAt).toBeGreaterThanOrEqual(299);
      expect(enteredAt - startedAt).toBeGreaterThanOrEqual(699);
      expect(lease.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'max-hold' });
      expect(next.fence).toBeGreaterThan(lease.fence);
      expect(locks.events).toMatchObject([{ type: 'lost', reason: 'max-hold' }]);
    });
  });
}
