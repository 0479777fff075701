import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { House } from './house.ts';

/** How the end of the work and the end of the lease meet. */
export function describeUsing(house: () => House): void {
  describe('32: using', () => {
    it('gives the result and frees the lock', async () => {
      const locks = await house().process();
      expect(await locks.using('job', {}, async ({ fence }) => fence > 0n)).toBe(true);
      expect(await locks.inspect('job')).toBeUndefined();
    });

    it('throws what the work threw, though the lease was lost', async () => {
      const locks = await house().process();
      const failed = locks.using('job', {}, async (lease) => {
        await locks.forceRelease('job');
        await expect(lease.renew()).rejects.toMatchObject({ code: 'ERR_LOCK_LOST' });
        throw new TypeError('the work failed');
      });
      await expect(failed).rejects.toMatchObject({ message: 'the work failed', cause: { code: 'ERR_LOCK_LOST' } });
    });

    it('tells the work of the loss, and the caller too, with the result', async () => {
      const locks = await house().process();
      const other = await house().process();
      const lost = locks.using('job', {}, async (lease) => {
        await other.forceRelease('job');
        await other.acquire('job');
        await lease.renew().catch(() => {});
        return lease.signal.aborted;
      });
      await expect(lost).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', lockName: 'job', result: true });
    });

    it('hands a failed release to the events alone', async () => {
      const locks = await house().process({}, () => ({ release: () => Promise.reject(new Error('down')) }));
      expect(await locks.using('job', { ttlMs: 1_000 }, async () => 'done')).toBe('done');
      expect(locks.events).toMatchObject([{ type: 'release-failed', name: 'job' }]);
    });
  });

  it('33: `await using` keeps the error of its block, and ends although the store is away', async () => {
    const locks = await house().process({}, () => ({ release: () => new Promise<never>(() => {}) }));
    const block = async (): Promise<void> => {
      await using lease = await locks.acquire('job', { ttlMs: 500 });
      throw new TypeError(`the block failed with ${lease.name}`);
    };
    await expect(block()).rejects.toThrow(new TypeError('the block failed with job'));
    // And the lease runs out: 500 ms is the shortest that a busy machine surely holds until the throw.
    await pause(500);
    expect(await (await house().process()).tryAcquire('job')).toBeDefined();
  });
}
