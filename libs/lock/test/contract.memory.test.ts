import { memoryLockDriver } from '@staddle/lock/memory';
import { describeLockDriver } from '@staddle/lock/testing';
import { createTestClock } from '@staddle/testing';

describeLockDriver(
  'memory',
  async () => {
    const clock = createTestClock();
    const driver = memoryLockDriver({ clock });
    return { driver, pass: (ms) => clock.advance(ms), another: async () => driver };
  },
  { lacks: ['watchdog'] },
);
