import { createLocks } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';

const locks = createLocks({ driver: memoryLockDriver() });
const fireTime = Date.UTC(2026, 11, 1, 9); // from the schedule, never the present time

const results = await Promise.all(
  ['first process', 'second process'].map((process) => locks.runOnce('invoices', fireTime, async () => `sent by the ${process}`)),
);
for (const result of results) console.log(result.ran ? result.value : `not run again: ${result.reason}`);
await locks.close();
