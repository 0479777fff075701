import { createFaultProxy, waitFor } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { nowMs } from '../history/history.ts';
import type { LeaseView } from '../fixtures/contestant.ts';
import { createStage, isQueued, lockKey, queues, type Contestant } from './stage.ts';

// Processes that die, stand still or never hear an answer. The bounds below are far from what a quiet machine needs; what
// must not happen (an overlap, a lower fence, a rejected write that was accepted) is checked exactly, by the history.

const WAIT_MS = 30_000;
const enter = (who: Contestant, options: { ttlMs?: number } = {}): Promise<{ fence: string }> => who.order({ do: 'enter', section: 'it', name: 'job', options: { ttlMs: 20_000, waitMs: WAIT_MS, ...options } });

describe('many processes', () => {
  // 8 processes and 160 sections as in a minute of real use, without the idle time between them.
  it('1: excludes eight processes from each other, and counts every section', async () => {
    await using stage = await createStage();
    const contestants = await stage.contestants(8);
    const results = await Promise.all(
      contestants.map((each) => each.order({ do: 'contest', contest: { name: 'job', tasks: 10, lanes: 2, sectionMs: 5, options: { ttlMs: 5_000, waitMs: WAIT_MS } } })),
    );
    expect(results).toEqual(results.map(() => ({ done: 20, failures: {} })));
    expect(await stage.register.count('job')).toBe(160);
    expect(await stage.verdict()).toEqual([]);
  });

  it('27: lets a waiter of another process in although one process always has waiters of its own', async () => {
    await using stage = await createStage();
    const [greedy, other] = (await stage.contestants(2, { locks: { maxLocalHandoffs: 4 } })) as [Contestant, Contestant];
    const observer = stage.locks();
    const contest = greedy.order({ do: 'contest', contest: { name: 'job', tasks: 40, lanes: 4, sectionMs: 4, options: { ttlMs: 20_000, waitMs: WAIT_MS } } });
    for (let round = 0; round < 5; round += 1) {
      await waitFor(async () => (await observer.inspect('job'))?.holders.length, { what: 'the greedy process to be at it' });
      let hasEntered = false;
      const entered = enter(other).finally(() => (hasEntered = true));
      await waitFor(async () => hasEntered || queues(observer, 'job', other.pid), { what: 'the other process to queue' });
      const queuedAt = nowMs();
      await entered;
      const { at } = stage.entries('enter').findLast(({ pid }) => pid === other.pid)!;
      await other.order({ do: 'leave', section: 'it' });
      // Those to which the lock is handed on, and one that was entered but not yet noted.
      expect(stage.entries('enter').filter((each) => each.pid === greedy.pid && each.at > queuedAt && each.at < at).length).toBeLessThanOrEqual(4 + 1);
    }
    await contest;
    expect(await stage.verdict()).toEqual([]);
  });
});

describe('a process that stands still', () => {
  it('2: a frozen holder loses the lock, knows it in its first moment, and can do no harm', async () => {
    await using stage = await createStage();
    const [frozen, next] = (await stage.contestants(2)) as [Contestant, Contestant];
    await enter(frozen, { ttlMs: 2_000 });
    const waiting = enter(next);
    await isQueued(stage.locks(), 'job', next.pid);
    frozen.kill('SIGSTOP');
    const { fence } = await waiting;
    expect(await next.order({ do: 'write', section: 'it' })).toBe(true);
    frozen.kill('SIGCONT');
    const resumed = JSON.parse((await frozen.waitForLine(/^resumed /)).slice('resumed '.length)) as { isHeld: boolean[]; after: LeaseView[] };
    expect(resumed.isHeld).toEqual([false]);
    expect(resumed.after).toEqual([{ isHeld: false, remaining: 0, aborted: true, reason: 'paused' }]);
    expect(await frozen.order({ do: 'write', section: 'it' })).toBe(false);
    expect(await frozen.order({ do: 'renew', section: 'it' })).toBe('ERR_LOCK_LOST');
    expect(await frozen.order({ do: 'leave', section: 'it' })).toBe('not-held');
    expect(await next.order({ do: 'renew', section: 'it' })).toBe('renewed');
    expect((await stage.locks().inspect('job'))?.holders.map((holder) => String(holder.fence))).toEqual([fence]);
    await next.order({ do: 'leave', section: 'it' });
    expect(await stage.verdict()).toEqual([]);
  });

  it('3: a frozen waiter that is given the lock is passed over, and queues again when it goes on', async () => {
    await using stage = await createStage();
    const locks = stage.locks();
    const [frozen, heir] = (await stage.contestants(2)) as [Contestant, Contestant];
    const holder = await locks.acquire('job');
    const waiting = enter(frozen);
    await isQueued(locks, 'job', frozen.pid);
    const inheriting = enter(heir);
    await isQueued(locks, 'job', heir.pid);
    frozen.kill('SIGSTOP');
    expect(await holder.release()).toBe('handed-off');
    // The hand-off's lease of 2 s has to run out; nobody else's lease, of 20 s, has.
    const handedAt = nowMs();
    await inheriting;
    expect(nowMs() - handedAt).toBeLessThan(15_000);
    frozen.kill('SIGCONT');
    // It has asked again, and so it is no longer in the state in which it was stopped.
    await isQueued(locks, 'job', frozen.pid);
    expect(stage.entries('enter').filter(({ pid }) => pid === frozen.pid)).toEqual([]);
    await heir.order({ do: 'leave', section: 'it' });
    await waiting;
    await frozen.order({ do: 'leave', section: 'it' });
    expect(await stage.verdict()).toEqual([]);
  });
});

