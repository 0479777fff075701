import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LockDriver } from '../driver.ts';

export interface LockDriverUnderTest {
  readonly driver: LockDriver;
  /**
   * Lets `ms` milliseconds pass on the store's clock. A driver with an injected clock moves it; a server's clock
   * can only be waited for.
   */
  pass(ms: number): Promise<void>;
  close?(): Promise<void>;
}

// Server expiry is real time: far above one warm round trip, so that a busy machine does not expire a lease early.
const TTL_MS = 2_000;
const SHORT_TTL_MS = 60;

/** The contract of `LockDriver` as tests: `describeLockDriver('redis', async () => ({ driver, pass, close }))`. */
export function describeLockDriver(driverName: string, make: () => Promise<LockDriverUnderTest>): void {
  describe(`lock driver contract: ${driverName}`, () => {
    let under: LockDriverUnderTest;
    let key: string;
    beforeEach(async () => {
      under = await make();
      key = randomUUID();
    });
    afterEach(() => under.close?.());

    const fenceOf = async (owner: string, ttlMs = TTL_MS): Promise<bigint> => {
      const outcome = await under.driver.acquire(key, owner, ttlMs);
      if (!outcome.acquired) throw new Error(`${owner} was refused`);
      return outcome.fence;
    };

    it('gives a free key to the first owner and tells the second when it may end', async () => {
      await fenceOf('first');
      const refused = await under.driver.acquire(key, 'second', TTL_MS);
      expect(refused).toEqual({ acquired: false, expiresInMs: expect.any(Number) });
      expect(refused).toHaveProperty('expiresInMs', expect.toSatisfy((ms: number) => ms >= 0 && ms <= TTL_MS));
    });

    it('repeats the fence when the same owner asks again, as after a lost answer', async () => {
      expect(await fenceOf('first')).toBe(await fenceOf('first'));
    });

    it('lets only one of many racing owners in', async () => {
      const outcomes = await Promise.all(Array.from({ length: 50 }, (_, index) => under.driver.acquire(key, `owner-${index}`, TTL_MS)));
      expect(outcomes.filter(({ acquired }) => acquired)).toHaveLength(1);
    });

    it('increases the fence with every new owner', async () => {
      const fences: bigint[] = [];
      for (const owner of ['a', 'b', 'c', 'd']) {
        fences.push(await fenceOf(owner));
        await under.driver.release(key, owner);
      }
      expect(fences).toEqual([...new Set(fences)].toSorted((a, b) => (a < b ? -1 : 1)));
    });

    it('increases the fence over an expiry', async () => {
      const before = await fenceOf('first', SHORT_TTL_MS);
      await under.pass(SHORT_TTL_MS * 2);
      expect(await fenceOf('second')).toBeGreaterThan(before);
    });

    it('releases for the owner alone', async () => {
      await fenceOf('first');
      expect(await under.driver.release(key, 'second')).toBe(false);
      expect(await under.driver.release(key, 'first')).toBe(true);
      expect(await under.driver.release(key, 'first')).toBe(false);
    });

    it('does not let a late release of an expired owner free the next owner', async () => {
      await fenceOf('first', SHORT_TTL_MS);
      await under.pass(SHORT_TTL_MS * 2);
      await fenceOf('second');
      expect(await under.driver.release(key, 'first')).toBe(false);
      expect(await under.driver.acquire(key, 'third', TTL_MS)).toMatchObject({ acquired: false });
    });

    it('renews for the owner alone, and not after the end', async () => {
      await fenceOf('first', SHORT_TTL_MS);
      expect(await under.driver.renew(key, 'second', TTL_MS)).toBe(false);
      expect(await under.driver.renew(key, 'first', TTL_MS)).toBe(true);
      await under.pass(SHORT_TTL_MS * 2);
      expect(await under.driver.acquire(key, 'second', TTL_MS)).toMatchObject({ acquired: false });
      await under.driver.release(key, 'first');
      expect(await under.driver.renew(key, 'first', TTL_MS)).toBe(false);
    });

    it.each(['with spaces and ünïcode', 'a:b', '{tag}', '}{', '%7B', '{}', 'x'.repeat(500)])('keeps the name %j apart from others', async (strange) => {
      const name = `${key}${strange}`;
      await under.driver.acquire(name, 'first', TTL_MS);
      expect(await under.driver.acquire(name, 'second', TTL_MS)).toMatchObject({ acquired: false });
      expect(await under.driver.acquire(`${name}.`, 'second', TTL_MS)).toMatchObject({ acquired: true });
      expect(await under.driver.release(name, 'first')).toBe(true);
    });

    it('takes the shortest ttl', async () => {
      await fenceOf('first', 1);
      await under.pass(20);
      expect(await under.driver.acquire(key, 'second', TTL_MS)).toMatchObject({ acquired: true });
    });
  });
}
