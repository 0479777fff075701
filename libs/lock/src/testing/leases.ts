import { describe, expect, it } from 'vitest';
import type { RenewRequest } from '../driver.ts';
import { TTL_MS, type Stage } from './stage.ts';

/** Who holds a lock, for how long, and who may say so. */
export function describeLeases(stage: () => Stage): void {
  describe('acquire', () => {
    it('gives a free lock to the first owner and tells the second who holds it and for how long', async () => {
      const lock = stage().lock();
      expect(await lock.ask('a.1')).toMatchObject({ acquired: true, fence: expect.any(BigInt) });
      expect(await lock.refused('b.1')).toEqual({
        acquired: false,
        holder: 'a.1',
        expiresInMs: expect.toSatisfy((ms: number) => ms > 0 && ms <= TTL_MS),
        position: undefined,
        unqueued: true,
        storeNowMs: expect.any(Number),
      });
    });

    it('starts the lease of its holder anew, with the same fence, when it asks again', async () => {
      const lock = stage().lock();
      const fence = await lock.hold('a.1');
      expect(await lock.hold('a.1', { ttlMs: TTL_MS * 2 })).toBe(fence);
      const record = await lock.inspect();
      expect(record?.holders).toHaveLength(1);
      expect(record?.holders[0]?.expiresInMs).toBeGreaterThan(TTL_MS);
    });

    it('excludes owners of one instance from each other', async () => {
      const lock = stage().lock();
      await lock.hold('a.1');
      expect(await lock.refused('a.2')).toMatchObject({ holder: 'a.1' });
    });

    it('excludes owners over two drivers of one store', async () => {
      const lock = stage().lock();
      const elsewhere = lock.through(await stage().another());
      await lock.hold('a.1');
      expect(await elsewhere.refused('b.1')).toMatchObject({ holder: 'a.1' });
      expect(await elsewhere.release('a.1')).toBe('released');
      await elsewhere.hold('b.1');
      await lock.refused('a.2');
    });

    it('lets one of many racing owners in', async () => {
      const lock = stage().lock();
      const elsewhere = lock.through(await stage().another());
      const outcomes = await Promise.all(Array.from({ length: 40 }, (_, index) => (index % 2 ? lock : elsewhere).ask(`a.${index}`)));
      expect(outcomes.filter(({ acquired }) => acquired)).toHaveLength(1);
    });

    it('leaves nothing behind when it refuses one that does not queue', async () => {
      const lock = stage().lock();
      await lock.hold('a.1');
      await lock.refused('b.1');
      expect(await lock.inspect()).toMatchObject({ waiters: [] });
      expect(await lock.release('a.1')).toBe('released');
      expect(await lock.inspect()).toBeUndefined();
    });

    it('excludes with and without fencing', async () => {
      const lock = stage().lock();
      expect(await lock.hold('a.1', { fencing: false })).toBe(await lock.hold('a.1', { fencing: false }));
      await lock.refused('b.1', { fencing: false });
      await lock.refused('b.1');
      expect(await lock.renew('a.1')).toMatchObject({ renewed: true });
      expect(await lock.release('a.1')).toBe('released');
      await lock.hold('b.1');
      await lock.refused('a.2', { fencing: false });
    });

    it('takes a lease of 100 days', async () => {
      const lock = stage().lock();
      await lock.hold('a.1', { ttlMs: 8_640_000_000 });
      const { expiresInMs } = await lock.refused('b.1');
      expect(expiresInMs).toBeGreaterThan(8_639_000_000);
      expect(expiresInMs).toBeLessThanOrEqual(8_640_000_000);
    });
  });

  describe('expiry', () => {
    it('frees a lock when the ttl is over, also one of 1 ms', async () => {
      const lock = stage().lock();
      await lock.hold('a.1', { ttlMs: 1 });
      await stage().pass(20);
      expect(await lock.inspect()).toBeUndefined();
      await lock.hold('b.1');
    });

    it('does not end a lease before its ttl is over', async () => {
      const lock = stage().lock();
      // The store counts from its answer on, the test from before its question; the one of the two clocks that moves counts.
      const started = performance.now();
      let passedMs = 0;
      await lock.hold('a.1', { ttlMs: 200 });
      while (!(await lock.ask('b.1')).acquired) {
        await stage().pass(10);
        passedMs += 10;
      }
      // Servers cut the time to milliseconds at both ends.
      expect(Math.max(passedMs, performance.now() - started)).toBeGreaterThanOrEqual(198);
    });

    it('gives an expired lock a higher fence, and its old owner nothing', async () => {
      const lock = stage().lock();
      const fence = await lock.hold('a.1');
      await lock.expire('a.1');
      expect(await lock.renew('a.1')).toEqual({ renewed: false, holder: undefined });
      expect(await lock.release('a.1')).toBe('not-held');
      expect(await lock.hold('b.1')).toBeGreaterThan(fence);
      expect(await lock.renew('a.1')).toEqual({ renewed: false, holder: 'b.1' });
      expect(await lock.release('a.1')).toBe('not-held');
      expect(await lock.renew('b.1')).toMatchObject({ renewed: true });
    });
  });

  describe('renew', () => {
    it('starts a lease anew and tells what was left of it', async () => {
      const lock = stage().lock();
      await lock.hold('a.1');
      const first = await lock.renew('a.1', TTL_MS * 3);
      expect(first).toEqual({ renewed: true, previousMs: expect.toSatisfy((ms: number) => ms > 0 && ms <= TTL_MS) });
      const second = await lock.renew('a.1');
      expect(second).toEqual({ renewed: true, previousMs: expect.toSatisfy((ms: number) => ms > TTL_MS && ms <= TTL_MS * 3) });
    });

    it('makes a lease shorter when asked to', async () => {
      const lock = stage().lock();
      await lock.hold('a.1');
      expect(await lock.renew('a.1', 1)).toMatchObject({ renewed: true });
      await stage().pass(20);
      await lock.hold('b.1');
    });

    it('does not create what is not there', async () => {
      const lock = stage().lock();
      expect(await lock.renew('a.1')).toEqual({ renewed: false, holder: undefined });
      expect(await lock.inspect()).toBeUndefined();
    });

    it('answers each request of a batch, in order', async () => {
      const locks = Array.from({ length: 250 }, () => stage().lock());
      const owners = locks.map((_, index) => `a.${index}`);
      // Of three locks, the first is held by its owner, the second by another and the third by nobody.
      await Promise.all(locks.map((lock, index) => (index % 3 === 2 ? undefined : lock.hold(index % 3 === 0 ? owners[index]! : 'b.1'))));
      const requests = locks.map(({ key }, index): RenewRequest => ({ key, owner: owners[index]!, ttlMs: TTL_MS }));
      const expected = [{ renewed: true, previousMs: expect.any(Number) }, { renewed: false, holder: 'b.1' }, { renewed: false, holder: undefined }];
      expect(await stage().driver.renew(requests)).toEqual(requests.map((_, index) => expected[index % 3]));
    });

    it('takes a batch of nothing, and one with leases of every kind', async () => {
      expect(await stage().driver.renew([])).toEqual([]);
      const locks = [stage().lock('mutex'), stage().lock('read-write', { capacity: 9 }), stage().lock('semaphore', { capacity: 9 })];
      for (const lock of locks) await lock.hold('a.1');
      const run = stage().lock('run').key;
      await stage().driver.claim({ key: run, owner: 'a.1', ttlMs: TTL_MS, keepMs: TTL_MS * 2, onCrash: 'skip' });
      const keys = [...locks.map(({ key }) => key), run];
      const renewed = { renewed: true, previousMs: expect.any(Number) };
      expect(await stage().driver.renew(keys.map((key) => ({ key, owner: 'a.1', ttlMs: TTL_MS })))).toEqual([renewed, renewed, renewed, renewed]);
    });
  });

  describe('release', () => {
    it('frees the lock for its owner alone', async () => {
      const lock = stage().lock();
      await lock.hold('a.1');
      expect(await lock.release('b.1')).toBe('not-held');
      expect(await lock.release('a.1')).toBe('released');
      expect(await lock.inspect()).toBeUndefined();
    });

    it('keeps the lock for keepMs, owned by nobody', async () => {
      const lock = stage().lock();
      const fence = await lock.hold('a.1');
      expect(await lock.release('a.1', TTL_MS / 2)).toBe('kept');
      const { holder, expiresInMs } = await lock.refused('b.1');
      expect(holder).toBeUndefined();
      expect(expiresInMs).toBeGreaterThan(0);
      expect(expiresInMs).toBeLessThanOrEqual(TTL_MS / 2);
      await lock.refused('a.1');
      expect(await lock.renew('a.1')).toEqual({ renewed: false, holder: undefined });
      expect(await lock.inspect()).toMatchObject({ holders: [{ owner: '', fence }], waiters: [] });
    });

    it('frees a kept lock when keepMs is over', async () => {
      const lock = stage().lock();
      const fence = await lock.hold('a.1');
      expect(await lock.release('a.1', 30)).toBe('kept');
      await stage().pass(50);
      expect(await lock.inspect()).toBeUndefined();
      expect(await lock.hold('b.1')).toBeGreaterThan(fence);
    });
  });

  describe('owners', () => {
    // Compared byte for byte: not by case, not by what they begin with.
    it.each(['A.Owner', 'a.owner', 'a.Owner1', 'a.Owne', 'a', 'b.Owner'])('are not taken for each other: %s is not a.Owner', async (forged) => {
      const lock = stage().lock();
      const run = stage().lock('run').key;
      await lock.hold('a.Owner');
      await stage().driver.claim({ key: run, owner: 'a.Owner', ttlMs: TTL_MS, keepMs: TTL_MS * 2, onCrash: 'retry' });
      expect(await lock.renew(forged)).toEqual({ renewed: false, holder: 'a.Owner' });
      expect(await lock.release(forged)).toBe('not-held');
      expect(await lock.release(forged, 1_000)).toBe('not-held');
      expect(await lock.forceRelease(forged)).toBe(false);
      expect(await stage().driver.settle({ key: run, owner: forged, keepMs: TTL_MS })).toBe(false);
      expect(await lock.refused('c.1')).toMatchObject({ holder: 'a.Owner' });
      expect(await stage().driver.claim({ key: run, owner: 'c.1', ttlMs: TTL_MS, keepMs: TTL_MS * 2, onCrash: 'retry' })).toMatchObject({ claimed: false, owner: 'a.Owner' });
    });

    it('cannot leave the queue for each other', async () => {
      const lock = stage().lock();
      const waiter = (await stage().join()).owner('Waiter');
      await lock.hold('a.1');
      await lock.queue(waiter);
      expect(await lock.release(waiter.replace('Waiter', 'waiter'))).toBe('not-held');
      expect(await lock.queue(waiter)).toMatchObject({ position: 0, unqueued: false });
    });
  });
}
