import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Lease } from '@staddle/lock';
import { waitFor } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import type { ContestResult } from '../fixtures/contest.ts';
import { nowMs } from '../history/history.ts';
import { createStage, lockKey, queueKey, type Contestant, type StageLocks } from './stage.ts';

// A Redis that hangs, forgets, restarts or refuses.

const WAIT_MS = 30_000;
const lost = async ({ signal }: Lease): Promise<unknown> => {
  if (!signal.aborted) await once(signal, 'abort');
  return signal.reason;
};
const typesOf = ({ events }: StageLocks): string[] => events.map(({ type }) => type);

describe('a server that hangs', () => {
  it('8: aborts before the lease can end, not when the server answers again, and takes back what was asked for meanwhile', async () => {
    await using stage = await createStage();
    const locks = stage.locks();
    const lease = await locks.acquire('job', { ttlMs: 3_000 });
    await stage.admin.client('PAUSE', 5_000, 'ALL');
    const pausedAt = nowMs();
    const late = locks.acquire('other', { waitMs: 1_000, ttlMs: 60_000 });
    await expect(late).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    expect(await lost(lease)).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'unreachable' });
    // Counted from the last renewal, which came before the pause. A process that had no processor cannot keep time.
    expect(nowMs() - pausedAt).toBeLessThan(3_000 + stage.stalledMs(pausedAt));
    await stage.admin.ping();
    // Given after all, and given back: the lease of a minute does not stay.
    await waitFor(async () => (await stage.admin.exists(lockKey('other'))) === 0, { what: 'the late lock to be given back' });
    expect(await stage.admin.exists(`${lockKey('other')}:fence`)).toBe(1);
    expect(await stage.verdict()).toEqual([]);
  });

  it('9: a hang that is shorter than the lease loses nothing, and no task notices it', async () => {
    await using stage = await createStage();
    const locks = stage.locks();
    const result = await locks.using('job', { ttlMs: 6_000 }, async (lease) => {
      await stage.admin.client('PAUSE', 2_000, 'WRITE');
      // Falls into the hang, and is answered after it.
      await lease.renew().catch(() => {});
      await stage.admin.set('written', 'after the hang');
      await lease.renew();
      return lease.isHeld;
    });
    expect(result).toBe(true);
    expect(typesOf(locks).filter((type) => type !== 'renew-failed')).toEqual([]);
    await stage.admin.del('written');
    expect(await stage.verdict()).toEqual([]);
  });
});

