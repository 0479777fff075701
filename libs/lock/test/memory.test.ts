import type { AcquireRequest, LockGrant, LockKey, LockListener } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { createTestClock } from '@staddle/testing';
import { describe, expect, it, vi } from 'vitest';

const KEY: LockKey = { kind: 'mutex', name: 'a' };
const request = (owner: string, changes: Partial<AcquireRequest> = {}): AcquireRequest => ({
  key: KEY,
  owner,
  ttlMs: 60_000,
  weight: 1,
  capacity: 1,
  queue: false,
  priority: 0,
  barge: false,
  fencing: true,
  reserve: 0,
  ...changes,
});
const listener = (changes: Partial<LockListener> = {}): LockListener => ({ granted() {}, next() {}, revoked() {}, ready() {}, ...changes });

describe('memoryLockDriver', () => {
  it('has a space of its own', async () => {
    const [one, other] = [memoryLockDriver(), memoryLockDriver()];
    expect(await one.acquire(request('a.1'))).toMatchObject({ acquired: true });
    expect(await other.acquire(request('b.1'))).toMatchObject({ acquired: true });
  });

  it('hands a lock on for two seconds, and before the one who let go hears of it', async () => {
    const driver = memoryLockDriver({ clock: createTestClock() });
    const grants: LockGrant[] = [];
    await driver.connect!('b', listener({ granted: (grant) => void grants.push(grant) })).listen();
    await driver.acquire(request('a.1'));
    await driver.acquire(request('b.1', { queue: true }));
    const released = driver.release({ key: KEY, owner: 'a.1' });
    expect(grants).toEqual([]);
    expect(await released).toBe('handed-off');
    expect(grants).toMatchObject([{ owner: 'b.1', leaseMs: 2_000 }]);
  });

  it('tells what happened in the order in which it happened', async () => {
    const driver = memoryLockDriver({ clock: createTestClock() });
    const told: string[] = [];
    const record = listener({ granted: ({ owner }) => void told.push(`granted ${owner}`), next: ({ owner }) => void told.push(`next ${owner}`), revoked: (owner) => void told.push(`revoked ${owner}`) });
    await driver.connect!('b', record).listen();
    await driver.connect!('c', record).listen();
    await driver.acquire(request('b.1'));
    for (const owner of ['c.1', 'b.2', 'c.2']) await driver.acquire(request(owner, { queue: true }));
    await Promise.all([driver.forceRelease(KEY), driver.release({ key: KEY, owner: 'c.1' })]);
    expect(told).toEqual(['revoked b.1', 'granted c.1', 'next b.2', 'granted b.2', 'next c.2']);
  });

  it('tells nothing to those who left before the message came', async () => {
    const driver = memoryLockDriver({ clock: createTestClock() });
    const granted = vi.fn<(grant: LockGrant) => void>();
    const connection = driver.connect!('b', listener({ granted }));
    await connection.listen();
    await driver.acquire(request('a.1'));
    await driver.acquire(request('b.1', { queue: true }));
    await Promise.all([driver.release({ key: KEY, owner: 'a.1' }), connection.close()]);
    expect(granted).not.toHaveBeenCalled();
  });

  it('keeps fences rising when the wall clock is set back', async () => {
    const clock = createTestClock();
    const driver = memoryLockDriver({ clock });
    const fences: bigint[] = [];
    for (const owner of ['a.1', 'a.2', 'a.3']) {
      const outcome = await driver.acquire(request(owner));
      if (outcome.acquired) fences.push(outcome.fence);
      await driver.release({ key: KEY, owner });
      clock.setWall(clock.now() - 3_600_000);
    }
    expect(fences).toHaveLength(3);
    expect(fences[1]).toBeGreaterThan(fences[0]!);
    expect(fences[2]).toBeGreaterThan(fences[1]!);
  });

  it('keeps the record of a run for keepMs from its last renewal on', async () => {
    const clock = createTestClock();
    const driver = memoryLockDriver({ clock });
    const run: LockKey = { kind: 'run', name: 'nightly@1' };
    const claim = (owner: string) => driver.claim({ key: run, owner, ttlMs: 100, keepMs: 150, onCrash: 'skip' });
    await claim('a.1');
    await clock.advance(90);
    await driver.renew([{ key: run, owner: 'a.1', ttlMs: 100 }]);
    await clock.advance(149);
    expect(await claim('b.1')).toEqual({ claimed: false, state: 'crashed', owner: 'a.1' });
    await clock.advance(1);
    expect(await claim('b.1')).toMatchObject({ claimed: true });
  });

  it('sets no timer', async () => {
    const clock = createTestClock();
    const driver = memoryLockDriver({ clock });
    await driver.connect!('b', listener()).listen();
    await driver.acquire(request('a.1'));
    await driver.acquire(request('b.1', { queue: true }));
    await driver.claim({ key: { kind: 'run', name: 'r' }, owner: 'a.1', ttlMs: 100, keepMs: 200, onCrash: 'skip' });
    expect(clock.pendingTimers).toBe(0);
  });

  it('forgets what ran out, also of names that nobody asks for again', async () => {
    const clock = createTestClock();
    const driver = memoryLockDriver({ clock });
    const long = request('a.1', { key: { kind: 'mutex', name: 'long' }, ttlMs: 1_000_000 });
    await driver.acquire(long);
    const remove = vi.spyOn(Map.prototype, 'delete');
    for (let day = 0; day < 10; day++) {
      for (let n = 0; n < 1_000; n++) {
        const name = `invoice ${day}-${n}`;
        await driver.acquire(request('a.1', { key: { kind: 'mutex', name }, ttlMs: 50 }));
        // Nobody is connected as `gone`, so this waiter is dead.
        await driver.acquire(request('gone.1', { key: { kind: 'mutex', name }, queue: true }));
        await driver.claim({ key: { kind: 'run', name }, owner: 'a.1', ttlMs: 50, keepMs: 60, onCrash: 'skip' });
      }
      await clock.advance(100);
    }
    const forgotten = new Set(remove.mock.calls.map(([id]) => String(id)).filter((id) => id.includes('invoice')));
    remove.mockRestore();
    expect(forgotten.size).toBeGreaterThan(14_000);
    expect(await driver.renew([long])).toMatchObject([{ renewed: true }]);
  });
});
