import { memoryLockDriver } from '@staddle/lock/memory';
import { describeLockDriver } from '@staddle/lock/testing';
import { createTestClock } from '@staddle/testing';
import { expect, it, vi } from 'vitest';

describeLockDriver('memory', async () => {
  const clock = createTestClock();
  return { driver: memoryLockDriver({ clock }), pass: (ms) => clock.advance(ms) };
});

it('forgets leases that ran out, also of names that nobody asks for again', async () => {
  const clock = createTestClock();
  const driver = memoryLockDriver({ clock });
  await driver.acquire('long', 'owner', 1_000_000);
  const remove = vi.spyOn(Map.prototype, 'delete');
  for (let day = 0; day < 10; day++) {
    for (let n = 0; n < 1_000; n++) await driver.acquire(`invoice ${day}-${n}`, 'owner', 50);
    await clock.advance(100);
  }
  const forgotten = new Set(remove.mock.calls.map(([key]) => String(key)).filter((key) => key.startsWith('invoice')));
  remove.mockRestore();
  expect(forgotten.size).toBeGreaterThan(7_000);
  expect(await driver.renew('long', 'owner', 1)).toBe(true);
});
