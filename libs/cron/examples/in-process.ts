import { createScheduler, cron } from '@staddle/cron';
import { createLocks } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory'; // or redisLockDriver(client), and it runs in one of many processes

await using locks = createLocks({ driver: memoryLockDriver() });
await using scheduler = createScheduler({ locks });

const nightly = cron('30 2 * * *', { tz: 'Europe/Paris', jitter: '5m' });
scheduler.schedule('invoices', nightly, async ({ scheduledAt, signal }) => fetch(`http://billing/run?at=${scheduledAt}`, { signal }), { timeoutMs: 600_000 });

const beaten = Promise.withResolvers<number>();
scheduler.schedule('beat', cron('* * * * * *', { tz: 'UTC' }), ({ scheduledAt }) => beaten.resolve(scheduledAt), { overlap: 'skip' });

scheduler.startInBackground();
console.log((await beaten.promise) % 1_000); // 0: the instant that the trigger names, however late the handler is called
console.log(scheduler.list().map(({ name, trigger }) => `${name}: ${trigger.describe()}`));
