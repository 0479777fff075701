import type { Clock } from '@staddle/kernel';
import { createTestClock } from '@staddle/testing';
import { createScheduler, cron, date, interval, type MisfirePolicy, type Trigger } from '@staddle/cron';
import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND, START, testBench, type TestBench } from './test-bench.ts';

const DAY = 24 * HOUR;
const everyMinute = cron('* * * * *', { tz: 'UTC' });

function withJob(trigger: Trigger, misfire?: Partial<MisfirePolicy>): TestBench {
  const bench = testBench();
  bench.scheduler.schedule('job', trigger, () => {}, { misfire });
  return bench;
}

describe('a wall clock that is set', () => {
  it('an hour ahead: the misfire policy decides, once', async () => {
    const { clock, events, logger, started, skipped } = withJob(everyMinute);
    await clock.advance(90 * SECOND);
    clock.setWall(clock.now() + HOUR);
    await clock.advance(SECOND);
    expect(started()).toEqual([MINUTE, 61 * MINUTE]);
    expect(skipped()).toEqual([`${2 * MINUTE}-${60 * MINUTE} x59 misfire`]);
    expect(events.filter(({ type }) => type === 'clock-jump')).toEqual([{ type: 'clock-jump', byMs: HOUR }]);
    expect(logger.lines.map(({ level, message }) => `${level}: ${message}`)).toEqual(['warn: the wall clock jumped forward, or the machine was suspended', 'warn: scheduled instants did not run']);
  });

  it('ahead and back again: nothing runs twice, and schedules wait until the clock has caught up', async () => {
    const { clock, events, logger, started, skipped, scheduler } = withJob(everyMinute);
    await clock.advance(90 * SECOND);
    clock.setWall(clock.now() + HOUR);
    await clock.advance(SECOND);
    clock.setWall(clock.now() - HOUR);
    const { nextAt } = scheduler.get('job')!;
    await clock.advance(HOUR - 2 * SECOND - MINUTE);
    expect(started()).toEqual([MINUTE, 61 * MINUTE]);
    expect(scheduler.get('job')).toMatchObject({ nextAt });
    expect(logger.lines.filter(({ message }) => message.includes('set back'))).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'clock-jump')).toHaveLength(2);
    await clock.advance(2 * MINUTE);
    expect(started()).toEqual([61 * MINUTE, 62 * MINUTE].reduce((all, at) => (all.includes(at) ? all : [...all, at]), [MINUTE]));
    expect(skipped()).toHaveLength(1);
  });

  it('back: what ran already does not run again', async () => {
    const { clock, started } = withJob(everyMinute);
    await clock.advance(10 * MINUTE);
    clock.setWall(clock.now() - 5 * MINUTE);
    await clock.advance(6 * MINUTE);
    expect(started().map((at) => at / MINUTE)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('costs one timer a second at most while it is behind', async () => {
    let timers = 0;
    const inner = createTestClock();
    const clock: Clock = { now: inner.now, monotonic: inner.monotonic, setTimer: (callback, delayMs) => (timers++, inner.setTimer(callback, delayMs)) };
    const scheduler = createScheduler({ clock });
    scheduler.schedule('job', everyMinute, () => {});
    scheduler.startInBackground();
    await inner.advance(MINUTE);
    inner.setWall(inner.now() - HOUR);
    timers = 0;
    await inner.advance(10 * MINUTE);
    expect(timers).toBeLessThanOrEqual(601);
  });

  it('is not reported for what a clock slews', async () => {
    const { clock, events } = withJob(everyMinute);
    for (let second = 0; second < 100; second++) {
      await clock.advance(SECOND);
      clock.setWall(clock.now() + (second % 2 === 0 ? 5 : -4));
    }
    expect(events.filter(({ type }) => type === 'clock-jump')).toEqual([]);
  });
});

describe('a process that stood still', () => {
  // 12 instants of every 10 s pass while nothing runs.
  const every10s = interval({ every: '10s', anchor: START });
  const standStill = async (mode: MisfirePolicy['mode']): Promise<TestBench> => {
    const clock = createTestClock();
    let stoodStillMs = 0;
    const bench = testBench({ clock: { now: () => clock.now() + stoodStillMs, monotonic: () => clock.monotonic() + stoodStillMs, setTimer: clock.setTimer } });
    bench.scheduler.schedule('job', every10s, () => {}, { misfire: { mode } });
    await clock.advance(5 * SECOND);
    stoodStillMs = 120 * SECOND - 1;
    await clock.advance(SECOND); // the next timer, a second after the last, comes as late as that
    return bench;
  };

  it('latest: one run, one range', async () => {
    const { started, skipped, events } = await standStill('latest');
    expect(started()).toEqual([120 * SECOND]);
    expect(skipped()).toEqual(['10000-110000 x11 misfire']);
    expect(events.filter(({ type }) => type === 'clock-jump')).toEqual([]); // both clocks went on
  });

  it('all: every run, in order', async () => {
    const { started, skipped } = await standStill('all');
    expect(started().map((at) => at / SECOND)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]);
    expect(skipped()).toEqual([]);
  });

  it('none: no run, one range', async () => {
    const { started, skipped } = await standStill('none');
    expect(started()).toEqual([]);
    expect(skipped()).toEqual(['10000-120000 x12 misfire']);
  });

  it('for three hours, on a monotonic clock that stood still with it: as a jump', async () => {
    const { clock, started, skipped, events } = withJob(cron('*/30 * * * *', { tz: 'UTC' }));
    await clock.advance(SECOND);
    clock.setWall(clock.now() + 3 * HOUR);
    await clock.advance(SECOND);
    expect(started()).toEqual([180 * MINUTE]);
    expect(skipped()).toEqual([`${30 * MINUTE}-${150 * MINUTE} x5 misfire`]);
    expect(events[0]).toEqual({ type: 'clock-jump', byMs: 3 * HOUR });
  });

  it('for a day, with an interval of 1 ms: counts without walking', async () => {
    const { clock, scheduler, skipped } = withJob(interval({ every: 1, anchor: START }), { mode: 'all', max: 5, graceMs: 0 });
    clock.setWall(START + DAY);
    await clock.advance(1);
    expect(skipped()).toEqual([`1-${DAY - 5} x${DAY - 5} misfire`]);
    expect(scheduler.get('job')!.counts).toMatchObject({ planned: DAY + 1, succeeded: 6 });
  });
});

