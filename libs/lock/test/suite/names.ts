import { waitFor } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import type { House, HouseLocks } from './house.ts';

const NAMES = [
  'with spaces  at the end ', 'żółć 名前 🦊', 'x'.repeat(4_096), '🦊'.repeat(1_024), '{}', '{a}{b}', '}{', 'a|b|c|', '|', 'G|job|token|1|2|3', 'a\r\nb', '\r\n', '\0', 'a\0b', '"\'`$(){}\\', '%s %d %', '__proto__',
];

/** Any text is a name, in messages too. */
export function describeNames(house: () => House): void {
  describe('47: a name of any text', () => {
    it('is locked, waited for, handed over, shown and listed', async () => {
      const [ours, theirs] = (await house().processes(2)) as [HouseLocks, HouseLocks];
      const leases = await Promise.all(NAMES.map((name) => ours.acquire(name)));
      const waiting = NAMES.map((name) => theirs.acquire(name, { waitMs: 60_000 }));
      await Promise.all(NAMES.map((name) => waitFor(async () => (await ours.inspect(name))?.waiters.length === 1, { what: `a waiter of ${JSON.stringify(name.slice(0, 20))}` })));
      await Promise.all(leases.map((lease) => lease.release()));
      const next = await Promise.all(waiting);
      for (const [index, lease] of next.entries()) {
        expect(lease).toMatchObject({ name: NAMES[index], isHeld: true });
        expect(lease.fence).toBeGreaterThan(leases[index]!.fence);
        expect(await ours.inspect(NAMES[index]!)).toMatchObject({ name: NAMES[index], holders: [{ token: lease.token }] });
      }
      const listed: string[] = [];
      for await (const { name } of ours.list('')) listed.push(name);
      expect(listed.toSorted()).toEqual(NAMES.toSorted());
      await Promise.all(next.map((lease) => lease.release()));
    });

    it('stands beside others in one lease, and for a job, a table and a pool', async () => {
      const locks = await house().process();
      const several = await locks.acquire(NAMES);
      expect(several.names).toEqual(NAMES.toSorted());
      await several.renew();
      await several.release();
      for (const name of NAMES.slice(2, 8)) {
        expect(await locks.runOnce(name, 0, async () => name)).toMatchObject({ ran: true, value: name });
        await locks.readWrite(name).write.using({}, async (lease) => expect(lease.name).toBe(name));
        await locks.semaphore(name, 2).using({ permits: 2 }, async (lease) => expect(lease.name).toBe(name));
      }
    });

    it('may be as another but for its kind', async () => {
      const locks = await house().process();
      const mutex = await locks.acquire('same');
      const writer = await locks.readWrite('same').write.acquire();
      const permit = await locks.semaphore('same', 1).acquire();
      expect([mutex.isHeld, writer.isHeld, permit.isHeld]).toEqual([true, true, true]);
    });
  });
}
