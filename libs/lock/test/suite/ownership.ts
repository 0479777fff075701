import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { House } from './house.ts';

/** Who a lease belongs to, and who is inside of it. */
export function describeOwnership(house: () => House): void {
  describe('31: somebody who does not own a lease', () => {
    it('can neither take part in it nor end it, with a token that is made up or old', async () => {
      const [ours, theirs] = (await house().processes(2)) as [Awaited<ReturnType<House['process']>>, Awaited<ReturnType<House['process']>>];
      const old = await ours.acquire('job');
      const oldHandle = old.export();
      await old.release();
      const lease = await ours.acquire('job');
      const handle = lease.export();
      for (const token of [`${handle.token}x`, `${handle.token.split('.')[0]}.1`, 'somebody.1', oldHandle.token]) {
        await expect(theirs.adopt({ ...handle, token })).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'taken' });
        expect(await theirs.forceRelease('job', { token })).toBe(false);
        expect(await theirs.driver.release({ key: { kind: 'mutex', name: 'job' }, owner: token })).toBe('not-held');
      }
      expect(await old.release()).toBe('released');
      await lease.renew();
      expect(lease.isHeld).toBe(true);
      expect(await theirs.tryAcquire('job')).toBeUndefined();
    });

    it('cannot use a handle after the release', async () => {
      const ours = await house().process();
      const theirs = await house().process();
      const lease = await ours.acquire('job');
      const handle = lease.export();
      await lease.release();
      await expect(theirs.adopt(handle)).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'state-lost', fence: lease.fence });
      const next = await ours.acquire('job');
      await expect(theirs.adopt(handle)).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'taken' });
      expect(next.isHeld).toBe(true);
    });

    it('can use a handle that was given to it, until either of both releases', async () => {
      const ours = await house().process();
      const theirs = await house().process();
      const lease = await ours.acquire('job');
      const adopted = await theirs.adopt(JSON.parse(JSON.stringify(lease.export())));
      expect(adopted).toMatchObject({ name: 'job', token: lease.token, fence: lease.fence, isHeld: true });
      await adopted.renew();
      expect(await adopted.release()).toBe('released');
      await expect(lease.renew()).rejects.toMatchObject({ code: 'ERR_LOCK_LOST', reason: 'state-lost' });
      expect(lease.signal.aborted).toBe(true);
      expect(await lease.release()).toBe('not-held');
      const next = await theirs.acquire('job');
      expect(next.fence).toBeGreaterThan(lease.fence);
    });
  });

  describe('34: code that is inside of a lock', () => {
    it('is told at once when it asks for the lock again', async () => {
      const locks = await house().process();
      await locks.using('job', {}, async (lease) => {
        const deadlock = { code: 'ERR_LOCK_DEADLOCK', lockName: 'job' };
        await expect(locks.acquire('job', { waitMs: 600_000 })).rejects.toMatchObject(deadlock);
        await expect(locks.tryAcquire('job')).rejects.toMatchObject(deadlock);
        await expect(locks.using(['other', 'job'], { waitMs: 600_000 }, async () => {})).rejects.toMatchObject({ code: 'ERR_LOCK_DEADLOCK' });
        await new Promise((resolve) => void setTimeout(resolve, 1));
        // Time and promises do not lead out of it.
        await expect(locks.acquire('job', { waitMs: 600_000 })).rejects.toMatchObject(deadlock);
        expect(lease.isHeld).toBe(true);
      });
    });

    it('may enter again when it says so, and its inner release keeps the lock', async () => {
      const locks = await house().process();
      const other = await house().process();
      await locks.using('job', {}, async (lease) => {
        await locks.using('job', { reentrant: true }, async (inner) => {
          expect(inner).toMatchObject({ name: 'job', fence: lease.fence, token: lease.token, isHeld: true });
          await locks.using('job', { reentrant: true }, async ({ fence }) => expect(fence).toBe(lease.fence));
          expect(await inner.release()).toBe('kept');
          expect(await inner.release()).toBe('not-held');
          expect(inner.isHeld).toBe(false);
          expect(inner.remaining()).toBe(0);
          expect(() => inner.assertHeld()).toThrow(expect.objectContaining({ reason: 'released' }));
        });
        expect(lease.isHeld).toBe(true);
        expect(await other.tryAcquire('job')).toBeUndefined();
      });
      expect(await other.tryAcquire('job')).toBeDefined();
    });

    it('is not inside any more once its lease is over', async () => {
      const locks = await house().process();
      await locks.using('job', {}, async (lease) => {
        await lease.release();
        const next = await locks.acquire('job');
        expect(next.fence).toBeGreaterThan(lease.fence);
        await next.release();
      });
    });

    it('is kept apart from code beside it, which waits', async () => {
      const locks = await house().process();
      let inside = 0;
      const section = async (): Promise<void> => {
        inside += 1;
        expect(inside).toBe(1);
        await new Promise((resolve) => void setTimeout(resolve, 5));
        inside -= 1;
      };
      await locks.using('outer', {}, () => Promise.all([1, 2, 3].map(() => locks.using('job', { reentrant: true }, section))));
    });

    it('is unknown to a worker that was started outside and only given the work', async () => {
      const locks = await house().process();
      const bus = new EventEmitter();
      const outside = new Promise<string>((resolve) => {
        const poll = setInterval(() => {
          if (bus.listenerCount('work') === 0) return;
          clearInterval(poll);
          locks.acquire('job', { waitMs: 50 }).then(() => resolve('acquired'), (error: { code: string }) => resolve(error.code));
        }, 1);
      });
      await locks.using('job', {}, async () => {
        bus.on('work', () => {});
        expect(await outside).toBe('ERR_LOCK_TIMEOUT');
      });
    });
  });

  it('35: two Locks of one process exclude each other', async () => {
    const driver = (await house().process()).driver;
    const one = await house().process({ driver });
    const two = await house().process({ driver });
    const lease = await one.acquire('job');
    expect(await two.tryAcquire('job')).toBeUndefined();
    const waiting = two.acquire('job');
    await lease.release();
    expect((await waiting).isHeld).toBe(true);
    expect(await one.tryAcquire('job')).toBeUndefined();
  });

  it('36: one lock object serves 100 concurrent calls', async () => {
    const locks = await house().process();
    const { write } = locks.readWrite('counter');
    let mutexCount = 0;
    let writeCount = 0;
    const increment = async (read: () => number, store: (value: number) => void): Promise<void> => {
      const value = read();
      await Promise.resolve();
      store(value + 1);
    };
    await Promise.all([
      ...Array.from({ length: 100 }, () => locks.using('counter', { waitMs: 60_000 }, () => increment(() => mutexCount, (value) => (mutexCount = value)))),
      ...Array.from({ length: 20 }, () => write.using({ waitMs: 60_000 }, () => increment(() => writeCount, (value) => (writeCount = value)))),
    ]);
    expect([mutexCount, writeCount]).toEqual([100, 20]);
  });
}
