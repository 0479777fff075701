import { cron, date, interval } from '@staddle/cron';
import { createTestClock } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { heldRuns, HOUR, MINUTE, SECOND, settle, START, testBench } from './test-bench.ts';

const everyMinute = cron('* * * * *', { tz: 'UTC' });
const every10s = interval({ every: '10s', anchor: START });

describe('pause', () => {
  it('skips what passes, as one range when it resumes', async () => {
    const { clock, scheduler, started, skipped } = testBench();
    scheduler.schedule('job', everyMinute, () => {});
    await clock.advance(90 * SECOND);
    scheduler.pause('job', { reason: 'the vendor is down' });
    expect(scheduler.get('job')).toMatchObject({ nextAt: undefined, paused: { sinceAt: START + 90 * SECOND, reason: 'the vendor is down', untilAt: undefined } });
    await clock.advance(4 * MINUTE);
    scheduler.resume('job');
    expect(skipped()).toEqual([`${2 * MINUTE}-${5 * MINUTE} x4 paused`]);
    expect(scheduler.get('job')).toMatchObject({ nextAt: START + 6 * MINUTE, paused: undefined, counts: { planned: 5, succeeded: 1, skipped: { paused: 4 } } });
    await clock.advance(30 * SECOND);
    expect(started()).toEqual([MINUTE, 6 * MINUTE]);
  });

  it('can be followed by what was missed', async () => {
    const { clock, scheduler, started, skipped } = testBench();
    scheduler.schedule('job', everyMinute, () => {}, { misfire: { mode: 'all', max: 2 } });
    scheduler.pause('job');
    await clock.advance(5 * MINUTE + 10 * SECOND);
    scheduler.resume('job', { missed: 'run' });
    await clock.advance(0);
    expect(started()).toEqual([4 * MINUTE, 5 * MINUTE]);
    expect(skipped()).toEqual([`${MINUTE}-${3 * MINUTE} x3 misfire`]);
  });

  it('ends by itself', async () => {
    const { clock, scheduler, started, skipped } = testBench();
    scheduler.schedule('job', every10s, () => {});
    scheduler.pause('job', { untilAt: START + 30 * SECOND });
    await clock.advance(29 * SECOND);
    expect(scheduler.get('job')!.paused).toBeDefined();
    await clock.advance(SECOND);
    // The pause ends at an instant, which runs.
    expect(scheduler.get('job')!.paused).toBeUndefined();
    expect(started()).toEqual([30 * SECOND]);
    expect(skipped()).toEqual(['10000-20000 x2 paused']);
  });

  it('that should have ended while the process stood still leaves the rest to the misfire policy', async () => {
    const { clock, scheduler, started, skipped } = testBench();
    scheduler.schedule('job', everyMinute, () => {});
    scheduler.pause('job', { untilAt: START + 2 * MINUTE + SECOND });
    clock.setWall(START + 5 * MINUTE + 30 * SECOND);
    await clock.advance(SECOND);
    expect(skipped()).toEqual([`${MINUTE}-${2 * MINUTE} x2 paused`, `${3 * MINUTE}-${4 * MINUTE} x2 misfire`]);
    expect(started()).toEqual([5 * MINUTE]);
  });

  it('at the very millisecond of an instant: it ran, or it is recorded as paused', async () => {
    const outcomes = new Set<string>();
    for (let round = 0; round < 1_000; round++) {
      const { clock, scheduler, started, skipped } = testBench();
      scheduler.schedule('job', every10s, () => {});
      const pause = (): void => scheduler.pause('job');
      // Before the timer of the scheduler, or after it; in the same millisecond, or in one beside it.
      if (round % 2 === 0) clock.setTimer(pause, 10 * SECOND + (round % 3) - 1);
      await clock.advance(9 * SECOND);
      if (round % 2 === 1) clock.setTimer(pause, SECOND + (round % 3) - 1);
      await clock.advance(6 * SECOND);
      scheduler.resume('job');
      expect([...started(), ...skipped()]).toHaveLength(1);
      outcomes.add(started().length === 1 ? 'ran' : skipped()[0]!);
      await scheduler.stop();
    }
    expect(outcomes).toEqual(new Set(['ran', '10000-10000 x1 paused']));
  });

  it('is harmless twice, and so is resume', async () => {
    const { clock, scheduler, started } = testBench();
    scheduler.schedule('job', every10s, () => {}, { paused: true });
    scheduler.pause('job', { reason: 'first' });
    await clock.advance(5 * SECOND);
    scheduler.pause('job', { reason: 'second' });
    expect(scheduler.get('job')!.paused).toEqual({ sinceAt: START, reason: 'second', untilAt: undefined });
    scheduler.resume('job');
    scheduler.resume('job');
    await clock.advance(5 * SECOND);
    expect(started()).toEqual([10 * SECOND]);
  });

  it('lets a run go on, and drops those that wait for it', async () => {
    const { clock, scheduler, skipped } = testBench();
    const held = heldRuns();
    scheduler.schedule('job', every10s, held.handler, { overlap: 'buffer_all' });
    await clock.advance(30 * SECOND);
    scheduler.pause('job');
    expect(skipped()).toEqual(['20000-20000 x1 paused', '30000-30000 x1 paused']);
    held.open[0]!.end();
    await settle();
    expect(held.open).toEqual([]);
    expect(scheduler.get('job')!.counts).toMatchObject({ planned: 3, succeeded: 1, open: 0 });
  });

  it('of a date that passes: it is finished when the pause ends', async () => {
    const { clock, scheduler, events } = testBench();
    scheduler.schedule('job', date({ at: START + SECOND }), () => {});
    scheduler.pause('job');
    await clock.advance(MINUTE);
    scheduler.resume('job');
    expect(events).toEqual([
      { type: 'skipped', name: 'job', fromAt: START + SECOND, toAt: START + SECOND, count: 1, exact: true, reason: 'paused' },
      { type: 'finished', name: 'job' },
    ]);
    expect(scheduler.get('job')).toBeUndefined();
  });

  it('of a fixed delay holds the next one back, also when its run ends meanwhile', async () => {
    const { clock, scheduler, started } = testBench();
    const held = heldRuns();
    scheduler.schedule('job', interval({ every: '10s', mode: 'delay' }), held.handler);
    await clock.advance(10 * SECOND);
    scheduler.pause('job');
    held.open[0]!.end();
    await settle();
    await clock.advance(MINUTE);
    scheduler.resume('job');
    await clock.advance(10 * SECOND);
    expect(started()).toEqual([10 * SECOND, 80 * SECOND]);
  });
});

