import { memoryLockDriver } from '@staddle/lock/memory';
import { describeLockDriver } from '@staddle/lock/testing';
import { createTestClock } from '@staddle/testing';

describeLockDriver('memory', async () => {
  const clock = createTestClock();
  return { driver: memoryLockDriver({ clock }), pass: (ms) => clock.advance(ms) };
});