describe('a process that is killed', () => {
  it('4: a killed holder holds the others up until its lease ends, and no longer', async () => {
    await using stage = await createStage();
    const [holder, next] = (await stage.contestants(2)) as [Contestant, Contestant];
    await enter(holder, { ttlMs: 1_000 });
    const waiting = enter(next);
    await isQueued(stage.locks(), 'job', next.pid);
    const leftMs = await stage.admin.pttl(lockKey('job'));
    const readAt = nowMs();
    await holder.die();
    await waiting;
    const tookMs = stage.entries('enter').at(-1)!.at - readAt;
    // PTTL rounds to whole milliseconds.
    expect(tookMs).toBeGreaterThan(leftMs - 2);
    // Found out by the end of the lease, not by the patience of waiters who do not know of it (5 s and more).
    expect(tookMs).toBeLessThan(1_000 + 3_000);
    await next.order({ do: 'leave', section: 'it' });
    expect(await stage.verdict()).toEqual([]);
  });

  it('4: a killed waiter is skipped in the moment of the release', async () => {
    // A hand-off to the dead one would hold the lock for 20 s.
    await using stage = await createStage();
    const locks = stage.locks({ settings: { handoffMs: 20_000 } });
    const [first, second] = (await stage.contestants(2, { settings: { handoffMs: 20_000 } })) as [Contestant, Contestant];
    const holder = await locks.acquire('job');
    void enter(first);
    await isQueued(locks, 'job', first.pid);
    const waiting = enter(second);
    await isQueued(locks, 'job', second.pid);
    const channels = async (): Promise<number> => ((await stage.admin.pubsub('CHANNELS')) as string[]).length;
    const before = await channels();
    await first.die();
    await waitFor(async () => (await channels()) < before, { what: 'the connection of the killed process to end' });
    const releasedAt = nowMs();
    expect(await holder.release()).toBe('handed-off');
    await waiting;
    expect(nowMs() - releasedAt).toBeLessThan(10_000);
    await second.order({ do: 'leave', section: 'it' });
    expect(await stage.verdict()).toEqual([]);
  });

  it('5: a process that is killed before it hears that it has the lock holds it for its ttl only', async () => {
    await using stage = await createStage();
    await using proxy = await createFaultProxy({ target: stage.server.url });
    const deaf = await stage.contestant({ url: proxy.url() });
    const locks = stage.locks();
    await enter(deaf);
    await deaf.order({ do: 'leave', section: 'it' });
    proxy.blackhole('answers');
    void enter(deaf, { ttlMs: 1_000 });
    await waitFor(() => stage.admin.exists(lockKey('job')), { what: 'the lock to be given' });
    const readAt = nowMs();
    const leftMs = await stage.admin.pttl(lockKey('job'));
    await deaf.die();
    const lease = await locks.acquire('job', { waitMs: WAIT_MS });
    expect(nowMs() - readAt).toBeGreaterThan(leftMs - 2);
    expect(nowMs() - readAt).toBeLessThan(1_000 + 3_000);
    await lease.release();
    expect(await stage.verdict()).toEqual([]);
  });
});