describe('reschedule', () => {
  it('while a run goes on: the next one is of the new trigger', async () => {
    const { clock, scheduler, started } = testBench();
    const held = heldRuns();
    scheduler.schedule('job', everyMinute, held.handler, { overlap: 'allow' });
    await clock.advance(90 * SECOND);
    expect(scheduler.reschedule('job', interval({ every: '25s' })).nextAt).toBe(START + 115 * SECOND);
    await clock.advance(MINUTE);
    expect(started()).toEqual([60, 115, 140].map((seconds) => seconds * SECOND));
    expect(held.open).toHaveLength(3);
  });

  it('of a schedule that is late: the late instants of the old trigger are dropped', async () => {
    const { clock, scheduler, started, skipped } = testBench();
    scheduler.schedule('job', everyMinute, () => {});
    clock.setWall(START + 3 * MINUTE);
    scheduler.reschedule('job', every10s);
    await clock.advance(15 * SECOND);
    expect(skipped()).toEqual([`${MINUTE}-${3 * MINUTE} x3 misfire`]);
    expect(started()).toEqual([190 * SECOND]);
  });

  it('of a paused one leaves it paused', async () => {
    const { clock, scheduler, started } = testBench();
    scheduler.schedule('job', everyMinute, () => {});
    scheduler.pause('job', { untilAt: START + 100 * SECOND });
    await clock.advance(90 * SECOND);
    scheduler.reschedule('job', every10s);
    expect(scheduler.get('job')!.paused).toMatchObject({ sinceAt: START });
    await clock.advance(25 * SECOND);
    expect(started()).toEqual([100 * SECOND, 110 * SECOND]);
  });

  it('gives no instant again that has run, when the clock was set back', async () => {
    const { clock, scheduler, started } = testBench();
    scheduler.schedule('job', every10s, () => {});
    await clock.advance(30 * SECOND);
    clock.setWall(clock.now() - 20 * SECOND);
    scheduler.reschedule('job', every10s);
    await clock.advance(40 * SECOND);
    expect(started()).toEqual([10, 20, 30, 40, 50].map((seconds) => seconds * SECOND));
  });

  it('to a date brings the misfire policy of dates', async () => {
    const { clock, scheduler, started } = testBench();
    scheduler.schedule('job', everyMinute, () => {});
    scheduler.reschedule('job', date({ at: START - 10 * HOUR }));
    await clock.advance(0);
    expect(started()).toEqual([-10 * HOUR]);
  });

  it('changes nothing when no time is left', () => {
    const { scheduler } = testBench();
    const { nextAt } = scheduler.schedule('job', everyMinute, () => {});
    expect(() => scheduler.reschedule('job', date({ at: START - 48 * HOUR }))).toThrow(expect.objectContaining({ code: 'ERR_CRON_SCHEDULE' }));
    expect(scheduler.get('job')).toMatchObject({ nextAt, trigger: everyMinute });
    expect(() => scheduler.reschedule('other', everyMinute)).toThrow(expect.objectContaining({ code: 'ERR_CRON_SCHEDULE_NOT_FOUND' }));
  });
});