describe('a server that restarts', () => {
  it('10: with its data gone, the holder is told, the lock is not made anew, and fences go on increasing', async () => {
    await using stage = await createStage();
    const locks = stage.locks();
    const lease = await locks.acquire('job', { ttlMs: 60_000 });
    await stage.server.restart();
    // Renewed only every 20 s: the loss is noticed when asked for, or by the renewal that follows a failed one.
    await expect(lease.renew()).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'state-lost' });
    expect(await lost(lease)).toMatchObject({ reason: 'state-lost' });
    expect(await stage.admin.exists(lockKey('job'))).toBe(0);
    const next = await locks.acquire('job', { waitMs: WAIT_MS });
    expect(next.fence).toBeGreaterThan(lease.fence);
    expect(await lease.release()).toBe('not-held');
    expect(next.isHeld).toBe(true);
    await next.release();
    expect(await stage.verdict()).toEqual([]);
  });

  it('10: with a restart guard, nobody gets a lock until the leases from before have ended', async () => {
    await using stage = await createStage();
    const settings = { restartGuardMs: 2_000 };
    const locks = stage.locks({ settings });
    // The very first use waits as well.
    const lease = await locks.acquire('job', { ttlMs: 2_000, waitMs: WAIT_MS });
    await stage.server.restart();
    const upAt = nowMs();
    const others = stage.locks({ settings });
    expect(await others.tryAcquire('job')).toBeUndefined();
    const next = await others.acquire('job', { waitMs: WAIT_MS });
    // The guard begins with the first question after the restart, and is asked about again when it is over.
    expect(nowMs() - upAt).toBeGreaterThan(2_000 - 2);
    expect(nowMs() - upAt).toBeLessThan(2_000 + 2_000);
    expect(lease.isHeld).toBe(false);
    expect(next.fence).toBeGreaterThan(lease.fence);
    await next.release();
    expect(await stage.verdict()).toEqual([]);
  });

  it('10: with a restart guard, a newcomer after a loss of all data is not let in beside the holder', async () => {
    await using stage = await createStage();
    const settings = { restartGuardMs: 1_000 };
    const newcomer = stage.locks({ settings });
    const contestants = await stage.contestants(2, { settings });
    const contest = { name: 'job', tasks: 100_000, lanes: 2, sectionMs: 20, forMs: 3_000, options: { ttlMs: 1_000, waitMs: WAIT_MS } };
    const results = Promise.all(contestants.map((each) => each.order<ContestResult>({ do: 'contest', contest })));
    await waitFor(() => stage.entries('enter').length > 10, { what: 'the contest to be under way' });
    await stage.admin.flushall();
    // Those who were in go on until their next renewal is refused.
    const section = stage.history.ask('job', WAIT_MS);
    const lease = await newcomer.acquire('job', { waitMs: WAIT_MS });
    section.entered(lease);
    section.left();
    await lease.release();
    expect((await results).map(({ failures }) => failures)).toEqual([{}, {}]);
    expect(await stage.verdict()).toEqual([]);
  });

  it('11: with its data kept, the lease goes on', async () => {
    await using stage = await createStage(['--appendonly', 'yes', '--appendfsync', 'always']);
    const locks = stage.locks();
    const lease = await locks.acquire('job', { ttlMs: 30_000 });
    await stage.server.restart();
    await waitFor(() => lease.renew().then(() => true), { what: 'the lease to be renewed after the restart' });
    expect(lease.isHeld).toBe(true);
    expect(await stage.admin.get(lockKey('job'))).toBe(lease.token);
    expect(await lease.release()).toBe('released');
    expect(typesOf(locks).filter((type) => type !== 'renew-failed')).toEqual([]);
    expect(await stage.verdict()).toEqual([]);
  });

  it('12: while it is away the holder is told in time and the process lives on; when it is back everything works again', async () => {
    await using stage = await createStage();
    const other = await stage.contestant();
    const enter = (section: string): Promise<{ fence?: string; code?: string }> => other.order({ do: 'enter', section, name: 'job', options: { ttlMs: 2_000, waitMs: 1_000 } });
    const before = await enter('before');
    await stage.server.kill();
    await waitFor(() => stage.entries('abort').length, { what: 'the holder to be told' });
    expect(stage.entries('abort')).toEqual([expect.objectContaining({ reason: 'unreachable' })]);
    expect(await enter('while away')).toEqual({ code: 'ERR_LOCK_UNAVAILABLE' });
    expect(await other.order({ do: 'leave', section: 'before' })).toBe('not-held');
    await stage.server.restart();
    // The scripts are gone with the old server.
    const after = await waitFor(async () => {
      const { fence } = await enter('after');
      return fence;
    }, { what: 'a lock after the restart' });
    expect(BigInt(after)).toBeGreaterThan(BigInt(before.fence!));
    expect(await other.order({ do: 'leave', section: 'after' })).toBe('released');
    expect(await other.order({ do: 'events' })).toEqual(['renew-failed', 'lost']);
    expect(await stage.verdict()).toEqual([]);
  });
});

