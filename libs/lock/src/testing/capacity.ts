import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Stage } from './stage.ts';

// A writer takes all of it.
const ALL = 1_000;

/** Weights and capacity: semaphores and read-write locks. */
export function describeCapacity(stage: () => Stage): void {
  describe('semaphore', () => {
    it('is given until the weights reach the capacity', async () => {
      const lock = stage().lock('semaphore', { capacity: 5 });
      await lock.hold('a.1', { weight: 2 });
      await lock.hold('b.1', { weight: 1 });
      await lock.refused('c.1', { weight: 3 });
      await lock.hold('c.2', { weight: 2 });
      await lock.refused('d.1');
      const { holders } = (await lock.inspect())!;
      expect(holders.map(({ owner, weight }) => [owner, weight])).toEqual([['a.1', 2], ['b.1', 1], ['c.2', 2]]);
      expect(await lock.release('b.1')).toBe('released');
      await lock.hold('d.1');
    });

    it('is not given to one who wants more than all of it', async () => {
      const lock = stage().lock('semaphore', { capacity: 3 });
      expect(await lock.ask('a.1', { weight: 4 })).toMatchObject({ acquired: false, holder: undefined });
      expect(await lock.inspect()).toBeUndefined();
    });

    it('is given to as many racing owners as fit', async () => {
      const lock = stage().lock('semaphore', { capacity: 7 });
      const elsewhere = lock.through(await stage().another());
      const outcomes = await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 ? lock : elsewhere).ask(`a.${index}`, { weight: 2 })));
      expect(outcomes.filter(({ acquired }) => acquired)).toHaveLength(3);
    });

    it('names one of its holders and when the first lease ends', async () => {
      const lock = stage().lock('semaphore', { capacity: 2 });
      await lock.hold('a.1', { ttlMs: 120_000 });
      await lock.hold('a.2', { ttlMs: 60_000 });
      const { holder, expiresInMs } = await lock.refused('b.1');
      expect(['a.1', 'a.2']).toContain(holder);
      expect(expiresInMs).toBeLessThanOrEqual(60_000);
      await lock.release('a.2');
      expect((await lock.refused('b.1', { weight: 2 })).expiresInMs).toBeGreaterThan(60_000);
    });

    it('lets nobody pass the first of the queue, however little they need', async () => {
      const lock = stage().lock('semaphore', { capacity: 3 });
      const [large, small] = (await stage().join()).owners(2);
      await lock.hold('a.1', { weight: 2 });
      await lock.queue(large, { weight: 3 });
      expect(await lock.queue(small)).toMatchObject({ position: 1 });
      await lock.refused('b.1');
      expect(await lock.turn([small])).toEqual([]);
      await lock.release('a.1');
      await lock.hold(large, { weight: 3, queue: true });
      await lock.release(large);
      await lock.hold(small, { queue: true });
    });

    it('is given once to a waiter that barges from the head of the queue', async () => {
      const lock = stage().lock('semaphore', { capacity: 2 });
      const waiter = (await stage().join()).owner();
      await lock.hold('a.1', { weight: 2 });
      await lock.queue(waiter);
      await lock.expire('a.1');
      await lock.hold(waiter, { queue: true, barge: true });
      expect(await lock.inspect()).toMatchObject({ holders: [{ owner: waiter, weight: 1 }], waiters: [] });
      await lock.hold('b.1');
    });

    it('lets one that barges pass the first of the queue when it fits', async () => {
      const lock = stage().lock('semaphore', { capacity: 3 });
      const large = (await stage().join()).owner();
      await lock.hold('a.1', { weight: 2 });
      await lock.queue(large, { weight: 3 });
      expect(await lock.ask('b.1', { barge: true })).toMatchObject({ acquired: true });
      expect(await lock.ask('b.2', { barge: true })).toMatchObject({ acquired: false });
    });

    it('stays with the first of the queue while too little is free', async () => {
      const lock = stage().lock('semaphore', { capacity: 3 });
      const large = (await stage().join()).owner();
      for (const owner of ['a.1', 'a.2', 'a.3']) await lock.hold(owner);
      await lock.queue(large, { weight: 2 });
      expect(await lock.release('a.1')).toBe('released');
      expect(await lock.ask(large, { weight: 2, queue: true })).toMatchObject({ acquired: false, position: 0 });
      await lock.release('a.2');
      await lock.hold(large, { weight: 2, queue: true });
    });

    it('serves all that fit when one lets go, in order', async () => {
      const lock = stage().lock('semaphore', { capacity: 4 });
      const [first, second, third, fourth] = (await stage().join()).owners(4);
      await lock.hold('a.1', { weight: 4 });
      await lock.queue(first, { weight: 1 });
      await lock.queue(second, { weight: 2 });
      await lock.queue(third, { weight: 2 });
      await lock.queue(fourth, { weight: 1 });
      await lock.release('a.1');
      // Each asks with its own weight; the fourth would fit but is behind the third.
      await lock.hold(first, { weight: 1, queue: true });
      await lock.hold(second, { weight: 2, queue: true });
      expect(await lock.queue(fourth, { weight: 1 })).toMatchObject({ position: 1 });
      expect(await lock.queue(third, { weight: 2 })).toMatchObject({ position: 0 });
    });

    it('serves those behind a large request that leaves', async () => {
      const lock = stage().lock('semaphore', { capacity: 3 });
      const [large, small] = (await stage().join()).owners(2);
      await lock.hold('a.1', { weight: 2 });
      await lock.queue(large, { weight: 3 });
      await lock.queue(small, { weight: 1 });
      expect(await lock.release(large)).toBe('dequeued');
      await lock.hold(small, { queue: true });
    });

    it('gives back what a dead holder had, and nothing more', async () => {
      const lock = stage().lock('semaphore', { capacity: 3 });
      await lock.hold('a.1', { weight: 2 });
      await lock.hold('b.1');
      await lock.expire('a.1');
      await lock.hold('c.1', { weight: 2 });
      await lock.refused('d.1');
      expect(await lock.renew('b.1')).toMatchObject({ renewed: true });
      expect(await lock.release('a.1')).toBe('not-held');
    });

    it('keeps the weight that is released with keepMs', async () => {
      const lock = stage().lock('semaphore', { capacity: 3 });
      await lock.hold('a.1', { weight: 2 });
      await lock.hold('a.2');
      expect(await lock.release('a.1', 60_000)).toBe('kept');
      await lock.refused('b.1');
      expect(await lock.release('a.2', 60_000)).toBe('kept');
      await lock.refused('b.1');
      expect(await lock.forceRelease()).toBe(true);
      await lock.hold('b.1', { weight: 3 });
    });

    it('takes the capacity of the youngest request', async () => {
      const lock = stage().lock('semaphore', { capacity: 5 });
      for (const owner of ['a.1', 'a.2', 'a.3']) await lock.hold(owner);
      expect(await lock.ask('b.1', { capacity: 3 })).toMatchObject({ acquired: false });
      expect(await lock.ask('b.2', { capacity: 4 })).toMatchObject({ acquired: true });
      expect(await lock.ask('b.3', { capacity: 5 })).toMatchObject({ acquired: true });
    });

    // Six owners from two processes, three turns each: whoever is inside counts itself.
    it('never has more inside than fit', async () => {
      const sides = [stage().driver, await stage().another()];
      const lock = stage().lock('semaphore', { capacity: 4 });
      let inside = 0;
      let most = 0;
      const work = async (index: number): Promise<void> => {
        const driver = sides[index % 2]!;
        const party = await stage().join({ driver });
        const weight = 1 + (index % 3);
        for (let turn = 0; turn < 3; turn++) {
          const owner = party.owner();
          while (!(await lock.through(driver).ask(owner, { weight, queue: true })).acquired) await pause(1);
          inside += weight;
          most = Math.max(most, inside);
          await pause(1);
          inside -= weight;
          await lock.through(driver).release(owner);
        }
      };
      await Promise.all(Array.from({ length: 6 }, (_, index) => work(index)));
      expect(most).toBeLessThanOrEqual(4);
      expect(await lock.inspect()).toBeUndefined();
    });
  });

  describe('read-write', () => {
    it('is held by many readers, or by one writer', async () => {
      const lock = stage().lock('read-write', { capacity: ALL });
      for (let reader = 0; reader < 10; reader++) await lock.hold(`a.${reader}`);
      await lock.refused('w.1', { weight: ALL });
      for (let reader = 0; reader < 10; reader++) await lock.release(`a.${reader}`);
      expect(await lock.ask('w.1', { weight: ALL })).toMatchObject({ acquired: true });
      expect(await lock.ask('w.2', { weight: ALL })).toMatchObject({ acquired: false });
      expect(await lock.ask('a.11')).toMatchObject({ acquired: false });
    });

    it('lets a waiting writer in before readers that came later', async () => {
      const lock = stage().lock('read-write', { capacity: ALL });
      const [writer, reader] = (await stage().join()).owners(2);
      await lock.hold('a.1');
      await lock.queue(writer, { weight: ALL });
      await lock.queue(reader);
      await lock.refused('b.1');
      await lock.release('a.1');
      expect(await lock.turn([reader])).toEqual([]);
      await lock.hold(writer, { weight: ALL, queue: true });
      await lock.release(writer);
      await lock.hold(reader, { queue: true });
    });

    it('lets all readers in that wait one behind the other, up to the next writer', async () => {
      const lock = stage().lock('read-write', { capacity: ALL });
      const [first, second, third, writer, later] = (await stage().join()).owners(5);
      await lock.hold('w.1', { weight: ALL });
      for (const owner of [first, second, third]) await lock.queue(owner);
      await lock.queue(writer, { weight: ALL });
      await lock.queue(later);
      await lock.release('w.1');
      for (const owner of [first, second, third]) expect(await lock.ask(owner, { queue: true })).toMatchObject({ acquired: true });
      expect(await lock.queue(later)).toMatchObject({ position: 1 });
      for (const owner of [first, second]) await lock.release(owner);
      await lock.refused(writer, { weight: ALL, queue: true });
      await lock.release(third);
      await lock.hold(writer, { weight: ALL, queue: true });
    });

    it('lets the others read on when one of them dies', async () => {
      const lock = stage().lock('read-write', { capacity: ALL });
      await lock.hold('a.1');
      await lock.hold('b.1');
      await lock.expire('a.1');
      await lock.refused('w.1', { weight: ALL });
      expect(await lock.renew('b.1')).toMatchObject({ renewed: true });
      expect(await lock.inspect()).toMatchObject({ holders: [{ owner: 'b.1' }] });
      await lock.release('b.1');
      await lock.hold('w.1', { weight: ALL });
    });

    it('lets a writer become a reader without a gap, and waiting readers in', async () => {
      const lock = stage().lock('read-write', { capacity: ALL });
      const [reader, writer] = (await stage().join()).owners(2);
      const fence = await lock.hold('w.1', { weight: ALL });
      await lock.queue(reader);
      await lock.queue(writer, { weight: ALL });
      expect(await lock.hold('w.1', { weight: 1 })).toBe(fence);
      await lock.hold(reader, { queue: true });
      await lock.refused(writer, { weight: ALL, queue: true });
      const { holders } = (await lock.inspect())!;
      expect(holders.map(({ owner, weight }) => [owner, weight])).toEqual([['w.1', 1], [reader, 1]]);
    });

    it('never makes a reader a writer', async () => {
      const lock = stage().lock('read-write', { capacity: ALL });
      const fence = await lock.hold('a.1');
      expect(await lock.hold('a.1', { weight: ALL })).toBe(fence);
      expect(await lock.inspect()).toMatchObject({ holders: [{ owner: 'a.1', weight: 1 }] });
      await lock.hold('b.1');
    });
  });
}