describe('remove', () => {
  it('lets a run finish, and waits for it; those that wait do not begin', async () => {
    const { clock, scheduler, skipped, events } = testBench();
    const held = heldRuns();
    scheduler.schedule('job', every10s, held.handler, { overlap: 'buffer_one' });
    await clock.advance(25 * SECOND);
    let removed = false;
    const removal = scheduler.remove('job').then(() => (removed = true));
    expect(skipped()).toEqual(['20000-20000 x1 cancelled']);
    expect(scheduler.get('job')).toBeUndefined();
    await clock.advance(MINUTE);
    expect(removed).toBe(false);
    expect(held.open[0]!.run.signal.aborted).toBe(false);
    held.open[0]!.end();
    await removal;
    expect(events.at(-1)).toMatchObject({ type: 'succeeded', scheduledAt: START + 10 * SECOND });
    await expect(scheduler.remove('job')).rejects.toMatchObject({ code: 'ERR_CRON_SCHEDULE_NOT_FOUND' });
  });

  it('can abort its runs', async () => {
    const { clock, scheduler, events } = testBench();
    scheduler.schedule('job', every10s, ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))));
    await clock.advance(10 * SECOND);
    await scheduler.remove('job', { runs: 'abort' });
    expect(events.slice(1)).toMatchObject([
      { type: 'aborted', reason: 'cancelled' },
      { type: 'failed', error: { code: 'ERR_CRON_RUN_CANCELLED', scheduleName: 'job' } },
    ]);
  });

  it('accounts for what was due already', async () => {
    const { clock, scheduler, skipped } = testBench();
    scheduler.schedule('job', every10s, () => {});
    clock.setWall(START + 40 * SECOND);
    await scheduler.remove('job');
    expect(skipped()).toEqual(['10000-40000 x4 cancelled']);
  });

  it('from inside of its own run does not wait for itself', async () => {
    const { clock, scheduler, events } = testBench();
    scheduler.schedule('job', every10s, async () => {
      await scheduler.remove('job');
      scheduler.schedule('job', everyMinute, () => {});
    });
    await clock.advance(10 * SECOND);
    await settle();
    expect(events.map(({ type }) => type)).toEqual(['started', 'succeeded']);
    expect(scheduler.get('job')).toMatchObject({ nextAt: START + MINUTE });
  });

  it('from inside of a listener stops what would run at the same moment', async () => {
    const clock = createTestClock();
    const started: string[] = [];
    const { scheduler } = testBench({
      clock,
      onEvent: (event) => {
        if (event.type === 'started') started.push(event.name);
        if (event.type === 'skipped' && event.reason === 'misfire') void scheduler.remove('job');
      },
    });
    scheduler.schedule('job', every10s, () => {});
    clock.setWall(START + MINUTE + 6 * SECOND);
    await clock.advance(10 * SECOND);
    expect(started).toEqual([]);
  });
});