describe('a time that is far away', () => {
  it('in 60 days: no timer overflows, and it runs to the millisecond', async () => {
    const { clock, events } = withJob(date({ at: START + 60 * DAY + 123 }));
    let longest = 0;
    // In steps of a day by the wall, so that the test need not wake every second of 60 days.
    for (let day = 1; day <= 60; day++) {
      clock.setWall(START + day * DAY - 500);
      await clock.advance(500);
      longest = Math.max(longest, clock.pendingTimers);
    }
    expect(longest).toBe(1);
    expect(events.filter(({ type }) => type === 'started')).toEqual([]);
    await clock.advance(122);
    expect(events.filter(({ type }) => type === 'started')).toEqual([]);
    await clock.advance(1);
    expect(events.find(({ type }) => type === 'started')).toMatchObject({ scheduledAt: START + 60 * DAY + 123, startedAt: START + 60 * DAY + 123 });
  });

  it('never begins early when a timer fires early', async () => {
    const inner = createTestClock();
    const clock: Clock = { now: inner.now, monotonic: inner.monotonic, setTimer: (callback, delayMs) => inner.setTimer(callback, Math.max(1, delayMs - 2)) };
    const { scheduler, events } = testBench({ clock });
    scheduler.schedule('job', interval({ every: '7s', anchor: START }), () => {});
    await inner.advance(70 * SECOND);
    const starts = events.flatMap((event) => (event.type === 'started' ? [[event.scheduledAt, event.startedAt]] : []));
    expect(starts).toEqual(Array.from({ length: 10 }, (_, index) => [START + (index + 1) * 7 * SECOND, START + (index + 1) * 7 * SECOND]));
  });
});

describe('schedules that were added before the start', () => {
  it('run what was missed meanwhile as the misfire policy says', async () => {
    const { clock, scheduler, started, skipped } = testBench({ start: false });
    scheduler.schedule('job', everyMinute, () => {});
    await clock.advance(5 * MINUTE + 30 * SECOND);
    expect(started()).toEqual([]);
    scheduler.startInBackground();
    scheduler.startInBackground(); // harmless
    await clock.advance(0);
    expect(started()).toEqual([5 * MINUTE]);
    expect(skipped()).toEqual([`${MINUTE}-${4 * MINUTE} x4 misfire`]);
  });
});

describe('a date in the past', () => {
  it('runs when it is not too old', async () => {
    const { clock, scheduler, started, events } = testBench();
    scheduler.schedule('job', date({ at: START - DAY }), () => {});
    await clock.advance(0);
    expect(started()).toEqual([-DAY]);
    expect(events.at(-1)).toEqual({ type: 'finished', name: 'job' });
    expect(scheduler.get('job')).toBeUndefined();
  });

  it('is refused when it is', () => {
    const { scheduler } = testBench();
    const refusal = expect.objectContaining({ code: 'ERR_CRON_SCHEDULE', field: 'trigger' });
    expect(() => scheduler.schedule('job', date({ at: START - DAY - 1 }), () => {})).toThrow(refusal);
    expect(() => scheduler.schedule('job', date({ at: START - 6 * SECOND }), () => {}, { misfire: { mode: 'none' } })).toThrow(refusal);
    expect(() => scheduler.schedule('job', cron('* * * * *', { tz: 'UTC', endAt: '2025-12-31T23:59:00' }), () => {})).toThrow(refusal);
    expect(scheduler.list()).toEqual([]);
  });
});

