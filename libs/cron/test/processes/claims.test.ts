import { createScheduler, date, interval, type CronRun, type OverlapPolicy, type Scheduler, type SchedulerLocks } from '@staddle/cron';
import type { Clock } from '@staddle/kernel';
import { createLocks, type LockDriver } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { createTestClock, type TestClock } from '@staddle/testing';
import { describe, expect, it } from 'vitest';

const SECOND = 1_000;
const EVERY_SECOND = interval({ every: SECOND, anchor: 0 });

interface Pair {
  readonly clock: TestClock;
  /** The one that comes first, and whose claims are answered when the test says so. */
  readonly first: Scheduler;
  readonly second: Scheduler;
  /** `NAME@MS`, in the order in which they began. */
  readonly ran: string[];
  answer(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Two schedulers that share locks, as two processes do, at the moment at which the first one has claimed an instant and does not know it yet. */
async function claimedByTheFirst(overlap: OverlapPolicy): Promise<Pair> {
  const clock = createTestClock();
  const startAt = clock.now();
  const driver = memoryLockDriver({ clock });
  const gate = Promise.withResolvers<void>();
  const slow: LockDriver = {
    ...driver,
    async claim(request) {
      const outcome = await driver.claim(request);
      await gate.promise;
      return outcome;
    },
  };
  const ran: string[] = [];
  const [first, second] = ([['first', slow], ['second', driver]] as const).map(([name, each]) => {
    const scheduler = createScheduler({ clock, locks: createLocks({ driver: each, clock }) });
    scheduler.schedule('job', EVERY_SECOND, ({ scheduledAt }) => void ran.push(`${name}@${scheduledAt - startAt}`), { overlap });
    scheduler.startInBackground();
    return scheduler;
  }) as [Scheduler, Scheduler];
  await clock.advance(SECOND);
  expect(ran).toEqual([]);
  expect(second.get('job')!.counts.skipped.elsewhere).toBe(1);
  return { clock, first, second, ran, answer: () => gate.resolve(), [Symbol.asyncDispose]: async () => void (await Promise.all([first.stop(), second.stop()])) };
}

it.each(['skip', 'allow', 'buffer_one', 'buffer_all'] as const)('a scheduler that is stopped runs what it has claimed, for no other process will: overlap %s', async (overlap) => {
  await using pair = await claimedByTheFirst(overlap);
  const stopped = pair.first.stop();
  pair.answer();
  expect(await stopped).toEqual([]);
  await pair.clock.advance(SECOND);
  expect(pair.ran).toEqual(['first@1000', 'second@2000']);
  expect(pair.first.get('job')!.counts).toMatchObject({ planned: 1, succeeded: 1, open: 0 });
});

it.each(['skip', 'allow', 'buffer_one', 'buffer_all'] as const)('so does one that is paused: overlap %s', async (overlap) => {
  await using pair = await claimedByTheFirst(overlap);
  pair.first.pause('job');
  pair.answer();
  await pair.clock.advance(SECOND);
  expect(pair.ran).toEqual(['first@1000', 'second@2000']);
});

it('one that is removed with its runs does not', async () => {
  await using pair = await claimedByTheFirst('skip');
  const removed = pair.first.remove('job', { runs: 'abort' });
  pair.answer();
  await removed;
  expect(pair.ran).toEqual([]);
});

describe("onCrash 'retry'", () => {
  it('an instant whose process died is run by another one as soon as its lease is over, and others come in time meanwhile', async () => {
    const clock = createTestClock();
    const startAt = clock.now();
    const driver = memoryLockDriver({ clock });
    let dead = false;
    // None of its timers comes any more: it renews nothing, and starts nothing.
    const mortal: Clock = { now: clock.now, monotonic: clock.monotonic, setTimer: (callback, delayMs) => clock.setTimer(() => dead || callback(), delayMs) };
    const ran: { at: number; scheduledAt: number; fence: bigint }[] = [];
    const start = (own: Clock, handler: (run: CronRun) => unknown): Scheduler => {
      const scheduler = createScheduler({ clock: own, locks: createLocks({ driver, clock: own }) });
      scheduler.schedule('job', EVERY_SECOND, handler, { overlap: 'allow', lock: { onCrash: 'retry', ttlMs: 3_000 } });
      scheduler.startInBackground();
      return scheduler;
    };
    const note = ({ scheduledAt, fence }: CronRun): void => void ran.push({ at: clock.now() - startAt, scheduledAt: scheduledAt - startAt, fence: fence! });
    const first = start(mortal, (run) => {
      note(run);
      dead = true;
      return new Promise(() => {});
    });
    const second = start(clock, note);
    await clock.advance(10 * SECOND);
    expect(first.get('job')!.counts).toMatchObject({ planned: 1, open: 1 });
    expect(second.get('job')!.counts).toMatchObject({ planned: 10, open: 0, succeeded: 10 });
    const again = ran.filter(({ scheduledAt }) => scheduledAt === SECOND);
    expect(again.map(({ at }) => at)).toEqual([SECOND, 4 * SECOND]);
    expect(again[1]!.fence).toBeGreaterThan(again[0]!.fence);
    expect(ran.map(({ scheduledAt }) => scheduledAt / SECOND).toSorted((a, b) => a - b)).toEqual([1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await second.stop();
  });

  it('a run that is done in time stays alone, and is open in the others until they know', async () => {
    const clock = createTestClock();
    const driver = memoryLockDriver({ clock });
    const ran: number[] = [];
    const end = Promise.withResolvers<void>();
    const [first, second] = [0, 1].map((index) => {
      const scheduler = createScheduler({ clock, locks: createLocks({ driver, clock }) });
      const handler = (): Promise<void> => {
        ran.push(index);
        return end.promise;
      };
      scheduler.schedule('job', date({ at: clock.now() + SECOND }), handler, { lock: { onCrash: 'retry', ttlMs: 3_000 } });
      scheduler.startInBackground();
      return scheduler;
    }) as [Scheduler, Scheduler];
    await clock.advance(8 * SECOND);
    expect(second.get('job')).toMatchObject({ runs: [], counts: { planned: 1, open: 1 } });
    end.resolve();
    await clock.advance(3 * SECOND);
    expect(ran).toEqual([0]);
    // The last instant has found its end in both.
    expect([first.list(), second.list()]).toEqual([[], []]);
    await Promise.all([first.stop(), second.stop()]);
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    { what: 'is stopped', leave: (scheduler: Scheduler) => scheduler.stop() },
    { what: 'is paused', leave: (scheduler: Scheduler) => scheduler.pause('job') },
    { what: 'has removed the schedule', leave: (scheduler: Scheduler) => scheduler.remove('job') },
  ])('a scheduler that $what does not stand by any longer', async ({ leave }) => {
    const clock = createTestClock();
    const elsewhere: SchedulerLocks = { runOnce: () => Promise.resolve({ ran: false, reason: 'claimed' }) };
    const reasons: string[] = [];
    const scheduler = createScheduler({ clock, locks: elsewhere, onEvent: (event) => event.type === 'skipped' && reasons.push(event.reason) });
    scheduler.schedule('job', date({ at: clock.now() + SECOND }), () => {}, { lock: { onCrash: 'retry' } });
    scheduler.startInBackground();
    await clock.advance(40 * SECOND);
    expect(reasons).toEqual([]);
    await leave(scheduler);
    expect(reasons).toEqual(['elsewhere']);
    await scheduler.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('asks until the instant is older than its misfire window, also while the locks are away', async () => {
    const clock = createTestClock();
    let asked = 0;
    const locks: SchedulerLocks = { runOnce: () => (asked++ % 2 === 0 ? Promise.resolve({ ran: false, reason: 'claimed' }) : Promise.reject(new Error('away'))) };
    const reasons: string[] = [];
    const scheduler = createScheduler({ clock, locks, onEvent: (event) => event.type === 'skipped' && reasons.push(event.reason) });
    scheduler.schedule('job', date({ at: clock.now() + SECOND }), () => {}, { misfire: { windowMs: 10_000 }, lock: { onCrash: 'retry', ttlMs: 3_000 } });
    scheduler.startInBackground();
    await clock.advance(30 * SECOND);
    expect(asked).toBe(4);
    expect(reasons).toEqual(['elsewhere']);
    expect(scheduler.list()).toEqual([]);
    await scheduler.stop();
  });
});
