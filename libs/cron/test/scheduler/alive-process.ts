import { createScheduler, date, type CronRun } from '@staddle/cron';

// A process with nothing but a scheduler, which stops itself.
const scheduler = createScheduler();
const untilAborted = ({ signal }: CronRun): Promise<void> => new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
scheduler.schedule('waits', date({ at: Date.now() + 200 }), untilAborted, { timeoutMs: 1_000 });
scheduler.schedule('soon', date({ at: Date.now() + 300 }), async () => {
  console.log('ran');
  await scheduler.stop();
  console.log('stopped');
});
scheduler.startInBackground();
process.on('exit', (code) => console.log(`exit ${code}`));