/** The trigger of someone else, which is every 10 s but for what it is given. */
function foreign(parts: Partial<Trigger>): Trigger {
  const inner = interval({ every: '10s', anchor: START });
  const { kind, fixedDelayMs } = inner;
  const trigger: Trigger = {
    kind,
    fixedDelayMs,
    next: (at: number) => inner.next(at),
    prev: (at: number) => inner.prev(at),
    jitterMs: () => 0,
    toJSON: () => inner.toJSON(),
    resolve: (): Trigger => trigger,
    ...parts,
  } as Trigger;
  return trigger;
}

it('pauses a schedule whose trigger fails, and no other', async () => {
  const { clock, scheduler, logger, started } = testBench();
  const inner = interval({ every: '10s', anchor: START });
  const fails = foreign({
    next: (at) => {
      if (at >= START + 20 * SECOND) throw new Error('no more');
      return inner.next(at);
    },
  });
  scheduler.schedule('broken', fails, () => {});
  scheduler.schedule('sound', inner, () => {});
  await clock.advance(40 * SECOND);
  expect(started('sound')).toHaveLength(4);
  expect(started('broken')).toHaveLength(2);
  expect(scheduler.get('broken')!.paused).toMatchObject({ reason: 'its trigger failed: no more' });
  expect(logger.lines).toMatchObject([{ level: 'error', fields: { schedule: 'broken' } }]);
  expect(() => scheduler.resume('broken')).toThrow('no more');
  expect(scheduler.get('broken')!.paused).toBeDefined();
  scheduler.reschedule('broken', inner);
  scheduler.resume('broken');
  await clock.advance(10 * SECOND);
  expect(started('broken')).toHaveLength(3);
});

describe('a trigger of someone else', () => {
  const after = (instant: number, then: (at: number) => unknown) => (at: number) => (at < instant ? 0 : then(at)) as number;
  const nothing = (): never => {
    throw Object.create(null);
  };

  it.each<[string, Partial<Trigger>, number]>([
    ['has NaN for jitter', { jitterMs: after(START + 30 * SECOND, () => Number.NaN) }, 2],
    ['begins before its instants', { jitterMs: after(START + 30 * SECOND, () => -5_000) }, 2],
    ['throws what has no words', { jitterMs: after(START + 30 * SECOND, nothing) }, 2],
    ['gives fractions', { next: (at) => (at < START + 15 * SECOND ? Math.floor(at / 10_000) * 10_000 + 10_000 : at + 0.5) }, 2],
    ['has a fixed delay that fails', { fixedDelayMs: 5_000, toJSON: nothing }, 1],
    ['has NaN for a fixed delay', { fixedDelayMs: Number.NaN }, 1],
  ])('that %s is paused, and no other', async (_, parts, runs) => {
    const { clock, scheduler, started } = testBench();
    scheduler.schedule('broken', foreign(parts), () => {});
    scheduler.schedule('sound', foreign({}), () => {});
    await clock.advance(60 * SECOND);
    expect(started('sound')).toHaveLength(6);
    expect(started('broken')).toHaveLength(runs);
    expect(scheduler.get('broken')).toMatchObject({ paused: { reason: expect.stringContaining('its trigger failed') as string }, counts: { planned: runs, succeeded: runs } });
  });

  it('that fails at once is not added', () => {
    const { scheduler } = testBench();
    expect(() => scheduler.schedule('job', foreign({ jitterMs: () => Number.NaN }), () => {})).toThrow(RangeError);
    expect(scheduler.list()).toEqual([]);
  });
});

it('runs nothing while the clock gives no number', async () => {
  const inner = createTestClock();
  let broken = false;
  const { scheduler, started } = testBench({ clock: { now: () => (broken ? Number.NaN : inner.now()), monotonic: inner.monotonic, setTimer: inner.setTimer } });
  scheduler.schedule('job', interval({ every: '10s', anchor: START }), () => {});
  await inner.advance(15 * SECOND);
  broken = true;
  await inner.advance(2 * SECOND);
  broken = false;
  await inner.advance(13 * SECOND);
  expect(started()).toEqual([10 * SECOND, 20 * SECOND, 30 * SECOND]);
});
