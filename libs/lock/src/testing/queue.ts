import { describe, expect, it } from 'vitest';
import { TTL_MS, type Stage } from './stage.ts';

/** The queue is strict. Waiters ask again here; what is told to them without asking is tested with the messages. */
export function describeQueue(stage: () => Stage): void {
  describe('queue', () => {
    it('tells each waiter how many are before it and whether it was known', async () => {
      const lock = stage().lock();
      const [first, second, third] = (await stage().join()).owners(3);
      await lock.hold('a.1');
      for (const [position, owner] of [first, second, third].entries()) {
        expect(await lock.queue(owner)).toMatchObject({ holder: 'a.1', position, unqueued: true });
      }
      for (const [position, owner] of [first, second, third].entries()) {
        expect(await lock.queue(owner)).toMatchObject({ holder: 'a.1', position, unqueued: false });
      }
    });

    it('grants in the order in which the store first saw the waiters', async () => {
      const lock = stage().lock();
      const parties = [await stage().join(), await stage().join({ driver: await stage().another() })];
      const waiters = Array.from({ length: 6 }, (_, index) => parties[index % 2]!.owner());
      await lock.hold('a.1');
      for (const owner of waiters) await lock.queue(owner);
      // Asking again keeps the place.
      for (const owner of waiters.toReversed()) await lock.queue(owner);
      await lock.release('a.1');
      for (const owner of waiters) {
        expect(await lock.turn(waiters.slice(waiters.indexOf(owner)))).toEqual([owner]);
        await lock.release(owner);
      }
      expect(await lock.inspect()).toBeUndefined();
    });

    it('grants by priority, and equals in order', async () => {
      const lock = stage().lock();
      const party = await stage().join();
      const priorities = [0, -100, 5, 100, 5, 0, -1];
      const waiters = priorities.map((priority) => ({ priority, owner: party.owner() }));
      await lock.hold('a.1');
      for (const { owner, priority } of waiters) await lock.queue(owner, { priority });
      const order = [3, 2, 4, 0, 5, 6, 1].map((index) => waiters[index]!);
      expect((await lock.inspect())?.waiters.map(({ owner }) => owner)).toEqual(order.map(({ owner }) => owner));
      for (const [position, { owner, priority }] of order.entries()) expect(await lock.queue(owner, { priority })).toMatchObject({ position });
      await lock.release('a.1');
      for (const { owner, priority } of order) {
        await lock.hold(owner, { queue: true, priority });
        await lock.release(owner);
      }
    });

    it('places racing waiters one behind the other', async () => {
      const lock = stage().lock();
      const elsewhere = lock.through(await stage().another());
      const waiters = (await stage().join()).owners(20);
      await lock.hold('a.1');
      await Promise.all(waiters.map((owner, index) => (index % 2 ? lock : elsewhere).queue(owner)));
      const positions = await Promise.all(waiters.map(async (owner) => (await lock.queue(owner)).position));
      expect(positions.toSorted((a, b) => a! - b!)).toEqual(waiters.map((_, index) => index));
    });

    it('counts a waiter that asks twice at once as one', async () => {
      const lock = stage().lock();
      const [first, second] = (await stage().join()).owners(2);
      await lock.hold('a.1');
      await Promise.all([lock.queue(first), lock.queue(first)]);
      expect(await lock.queue(second)).toMatchObject({ position: 1 });
      expect((await lock.inspect())?.waiters.map(({ owner }) => owner)).toEqual([first, second]);
    });

    it('loses one who asks again without wanting to queue', async () => {
      const { lock, waiters: [first, second] } = await stage().contested(2);
      expect(await lock.refused(first)).toMatchObject({ position: undefined });
      expect(await lock.queue(second)).toMatchObject({ position: 0 });
    });

    it('has the first one served when a lease has run out', async () => {
      const lock = stage().lock();
      const waiters = (await stage().join()).owners(3);
      const fence = await lock.hold('a.1');
      for (const owner of waiters) await lock.queue(owner);
      await lock.expire('a.1');
      const outcome = await lock.ask(waiters[0]!, { queue: true });
      expect(outcome).toMatchObject({ acquired: true });
      expect(outcome).not.toMatchObject({ unqueued: true });
      expect(outcome).toHaveProperty('fence', expect.toSatisfy((given: bigint) => given > fence));
      // It has its own ttl, not what a hand-off gives.
      expect((await lock.inspect())?.holders[0]?.expiresInMs).toBeGreaterThan(TTL_MS / 2);
      expect(await lock.turn(waiters)).toEqual(waiters.slice(0, 1));
    });

    it('has the first one served when another asks for a lock that has run out', async () => {
      const { lock, waiters } = await stage().contested(3);
      await lock.expire('a.1');
      expect(await lock.turn(waiters)).toEqual(waiters.slice(0, 1));
      expect(await lock.queue(waiters[1]!)).toMatchObject({ holder: waiters[0], position: 0 });
    });

    it.each([{ queue: true }, { queue: false }])('lets no newcomer pass the first one of an expired lock ($queue)', async ({ queue }) => {
      const lock = stage().lock();
      const [first, newcomer] = (await stage().join()).owners(2);
      await lock.hold('a.1');
      await lock.queue(first);
      await lock.expire('a.1');
      expect(await lock.ask(newcomer, { queue })).toMatchObject({ acquired: false });
      expect(await lock.ask(first, { queue: true })).toMatchObject({ acquired: true });
    });

    it('lets no newcomer pass the first one of a released lock', async () => {
      const lock = stage().lock();
      const [first, newcomer] = (await stage().join()).owners(2);
      await lock.hold('a.1');
      await lock.queue(first);
      await lock.release('a.1');
      expect(await lock.ask(newcomer)).toMatchObject({ acquired: false });
      expect(await lock.ask(first, { queue: true })).toMatchObject({ acquired: true });
    });

    it('lets a newcomer that barges take an expired lock, and keeps the waiters', async () => {
      const { lock, waiters: [first, second] } = await stage().contested(2);
      await lock.expire('a.1');
      await lock.hold('b.1', { barge: true });
      expect(await lock.queue(first)).toMatchObject({ holder: 'b.1', position: 0, unqueued: false });
      await lock.release('b.1');
      expect(await lock.turn([first, second])).toEqual([first]);
    });

    it('refuses one that barges while the lock is held', async () => {
      const lock = stage().lock();
      const [first, barger] = (await stage().join()).owners(2);
      await lock.hold('a.1');
      await lock.queue(first);
      expect(await lock.refused(barger, { barge: true })).toMatchObject({ holder: 'a.1', position: undefined });
      expect(await lock.queue(barger, { barge: true })).toMatchObject({ position: 1 });
    });

    it('lets one that barges take the lock from the middle of the queue', async () => {
      const { lock, waiters: [first, barger, last] } = await stage().contested(3);
      await lock.expire('a.1');
      await lock.hold(barger, { barge: true, queue: true });
      expect((await lock.inspect())?.waiters.map(({ owner }) => owner)).toEqual([first, last]);
    });

    it('is left with a release, and closes up', async () => {
      const { lock, waiters: [first, second, third] } = await stage().contested(3);
      expect(await lock.release(second)).toBe('dequeued');
      expect(await lock.queue(third)).toMatchObject({ position: 1 });
      expect(await lock.release(first, 1_000)).toBe('dequeued');
      expect(await lock.queue(third)).toMatchObject({ holder: 'a.1', position: 0 });
      await lock.release('a.1');
      await lock.hold(third, { queue: true });
    });

    it('passes the lock on when its first one leaves after the lock was freed', async () => {
      const { lock, waiters } = await stage().contested(3);
      await lock.release('a.1');
      // Without messages it may not have been given the lock yet.
      expect(['handed-off', 'dequeued']).toContain(await lock.release(waiters[0]!));
      expect(await lock.turn(waiters.slice(1))).toEqual([waiters[1]]);
    });

    it('leaves nothing behind when all have left', async () => {
      const { lock, waiters } = await stage().contested(3);
      await lock.expire('a.1');
      for (const owner of waiters) await lock.release(owner);
      expect(await lock.inspect()).toBeUndefined();
      expect(await lock.ask('b.1')).toMatchObject({ acquired: true });
    });

    it('waits for a kept lock', async () => {
      const { lock, waiters: [waiter] } = await stage().contested(1);
      expect(await lock.release('a.1', 100)).toBe('kept');
      await stage().pass(120);
      await lock.refused('b.1');
      await lock.hold(waiter, { queue: true });
    });

    it('serves a waiter behind a holder without fencing', async () => {
      const lock = stage().lock();
      const [first, second] = (await stage().join()).owners(2);
      await lock.hold('a.1', { fencing: false });
      await lock.queue(first, { fencing: false });
      await lock.queue(second);
      await lock.release('a.1');
      await lock.refused('b.1', { fencing: false });
      expect(await lock.turn([first, second])).toEqual([first]);
      await lock.release(first);
      await lock.hold(second, { queue: true });
    });
  });
}
