import { spawnNode } from '@staddle/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { createStand, never, type Stand } from './stand.ts';

let stand: Stand;
beforeEach(() => {
  stand = createStand();
});
const closed = { code: 'ERR_LOCK_CLOSED' };

describe('44: close', () => {
  it('refuses everything new', async () => {
    const locks = stand.process();
    await locks.close();
    await expect(locks.acquire('job')).rejects.toMatchObject(closed);
    await expect(locks.acquire(['a', 'b'])).rejects.toMatchObject(closed);
    await expect(locks.tryAcquire('job')).rejects.toMatchObject(closed);
    await expect(locks.using('job', {}, async () => {})).rejects.toMatchObject(closed);
    await expect(locks.semaphore('job', 2).acquire()).rejects.toMatchObject(closed);
    await expect(locks.readWrite('job').read.tryAcquire()).rejects.toMatchObject(closed);
    await expect(locks.runOnce('job', 0, async () => {})).rejects.toMatchObject(closed);
    await expect(locks.adopt((await stand.process().acquire('job')).export())).rejects.toMatchObject(closed);
    expect(locks.calls).toMatchObject({ acquire: [], claim: [], renew: [] });
  });

  it('rejects who waits at once, gives leases their time to end, then ends them, in this order', async () => {
    const other = await stand.process().acquire('other');
    const locks = stand.process();
    const [slow, quick] = [await locks.acquire('slow'), await locks.acquire('quick')];
    const order: string[] = [];
    const waiters = [locks.acquire('other', { waitMs: Infinity }), locks.acquire('slow', { waitMs: Infinity }), locks.acquire(['aside', 'other'], { waitMs: Infinity }), locks.semaphore('slow', 1).acquire({ waitMs: Infinity })];
    const permit = (await waiters.pop()!.then((lease) => lease));
    const refusals = waiters.map((waiter) => expect(waiter.finally(() => order.push('waiter'))).rejects.toMatchObject(closed));
    slow.signal.addEventListener('abort', () => order.push('abort'));
    await stand.clock.advance(100);
    const done = locks.close({ drainMs: 5_000 }).then(() => order.push('closed'));
    await stand.clock.advance(0);
    await Promise.all(refusals);
    expect(order).toEqual(['waiter', 'waiter', 'waiter']);
    await quick.release();
    expect(quick.signal.aborted).toBe(false);
    await stand.clock.advance(4_900);
    expect([slow.isHeld, permit.isHeld]).toEqual([true, true]);
    await stand.clock.advance(100);
    await done;
    expect(order).toEqual(['waiter', 'waiter', 'waiter', 'abort', 'closed']);
    expect(slow.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'closed' });
    expect(await slow.release()).toBe('released');
    await other.release();
    for (const name of ['slow', 'quick', 'other', 'aside']) expect(await stand.process().inspect(name)).toBeUndefined();
    expect(await stand.process().inspect('slow', { kind: 'semaphore' })).toBeUndefined();
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it('ends as soon as the last lease is released', async () => {
    const locks = stand.process();
    const lease = await locks.acquire('job');
    let isClosed = false;
    const done = locks.close({ drainMs: 60_000 }).then(() => (isClosed = true));
    await stand.clock.advance(1_000);
    expect(isClosed).toBe(false);
    await lease.release();
    await done;
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it('ends within two seconds although the store is away', async () => {
    const locks = stand.process({ release: never });
    await Promise.all(['a', 'b', 'c'].map((name) => locks.acquire(name)));
    let isClosed = false;
    void locks.close().then(() => (isClosed = true));
    await stand.clock.advance(2_000);
    expect(isClosed).toBe(true);
  });

  it('is idempotent, and what `await using` does', async () => {
    const locks = stand.process();
    const lease = await locks.acquire('job');
    await Promise.all([locks.close(), locks.close(), locks[Symbol.asyncDispose]()]);
    await locks.close({ drainMs: 1_000 });
    expect(lease.isHeld).toBe(false);
    await expect(locks.close({ drainMs: -1 })).rejects.toMatchObject({ code: 'ERR_LOCK_OPTION', field: 'drainMs' });
  });

  it('of locks that were never used touches no store', async () => {
    let connected = 0;
    const locks = stand.process({ connect: (instance, listener) => (connected++, stand.driver.connect!(instance, listener)) });
    await locks.close();
    expect(connected).toBe(0);
  });

  it('leaves nothing behind, whatever an acquisition was just doing', async () => {
    for (let turns = 0; turns < 30; turns++) {
      const { clock, driver, process } = createStand();
      const locks = process();
      const holder = turns % 2 ? await process().acquire('job') : undefined;
      const acquisitions = [
        locks.acquire('job', { waitMs: Infinity }),
        locks.acquire('job'),
        locks.tryAcquire('free'),
        locks.acquire(['free', 'too']),
        locks.semaphore('pool', 1).acquire(),
        locks.acquire('bare', { fencing: false }),
        locks.runOnce('report', 0, () => new Promise<void>((resolve) => void clock.setTimer(resolve, 100)), { overlap: turns % 3 ? 'wait' : 'allow' }),
      ];
      const settled = Promise.allSettled(acquisitions);
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      if (turns % 5 === 0) void holder?.release();
      const done = locks.close();
      await clock.advance(5_000);
      await done;
      await holder?.release();
      const held = (await settled).filter((result) => result.status === 'fulfilled' && result.value && 'isHeld' in result.value && result.value.isHeld);
      expect(held).toEqual([]);
      for (const name of ['job', 'free', 'too', 'bare', 'report']) expect(await driver.inspect({ kind: 'mutex', name })).toBeUndefined();
      expect(await driver.inspect({ kind: 'semaphore', name: 'pool' })).toBeUndefined();
      expect((await driver.inspect({ kind: 'run', name: 'report@0' }))?.holders ?? []).toEqual([]);
      expect(clock.pendingTimers).toBe(0);
    }
  });

  it('lets the process end by itself, as do a lease and a watchdog that nobody ends', async () => {
    for (const way of ['close', 'drain', 'leave the lease', 'leave the watchdog']) {
      await using child = spawnNode({ script: `${import.meta.dirname}/fixtures/ending.ts`, args: [way] });
      await child.waitForLine('held');
      expect(await child.exit).toEqual({ code: 0, signal: null });
      expect(child.stderr()).toBe('');
    }
  });
});