describe('a server that refuses', () => {
  /** A holder whose renewals fail and are tried again, and a newcomer who is told why, until `mend`. */
  const outlasts = async (stage: Awaited<ReturnType<typeof createStage>>, spoil: () => Promise<unknown>, mend: () => Promise<unknown>, reason: RegExp, renews: boolean): Promise<void> => {
    const locks = stage.locks();
    const lease = await locks.acquire('job', { ttlMs: 30_000 });
    await locks.acquire('warm').then((warm) => warm.release());
    await spoil();
    const refusal = await locks.acquire('other', { waitMs: 100 }).then(() => undefined, (error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', cause: { message: expect.stringMatching(reason) } });
    await expect(locks.tryAcquire('other')).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    if (renews) await lease.renew();
    else await expect(lease.renew()).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', cause: { message: expect.stringMatching(reason) } });
    expect(lease.isHeld).toBe(true);
    const leftMs = lease.remaining();
    await mend();
    // By itself: it is tried again and again.
    if (!renews) await waitFor(() => lease.remaining() > leftMs, { what: 'the lease to be renewed' });
    expect(await lease.release()).toBe('released');
    expect(typesOf(locks).filter((type) => type !== 'renew-failed')).toEqual([]);
    await locks.acquire('other', { waitMs: WAIT_MS }).then((other) => other.release());
  };

  it('14: READONLY, after it became a replica', async () => {
    await using stage = await createStage(['--replica-serve-stale-data', 'yes']);
    await outlasts(stage, () => stage.admin.replicaof('127.0.0.1', 1), () => stage.admin.replicaof('NO', 'ONE'), /READONLY/, false);
    expect(await stage.verdict()).toEqual([]);
  });

  it('14: OOM, over maxmemory: nobody gets a lock, but those who have one keep it', async () => {
    await using stage = await createStage();
    await outlasts(stage, () => stage.admin.config('SET', 'maxmemory', '1'), () => stage.admin.config('SET', 'maxmemory', '0'), /OOM/, true);
    expect(await stage.verdict()).toEqual([]);
  });

  it('14: BUSY, while a script runs', async () => {
    await using stage = await createStage(['--busy-reply-threshold', '20']);
    const busy = stage.admin.duplicate();
    let ended: Promise<unknown> | undefined;
    const spoil = async (): Promise<void> => {
      ended = busy.eval('while true do end', 0).catch(() => {});
      await waitFor(() => stage.admin.ping().then(() => false, (error: Error) => error.message.startsWith('BUSY')), { what: 'the server to be busy' });
    };
    const mend = async (): Promise<void> => {
      await stage.admin.script('KILL');
      await ended;
      busy.disconnect();
    };
    await outlasts(stage, spoil, mend, /BUSY/, false);
    expect(await stage.verdict()).toEqual([]);
  });

  it('14: LOADING, while it reads its data', async () => {
    await using stage = await createStage(['--enable-debug-command', 'yes', '--key-load-delay', '200', '--loading-process-events-interval-bytes', '1024']);
    await stage.admin.eval("for i = 1, 5000 do redis.call('SET', 'filler:' .. i, string.rep('x', 100)) end", 0);
    const loader = stage.admin.duplicate();
    let ended: Promise<unknown> | undefined;
    const spoil = async (): Promise<void> => {
      ended = loader.call('DEBUG', 'RELOAD');
      await waitFor(() => stage.admin.get('filler:1').then(() => false, (error: Error) => error.message.startsWith('LOADING')), { what: 'the server to load' });
    };
    const mend = async (): Promise<void> => {
      await ended;
      loader.disconnect();
      await stage.admin.eval("for i = 1, 5000 do redis.call('DEL', 'filler:' .. i) end", 0);
    };
    await outlasts(stage, spoil, mend, /LOADING/, false);
    expect(await stage.verdict()).toEqual([]);
  });
});

describe('a server that forgets', () => {
  it('20: forgets its scripts and functions a hundred times a second, and nobody notices', async () => {
    await using stage = await createStage();
    const contestants = await stage.contestants(3);
    const over = new AbortController();
    const flushing = (async () => {
      while (!over.signal.aborted) {
        await stage.admin.script('FLUSH');
        await stage.admin.function('FLUSH');
        await pause(10);
      }
    })();
    const contest = { name: 'job', tasks: 40, lanes: 2, sectionMs: 3, options: { ttlMs: 5_000, waitMs: WAIT_MS } };
    const results = await Promise.all(contestants.map((each) => each.order({ do: 'contest', contest })));
    over.abort();
    await flushing;
    expect(results).toEqual(results.map(() => ({ done: 80, failures: {} })));
    expect(await stage.verdict()).toEqual([]);
  });

  // 3 s of 20 kills a second: a lost wake-up would cost its waiter the 5 s after which it asks by itself.
  it('20: closes connections twenty times a second, and no wake-up gets lost for good', async () => {
    await using stage = await createStage();
    const contestants = await stage.contestants(3);
    const killing = (async () => {
      for (let round = 0; round < 60; round += 1) {
        await stage.admin.call('CLIENT', 'KILL', 'TYPE', round % 2 ? 'normal' : 'pubsub', 'SKIPME', 'yes');
        await pause(50);
      }
    })();
    const contest = { name: 'job', tasks: 30, lanes: 2, sectionMs: 20, options: { ttlMs: 5_000, waitMs: WAIT_MS } };
    const results = await Promise.all(contestants.map((each) => each.order({ do: 'contest', contest })));
    await killing;
    expect(results).toEqual(results.map(() => ({ done: 60, failures: {} })));
    expect(stage.entries('abort')).toEqual([]);
    expect(await stage.register.count('job')).toBe(180);
    expect(await stage.verdict()).toEqual([]);
  });

  it('21: a deleted lock is lost by the next renewal, and not made anew', async () => {
    await using stage = await createStage();
    const locks = stage.locks();
    const lease = await locks.acquire('job', { ttlMs: 600 });
    await stage.admin.del(lockKey('job'));
    expect(await lost(lease)).toMatchObject({ reason: 'state-lost' });
    expect(await stage.admin.exists(lockKey('job'))).toBe(0);
    expect(await lease.release()).toBe('not-held');
    expect(await stage.verdict()).toEqual([]);
  });

  it("21: a lock that somebody has overwritten is lost, and the release leaves the other's value", async () => {
    await using stage = await createStage();
    const locks = stage.locks();
    const [told, early] = [await locks.acquire('told', { ttlMs: 600 }), await locks.acquire('early', { ttlMs: 60_000 })];
    await stage.admin.mset(lockKey('told'), 'somebody', lockKey('early'), 'somebody');
    expect(await lost(told)).toMatchObject({ reason: 'taken' });
    expect([await told.release(), await early.release()]).toEqual(['not-held', 'not-held']);
    expect(await stage.admin.mget(lockKey('told'), lockKey('early'))).toEqual(['somebody', 'somebody']);
    await stage.admin.del(lockKey('told'), lockKey('early'));
    expect(await stage.verdict()).toEqual([]);
  });

  it('22: forgets a hundred waiters, and each has its turn nevertheless', async () => {
    await using stage = await createStage();
    // Every waiter stands in the store's queue for itself.
    const contestants = (await stage.contestants(2, { locks: { maxLocalHandoffs: 0 } })) as [Contestant, Contestant];
    const locks = stage.locks();
    const holder = await locks.acquire('job', { ttlMs: 60_000 });
    const contest = { name: 'job', tasks: 1, lanes: 50, sectionMs: 1, options: { ttlMs: 20_000, waitMs: WAIT_MS } };
    const results = Promise.all(contestants.map((each) => each.order({ do: 'contest', contest })));
    await waitFor(async () => (await stage.admin.zcard(queueKey('job'))) === 100, { what: 'all to queue' });
    await stage.admin.flushall();
    const flushedAt = nowMs();
    // One of each process asks within 5 s and wakes the others. A few are on their way at any time.
    const back = async (): Promise<number> => stage.entries('enter').length + (await stage.admin.zcard(queueKey('job')));
    await waitFor(async () => (await back()) >= 90, { what: 'the waiters to be back', timeoutMs: WAIT_MS });
    expect(nowMs() - flushedAt).toBeLessThan(5_000 + 4_000);
    expect(await results).toEqual([{ done: 50, failures: {} }, { done: 50, failures: {} }]);
    expect(await holder.release()).toBe('not-held');
    expect(await stage.verdict()).toEqual([]);
  });
});
