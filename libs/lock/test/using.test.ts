import { sleep } from '@staddle/kernel';
import { LockTimeoutError, type Lease } from '@staddle/lock';
import { beforeEach, describe, expect, it } from 'vitest';
import { createStand, never, type Stand } from './stand.ts';

let stand: Stand;
beforeEach(() => {
  stand = createStand();
});
const down = (): Promise<never> => Promise.reject(new Error('down'));
const gone = { renew: async (requests: readonly unknown[]) => requests.map(() => ({ renewed: false, holder: undefined }) as const) };

describe('using', () => {
  it('returns what the work returns and releases', async () => {
    const locks = stand.process();
    expect(await locks.using('job', {}, async ({ name }) => `${name} done`)).toBe('job done');
    expect(await stand.process().tryAcquire('job')).toBeDefined();
  });

  it('releases when the work throws, also before its first await', async () => {
    const locks = stand.process();
    await expect(locks.using('job', {}, () => Promise.reject(new TypeError('the work failed')))).rejects.toThrow(new TypeError('the work failed'));
    await expect(
      locks.using('job', {}, () => {
        throw new TypeError('the work failed');
      }),
    ).rejects.toThrow('the work failed');
    await expect(locks.using('job', {}, () => Promise.reject('a text' as unknown as Error))).rejects.toBe('a text');
    expect(await stand.process().inspect('job')).toBeUndefined();
  });

  it('is not disturbed by work that releases its lease itself', async () => {
    const locks = stand.process();
    const value = await locks.using('job', {}, async (lease) => {
      expect(await lease.release()).toBe('released');
      const other = await stand.process().tryAcquire('job');
      expect(other).toBeDefined();
      return 'done';
    });
    expect(value).toBe('done');
    expect(locks.calls.release.length).toBe(1);
    expect(locks.events).toEqual([]);
  });

  it('32: throws what the work threw, whatever else went wrong', async () => {
    const releaseFails = stand.process({ release: down });
    await expect(releaseFails.using('a', {}, () => Promise.reject(new TypeError('the work failed')))).rejects.toThrow('the work failed');
    expect(releaseFails.events).toMatchObject([{ type: 'release-failed', name: 'a', error: { message: 'down' } }]);

    const lostMeanwhile = stand.process(gone).using('b', { ttlMs: 3_000 }, async () => {
      await sleep(2_000, { clock: stand.clock });
      throw new TypeError('the work failed');
    });
    const failure = expect(lostMeanwhile).rejects.toMatchObject({ message: 'the work failed', cause: { code: 'ERR_LOCK_LOST', reason: 'state-lost' } });
    await stand.clock.advance(2_000);
    await failure;
  });

  it('does not touch the cause of an error, nor one that cannot be changed', async () => {
    for (const error of [new TypeError('the work failed', { cause: 'its own' }), Object.freeze(new TypeError('frozen'))]) {
      const lost = stand.process(gone).using('job', { ttlMs: 3_000 }, async () => {
        await sleep(2_000, { clock: stand.clock });
        throw error;
      });
      const failure = expect(lost).rejects.toBe(error);
      await stand.clock.advance(2_000);
      await failure;
      await stand.clock.advance(2_000);
    }
  });

  it('32: rejects with the loss and the result when the lease was lost before the work ended well', async () => {
    let seen: unknown;
    const lost = stand.process(gone).using('job', { ttlMs: 3_000 }, async ({ signal, fence }) => {
      await sleep(2_000, { clock: stand.clock });
      seen = signal.aborted && signal.reason;
      return { written: fence > 0n };
    });
    const failure = expect(lost).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'state-lost', lockName: 'job', result: { written: true } });
    await stand.clock.advance(2_000);
    await failure;
    expect(seen).toMatchObject({ code: 'ERR_LOCK_LOST' });
  });

  it('throws the loss itself when the work throws its reason', async () => {
    const lost = stand.process(gone).using('job', { ttlMs: 3_000 }, async (lease) => {
      await sleep(2_000, { clock: stand.clock });
      lease.signal.throwIfAborted();
    });
    const failure = expect(lost).rejects.toSatisfy((error: Error) => error.cause === undefined && 'reason' in error && error.reason === 'state-lost');
    await stand.clock.advance(2_000);
    await failure;
  });

  it('does not swallow a timeout of a lock inside', async () => {
    await stand.process().acquire('inner');
    const locks = stand.process();
    await expect(locks.using('outer', {}, () => locks.acquire('inner', { waitMs: 0 }))).rejects.toBeInstanceOf(LockTimeoutError);
  });

  it('33: ends within two seconds when the store is away at its end', async () => {
    const locks = stand.process({ release: never });
    let ended = false;
    const used = locks.using('job', {}, async () => 'done').finally(() => (ended = true));
    await stand.clock.advance(2_000);
    expect(ended).toBe(true);
    expect(await used).toBe('done');
    expect(locks.events).toMatchObject([{ type: 'release-failed' }]);
    expect(locks.logger.lines).toContainEqual(expect.objectContaining({ level: 'warn', message: expect.stringMatching(/release failed/) }));
  });
});

