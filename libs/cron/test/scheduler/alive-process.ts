import { createScheduler, date } from '@staddle/cron';

// A process with nothing but a scheduler, which stops itself.
const scheduler = createScheduler();
scheduler.schedule('soon', date({ at: Date.now() + 300 }), async () => {
  console.log('ran');
  await scheduler.stop();
});
scheduler.startInBackground();
process.on('exit', (code) => console.log(`exit ${code}`));
