import { createTestClock, recordingLogger } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { createLeaseKeeper } from '../src/lease-keeper.ts';
import type { ClaimedRun, RunRef, RunStore } from '../src/run-store.ts';

const LEASE_MS = 6_000;
// Five sixths of the lease: see lease-keeper.ts.
const TRUST_MS = 5_000;

function setup(renew: (refs: readonly RunRef[]) => Promise<RunRef[]> = async (refs) => [...refs]) {
  const clock = createTestClock();
  const logger = recordingLogger();
  const requests: (readonly RunRef[])[] = [];
  const runs = {
    renew(_owner: string, refs: readonly RunRef[]) {
      requests.push(refs);
      return renew(refs);
    },
  } as Partial<RunStore> as RunStore;
  const keeper = createLeaseKeeper({ runs, owner: 'me', leaseMs: LEASE_MS, clock, logger });
  const hold = (id: number, sentAt = clock.monotonic(), fence = 1) => keeper.hold({ id, fence, uid: `run-${id}` } as ClaimedRun, sentAt);
  return { clock, logger, keeper, requests, hold };
}

const LOST = expect.objectContaining({ code: 'ERR_DISPATCH_LEASE_LOST' });

describe('lease keeper', () => {
  it('renews all leases of the process in one request, every third of a lease', async () => {
    const { clock, keeper, requests, hold } = setup();
    const leases = [hold(1), hold(2)];
    keeper.start();
    await clock.advance(20_000);
    expect(requests.length).toBe(11);
    expect(requests.every((refs) => refs.length === 2)).toBe(true);
    expect(leases.map(({ lost }) => lost)).toEqual([false, false]);
    for (const lease of leases) lease.drop();
    await keeper.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('counts the lease from before the claim was sent', async () => {
    const { clock, hold } = setup();
    const sentAt = clock.monotonic();
    await clock.advance(4_000);
    const lease = hold(1, sentAt);
    await clock.advance(999);
    expect(lease.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(lease.signal.aborted).toBe(true);
    expect(lease.assertOwned).toThrow(LOST);
  });

  it('is not reassured by an answer that took longer than the lease', async () => {
    let answer: (refs: RunRef[]) => void = () => {};
    const { clock, keeper, hold } = setup(() => new Promise((resolve) => (answer = resolve)));
    const lease = hold(1);
    keeper.start();
    await clock.advance(TRUST_MS);
    expect(lease.lost).toBe(true);
    answer([lease.ref]);
    await clock.advance(0);
    expect(lease.assertOwned).toThrow(LOST);
    lease.drop();
    await keeper.stop();
  });

  it('knows that a lease has ended before its timer had a turn', async () => {
    const { clock, hold } = setup();
    const lease = hold(1, clock.monotonic() - TRUST_MS);
    expect(lease.signal.aborted).toBe(false);
    expect(lease.assertOwned).toThrow(LOST);
    expect(lease.signal.aborted).toBe(true);
  });

  it('gives up a lease that the store has given to another claim', async () => {
    const { clock, logger, keeper, hold } = setup(async (refs) => refs.filter(({ id }) => id !== 2));
    const [kept, taken] = [hold(1), hold(2)];
    keeper.start();
    await clock.advance(1);
    expect([kept.lost, taken.lost]).toEqual([false, true]);
    expect(taken.signal.reason).toEqual(LOST);
    expect(logger.lines).toMatchObject([{ level: 'warn', fields: { run_id: 'run-2' } }]);
    await keeper.stop();
  });

  it('tells two claims of one run apart', async () => {
    const { clock, keeper, hold } = setup(async (refs) => refs.filter(({ fence }) => fence === 2));
    const [older, newer] = [hold(1, 0, 1), hold(1, 0, 2)];
    keeper.start();
    await clock.advance(1);
    expect([older.lost, newer.lost]).toEqual([true, false]);
    await keeper.stop();
  });

  it('keeps the first reason to abort, and knows of the loss all the same', async () => {
    const { clock, hold } = setup();
    const lease = hold(1);
    lease.abort(new Error('stop'));
    await clock.advance(TRUST_MS);
    expect(lease.signal.reason).toMatchObject({ message: 'stop' });
    expect(lease.assertOwned).toThrow(LOST);
  });

  it('is not confused by a wall clock that jumps', async () => {
    const { clock, hold } = setup();
    const lease = hold(1);
    clock.setWall(clock.now() + 3_600_000);
    await clock.advance(1);
    expect(lease.assertOwned).not.toThrow();
    lease.drop();
  });
});