describe('release', () => {
  it('is idempotent, never throws, and says what became of the lock', async () => {
    const lease = await stand.process({ release: down }).acquire('job');
    expect(await lease.release()).toBe('unknown');
    expect(await lease.release()).toBe('unknown');
    expect(lease.isHeld).toBe(false);
    expect(lease.remaining()).toBe(0);
    expect(lease.signal.aborted).toBe(false);
  });

  it('waits neither longer than two seconds nor past the end of the lease', async () => {
    const locks = stand.process({ release: never, renew: never });
    const [long, short] = [await locks.acquire('long'), await locks.acquire('short', { ttlMs: 500 })];
    let ended = 0;
    void long.release().then(() => ended++);
    void short.release().then(() => ended++);
    await stand.clock.advance(500);
    expect(ended).toBe(1);
    await stand.clock.advance(1_500);
    expect(ended).toBe(2);
  });

  it('finds nothing to release when the lease is lost, and leaves that of the next owner', async () => {
    const lease = await stand.process().acquire('job', { ttlMs: 1_000, renew: false });
    await stand.clock.advance(1_100);
    const next = await stand.process().acquire('job');
    expect(await lease.release()).toBe('not-held');
    expect(next.isHeld).toBe(true);
    expect(await stand.process().tryAcquire('job')).toBeUndefined();
  });

  it('comes at the end of an `await using` block', async () => {
    let held: Lease;
    {
      await using lease = await stand.process().acquire('job');
      held = lease;
      expect(lease.isHeld).toBe(true);
    }
    expect(held.isHeld).toBe(false);
    expect(await stand.process().tryAcquire('job')).toBeDefined();
  });

  it('33: keeps the error of an `await using` block, with the store away', async () => {
    const locks = stand.process({ release: never });
    const block = async (): Promise<void> => {
      await using lease = await locks.acquire('job');
      throw new TypeError(`the block failed with ${lease.name}`);
    };
    let ended = false;
    const failure = expect(block().finally(() => (ended = true))).rejects.toThrow(new TypeError('the block failed with job'));
    await stand.clock.advance(2_000);
    expect(ended).toBe(true);
    await failure;
  });
});

describe('maxHoldMs', () => {
  it('41: aborts the signal, keeps the lock alone while the work winds down, then lets go', async () => {
    const locks = stand.process();
    const lease = await locks.acquire('job', { ttlMs: 1_000, maxHoldMs: 10_000, graceMs: 3_000 });
    await stand.clock.advance(9_999);
    expect(lease.signal.aborted).toBe(false);
    await stand.clock.advance(1);
    expect(lease.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'max-hold' });
    expect(lease.isHeld).toBe(false);
    await stand.clock.advance(2_990);
    expect(await stand.process().tryAcquire('job')).toBeUndefined();
    const next = stand.process().acquire('job');
    await stand.clock.advance(10);
    expect((await next).isHeld).toBe(true);
    expect(await lease.release()).toBe('handed-off');
    expect(locks.events).toMatchObject([{ type: 'lost', reason: 'max-hold' }]);
  });

  it('ends early when the work ends in its grace', async () => {
    const locks = stand.process();
    const used = locks.using('job', { maxHoldMs: 1_000 }, async ({ signal }) => {
      await sleep(1_500, { clock: stand.clock });
      return signal.aborted;
    });
    const failure = expect(used).rejects.toMatchObject({ reason: 'max-hold', result: true });
    await stand.clock.advance(1_500);
    await failure;
    expect(await stand.process().tryAcquire('job')).toBeDefined();
    expect(stand.clock.pendingTimers).toBeLessThanOrEqual(1);
  });

  it('does nothing to a lease that was released before', async () => {
    const locks = stand.process();
    const lease = await locks.acquire('job', { maxHoldMs: 1_000 });
    await lease.release();
    expect(stand.clock.pendingTimers).toBe(0);
    await stand.clock.advance(10_000);
    expect(lease.signal.aborted).toBe(false);
    expect(locks.events).toEqual([]);
  });
});

describe('minHoldMs', () => {
  it('41: leaves the lock taken for the rest of its time only', async () => {
    const lease = await stand.process().acquire('job', { minHoldMs: 1_000 });
    await stand.clock.advance(400);
    expect(await lease.release()).toBe('kept');
    expect(lease.isHeld).toBe(false);
    await stand.clock.advance(590);
    expect(await stand.process().tryAcquire('job')).toBeUndefined();
    await stand.clock.advance(10);
    expect(await stand.process().tryAcquire('job')).toBeDefined();
  });

  it('is nothing to a lease that was held for longer', async () => {
    const lease = await stand.process().acquire('job', { minHoldMs: 1_000 });
    await stand.clock.advance(1_000);
    expect(await lease.release()).toBe('released');
  });

  it('lets a waiter in when it is over', async () => {
    const lease = await stand.process().acquire('job', { minHoldMs: 5_000 });
    const waiting = stand.process().acquire('job', { waitMs: 60_000 });
    await stand.clock.advance(1_000);
    expect(await lease.release()).toBe('kept');
    await stand.clock.advance(4_050);
    expect((await waiting).isHeld).toBe(true);
  });
});
