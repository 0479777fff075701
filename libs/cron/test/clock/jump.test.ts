import { calendar, cron, interval, type MisfirePolicy } from '@staddle/cron';
import { createTestClock } from '@staddle/testing';
import { expect, it } from 'vitest';
import { expectWhole, watch } from './witness.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1, 0, 0, 30);

const TRIGGERS = {
  minutely: cron('* * * * *', { tz: 'Europe/Paris' }),
  spread: cron('* * * * *', { tz: 'UTC', jitter: '40s', seed: 'spread' }),
  often: interval({ every: '15s', anchor: START }),
  daily: calendar({ every: 'P1D', anchor: '2026-01-01T01:20:00', tz: 'Europe/Paris' }),
};
const MODES: readonly MisfirePolicy['mode'][] = ['latest', 'earliest', 'all', 'none'];

it.each(MODES)('21: the wall clock goes an hour ahead in the middle of a minute, and NTP takes it back: nothing twice, and nextAt never goes back (%s)', async (mode) => {
  const clock = createTestClock(START);
  const witness = watch({ clock });
  const { scheduler, ran } = witness;
  const names = Object.keys(TRIGGERS) as (keyof typeof TRIGGERS)[];
  for (const name of names) scheduler.schedule(name, TRIGGERS[name], () => {}, { misfire: { mode } });
  scheduler.startInBackground();
  const nextAt = new Map(names.map((name) => [name, -Infinity]));
  const go = async (ms: number): Promise<void> => {
    for (const endMs = clock.monotonic() + ms; clock.monotonic() < endMs; ) {
      await clock.advance(Math.min(5 * SECOND, endMs - clock.monotonic()));
      for (const name of names) {
        const next = scheduler.get(name)!.nextAt!;
        expect(next).toBeGreaterThanOrEqual(nextAt.get(name)!);
        nextAt.set(name, next);
      }
    }
  };
  // In the middle of a minute, at the very millisecond of one, one before it, and one after it; also before anything noticed.
  for (const beforeMs of [2 * MINUTE + 17_123, 42_877, MINUTE - 1, 2]) {
    await go(beforeMs);
    clock.setWall(clock.now() + HOUR);
    await go(beforeMs % 2 === 0 ? 0 : 90 * SECOND);
    clock.setWall(clock.now() - HOUR);
    await go(3 * SECOND);
  }
  // Until the clock has caught up with what ran already.
  await go(HOUR + 10 * MINUTE);
  await scheduler.stop();
  for (const name of names) {
    expectWhole(witness, name, TRIGGERS[name], START);
    expect(ran(name)).toEqual([...new Set(ran(name))].toSorted((a, b) => a - b));
  }
  expect(ran('minutely').length).toBeGreaterThan(10);
});
