import { memoryLockDriver } from '@staddle/lock/memory';
import { describeLocks } from './suite/index.ts';

describeLocks('memory', async () => {
  const driver = memoryLockDriver();
  return { driver: async () => driver };
});
