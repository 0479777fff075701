import { describe, expect, it } from 'vitest';
import { TTL_MS, type Stage } from './stage.ts';

/** How another thread renews. */
export function describeWatchdog(stage: () => Stage): void {
  describe('watchdog', () => {
    it('renews over a connection that another thread can make', async () => {
      const watchdog = stage().driver.watchdog!;
      const lock = stage().lock();
      await lock.hold('a.1');
      const { createWatchdogDriver } = await import(watchdog.module);
      const driver = await createWatchdogDriver(structuredClone(watchdog.data));
      expect(await driver.renew([{ key: lock.key, owner: 'a.1', ttlMs: TTL_MS * 2 }, { key: lock.key, owner: 'b.1', ttlMs: TTL_MS }])).toEqual([
        { renewed: true, previousMs: expect.any(Number) },
        { renewed: false, holder: 'a.1' },
      ]);
      await driver.close();
      expect((await lock.inspect())?.holders[0]?.expiresInMs).toBeGreaterThan(TTL_MS);
    });
  });
}
