import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Metrics } from '@staddle/kernel';
import { createLocks, type Lease, type LockEvent } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { recordingLogger, waitFor } from '@staddle/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { createStand, type Stand } from './stand.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let stand: Stand;
beforeEach(() => {
  stand = createStand();
});
const down = (): Promise<never> => Promise.reject(new Error('down'));

describe('events', () => {
  it('do not tell of contention', async () => {
    const locks = stand.process();
    await stand.process().acquire('job');
    expect(await locks.tryAcquire('job')).toBeUndefined();
    const failure = expect(locks.acquire('job', { waitMs: 100 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
    await stand.clock.advance(100);
    await failure;
    expect(locks.events).toEqual([]);
    expect(locks.logger.lines).toEqual([]);
  });

  it('that throw are logged and harm nothing', async () => {
    const logger = recordingLogger();
    const throwing = (): void => {
      throw new TypeError('a bug of the listener');
    };
    const locks = stand.process({ renew: async (requests) => requests.map(() => ({ renewed: false, holder: undefined })), release: down }, { onEvent: throwing, logger });
    const lease = await locks.acquire('job', { ttlMs: 3_000 });
    const other = await locks.acquire('other');
    await stand.clock.advance(2_000);
    expect(lease.signal.aborted).toBe(true);
    expect(await other.release()).toBe('unknown');
    const logged = logger.lines.filter(({ message }) => message === 'onEvent threw');
    expect(logged.map(({ fields }) => fields['event'])).toEqual(['lost', 'release-failed']);
    expect(logged[0]).toMatchObject({ level: 'error', fields: { err: { message: 'a bug of the listener' } } });
  });

  it('tell of a loss once, with what it is about', async () => {
    const locks = stand.process();
    const lease = await locks.readWrite('table').write.acquire();
    // It listens from its first wait on, and hears of the operator at once.
    const waiting = locks.readWrite('table').read.acquire({ waitMs: 1_000 });
    await stand.clock.advance(10);
    expect(await stand.process().forceRelease('table', { kind: 'read-write' })).toBe(true);
    const reader = await waiting;
    expect(lease.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'forced' });
    expect(locks.events).toEqual([{ type: 'lost', kind: 'read-write', name: 'table', fence: lease.fence, reason: 'forced' }]);
    await lease.release();
    await reader.release();
    expect(locks.events).toHaveLength(1);
  });
});

describe('43: a lease that is dropped', () => {
  it('is told of, renewed no more, and gone by the end of its ttl', async () => {
    const events: LockEvent[] = [];
    const logger = recordingLogger();
    const locks = createLocks({ driver: memoryLockDriver(), logger, onEvent: (event) => void events.push(event), defaults: { ttlMs: 600 } });
    const kept = await locks.acquire('kept');
    const fences: bigint[] = [];
    await (async () => {
      for (const name of ['a', 'b', 'c']) fences.push((await locks.acquire(name)).fence);
      await (await locks.acquire('released')).release();
    })();
    await waitFor(() => {
      collectGarbage();
      return events.filter(({ type }) => type === 'leaked').length === 3;
    }, { what: 'the dropped leases to be noticed' });
    expect(events.filter(({ type }) => type === 'leaked').map(({ name, fence }) => ({ name, fence }))).toEqual(
      expect.arrayContaining(['a', 'b', 'c'].map((name, index) => ({ name, fence: fences[index] }))),
    );
    expect(logger.lines.filter(({ message }) => message.startsWith('a lease was dropped'))).toHaveLength(3);
    for (const name of ['a', 'b', 'c']) await waitFor(async () => (await locks.inspect(name)) === undefined, { what: `${name} to be free` });
    expect(kept.isHeld).toBe(true);
    await locks.close();
  });

  it('is not one that `using` runs on, nor one whose functions somebody has', async () => {
    const events: LockEvent[] = [];
    const locks = createLocks({ driver: memoryLockDriver(), onEvent: (event) => void events.push(event) });
    const isHeld = await (async () => {
      const lease: Lease = await locks.acquire('a');
      return () => lease.isHeld;
    })();
    await locks.using('b', {}, async () => {
      for (let n = 0; n < 5; n++) {
        collectGarbage();
        await new Promise((resolve) => void setTimeout(resolve, 5));
      }
    });
    expect(isHeld()).toBe(true);
    expect(events).toEqual([]);
    await locks.close();
  });
});

describe('metrics', () => {
  it('count acquisitions by how they ended, waits of those that were acquired, and losses by reason', async () => {
    const counted: Record<string, number> = {};
    const observed: number[] = [];
    const metrics: Metrics = {
      counter: ({ name }) => ({
        add(value = 1, labels) {
          const id = `${name} ${Object.values<string>(labels ?? {}).join()}`;
          counted[id] = (counted[id] ?? 0) + value;
        },
      }),
      gauge: () => ({ set() {} }),
      histogram: () => ({ observe: (value) => void observed.push(value) }),
    };
    const locks = stand.process({}, { metrics });
    const first = await locks.acquire('job', { ttlMs: 3_000 });
    await locks.tryAcquire('job');
    const second = locks.acquire('job');
    await stand.clock.advance(500);
    await first.release();
    await second;
    await locks.acquire('job', { signal: AbortSignal.abort() }).catch(() => {});
    const broken = stand.process({ acquire: down, renew: down }, { metrics });
    await broken.tryAcquire('job').catch(() => {});
    await stand.process().forceRelease('job');
    await stand.clock.advance(12_000);
    expect(counted).toEqual({
      'lock_acquisitions_total acquired': 2,
      'lock_acquisitions_total contended': 1,
      'lock_acquisitions_total refused': 1,
      'lock_acquisitions_total unavailable': 1,
      'lock_lost_total state-lost': 1,
    });
    expect(observed).toEqual([0, 0.5]);
  });
});
