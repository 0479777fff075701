import { describe, expect, it } from 'vitest';
import type { House } from './house.ts';

/** Several names for one lease. */
export function describeSeveralNames(house: () => House): void {
  describe('37: several names', () => {
    it('are held all or none, by sets that overlap, from six processes', async () => {
      const sets = [['a', 'b'], ['b', 'c'], ['c', 'a']];
      const processes = await house().processes(6);
      const inside = new Map<string, number>();
      let sections = 0;
      await Promise.all(
        processes.flatMap((locks, n) =>
          [n, n + 1].map(async (shift) => {
            for (let round = 0; round < 3; round++) {
              // In both orders, and with names given twice.
              const names = [...sets[(round + shift) % 3]!, sets[(round + shift) % 3]![0]!];
              await locks.using(n % 2 ? names : names.toReversed(), { waitMs: 50_000, ttlMs: 10_000 }, async (lease) => {
                sections += 1;
                for (const name of lease.names) {
                  expect(inside.get(name)).toBeUndefined();
                  inside.set(name, n);
                }
                await Promise.resolve();
                for (const name of lease.names) inside.delete(name);
              });
            }
          }),
        ),
      );
      expect(sections).toBe(36);
      for (const name of ['a', 'b', 'c']) expect(await processes[0]!.inspect(name)).toBeUndefined();
    });

    it('count once however often they are given, and have a fence each', async () => {
      const locks = await house().process();
      const lease = await locks.acquire(['b', 'a', 'b']);
      expect(lease).toMatchObject({ name: 'a, b', names: ['a', 'b'] });
      expect(lease.fence).toBe(lease.fenceOf('a'));
      expect(lease.fenceOf('b')).toBeGreaterThan(0n);
      expect(() => lease.export()).toThrow(expect.objectContaining({ code: 'ERR_LOCK_OPTION' }));
      await lease.renew();
      expect(await lease.release()).toBe('released');
      for (const name of ['a', 'b']) expect(await locks.inspect(name)).toBeUndefined();
    });

    it('are given back when one of them is not to be had', async () => {
      const locks = await house().process();
      const other = await house().process();
      const held = await other.acquire('b');
      expect(await locks.tryAcquire(['a', 'b', 'c'])).toBeUndefined();
      await expect(locks.acquire(['a', 'b', 'c'], { waitMs: 100 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT', lockName: 'b', waitedMs: 100 });
      // What is given back is not waited for.
      const [a, c] = await Promise.all([other.acquire('a'), other.acquire('c')]);
      await Promise.all([a, c, held].map((lease) => lease.release()));
      expect(await locks.tryAcquire(['a', 'b', 'c'])).toBeDefined();
    });

    it('are lost together', async () => {
      const locks = await house().process();
      const lease = await locks.acquire(['a', 'b']);
      await locks.forceRelease('b');
      await expect(lease.renew()).rejects.toMatchObject({ code: 'ERR_LOCK_LOST' });
      expect(lease.isHeld).toBe(false);
      const other = await house().process();
      await using again = await other.acquire(['a', 'b']);
      expect(again.isHeld).toBe(true);
      expect(await lease.release()).toBe('not-held');
    });
  });
}
