import { describe, expect, it, vi } from 'vitest';
import { TTL_MS, type Party, type Stage } from './stage.ts';

// A busy machine must not fail a test, only a missing message may.
const ARRIVES = { timeout: 20_000, interval: 2 };

/** What a store tells without being asked. */
export function describeMessages(stage: () => Stage): void {
  const arrived = (count: number, of: () => readonly unknown[]): Promise<void> => vi.waitFor(() => expect(of()).toHaveLength(count), ARRIVES);

  /** Messages of one instance keep their order, so nothing older is on its way when this one has arrived. */
  const settled = async (party: Party): Promise<void> => {
    const lock = stage().lock();
    const [first, second] = party.owners(2);
    await lock.hold(first);
    await lock.queue(second);
    await lock.release(first);
    await vi.waitFor(() => expect(party.granted.at(-1)?.owner).toBe(second), ARRIVES);
    party.granted.pop();
  };

  describe('hand-off', () => {
    it('gives a released lock to the first waiter and tells it', async () => {
      const lock = stage().lock();
      const party = await stage().join();
      const [first, second] = party.owners(2);
      const fence = await lock.hold('a.1');
      const { storeNowMs } = await lock.queue(first, { ttlMs: 5_000 });
      await lock.queue(second);
      expect(await lock.release('a.1')).toBe('handed-off');
      await arrived(1, () => party.granted);
      const grant = party.granted[0]!;
      expect(grant).toEqual({ owner: first, fence: expect.any(BigInt), leaseMs: expect.any(Number), grantedAtStoreMs: expect.any(Number) });
      expect(grant.fence).toBeGreaterThan(fence);
      expect(grant.leaseMs).toBeGreaterThan(0);
      expect(grant.leaseMs).toBeLessThanOrEqual(5_000);
      expect(grant.grantedAtStoreMs).toBeGreaterThanOrEqual(storeNowMs);
      expect(grant.grantedAtStoreMs - storeNowMs).toBeLessThan(60_000);
      expect(await lock.inspect()).toMatchObject({ holders: [{ owner: first, fence: grant.fence }], waiters: [{ owner: second }] });
    });

    it('never lasts longer than the ttl of the waiter', async () => {
      const lock = stage().lock();
      const party = await stage().join();
      const owner = party.owner();
      await lock.hold('a.1');
      await lock.queue(owner, { ttlMs: 7 });
      await lock.release('a.1');
      await arrived(1, () => party.granted);
      expect(party.granted[0]?.leaseMs).toBeLessThanOrEqual(7);
      await stage().pass(30);
      await lock.hold('b.1');
    });

    it.each(['acquire', 'renew'])('is made a full lease with %s', async (way) => {
      const { lock, waiters: [owner] } = await stage().contested(1);
      await lock.release('a.1');
      const granted = await lock.hold(owner, { queue: true, ttlMs: 5_000 });
      await (way === 'acquire' ? lock.hold(owner, { queue: true }) : lock.renew(owner));
      const holder = (await lock.inspect())?.holders[0];
      expect(holder).toMatchObject({ owner, fence: granted });
      expect(holder?.expiresInMs).toBeGreaterThan(TTL_MS / 2);
    });

    it('repeats the fence of the message when the owner asks', async () => {
      const { lock, party, waiters: [owner] } = await stage().contested(1);
      await lock.release('a.1');
      await arrived(1, () => party.granted);
      const outcome = await lock.ask(owner, { queue: true });
      expect(outcome).toMatchObject({ acquired: true, fence: party.granted[0]?.fence });
      expect(outcome).not.toMatchObject({ unqueued: true });
    });

    it('reaches waiters of another driver', async () => {
      const lock = stage().lock();
      const elsewhere = await stage().another();
      const party = await stage().join({ driver: elsewhere });
      const owner = party.owner();
      await lock.hold('a.1');
      await lock.through(elsewhere).queue(owner);
      expect(await lock.release('a.1')).toBe('handed-off');
      await arrived(1, () => party.granted);
      expect(party.granted).toMatchObject([{ owner }]);
    });

    it('is told to the instance of the owner alone', async () => {
      const lock = stage().lock();
      const party = await stage().join({ instance: 'web-1' });
      const others = [await stage().join({ instance: 'web' }), await stage().join({ instance: 'web-1-1' }), await stage().join({ instance: 'WEB-1' })];
      await lock.hold('a.1');
      await lock.queue(party.owner());
      await lock.release('a.1');
      await arrived(1, () => party.granted);
      for (const other of others) {
        await settled(other);
        expect(other.granted).toEqual([]);
      }
    });

    it('is made by whoever finds an expired lock with waiters', async () => {
      const { lock, party, waiters: [owner] } = await stage().contested(1);
      await lock.expire('a.1');
      expect(await lock.refused('b.1')).toMatchObject({ holder: owner });
      await arrived(1, () => party.granted);
    });

    it('that nobody takes up is followed by one to the next', async () => {
      const { lock, party, waiters: [first, second, third] } = await stage().contested(3);
      await lock.release('a.1');
      await arrived(1, () => party.granted);
      await lock.expire(first);
      await lock.hold(second, { queue: true });
      expect(await lock.queue(third)).toMatchObject({ holder: second, position: 0 });
      expect(await lock.release(first)).toBe('not-held');
    });

    it('of one that left is passed on with a message', async () => {
      const { lock, party, waiters: [first, second] } = await stage().contested(2);
      await lock.release('a.1');
      expect(await lock.release(first)).toBe('handed-off');
      await arrived(2, () => party.granted);
      expect(party.granted.map(({ owner }) => owner)).toEqual([first, second]);
      expect(await lock.release(second)).toBe('released');
    });

    it('serves all waiters that fit at once', async () => {
      const lock = stage().lock('read-write', { capacity: 100 });
      const party = await stage().join();
      const [first, second, third, writer] = party.owners(4);
      await lock.hold('w.1', { weight: 100 });
      for (const owner of [first, second, third]) await lock.queue(owner);
      await lock.queue(writer, { weight: 100 });
      expect(await lock.release('w.1')).toBe('handed-off');
      expect((await lock.inspect())?.holders.map(({ owner }) => owner)).toEqual([first, second, third]);
      await arrived(3, () => party.granted);
      expect(party.granted.map(({ owner }) => owner)).toEqual([first, second, third]);
      await arrived(1, () => party.next);
      expect(party.next).toMatchObject([{ owner: writer }]);
    });

    it('serves readers when a writer becomes one', async () => {
      const lock = stage().lock('read-write', { capacity: 100 });
      const party = await stage().join();
      const reader = party.owner();
      await lock.hold('w.1', { weight: 100 });
      await lock.queue(reader);
      await lock.hold('w.1', { weight: 1 });
      await arrived(1, () => party.granted);
      expect(party.granted).toMatchObject([{ owner: reader }]);
    });

    it('serves those behind a large request that leaves', async () => {
      const lock = stage().lock('semaphore', { capacity: 3 });
      const party = await stage().join();
      const [large, small] = party.owners(2);
      await lock.hold('a.1', { weight: 2 });
      await lock.queue(large, { weight: 3 });
      await lock.queue(small);
      expect(await lock.release(large)).toBe('dequeued');
      await arrived(1, () => party.granted);
      expect(party.granted).toMatchObject([{ owner: small }]);
    });

    it('follows a forced release', async () => {
      const { lock, party, waiters: [owner] } = await stage().contested(1);
      expect(await lock.forceRelease()).toBe(true);
      await arrived(1, () => party.granted);
      expect(party.granted).toMatchObject([{ owner }]);
    });
  });

  describe('the first of the queue', () => {
    it('is told how long the lease of a hand-off lasts', async () => {
      const { lock, party, waiters: [, second] } = await stage().contested(3);
      await lock.release('a.1');
      await arrived(1, () => party.next);
      expect(party.next).toEqual([{ owner: second, inMs: expect.any(Number) }]);
      expect(party.next[0]!.inMs).toBeGreaterThan(0);
      await arrived(1, () => party.granted);
      expect(party.next[0]!.inMs).toBeLessThanOrEqual(party.granted[0]!.leaseMs);
    });

    it('is told when the one before it has left', async () => {
      const { lock, party, waiters: [first, second] } = await stage().contested(2);
      await lock.release(first);
      await arrived(1, () => party.next);
      expect(party.next).toEqual([{ owner: second, inMs: expect.toSatisfy((ms: number) => ms > 0 && ms <= TTL_MS) }]);
    });

    it('is told how long a released lock is kept', async () => {
      const { lock, party, waiters: [owner] } = await stage().contested(1);
      await lock.release('a.1', 500);
      await arrived(1, () => party.next);
      expect(party.next).toEqual([{ owner, inMs: expect.toSatisfy((ms: number) => ms > 0 && ms <= 500) }]);
      expect(party.granted).toEqual([]);
    });
  });

  describe('dead waiters', () => {
    it('are skipped at a hand-off', async () => {
      const lock = stage().lock();
      const [dead, live] = [await stage().join(), await stage().join()];
      const owner = live.owner();
      await lock.hold('a.1');
      await lock.queue(dead.owner());
      await lock.queue(dead.owner());
      await lock.queue(owner);
      await dead.connection?.close();
      expect(await lock.release('a.1')).toBe('handed-off');
      await arrived(1, () => live.granted);
      expect(await lock.inspect()).toMatchObject({ holders: [{ owner }], waiters: [] });
    });

    it('do not hold up a newcomer at an expired lock', async () => {
      const lock = stage().lock();
      const dead = await stage().join();
      await lock.hold('a.1');
      await lock.queue(dead.owner());
      await dead.connection?.close();
      await lock.expire('a.1');
      expect(await lock.ask('b.1')).toMatchObject({ acquired: true });
    });

    it('do not keep a released lock', async () => {
      const lock = stage().lock();
      const dead = await stage().join();
      await lock.hold('a.1');
      await lock.queue(dead.owner());
      await dead.connection?.close();
      expect(await lock.release('a.1')).toBe('released');
      expect(await lock.inspect()).toBeUndefined();
    });

    it('are skipped before a live one that asks', async () => {
      const lock = stage().lock();
      const [dead, live] = [await stage().join(), await stage().join()];
      const owner = live.owner();
      await lock.hold('a.1');
      await lock.queue(dead.owner());
      await lock.queue(owner);
      await dead.connection?.close();
      await lock.expire('a.1');
      await lock.hold(owner, { queue: true });
      expect(await lock.inspect()).toMatchObject({ holders: [{ owner }], waiters: [] });
    });
  });

  describe('connection', () => {
    it('listens from listen to close, both as often as one likes', async () => {
      const { connection } = await stage().join();
      expect(connection?.listening).toBe(true);
      await connection?.listen();
      expect(connection?.listening).toBe(true);
      await connection?.close();
      await connection?.close();
      expect(connection?.listening).toBe(false);
    });

    it('does not listen before it was told to', async () => {
      const connection = stage().driver.connect?.('idle', { granted() {}, next() {}, revoked() {}, ready() {} });
      expect(connection?.listening).toBe(false);
      await connection?.close();
    });

    it('tells holders of a forced release, and nobody else', async () => {
      const lock = stage().lock('semaphore', { capacity: 4 });
      const [near, far] = [await stage().join(), await stage().join({ driver: await stage().another() })];
      const [first, second, waiter] = near.owners(3);
      const third = far.owner();
      await lock.hold(first);
      await lock.hold(second);
      await lock.hold(third, { weight: 2 });
      await lock.queue(waiter, { weight: 4 });
      expect(await lock.forceRelease(second)).toBe(true);
      await arrived(1, () => near.revoked);
      expect(near.revoked).toEqual([second]);
      expect(await lock.forceRelease()).toBe(true);
      await arrived(2, () => near.revoked);
      await arrived(1, () => far.revoked);
      expect(near.revoked).toEqual([second, first]);
      expect(far.revoked).toEqual([third]);
      await arrived(1, () => near.granted);
      expect(near.granted).toMatchObject([{ owner: waiter }]);
    });
  });
}
