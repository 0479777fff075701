// One process with many idle schedules and a thousand that fire every second. Prints one line of JSON.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { setTimeout as delay } from 'node:timers/promises';
import { createScheduler, cron } from '@staddle/cron';
import { importPeer } from '@staddle/testing';

const [name, idleText] = process.argv.slice(2) as [string, string];
const idle = Number(idleText);
const IDLE_EXPRESSION = '0 3 1 1 *';
const IDLE_ZONE = 'Europe/Paris';
const BUSY = 1_000;
const IDLE_SECONDS = 10;
const BUSY_SECONDS = 10;

/** Adds a schedule and lets it run. */
type Add = (name: string, expr: string, handler: () => void) => void;

async function start(): Promise<Add> {
  if (name === 'croner') {
    const { Cron } = await importPeer<{ Cron: new (expr: string, options: object, handler: () => void) => unknown }>('croner');
    return (job, expr, handler) => void jobs.push(new Cron(expr, { name: job, timezone: IDLE_ZONE }, handler));
  }
  if (name === 'cron') {
    const { CronJob } = await importPeer<{ CronJob: { from(options: object): unknown } }>('cron');
    return (job, cronTime, onTick) => void jobs.push(CronJob.from({ name: job, cronTime, onTick, start: true, timeZone: IDLE_ZONE }));
  }
  const scheduler = createScheduler();
  scheduler.startInBackground();
  // A trigger is a value that schedules share, as they share a constant.
  const triggers = new Map<string, ReturnType<typeof cron>>();
  return (job, expr, handler) => {
    let trigger = triggers.get(expr);
    if (trigger === undefined) triggers.set(expr, (trigger = cron(expr, { tz: IDLE_ZONE })));
    scheduler.schedule(job, trigger, handler);
  };
}
const jobs: unknown[] = [];

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;
const heap = (): number => {
  gc();
  return process.memoryUsage().heapUsed;
};

const add = await start();
const nothing = (): void => {};
add('first', IDLE_EXPRESSION, nothing);

const heapBefore = heap();
const addFrom = performance.now();
for (let at = 0; at < idle; at++) add(`job-${at}`, IDLE_EXPRESSION, nothing);
const addMs = performance.now() - addFrom;
const bytes = (heap() - heapBefore) / idle;

// Some eight seconds after a process falls idle V8 collects its garbage once, for half a second of a million schedules.
await delay(12_000);
const cpuBefore = process.cpuUsage();
const idleFrom = performance.now();
await delay(IDLE_SECONDS * 1_000);
const { user, system } = process.cpuUsage(cpuBefore);
const idleCpu = (user + system) / 1_000 / (performance.now() - idleFrom);

// They all fire at the beginning of a second, which is when crontabs fire.
const lateness: number[] = [];
let recording = false;
const note = (): void => {
  const now = Date.now();
  // A timer that comes too early is early, not a second late.
  if (recording) lateness.push(((now + 500) % 1_000) - 500);
};
for (let at = 0; at < BUSY; at++) add(`busy-${at}`, '* * * * * *', note);
await delay(2_000 + 1_500 - (Date.now() % 1_000)); // to the middle of a second, so that whole seconds are recorded
recording = true;
await delay(BUSY_SECONDS * 1_000);
recording = false;

lateness.sort((a, b) => a - b);
const percentile = (share: number): number => lateness[Math.min(lateness.length - 1, Math.floor(lateness.length * share))] ?? Number.NaN;
process.stdout.write(
  `${JSON.stringify({
    'added per second': idle / (addMs / 1_000),
    'heap per schedule': bytes,
    'idle CPU': idleCpu * 100,
    'lateness p50': percentile(0.5),
    'lateness p99': percentile(0.99),
    'lateness max': percentile(1),
    'fires lost': BUSY * BUSY_SECONDS - lateness.length,
  })}\n`,
  () => process.exit(0),
);
