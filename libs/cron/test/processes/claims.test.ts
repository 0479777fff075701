import { createScheduler, interval, type OverlapPolicy, type Scheduler } from '@staddle/cron';
import { createLocks, type LockDriver } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { createTestClock, type TestClock } from '@staddle/testing';
import { expect, it } from 'vitest';

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
