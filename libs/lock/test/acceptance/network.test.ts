import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { createFaultProxy, waitFor } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { nowMs } from '../history/history.ts';
import { createStage, lockKey, queueKey } from './stage.ts';

// A network that is slow, silent or cut. Locks of this process go through a proxy that breaks on command.

const WAIT_MS = 30_000;

describe('an answer that was lost', () => {
  it('5: asking again gives the same lease with the same fence', async () => {
    await using stage = await createStage();
    await using proxy = await createFaultProxy({ target: stage.server.url });
    const locks = stage.locks({ url: proxy.url() });
    await locks.client.ping();
    proxy.blackhole('answers');
    const acquiring = locks.acquire('job', { ttlMs: 60_000, waitMs: WAIT_MS });
    await waitFor(() => stage.admin.exists(lockKey('job')), { what: 'the lock to be given' });
    const given = await stage.admin.get(`${lockKey('job')}:fence`);
    const cutAt = nowMs();
    proxy.cut();
    proxy.restore();
    const lease = await acquiring;
    // At once, and not when its own unheard lease has ended.
    expect(nowMs() - cutAt).toBeLessThan(20_000);
    expect(given).toMatch(new RegExp(String.raw`^${lease.fence}\b`));
    expect(await stage.admin.get(`${lockKey('job')}:fence`)).toBe(given);
    await lease.release();
    expect(await stage.verdict()).toEqual([]);
  });

  it('16: a release that is sent twice frees the lock once, and not that of the next holder', async () => {
    await using stage = await createStage();
    await using proxy = await createFaultProxy({ target: stage.server.url });
    const locks = stage.locks({ url: proxy.url() });
    const others = stage.locks();
    const lease = await locks.acquire('job', { ttlMs: 60_000 });
    const waiting = others.acquire('job', { waitMs: WAIT_MS });
    await waitFor(() => stage.admin.exists(queueKey('job')), { what: 'the other to queue' });
    proxy.blackhole('answers');
    const releasing = lease.release();
    const next = await waiting;
    proxy.cut();
    proxy.restore();
    expect(await releasing).not.toBe('released');
    // Everything that was sent twice has arrived by now.
    await locks.client.ping();
    await next.renew();
    expect((await others.inspect('job'))?.holders).toEqual([expect.objectContaining({ token: next.token, fence: next.fence })]);
    expect(await next.release()).toBe('released');
    expect(await stage.verdict()).toEqual([]);
  });

  it('16: a renewal that is sent twice keeps the lease, and does not bring back one that has ended', async () => {
    await using stage = await createStage();
    await using proxy = await createFaultProxy({ target: stage.server.url });
    const locks = stage.locks({ url: proxy.url(), commandTimeoutMs: 10_000 });
    const lease = await locks.acquire('job', { ttlMs: 60_000 });
    const twice = async (meanwhile: () => Promise<unknown>): Promise<void> => {
      await stage.admin.pexpire(lockKey('job'), 30_000);
      proxy.blackhole('answers');
      const renewing = lease.renew();
      // Rejected before it is awaited when the lease is lost.
      renewing.catch(() => {});
      await waitFor(async () => (await stage.admin.pttl(lockKey('job'))) > 30_000, { what: 'the renewal to be done' });
      await meanwhile();
      proxy.cut();
      proxy.restore();
      await renewing;
    };
    await twice(async () => {});
    expect(lease.isHeld).toBe(true);
    await expect(twice(() => stage.admin.set(lockKey('job'), 'somebody.else', 'PX', 60_000))).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'taken' });
    expect(await stage.admin.get(lockKey('job'))).toBe('somebody.else');
    await stage.admin.del(lockKey('job'));
    expect(await stage.verdict()).toEqual([]);
  });

  it('16: a cancelled wait that is sent twice leaves the queue once, and the others in it', async () => {
    await using stage = await createStage();
    await using proxy = await createFaultProxy({ target: stage.server.url });
    const locks = stage.locks({ url: proxy.url() });
    const others = stage.locks();
    const lease = await others.acquire('job', { ttlMs: 60_000 });
    const cancel = new AbortController();
    const cancelled = locks.acquire('job', { waitMs: WAIT_MS, signal: cancel.signal });
    cancelled.catch(() => {});
    await waitFor(() => stage.admin.exists(queueKey('job')), { what: 'the first to queue' });
    const third = stage.locks();
    const waiting = third.acquire('job', { waitMs: WAIT_MS });
    await waitFor(async () => (await stage.admin.zcard(queueKey('job'))) === 2, { what: 'the second to queue' });
    proxy.blackhole('answers');
    cancel.abort(new Error('not needed any more'));
    await expect(cancelled).rejects.toThrow('not needed any more');
    await waitFor(async () => (await stage.admin.zcard(queueKey('job'))) === 1, { what: 'the first to leave the queue' });
    proxy.cut();
    proxy.restore();
    await locks.client.ping();
    expect(await lease.release()).toBe('handed-off');
    await (await waiting).release();
    expect(await stage.verdict()).toEqual([]);
  });
});

