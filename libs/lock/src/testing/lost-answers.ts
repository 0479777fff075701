import { describe, expect, it } from 'vitest';
import { TTL_MS, type Stage } from './stage.ts';

/** Every operation may be sent twice: a client whose connection broke cannot know whether the first one has arrived. */
export function describeLostAnswers(stage: () => Stage): void {
  describe('an operation that is sent twice', () => {
    it('acquires once', async () => {
      const lock = stage().lock();
      const [first, second] = await Promise.all([lock.hold('a.1'), lock.hold('a.1')]);
      expect(second).toBe(first);
      expect((await lock.inspect())?.holders).toHaveLength(1);
      expect(await lock.release('a.1')).toBe('released');
      expect(await lock.inspect()).toBeUndefined();
    });

    it('counts once against the capacity', async () => {
      const lock = stage().lock('semaphore', { capacity: 3 });
      expect(await lock.hold('a.1', { weight: 2 })).toBe(await lock.hold('a.1', { weight: 2 }));
      await lock.hold('b.1');
      await lock.refused('c.1');
      await lock.release('a.1');
      await lock.hold('c.1', { weight: 2 });
    });

    it('acquires once from the queue', async () => {
      const { lock, waiters: [first, second] } = await stage().contested(2);
      await lock.release('a.1');
      const fence = await lock.hold(first, { queue: true });
      expect(await lock.hold(first, { queue: true })).toBe(fence);
      expect(await lock.queue(second)).toMatchObject({ holder: first, position: 0 });
    });

    it('renews once', async () => {
      const lock = stage().lock();
      await lock.hold('a.1');
      const request = { key: lock.key, owner: 'a.1', ttlMs: TTL_MS };
      const renewed = { renewed: true, previousMs: expect.any(Number) };
      expect(await stage().driver.renew([request, request])).toEqual([renewed, renewed]);
      await lock.expire('a.1');
      const refused = { renewed: false, holder: undefined };
      expect(await stage().driver.renew([request, request])).toEqual([refused, refused]);
    });

    it('releases once, and not what another owner has acquired since', async () => {
      const lock = stage().lock();
      await lock.hold('a.1');
      expect(await lock.release('a.1')).toBe('released');
      expect(await lock.release('a.1')).toBe('not-held');
      await lock.hold('b.1');
      expect(await lock.release('a.1')).toBe('not-held');
      expect(await lock.refused('c.1')).toMatchObject({ holder: 'b.1' });
    });

    it('hands on once', async () => {
      const { lock, waiters: [first, second] } = await stage().contested(2);
      await lock.release('a.1');
      expect(await lock.release('a.1')).toBe('not-held');
      expect(await lock.turn([first, second])).toEqual([first]);
      expect(await lock.release('a.1')).toBe('not-held');
      expect(await lock.refused('c.1')).toMatchObject({ holder: first });
    });

    it('keeps a lock once, no longer than asked at first', async () => {
      const lock = stage().lock();
      await lock.hold('a.1');
      expect(await lock.release('a.1', 300)).toBe('kept');
      await stage().pass(200);
      expect(['kept', 'not-held']).toContain(await lock.release('a.1', 300));
      await stage().pass(150);
      await lock.hold('b.1');
      expect(await lock.release('a.1', 300)).toBe('not-held');
      expect(await lock.renew('b.1')).toMatchObject({ renewed: true });
    });

    it('leaves the queue once', async () => {
      const { lock, waiters: [first, second] } = await stage().contested(2);
      expect(await lock.release(first)).toBe('dequeued');
      expect(await lock.release(first)).toBe('not-held');
      expect(await lock.queue(second)).toMatchObject({ holder: 'a.1', position: 0 });
    });

    it('leaves the queue after the hand-off once, and not for the next', async () => {
      const { lock, waiters: [first, second] } = await stage().contested(2);
      await lock.release('a.1');
      await lock.release(first);
      expect(await lock.release(first)).toBe('not-held');
      await lock.hold(second, { queue: true });
      expect(await lock.release(first)).toBe('not-held');
      expect(await lock.renew(second)).toMatchObject({ renewed: true });
    });

    it('makes a writer a reader once', async () => {
      const lock = stage().lock('read-write', { capacity: 100 });
      const fence = await lock.hold('w.1', { weight: 100 });
      expect(await lock.hold('w.1', { weight: 1 })).toBe(fence);
      expect(await lock.hold('w.1', { weight: 1 })).toBe(fence);
      // The request that made it a writer, late.
      expect(await lock.hold('w.1', { weight: 100 })).toBe(fence);
      await lock.hold('a.1');
    });

    it('claims and settles once', async () => {
      const run = stage().lock('run');
      const claim = { key: run.key, owner: 'a.1', ttlMs: TTL_MS, keepMs: TTL_MS * 2, onCrash: 'skip' } as const;
      const settle = { key: run.key, owner: 'a.1', keepMs: TTL_MS } as const;
      expect(await stage().driver.claim(claim)).toEqual(await stage().driver.claim(claim));
      expect(await stage().driver.settle(settle)).toBe(true);
      expect(await stage().driver.settle(settle)).toBe(true);
      // The claim, late: a settled run stays settled.
      expect(await stage().driver.claim(claim)).toEqual({ claimed: false, state: 'done', owner: 'a.1' });
      expect(await run.inspect()).toMatchObject({ state: 'done', holders: [] });
    });

    it('ends the lease of an owner by force once', async () => {
      const lock = stage().lock();
      await lock.hold('a.1');
      expect(await lock.forceRelease('a.1')).toBe(true);
      await lock.hold('b.1');
      expect(await lock.forceRelease('a.1')).toBe(false);
      expect(await lock.renew('b.1')).toMatchObject({ renewed: true });
    });
  });
}
