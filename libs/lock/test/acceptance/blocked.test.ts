import { waitFor } from '@staddle/testing';
import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { nowMs } from '../history/history.ts';
import { createStage, isQueued, type Contestant, type Stage, type StageLocks } from './stage.ts';

// 6: a holder whose event loop is blocked, with and without a watchdog. This process is the holder; the waiter is another one.

const TTL_MS = 1_000;
const BLOCKED_MS = 3 * TTL_MS;

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

async function connections(admin: Redis): Promise<number> {
  return Number(/connected_clients:(\d+)/.exec(await admin.info('clients'))![1]);
}

async function locksWithWatchdog(stage: Stage, maxStallMs: number): Promise<StageLocks> {
  const before = await connections(stage.admin);
  const locks = stage.locks({ watchdog: { maxStallMs } });
  await locks.inspect('job');
  // One is the client's own; the worker thread has connected when there is another.
  await waitFor(async () => (await connections(stage.admin)) >= before + 2, { what: 'the watchdog to connect' });
  return locks;
}

async function queueAnother(stage: Stage, locks: StageLocks): Promise<{ readonly other: Contestant; readonly entered: Promise<{ fence: string }> }> {
  const other = await stage.contestant();
  const entered = other.order<{ fence: string }>({ do: 'enter', section: 'it', name: 'job', options: { ttlMs: 20_000, waitMs: 30_000 } });
  await isQueued(locks, 'job', other.pid);
  return { other, entered };
}

describe('6: a holder whose event loop is blocked for three times the ttl', () => {
  it('without a watchdog loses the lock, and knows it when it goes on', async () => {
    await using stage = await createStage();
    const locks = stage.locks();
    const lease = await locks.acquire('job', { ttlMs: TTL_MS });
    const acquiredAt = nowMs();
    const { other, entered } = await queueAnother(stage, locks);
    const { signal } = lease;
    block(BLOCKED_MS);
    expect(lease.isHeld).toBe(false);
    await waitFor(() => signal.aborted, { what: 'the signal to abort' });
    expect(signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'paused' });
    expect(BigInt((await entered).fence)).toBeGreaterThan(lease.fence);
    expect(stage.entries('enter').find(({ pid }) => pid === other.pid)!.at - acquiredAt).toBeGreaterThanOrEqual(TTL_MS * 0.9);
    expect(await lease.release()).toBe('not-held');
    await other.order({ do: 'leave', section: 'it' });
    expect(await stage.verdict()).toEqual([]);
  });

  it('with a watchdog keeps the lock, and is sure of it inside the computation', async () => {
    await using stage = await createStage();
    const locks = await locksWithWatchdog(stage, 60_000);
    const lease = await locks.acquire('job', { ttlMs: TTL_MS });
    const { other, entered } = await queueAnother(stage, locks);
    const seen: boolean[] = [];
    for (let part = 0; part < 5; part += 1) {
      block(BLOCKED_MS / 5);
      seen.push(lease.isHeld);
    }
    expect(seen).toEqual([true, true, true, true, true]);
    await lease.renew();
    expect(lease.signal.aborted).toBe(false);
    expect(stage.entries('enter').filter(({ pid }) => pid === other.pid)).toEqual([]);
    expect(await lease.release()).toBe('handed-off');
    expect(BigInt((await entered).fence)).toBeGreaterThan(lease.fence);
    await other.order({ do: 'leave', section: 'it' });
    expect(await stage.verdict()).toEqual([]);
  });

  it('with a watchdog loses the lock when it is blocked for longer than it may be', async () => {
    await using stage = await createStage();
    const locks = await locksWithWatchdog(stage, TTL_MS);
    const lease = await locks.acquire('job', { ttlMs: TTL_MS });
    const { other, entered } = await queueAnother(stage, locks);
    block(BLOCKED_MS);
    expect(lease.isHeld).toBe(false);
    await waitFor(() => lease.signal.aborted, { what: 'the signal to abort' });
    expect(lease.signal.reason).toMatchObject({ reason: 'paused' });
    await entered;
    await other.order({ do: 'leave', section: 'it' });
    expect(await stage.verdict()).toEqual([]);
  });
});