describe('counts what was skipped once, when the listener', () => {
  const buffered = { overlap: 'buffer_all', misfire: { graceMs: MINUTE } } as const;

  it('removes a schedule of which runs are dropped by a pause', async () => {
    const counts: unknown[] = [];
    const { clock, scheduler } = testBench({
      onEvent: (event) => {
        if (event.type !== 'skipped') return;
        counts.push(scheduler.get('job')?.counts);
        void scheduler.remove('job', { runs: 'abort' }).catch(() => {});
      },
    });
    const held = heldRuns();
    scheduler.schedule('job', every10s, held.handler, buffered);
    await clock.advance(40 * SECOND);
    scheduler.pause('job');
    // Only the first one was told of while there was a schedule.
    expect(counts).toHaveLength(3);
    expect(counts[0]).toMatchObject({ planned: 4, open: 3, skipped: { paused: 1 } });
  });

  it('pauses a schedule that is paused', async () => {
    const { clock, scheduler } = testBench({ onEvent: (event) => void (event.type === 'skipped' && scheduler.pause('job')) });
    const held = heldRuns();
    scheduler.schedule('job', every10s, held.handler, buffered);
    await clock.advance(40 * SECOND);
    scheduler.pause('job');
    expect(scheduler.get('job')!.counts).toMatchObject({ planned: 4, open: 1, skipped: { paused: 3 } });
  });

  it('resumes a schedule that gets another trigger', async () => {
    const { clock, scheduler } = testBench({ onEvent: (event) => void (event.type === 'skipped' && scheduler.resume('job')) });
    scheduler.schedule('job', every10s, () => {}, { paused: true });
    await clock.advance(40 * SECOND);
    scheduler.reschedule('job', everyMinute);
    expect(scheduler.get('job')).toMatchObject({ nextAt: START + MINUTE, counts: { planned: 4, skipped: { paused: 4 } } });
  });
});

it('runs what a handler adds', async () => {
  const { clock, scheduler, started } = testBench();
  scheduler.schedule('first', date({ at: START + SECOND }), () => {
    scheduler.schedule('second', date({ at: START + SECOND }), () => {});
    scheduler.schedule('third', date({ at: START + 1_001 }), () => {});
  });
  await clock.advance(2 * SECOND);
  expect([started('second'), started('third')]).toEqual([[SECOND], [1_001]]);
  expect(scheduler.list()).toEqual([]);
});

it('lists schedules by name', async () => {
  const { clock, scheduler } = testBench();
  for (const name of ['b', 'ä', 'a', 'B']) scheduler.schedule(name, every10s, () => {});
  await clock.advance(10 * SECOND);
  expect(scheduler.list().map(({ name }) => name)).toEqual(['B', 'a', 'b', 'ä']);
  expect(scheduler.get('a')).toEqual({
    name: 'a',
    trigger: every10s,
    nextAt: START + 20 * SECOND,
    paused: undefined,
    runs: [],
    counts: { planned: 1, open: 0, succeeded: 1, failed: 0, skipped: { overlap: 0, misfire: 0, paused: 0, elsewhere: 0, unavailable: 0, cancelled: 0 }, manual: 0 },
    lastRun: { scheduledAt: START + 10 * SECOND, startedAt: START + 10 * SECOND, endedAt: START + 10 * SECOND, error: undefined },
  });
  expect(scheduler.get('c')).toBeUndefined();
});

it('has finished when no time is left and the last run has ended', async () => {
  const { clock, scheduler, events } = testBench();
  const held = heldRuns();
  scheduler.schedule('job', interval({ every: '10s', maxRuns: 2 }), held.handler, { overlap: 'allow' });
  await clock.advance(MINUTE);
  expect(scheduler.get('job')).toMatchObject({ nextAt: undefined, counts: { open: 2 } });
  held.open[0]!.end();
  await settle();
  expect(scheduler.get('job')).toBeDefined();
  held.open[0]!.end();
  await settle();
  expect(scheduler.get('job')).toBeUndefined();
  expect(events.at(-1)).toEqual({ type: 'finished', name: 'job' });
});
