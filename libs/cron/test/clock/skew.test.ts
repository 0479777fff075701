import { cron, interval } from '@staddle/cron';
import type { Clock } from '@staddle/kernel';
import { createLocks } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { createTestClock } from '@staddle/testing';
import { expect, it } from 'vitest';
import { watch, type Witness } from './witness.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1, 0, 0, 10);
const minutely = cron('* * * * *', { tz: 'Asia/Kolkata' });
const often = interval({ every: '7s', anchor: 0 });
const jittered = cron('* * * * *', { tz: 'UTC', jitter: '50s', seed: 'jittered' });
const TRIGGERS = { minutely, often, jittered };
const NAMES = Object.keys(TRIGGERS) as (keyof typeof TRIGGERS)[];

it.each(['skip', 'allow', 'buffer_all'] as const)('22: of two schedulers whose clocks are 30 s apart each instant runs in one, before and after one of them stops: overlap %s', async (overlap) => {
  const clock = createTestClock(START);
  const driver = memoryLockDriver({ clock });
  const withClock = (aheadMs: number): Witness => {
    const own: Clock = { now: () => clock.now() + aheadMs, monotonic: clock.monotonic, setTimer: clock.setTimer };
    const witness = watch({ clock: own, locks: createLocks({ driver, clock: own }) });
    for (const name of NAMES) witness.scheduler.schedule(name, TRIGGERS[name], () => {}, { overlap });
    witness.scheduler.startInBackground();
    return witness;
  };
  const behind = withClock(0);
  const ahead = withClock(30 * SECOND);
  await clock.advance(5 * MINUTE);
  await ahead.scheduler.stop();
  const aheadUntil = clock.now() + 30 * SECOND;
  await clock.advance(5 * MINUTE);
  await behind.scheduler.stop();

  for (const name of NAMES) {
    const trigger = TRIGGERS[name];
    const begins = (at: number): number => at + trigger.jitterMs(at);
    const runs = [...ahead.ran(name), ...behind.ran(name)].toSorted((a, b) => a - b);
    expect(runs, name).toEqual(trigger.between(START + 1, clock.now() + 1, 10_000).filter((at) => begins(at) <= clock.now()));
    // All that came to the first one, until it was stopped.
    const first = trigger.between(START + 30 * SECOND + 1, aheadUntil + 1, 10_000).filter((at) => begins(at) <= aheadUntil);
    expect(ahead.ran(name), name).toEqual(first);
  }
});
