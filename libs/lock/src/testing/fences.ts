import { describe, expect, it } from 'vitest';
import type { Stage } from './stage.ts';

/** Fences strictly increase over every acquisition by a new owner. */
export function describeFences(stage: () => Stage): void {
  describe('fences', () => {
    it('increase over releases', async () => {
      const lock = stage().lock();
      const fences: bigint[] = [];
      for (let turn = 0; turn < 20; turn++) {
        fences.push(await lock.hold(`a.${turn}`));
        await lock.release(`a.${turn}`);
      }
      expect(fences).toEqual(rising(fences));
    });

    it('increase over expiry, hand-off, a kept lock and a forced release', async () => {
      const lock = stage().lock();
      const [first, second, third, fourth, fifth] = (await stage().join()).owners(5);
      const fences = [await lock.hold(first)];
      await lock.expire(first);
      fences.push(await lock.hold(second));
      await lock.queue(third);
      await lock.release(second);
      fences.push(await lock.hold(third, { queue: true }));
      await lock.release(third, 1);
      await stage().pass(20);
      fences.push(await lock.hold(fourth));
      await lock.forceRelease();
      fences.push(await lock.hold(fifth));
      expect(fences).toEqual(rising(fences));
    });

    it('increase with every holder of a semaphore', async () => {
      const lock = stage().lock('semaphore', { capacity: 5 });
      const fences: bigint[] = [];
      for (let turn = 0; turn < 5; turn++) fences.push(await lock.hold(`a.${turn}`));
      expect(fences).toEqual(rising(fences));
    });

    it('increase over the drivers of one store', async () => {
      const lock = stage().lock();
      const elsewhere = lock.through(await stage().another());
      const fences: bigint[] = [];
      for (let turn = 0; turn < 6; turn++) {
        const side = turn % 2 ? lock : elsewhere;
        fences.push(await side.hold(`a.${turn}`));
        await side.release(`a.${turn}`);
      }
      expect(fences).toEqual(rising(fences));
    });

    it('increase over an acquisition without fencing', async () => {
      const lock = stage().lock();
      const before = await lock.hold('a.1');
      await lock.release('a.1');
      await lock.hold('a.2', { fencing: false });
      await lock.release('a.2');
      expect(await lock.hold('a.3')).toBeGreaterThan(before);
    });

    // More than a second in microseconds, so that a clock alone cannot pass it.
    it('leave room for those that an acquisition reserves', async () => {
      const lock = stage().lock();
      const fence = await lock.hold('a.1', { reserve: 5_000_000 });
      expect(await lock.hold('a.1', { reserve: 5_000_000 })).toBe(fence);
      await lock.release('a.1');
      const after = await lock.hold('a.2');
      expect(after).toBeGreaterThan(fence + 5_000_000n);
      await lock.release('a.2');
      expect(await lock.hold('a.3')).toBeGreaterThan(after);
    });

    it('leave room for those that a waiter reserved when it is granted', async () => {
      const lock = stage().lock();
      const [first, second] = (await stage().join()).owners(2);
      const before = await lock.hold('a.1', { reserve: 5_000_000 });
      await lock.queue(first, { reserve: 5_000_000 });
      await lock.queue(second);
      await lock.release('a.1');
      const granted = await lock.hold(first, { queue: true, reserve: 5_000_000 });
      expect(granted).toBeGreaterThan(before + 5_000_000n);
      await lock.release(first);
      expect(await lock.hold(second, { queue: true })).toBeGreaterThan(granted + 5_000_000n);
    });

    it('are whole numbers above zero', async () => {
      const lock = stage().lock();
      expect(await lock.hold('a.1')).toBeGreaterThan(0n);
      const record = await lock.inspect();
      expect(record?.holders[0]?.fence).toBe(await lock.hold('a.1'));
    });
  });
}

/** The same, were they strictly increasing. */
function rising(fences: readonly bigint[]): bigint[] {
  return [...new Set(fences)].toSorted((a, b) => (a < b ? -1 : 1));
}
