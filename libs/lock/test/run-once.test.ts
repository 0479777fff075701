import { sleep } from '@staddle/kernel';
import type { Lease } from '@staddle/lock';
import { beforeEach, describe, expect, it } from 'vitest';
import { createStand, never, type Stand } from './stand.ts';

let stand: Stand;
beforeEach(() => {
  stand = createStand();
});
const FIRE_TIME = Date.UTC(2026, 0, 1, 3);
const HOUR = 3_600_000;

describe('runOnce', () => {
  it('renews its claim and its job for as long as the work lasts', async () => {
    const locks = stand.process();
    const result = locks.runOnce('report', FIRE_TIME, (lease) => sleep(HOUR, { clock: stand.clock }).then(() => lease.isHeld), { ttlMs: 10_000 });
    await stand.clock.advance(HOUR - 1);
    expect(await stand.process().runOnce('report', FIRE_TIME, async () => {}, { onCrash: 'retry' })).toMatchObject({ ran: false, reason: 'claimed' });
    expect(await stand.process().tryAcquire('report')).toBeUndefined();
    await stand.clock.advance(1);
    expect(await result).toMatchObject({ ran: true, value: true });
    expect(locks.calls.settle).toHaveLength(1);
    // A command for renewals may have been gathering; nobody needs it any more.
    await stand.clock.advance(1_000);
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it('keeps the record for a day, or for as long as it is told', async () => {
    const locks = stand.process();
    await locks.runOnce('report', FIRE_TIME, async () => {});
    await locks.runOnce('brief', FIRE_TIME, async () => {}, { keepMs: 60_000 });
    await stand.clock.advance(60_000);
    expect(await locks.runOnce('brief', FIRE_TIME, async () => {})).toMatchObject({ ran: true });
    await stand.clock.advance(86_400_000 - 60_001);
    expect(await locks.runOnce('report', FIRE_TIME, async () => {})).toMatchObject({ ran: false, reason: 'done' });
    await stand.clock.advance(1);
    expect(await locks.runOnce('report', FIRE_TIME, async () => {})).toMatchObject({ ran: true });
  });

  it('claims once although answers are lost, and settles although answers are lost', async () => {
    const lossy = <A extends unknown[], T>(operation: (...args: A) => Promise<T>) => {
      let calls = 0;
      return async (...args: A): Promise<T> => {
        const outcome = await operation(...args);
        if (++calls < 3) throw new Error('connection lost');
        return outcome;
      };
    };
    const locks = stand.process({ claim: lossy(stand.driver.claim), settle: lossy(stand.driver.settle) });
    const run = locks.runOnce('report', FIRE_TIME, async () => 'ran');
    await stand.clock.advance(1_000);
    expect(await run).toMatchObject({ ran: true, value: 'ran' });
    expect(locks.calls).toMatchObject({ claim: { length: 3 }, settle: { length: 3 } });
    expect(new Set(locks.calls.claim.map(({ owner }) => owner)).size).toBe(1);
    expect(locks.events).toEqual([]);
  });

  it('runs nothing when the store does not tell whose the run is', async () => {
    let runs = 0;
    const locks = stand.process({ claim: never });
    const failure = expect(locks.runOnce('report', FIRE_TIME, async () => void runs++)).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', lockName: `report@${FIRE_TIME}` });
    await stand.clock.advance(3_200);
    await failure;
    expect(runs).toBe(0);
    // It may have been claimed all the same.
    const mute = stand.process({ claim: (request) => stand.driver.claim(request).then(never) });
    const unheard = expect(mute.runOnce('report', FIRE_TIME, async () => void runs++)).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    await stand.clock.advance(3_200);
    await unheard;
    expect(await stand.process().runOnce('report', FIRE_TIME, async () => 'ran', { onCrash: 'retry' })).toMatchObject({ ran: true });
  });

  it('tells that it was done although the store could not be told', async () => {
    const locks = stand.process({ settle: () => Promise.reject(new Error('down')) });
    const run = locks.runOnce('report', FIRE_TIME, async () => 'ran', { ttlMs: 10_000 });
    await stand.clock.advance(1_000);
    expect(await run).toMatchObject({ ran: true, value: 'ran' });
    expect(locks.events).toMatchObject([{ type: 'release-failed', kind: 'run' }]);
    await stand.clock.advance(10_000);
    // As far as anybody else knows, it crashed.
    expect(await stand.process().runOnce('report', FIRE_TIME, async () => {})).toMatchObject({ ran: false, reason: 'crashed' });
  });

  it('ends when the job that it excludes is lost, and settles its claim', async () => {
    const locks = stand.process();
    const run = locks.runOnce('report', FIRE_TIME, async ({ signal }) => {
      await sleep(20_000, { clock: stand.clock });
      return signal.aborted;
    });
    const failure = expect(run).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'state-lost', result: true });
    await stand.clock.advance(100);
    await stand.process().forceRelease('report');
    await stand.clock.advance(20_000);
    await failure;
    expect(await stand.process().runOnce('report', FIRE_TIME, async () => {}, { onCrash: 'retry' })).toMatchObject({ ran: false, reason: 'done' });
  });

  it.each([
    { onCrash: 'skip', after: { ran: false, reason: 'crashed' } },
    { onCrash: 'retry', after: { ran: true } },
  ] as const)('that never began counts as crashed: $onCrash', async ({ onCrash, after }) => {
    const before = await stand.process().acquire('report');
    const controller = new AbortController();
    const [aborted, closing, unlucky] = [stand.process(), stand.process(), stand.process({ acquire: () => Promise.reject(new Error('down')) })];
    const waiting = [
      expect(aborted.runOnce('report', 1, async () => {}, { onCrash, overlap: 'wait', signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' }),
      expect(closing.runOnce('report', 2, async () => {}, { onCrash, overlap: 'wait' })).rejects.toMatchObject({ code: 'ERR_LOCK_CLOSED' }),
      expect(unlucky.runOnce('report', 3, async () => {}, { onCrash })).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' }),
    ];
    await stand.clock.advance(100);
    controller.abort();
    const closed = closing.close();
    await stand.clock.advance(5_000);
    await Promise.all([...waiting, closed]);
    await before.release();
    for (const fireTime of [1, 2, 3]) expect(await stand.process().runOnce('report', fireTime, async () => {}, { onCrash })).toMatchObject(after);
    expect(stand.clock.pendingTimers).toBe(0);
  });

  it.each(['skip', 'wait', 'allow'] as const)('begins when it is claimed and nothing is in its way, although its signal aborts meanwhile: overlap %s', async (overlap) => {
    const controller = new AbortController();
    const locks = stand.process({
      claim: async (request) => {
        const outcome = await stand.driver.claim(request);
        controller.abort();
        return outcome;
      },
    });
    expect(await locks.runOnce('report', FIRE_TIME, async () => 'ran', { overlap, signal: controller.signal })).toMatchObject({ ran: true, value: 'ran' });
  });

  it('gives fences that increase in the order in which runs hold the job, whatever the order of their claims', async () => {
    const claimed = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const slow = stand.process({
      acquire: async (request) => {
        claimed.resolve();
        await gate.promise;
        return stand.driver.acquire(request);
      },
    });
    const fences: bigint[] = [];
    const note = async (lease: Lease): Promise<bigint> => {
      fences.push(lease.fence);
      return lease.fence;
    };
    const late = slow.runOnce('report', FIRE_TIME, note, { overlap: 'wait' });
    await claimed.promise;
    const early = await stand.process().runOnce('report', FIRE_TIME + HOUR, note, { overlap: 'wait' });
    gate.resolve();
    const results = [early, await late];
    expect(results.map((result) => result.ran && result.fence)).toEqual(fences);
    expect(fences[1]).toBeGreaterThan(fences[0]!);
  });

  it('is not claimed by a call whose signal has aborted, nor by one inside of the job', async () => {
    const locks = stand.process();
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(locks.runOnce('report', FIRE_TIME, async () => {}, { signal })).rejects.toThrow('too late');
    await locks.using('report', {}, async () => {
      await expect(locks.runOnce('report', FIRE_TIME, async () => {})).rejects.toMatchObject({ code: 'ERR_LOCK_DEADLOCK', lockName: 'report' });
      expect(await locks.runOnce('report', FIRE_TIME, async () => 'beside', { overlap: 'allow' })).toMatchObject({ ran: true, value: 'beside' });
    });
    expect(locks.calls.claim).toHaveLength(1);
    expect(await locks.runOnce('other', FIRE_TIME, () => locks.acquire('other', { waitMs: Infinity }).catch(({ code }: { code: string }) => code))).toMatchObject({ ran: true, value: 'ERR_LOCK_DEADLOCK' });
  });

  it('lets a run that waits too long for its turn go, and loses it when its own claim is lost meanwhile', async () => {
    await stand.process().acquire('report');
    const locks = stand.process();
    const waiting = locks.runOnce('report', FIRE_TIME, async () => {}, { overlap: 'wait' });
    const failure = expect(waiting).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', lockName: `report@${FIRE_TIME}` });
    const impatient = locks.runOnce('report', FIRE_TIME + HOUR, async () => {}, { overlap: 'wait', waitMs: 1_000 });
    await stand.clock.advance(1_000);
    expect(await impatient).toMatchObject({ ran: false, reason: 'overlap' });
    await stand.process().forceRelease(`report@${FIRE_TIME}`, { kind: 'run' });
    await stand.clock.advance(15_000);
    await failure;
    expect((await stand.process().inspect('report'))?.waiters).toEqual([]);
  });

  it('takes the defaults of its locks, but keeps no name locked for their minHoldMs', async () => {
    const locks = stand.process({}, { defaults: { ttlMs: 5_000, minHoldMs: 60_000 } });
    expect(await locks.runOnce('report', FIRE_TIME, async () => {})).toMatchObject({ ran: true });
    expect(locks.calls.claim[0]).toMatchObject({ ttlMs: 5_000 });
    expect(await locks.runOnce('report', FIRE_TIME + HOUR, async () => {})).toMatchObject({ ran: true });
  });

  it('ends at maxHoldMs as a lease does', async () => {
    const locks = stand.process();
    const run = locks.runOnce('report', FIRE_TIME, async (lease) => {
      await sleep(2_000, { clock: stand.clock });
      return lease.signal.aborted;
    }, { maxHoldMs: 1_000 });
    const failure = expect(run).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'max-hold', result: true });
    await stand.clock.advance(2_000);
    await failure;
    expect(await locks.runOnce('report', FIRE_TIME, async () => {})).toMatchObject({ ran: false, reason: 'done' });
  });
});
