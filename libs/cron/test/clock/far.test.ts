import { join } from 'node:path';
import { createScheduler, cron, date } from '@staddle/cron';
import type { Clock } from '@staddle/kernel';
import { createTestClock, spawnNode } from '@staddle/testing';
import { expect, it } from 'vitest';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 0, 1);

it('26: what is due in 60 days and in five years costs one timer, set once a second, and comes to the millisecond', async () => {
  const inner = createTestClock(START);
  let set = 0;
  const clock: Clock = {
    now: inner.now,
    monotonic: inner.monotonic,
    setTimer(callback, delayMs) {
      set += 1;
      // `setTimeout` takes longer ones for 1 ms.
      expect(delayMs).toBeLessThan(2 ** 31);
      return inner.setTimer(callback, delayMs);
    },
  };
  const ran: string[] = [];
  const scheduler = createScheduler({ clock });
  const note = ({ name }: { name: string }): void => void ran.push(`${name} at ${clock.now() - START}`);
  scheduler.schedule('in 60 days', date({ at: START + 60 * DAY + 7 }), note);
  scheduler.schedule('in five years', date({ at: START + 1_826 * DAY + 9 }), note);
  scheduler.schedule('on a leap day', cron('0 0 29 2 *', { tz: 'UTC' }), note);
  scheduler.startInBackground();
  await inner.advance(HOUR);
  expect(set).toBeLessThanOrEqual(3_601);
  expect(inner.pendingTimers).toBe(1);
  expect(ran).toEqual([]);
  for (const days of [60, Date.UTC(2028, 1, 29) / DAY - START / DAY, 1_826]) {
    // By the wall, so that the test need not wake at every second. Within one of them the new time is noticed.
    inner.setWall(START + days * DAY - 1_500);
    await inner.advance(3_000);
    expect(inner.pendingTimers).toBe(1);
  }
  expect(ran).toEqual([`in 60 days at ${60 * DAY + 7}`, `on a leap day at ${Date.UTC(2028, 1, 29) - START}`, `in five years at ${1_826 * DAY + 9}`]);
  await scheduler.stop();
  expect(inner.pendingTimers).toBe(0);
});

it('26: a process with a thousand such schedules does next to nothing', async () => {
  await using child = spawnNode({ script: join(import.meta.dirname, 'fixtures/idle-process.ts') });
  const { timers, cpuMs } = JSON.parse(await child.waitForLine('cpuMs')) as { timers: number; cpuMs: number };
  expect(timers).toBe(1);
  // Of two seconds: a loop would take them all, however busy the machine is.
  expect(cpuMs).toBeLessThan(400);
  expect(await child.exit).toEqual({ code: 0, signal: null });
});
