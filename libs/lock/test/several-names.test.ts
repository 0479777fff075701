import { sleep } from '@staddle/kernel';
import { beforeEach, describe, expect, it } from 'vitest';
import { overNetwork, seededRandom } from './network.ts';
import { createStand, never, type Stand } from './stand.ts';

let stand: Stand;
beforeEach(() => {
  stand = createStand();
});

describe('several names', () => {
  it('take one question each when all are free', async () => {
    const locks = stand.process();
    const lease = await locks.acquire(['c', 'a', 'b']);
    expect(lease.names).toEqual(['a', 'b', 'c']);
    expect(locks.calls.acquire.map(({ key }) => key.name)).toEqual(['a', 'b', 'c']);
    await lease.release();
    expect(locks.calls.release).toHaveLength(3);
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it('hold only what comes before the one that is waited for', async () => {
    const holder = await stand.process().acquire('b');
    const waiting = stand.process().acquire(['a', 'b', 'c'], { waitMs: Infinity });
    await stand.clock.advance(100);
    const other = stand.process();
    expect(await other.tryAcquire('a')).toBeUndefined();
    const c = await other.acquire('c');
    await holder.release();
    await stand.clock.advance(100);
    expect(await other.tryAcquire('b')).toBeUndefined();
    await c.release();
    expect((await waiting).isHeld).toBe(true);
  });

  it('renew what is held while the others are waited for, and lose all or none', async () => {
    const holder = await stand.process().acquire('b');
    const locks = stand.process();
    const waiting = locks.acquire(['a', 'b'], { waitMs: Infinity, ttlMs: 1_000 });
    await stand.clock.advance(60_000);
    expect(await stand.process().tryAcquire('a')).toBeUndefined();
    await holder.release();
    const lease = await waiting;
    await stand.clock.advance(60_000);
    expect(lease.isHeld).toBe(true);
    await lease.release();
    // A command for renewals may have been gathering; nobody needs it any more.
    await stand.clock.advance(1_000);
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it('ask nothing more about any of them when one is lost', async () => {
    const locks = stand.process();
    const lease = await locks.acquire(['a', 'b', 'c'], { ttlMs: 3_000 });
    await stand.process().forceRelease('b');
    await stand.clock.advance(1_500);
    expect(lease.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', lockName: 'a, b, c', reason: 'state-lost' });
    const renewals = locks.calls.renew.length;
    expect(locks.calls.release.map(({ key }) => key.name).toSorted()).toEqual(['a', 'c']);
    await stand.clock.advance(60_000);
    expect(locks.calls.renew.length).toBe(renewals);
    expect(locks.events).toMatchObject([{ type: 'lost', name: 'a, b, c' }]);
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it('are asked for anew when one is lost while another is waited for', async () => {
    const holder = await stand.process().acquire('b');
    const locks = stand.process();
    const waiting = locks.acquire(['a', 'b'], { waitMs: Infinity });
    await stand.clock.advance(100);
    const operator = stand.process();
    expect(await operator.forceRelease('a')).toBe(true);
    await stand.clock.advance(100);
    const { fence } = (await operator.inspect('a'))!.holders[0]!;
    await holder.release();
    const lease = await waiting;
    expect(lease.fenceOf('a')).toBe(fence);
    expect(locks.events).toEqual([]);
    await lease.release();
    expect(await operator.inspect('a')).toBeUndefined();
    expect(await operator.inspect('b')).toBeUndefined();
  });

  it('end when one is lost and the wait is over', async () => {
    const locks = stand.process({ acquire: (request) => (request.key.name === 'b' ? never() : stand.driver.acquire(request)) });
    const failure = expect(locks.tryAcquire(['a', 'b'], { ttlMs: 100, renew: false })).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', lockName: 'a', cause: { code: 'ERR_LOCK_LOST' } });
    await stand.clock.advance(100);
    await failure;
  });

  it('count the wait over all of them, and tell which one it was', async () => {
    const [a, b] = await Promise.all(['a', 'b'].map((name) => stand.process().acquire(name)));
    const failure = expect(stand.process().acquire(['a', 'b'], { waitMs: 1_000 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT', lockName: 'b', waitedMs: 1_000 });
    await stand.clock.advance(600);
    await a!.release();
    await stand.clock.advance(400);
    await failure;
    await b!.release();
    for (const name of ['a', 'b']) expect(await stand.process().inspect(name)).toBeUndefined();
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it('give all back when the store fails for one', async () => {
    const locks = stand.process({ acquire: (request) => (request.key.name === 'b' ? Promise.reject(new Error('moved')) : stand.driver.acquire(request)) });
    await expect(locks.tryAcquire(['a', 'b', 'c'])).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', lockName: 'b' });
    await stand.clock.advance(0);
    for (const name of ['a', 'c']) expect(await stand.process().inspect(name)).toBeUndefined();
  });

  it('end an abort with its reason, also with that of another lease', async () => {
    const outer = await stand.process().acquire('outer', { ttlMs: 1_000, renew: false });
    await stand.process().acquire('b');
    const failure = expect(stand.process().acquire(['a', 'b'], { waitMs: Infinity, signal: outer.signal })).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', lockName: 'outer' });
    await stand.clock.advance(1_000);
    await failure;
    expect(await stand.process().inspect('a')).toBeUndefined();
    expect((await stand.process().inspect('b'))?.waiters).toEqual([]);
  });

  it.each([0, 16])('never block each other for ever, in any order (%i local hand-offs)', async (maxLocalHandoffs) => {
    const random = seededRandom(5);
    const processes = Array.from({ length: 6 }, () => stand.process(overNetwork(stand.driver, { clock: stand.clock, random, latencyMs: 2 }), { maxLocalHandoffs }));
    const names = ['a', 'b', 'c', 'd'];
    const inside = new Set<string>();
    let sections = 0;
    const tasks = processes.flatMap((locks) =>
      Array.from({ length: 3 }, async () => {
        for (let n = 0; n < 20; n++) {
          const set = names.filter(() => random() < 0.6).toSorted(() => random() - 0.5);
          await locks.using(set.length > 0 ? set : ['a'], { waitMs: Infinity }, async (lease) => {
            for (const name of lease.names) {
              expect(inside).not.toContain(name);
              inside.add(name);
            }
            await sleep(random() * 3, { clock: stand.clock });
            for (const name of lease.names) inside.delete(name);
            sections += 1;
          });
        }
      }),
    );
    await stand.clock.advance(120_000);
    await Promise.all(tasks);
    expect(sections).toBe(360);
    for (const name of names) expect(await stand.process().inspect(name)).toBeUndefined();
    expect(stand.clock.pendingTimers).toBe(0);
  });
});
