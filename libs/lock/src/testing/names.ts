import { describe, expect, it, vi } from 'vitest';
import type { LockKind } from '../driver.ts';
import { TTL_MS, type Stage } from './stage.ts';

const LONG = 'x'.repeat(4_096);

// Pairs that a collation, a normalisation, an encoding, a glob or a message format would take for one name.
const NAMES = [
  'a', 'A', ' a', 'a ', 'a  ', 'a\t', 'a\0', 'a\0b', '\0', 'a.', 'a:b', 'a:b:c', 'a|b', 'a|b|c', 'a,b', 'a/b', 'a;b', 'a\r\nb', 'a\nb', 'a\r\n$3\r\nb',
  'ä', 'a\u0308', 'Ä', 'ß', 'ss', 'ı', 'i', 'é', 'e', 'ﬀ', 'ff', '１', '1', '01', '1.0', '1e0', '+1', 'null', 'NULL', 'undefined', 'true', '__proto__', 'constructor', 'length',
  '🦊', '🐺', '\u2028', '\u200b', '\ufeff', '\ufeffa', 'יהי', 'żółć', '名前',
  '{}', '{', '}', '}{', '{a}', '{a}b', '{{a}}', '%', '%%', '%7B', '%7b', '%257B', '{tag}:1', 'fence', '{a}:fence', 'queue',
  '*', '?', '[a]', '[!a]', '[a', 'a*', 'a?', '\\', '\\\\', 'a\\', '\\*', '_', '"', "'", "''", '`', '\'; DROP TABLE locks; --', '$1', '${a}', '?1', ':a', '@a',
  LONG, `${LONG}x`, `${LONG.slice(1)}y`, 'ü'.repeat(2_048), '🦊'.repeat(1_024),
];

/** A name is any text, and two locks are one only when kind and name are the same. */
export function describeNames(stage: () => Stage): void {
  describe('names', () => {
    it('of any text are kept apart', async () => {
      const locks = NAMES.map((name) => stage().lock('mutex', { name }));
      for (const [index, lock] of locks.entries()) await lock.hold(`a.${index}`);
      for (const [index, lock] of locks.entries()) {
        expect(await lock.refused('b.1')).toMatchObject({ holder: `a.${index}` });
        expect(await lock.renew(`a.${index}`)).toMatchObject({ renewed: true });
      }
      const listed: string[] = [];
      for await (const { name } of stage().driver.list({ kind: 'mutex', prefix: '' })) listed.push(name);
      expect(listed.toSorted()).toEqual(NAMES.toSorted());
      for (const [index, lock] of locks.entries()) expect(await lock.release(`a.${index}`)).toBe('released');
    });

    it('of any text are found by themselves as a prefix', async () => {
      for (const name of NAMES) await stage().lock('semaphore', { name }).hold('a.1');
      for (const prefix of NAMES) {
        const listed: string[] = [];
        for await (const { name } of stage().driver.list({ kind: 'semaphore', prefix })) listed.push(name);
        expect(listed.toSorted()).toEqual(NAMES.filter((name) => name.startsWith(prefix)).toSorted());
      }
    });

    it('of any text are waited for', async () => {
      const party = await stage().join();
      const waiters = NAMES.map(() => party.owner());
      for (const [index, name] of NAMES.entries()) {
        const lock = stage().lock('semaphore', { name, capacity: 2 });
        await lock.hold('a.1', { weight: 2 });
        await lock.queue(waiters[index]!);
        await lock.release('a.1');
        await lock.hold(waiters[index]!, { queue: true });
        await lock.release(waiters[index]!);
      }
      if (!party.connection) return;
      await vi.waitFor(() => expect(party.granted.map(({ owner }) => owner)).toEqual(waiters), { timeout: 20_000 });
    });

    it('of any text are claimed', async () => {
      for (const [index, name] of NAMES.entries()) {
        const { key } = stage().lock('run', { name });
        const claim = { key, ttlMs: TTL_MS, keepMs: TTL_MS * 2, onCrash: 'skip' } as const;
        expect(await stage().driver.claim({ ...claim, owner: `a.${index}` })).toMatchObject({ claimed: true });
        expect(await stage().driver.claim({ ...claim, owner: 'b.1' })).toEqual({ claimed: false, state: 'running', owner: `a.${index}` });
      }
    });

    it.each(['plain', '{tag}', 'a|b'])('that are equal do not meet in different kinds: %s', async (name) => {
      const kinds: LockKind[] = ['mutex', 'read-write', 'semaphore'];
      const { driver } = stage();
      const locks = kinds.map((kind) => stage().lock(kind, { name }));
      const run = stage().lock('run', { name });
      for (const [index, lock] of locks.entries()) await lock.hold(`a.${index}`);
      expect(await driver.claim({ key: run.key, owner: 'a.run', ttlMs: TTL_MS, keepMs: TTL_MS * 2, onCrash: 'skip' })).toMatchObject({ claimed: true });
      for (const [index, lock] of locks.entries()) {
        expect(await lock.inspect()).toMatchObject({ holders: [{ owner: `a.${index}` }] });
        expect(await lock.renew('a.run')).toEqual({ renewed: false, holder: `a.${index}` });
        expect(await lock.release('a.run')).toBe('not-held');
      }
      expect(await locks[0]!.forceRelease()).toBe(true);
      expect(await locks[1]!.inspect()).toMatchObject({ holders: [{ owner: 'a.1' }] });
      expect(await run.inspect()).toMatchObject({ state: 'running', holders: [{ owner: 'a.run' }] });
      expect(await driver.settle({ key: run.key, owner: 'a.run', keepMs: TTL_MS })).toBe(true);
      expect(await locks[1]!.renew('a.1')).toMatchObject({ renewed: true });
    });
  });
}
