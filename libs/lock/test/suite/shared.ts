import { systemClock } from '@staddle/kernel';
import { waitFor } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import type { House, HouseLocks } from './house.ts';

/** Locks that more than one may hold. */
export function describeShared(house: () => House): void {
  const waiting = (locks: HouseLocks, name: string, kind: 'read-write' | 'semaphore', count: number): Promise<unknown> =>
    waitFor(async () => (await locks.inspect(name, { kind }))?.waiters.length === count, { what: `${count} to wait for ${name}` });

  describe('38: a read-write lock', () => {
    it('lets readers in together and a writer alone', async () => {
      const [one, two] = (await house().processes(2)).map((locks) => locks.readWrite('table'));
      const readers = await Promise.all([one!.read.acquire(), one!.read.acquire(), two!.read.acquire()]);
      expect(await two!.write.tryAcquire()).toBeUndefined();
      expect(new Set(readers.map(({ fence }) => fence)).size).toBe(3);
      await Promise.all(readers.map((lease) => lease.release()));
      const writer = await two!.write.acquire();
      expect(await one!.read.tryAcquire()).toBeUndefined();
      expect(await one!.write.tryAcquire()).toBeUndefined();
      await writer.release();
    });

    it('lets a writer that waits in before readers that come later', async () => {
      const [one, two] = (await house().processes(2)) as [HouseLocks, HouseLocks];
      const reader = await one.readWrite('table').read.acquire();
      const order: string[] = [];
      const writer = two.readWrite('table').write.using({ waitMs: 60_000 }, async () => void order.push('writer'));
      await waiting(one, 'table', 'read-write', 1);
      const late = [one, two].map((locks, n) => locks.readWrite('table').read.using({ waitMs: 60_000 }, async () => void order.push(`reader ${n}`)));
      await waiting(one, 'table', 'read-write', 3);
      expect(await one.readWrite('table').read.tryAcquire()).toBeUndefined();
      await reader.release();
      await Promise.all([writer, ...late]);
      expect(order[0]).toBe('writer');
    });

    it('frees the hold of a reader that died alone', async () => {
      const locks = await house().process();
      const { read, write } = locks.readWrite('table');
      const alive = await read.acquire();
      const dead = await house().worker({ do: 'read', name: 'table' });
      await dead.line('holds');
      const holders = (await locks.inspect('table', { kind: 'read-write' }))!.holders.map(({ token }) => token);
      await dead.kill();
      await house().expire({ kind: 'read-write', name: 'table' }, holders.filter((token) => token !== alive.token));
      expect((await locks.inspect('table', { kind: 'read-write' }))?.holders).toMatchObject([{ token: alive.token }]);
      expect(await write.tryAcquire()).toBeUndefined();
      await alive.renew();
      await alive.release();
      expect(await write.tryAcquire()).toBeDefined();
    });

    it('makes a writer a reader without letting another writer in between', async () => {
      const [one, two] = (await house().processes(2)) as [HouseLocks, HouseLocks];
      const table = one.readWrite('table');
      const lease = await table.write.acquire();
      const other = two.readWrite('table').write.acquire({ waitMs: 60_000 });
      await waiting(one, 'table', 'read-write', 1);
      await table.downgrade(lease);
      expect(lease.isHeld).toBe(true);
      expect((await one.inspect('table', { kind: 'read-write' }))?.holders).toMatchObject([{ token: lease.token, permits: 1, fence: lease.fence }]);
      await lease.release();
      const next = await other;
      expect(next.fence).toBeGreaterThan(lease.fence);
      await expect(table.downgrade(lease)).rejects.toMatchObject({ code: 'ERR_LOCK_LOST' });
    });

    it('lets readers that wait in when a writer becomes a reader', async () => {
      const [one, two] = (await house().processes(2)) as [HouseLocks, HouseLocks];
      const table = one.readWrite('table');
      const lease = await table.write.acquire();
      const reader = two.readWrite('table').read.acquire({ waitMs: 60_000 });
      await waiting(one, 'table', 'read-write', 1);
      await table.downgrade(lease);
      expect((await reader).isHeld).toBe(true);
      expect(lease.isHeld).toBe(true);
    });

    it('makes no reader a writer', async () => {
      const { read, write } = (await house().process()).readWrite('table');
      await read.using({}, async () => {
        await expect(write.acquire({ reentrant: true, waitMs: 600_000 })).rejects.toMatchObject({ code: 'ERR_LOCK_DEADLOCK' });
        await expect(write.acquire({ waitMs: 600_000 })).rejects.toMatchObject({ code: 'ERR_LOCK_DEADLOCK' });
        await read.using({ reentrant: true }, async ({ isHeld }) => expect(isHeld).toBe(true));
      });
    });

    it('knows inside of a writer that became a reader that it is one', async () => {
      const table = (await house().process()).readWrite('table');
      await table.write.using({}, async (lease) => {
        await table.write.using({ reentrant: true }, async ({ fence }) => expect(fence).toBe(lease.fence));
        await table.downgrade(lease);
        await table.read.using({ reentrant: true }, async ({ fence }) => expect(fence).toBe(lease.fence));
        await expect(table.write.acquire({ reentrant: true, waitMs: 600_000 })).rejects.toMatchObject({ code: 'ERR_LOCK_DEADLOCK' });
      });
    });

    it('downgrades only leases of its own', async () => {
      const locks = await house().process();
      const mutex = await locks.acquire('table');
      const other = await locks.readWrite('other').write.acquire();
      for (const lease of [mutex, other]) await expect(locks.readWrite('table').downgrade(lease)).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', field: 'lease' });
    });
  });

  describe('39: a semaphore', () => {
    it('never has more than its permits in use, and gets back those of the dead', async () => {
      const processes = await Promise.all([10_000, -10_000, 0].map((skewMs) => house().process({ clock: { ...systemClock, now: () => Date.now() + skewMs } })));
      const dead = await Promise.all([1, 2].map((weight) => house().worker({ do: 'permits', name: 'pool', permits: 5, weight }, weight === 1 ? 10_000 : -10_000)));
      await Promise.all(dead.map((worker) => worker.line('holds')));
      expect(await processes[0]!.semaphore('pool', 5).available()).toBe(2);
      const theirs = (await processes[0]!.inspect('pool', { kind: 'semaphore' }))!.holders.map(({ token }) => token);
      // Beside those that will die there is room for two.
      await processes[1]!.semaphore('pool', 5).using({ permits: 2 }, async () => expect(await processes[2]!.semaphore('pool', 5).tryAcquire()).toBeUndefined());
      expect(await processes[2]!.semaphore('pool', 5).tryAcquire({ permits: 3 })).toBeUndefined();
      let inUse = 0;
      let most = 0;
      const tasks = Array.from({ length: 40 }, (_, n) => {
        const permits = (n % 3) + 1;
        return processes[n % 3]!.semaphore('pool', 5).using({ permits, waitMs: 50_000, ttlMs: 10_000 }, async () => {
          inUse += permits;
          most = Math.max(most, inUse);
          await new Promise((resolve) => void setTimeout(resolve, n % 5));
          inUse -= permits;
        });
      });
      await Promise.all(dead.map((worker) => worker.kill()));
      await house().expire({ kind: 'semaphore', name: 'pool' }, theirs);
      await Promise.all(tasks);
      expect(most).toBeLessThanOrEqual(5);
      expect(await processes[0]!.semaphore('pool', 5).available()).toBe(5);
    });

    it('keeps the order of those who wait, also before somebody who needs less', async () => {
      const [one, two] = (await house().processes(2)) as [HouseLocks, HouseLocks];
      const held = await one.semaphore('pool', 3).acquire({ permits: 2 });
      const order: string[] = [];
      const large = one.semaphore('pool', 3).using({ permits: 3, waitMs: 60_000 }, async () => void order.push('large'));
      await waiting(one, 'pool', 'semaphore', 1);
      expect(await two.semaphore('pool', 3).tryAcquire()).toBeUndefined();
      const small = two.semaphore('pool', 3).using({ waitMs: 60_000 }, async () => void order.push('small'));
      await waiting(one, 'pool', 'semaphore', 2);
      await held.release();
      await Promise.all([large, small]);
      expect(order).toEqual(['large', 'small']);
    });

    it.each([0, 6, 1.5, '1' as never])('refuses %j of five permits', async (permits) => {
      const pool = (await house().process()).semaphore('pool', 5);
      const refusal = { code: 'ERR_LOCK_OPTION', field: 'permits' };
      await expect(pool.acquire({ permits })).rejects.toMatchObject(refusal);
      await expect(pool.tryAcquire({ permits })).rejects.toMatchObject(refusal);
    });

    it.each([0, -1, 1.5, Infinity, '1' as never])('refuses to have %j permits', async (permits) => {
      const locks = await house().process();
      expect(() => locks.semaphore('pool', permits)).toThrow(expect.objectContaining({ code: 'ERR_LOCK_OPTION', field: 'permits' }));
    });
  });
}
