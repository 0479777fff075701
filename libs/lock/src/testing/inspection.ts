import { describe, expect, it } from 'vitest';
import type { LockKey, LockKind } from '../driver.ts';
import { TTL_MS, type Stage } from './stage.ts';

/** What operators see and do. */
export function describeInspection(stage: () => Stage): void {
  describe('inspect', () => {
    it('knows nothing of a free lock', async () => {
      expect(await stage().lock().inspect()).toBeUndefined();
      expect(await stage().lock('semaphore').inspect()).toBeUndefined();
      expect(await stage().lock('run').inspect()).toBeUndefined();
    });

    it('shows holders and waiters with what they asked for', async () => {
      const lock = stage().lock('semaphore', { capacity: 3 });
      const [first, second] = (await stage().join()).owners(2);
      const fence = await lock.hold('a.1', { weight: 2, meta: '{"host":"web-1"}' });
      const other = await lock.hold('b.1');
      await lock.queue(first, { weight: 3, meta: '{"host":"web-2"}' });
      await lock.queue(second, { priority: 7 });
      const expiresInMs = expect.toSatisfy((ms: number) => ms > 0 && ms <= TTL_MS);
      expect(await lock.inspect()).toEqual({
        holders: [{ owner: 'a.1', fence, weight: 2, expiresInMs, meta: '{"host":"web-1"}' }, { owner: 'b.1', fence: other, weight: 1, expiresInMs }],
        waiters: [{ owner: second, weight: 1, priority: 7 }, { owner: first, weight: 3, priority: 0, meta: '{"host":"web-2"}' }],
      });
    });

    it.each([
      ['spacing and order', '{ "b" : 1,  "a":[1 , 2] }'],
      ['text of any script', JSON.stringify({ name: 'Zoë 🦊 \u2028 \u0000 "quoted" \\ | {tag} %7B \r\n' })],
      ['4 KB', JSON.stringify({ text: 'x'.repeat(4_085) })],
    ])('keeps meta as it was given: %s', async (_what, meta) => {
      const lock = stage().lock();
      const waiter = (await stage().join()).owner();
      await lock.hold('a.1', { meta });
      await lock.queue(waiter, { meta });
      expect(await lock.inspect()).toMatchObject({ holders: [{ meta }], waiters: [{ meta }] });
      await lock.release('a.1');
      await lock.hold(waiter, { queue: true, meta });
      expect(await lock.inspect()).toMatchObject({ holders: [{ owner: waiter, meta }] });
    });

    it('shows those who wait for a lock that nobody holds', async () => {
      const { lock, waiters: [waiter] } = await stage().contested(1);
      await lock.expire('a.1');
      expect(await lock.inspect()).toMatchObject({ holders: [], waiters: [{ owner: waiter }] });
    });
  });

  describe('list', () => {
    const list = async (kind: LockKind, prefix: string): Promise<string[]> => {
      const keys: LockKey[] = [];
      for await (const key of stage().driver.list({ kind, prefix })) keys.push(key);
      expect(keys.every((key) => key.kind === kind)).toBe(true);
      return keys.map(({ name }) => name).toSorted();
    };

    it('finds locks that are held, kept or awaited, and runs that are claimed or done', async () => {
      const [held, kept, awaited, free, expired] = ['held', 'kept', 'awaited', 'free', 'expired'].map((name) => stage().lock('mutex', { name: `state:${name}` }));
      const waiter = (await stage().join()).owner();
      for (const lock of [held!, kept!, awaited!, free!, expired!]) await lock.hold('a.1');
      await kept!.release('a.1', TTL_MS);
      await awaited!.queue(waiter);
      await awaited!.expire('a.1');
      await free!.release('a.1');
      await expired!.expire('a.1');
      expect(await list('mutex', 'state:')).toEqual(['state:awaited', 'state:held', 'state:kept']);
      const [running, done] = ['running', 'done'].map((name) => stage().lock('run', { name: `state:${name}` }));
      for (const { key } of [running!, done!]) await stage().driver.claim({ key, owner: 'a.1', ttlMs: TTL_MS, keepMs: TTL_MS * 2, onCrash: 'skip' });
      await stage().driver.settle({ key: done!.key, owner: 'a.1', keepMs: TTL_MS });
      expect(await list('run', 'state:')).toEqual(['state:done', 'state:running']);
    });

    it('gives the locks of the asked kind alone', async () => {
      for (const kind of ['mutex', 'read-write', 'semaphore'] as const) await stage().lock(kind, { name: `kind:${kind}` }).hold('a.1');
      expect(await list('mutex', 'kind:')).toEqual(['kind:mutex']);
      expect(await list('read-write', 'kind:')).toEqual(['kind:read-write']);
      expect(await list('semaphore', 'kind:')).toEqual(['kind:semaphore']);
      expect(await list('run', 'kind:')).toEqual([]);
    });

    it('takes the prefix literally', async () => {
      const prefixes = ['job*', 'job?', 'job[ab]', 'job\\', 'job%', 'job_', 'job{', 'job}', 'job|', 'job"', "job'", 'Job', 'jöb', 'job '];
      const others = ['job', 'jobs:1', 'joba:1', 'jobb:1'];
      for (const name of [...prefixes.map((prefix) => `${prefix}:1`), ...others]) await stage().lock('mutex', { name }).hold('a.1');
      for (const prefix of prefixes) expect(await list('mutex', prefix)).toEqual([`${prefix}:1`]);
      expect(await list('mutex', 'job[!a]')).toEqual([]);
      expect(await list('mutex', 'job:1x')).toEqual([]);
    });

    it('gives each of many locks once', async () => {
      const locks = Array.from({ length: 600 }, (_, index) => stage().lock('mutex', { name: `many:${String(index).padStart(3, '0')}` }));
      await Promise.all(locks.map((lock) => lock.hold('a.1')));
      expect(await list('mutex', 'many:')).toEqual(locks.map(({ key }) => key.name));
      expect(await list('mutex', 'many:59')).toEqual(locks.slice(590).map(({ key }) => key.name));
      expect(await list('mutex', '')).toEqual(expect.arrayContaining(locks.map(({ key }) => key.name)));
    });
  });

  describe('forceRelease', () => {
    it('frees a lock', async () => {
      const lock = stage().lock();
      const fence = await lock.hold('a.1');
      expect(await lock.forceRelease()).toBe(true);
      expect(await lock.inspect()).toBeUndefined();
      expect(await lock.renew('a.1')).toEqual({ renewed: false, holder: undefined });
      expect(await lock.hold('b.1')).toBeGreaterThan(fence);
    });

    it('ends the lease of the given owner alone', async () => {
      const lock = stage().lock('semaphore', { capacity: 2 });
      await lock.hold('a.1');
      await lock.hold('b.1');
      expect(await lock.forceRelease('c.1')).toBe(false);
      expect(await lock.forceRelease('a.1')).toBe(true);
      expect(await lock.inspect()).toMatchObject({ holders: [{ owner: 'b.1' }] });
    });

    it('ends the leases of all holders', async () => {
      const lock = stage().lock('semaphore', { capacity: 3 });
      for (const owner of ['a.1', 'b.1', 'c.1']) await lock.hold(owner);
      expect(await lock.forceRelease()).toBe(true);
      expect(await lock.inspect()).toBeUndefined();
      await lock.hold('d.1', { weight: 3 });
    });

    it('frees a kept lock', async () => {
      const lock = stage().lock();
      await lock.hold('a.1');
      await lock.release('a.1', TTL_MS);
      expect(await lock.forceRelease('a.1')).toBe(false);
      expect(await lock.forceRelease()).toBe(true);
      await lock.hold('b.1');
    });

    it('tells when nobody held the lock', async () => {
      const lock = stage().lock();
      expect(await lock.forceRelease()).toBe(false);
      await lock.hold('a.1');
      await lock.expire('a.1');
      expect(await lock.forceRelease()).toBe(false);
      expect(await lock.forceRelease('a.1')).toBe(false);
    });

    it('hands the lock to the first of the queue, and leaves waiters in it', async () => {
      const { lock, waiters: [first, second] } = await stage().contested(2);
      expect(await lock.forceRelease(second)).toBe(false);
      expect(await lock.forceRelease('a.1')).toBe(true);
      expect(await lock.turn([first, second])).toEqual([first]);
    });
  });

  describe('diagnose', () => {
    it('gives sentences', async () => {
      for (const sentence of (await stage().driver.diagnose?.()) ?? []) expect(sentence).toMatch(/\S \S/);
    });
  });
}