describe('a slow network', () => {
  it('15: counts the lease from before it was asked for', async () => {
    await using stage = await createStage();
    await using proxy = await createFaultProxy({ target: stage.server.url });
    const locks = stage.locks({ url: proxy.url(), commandTimeoutMs: 20_000 });
    await locks.client.ping();
    proxy.delay(200);
    const lease = await locks.acquire('job', { ttlMs: 10_000, renew: false });
    expect(lease.isHeld).toBe(true);
    // 200 ms to go, 200 ms to come back.
    expect(lease.remaining()).toBeLessThan(10_000 - 400);
    proxy.restore();
    await lease.release();
    expect(await stage.verdict()).toEqual([]);
  });

  it('15: does not take a lease that ended before its answer came, and gives it back', async () => {
    await using stage = await createStage();
    await using proxy = await createFaultProxy({ target: stage.server.url });
    const locks = stage.locks({ url: proxy.url() });
    await locks.client.ping();
    proxy.delay(200);
    await expect(locks.acquire('job', { ttlMs: 300, waitMs: 1_000 })).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', cause: { message: expect.stringContaining('took longer than the lease') } });
    await expect(locks.tryAcquire('job', { ttlMs: 300 })).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    // As soon as the network is fast enough, the same lease is.
    proxy.restore();
    const lease = await locks.acquire('job', { ttlMs: 300, waitMs: WAIT_MS });
    await lease.release();
    expect(await stage.verdict()).toEqual([]);
  });

  it('15: keeps four processes apart through a network of jumping delays', async () => {
    await using stage = await createStage();
    await using proxy = await createFaultProxy({ target: stage.server.url });
    const contestants = await stage.contestants(4, { url: proxy.url() });
    const over = new AbortController();
    const jitter = (async () => {
      while (!over.signal.aborted) {
        proxy.delay(Math.random() * 60);
        await pause(20);
      }
      proxy.restore();
    })();
    const options = { ttlMs: 3_000, waitMs: WAIT_MS };
    const results = await Promise.all(contestants.map((each) => each.order({ do: 'contest', contest: { name: 'job', tasks: 4, lanes: 2, sectionMs: 5, options } })));
    over.abort();
    await jitter;
    expect(results).toEqual(results.map(() => ({ done: 8, failures: {} })));
    expect(await stage.register.count('job')).toBe(32);
    expect(await stage.verdict()).toEqual([]);
  });
});

describe('a network that swallows everything', () => {
  it('17: tells the holder before another owner can have the lock, and recovers when it is back', async () => {
    await using stage = await createStage();
    await using proxy = await createFaultProxy({ target: stage.server.url });
    const cut = stage.locks({ url: proxy.url() });
    const others = stage.locks();
    const lease = await cut.acquire('job', { ttlMs: 1_500 });
    const section = stage.history.ask('job', 0);
    section.entered(lease);
    proxy.blackhole();
    const asked = stage.history.ask('job', WAIT_MS);
    const next = await others.acquire('job', { waitMs: WAIT_MS });
    asked.entered(next);
    // The order is what counts; the history has the times of both.
    if (!lease.signal.aborted) await once(lease.signal, 'abort');
    expect(lease.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'unreachable' });
    expect(lease.isHeld).toBe(false);
    await expect(cut.tryAcquire('other')).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    expect(await lease.release()).toBe('not-held');
    section.left();
    // What was held up arrives now, and must not touch the lock of the other.
    proxy.restore();
    const again = await cut.acquire('other', { waitMs: WAIT_MS });
    await again.release();
    await next.renew();
    asked.left();
    await next.release();
    expect(cut.events.map(({ type }) => type)).toEqual(['renew-failed', 'lost']);
    expect(await stage.verdict()).toEqual([]);
  });
});
