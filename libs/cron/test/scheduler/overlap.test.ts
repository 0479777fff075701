import { interval, type OverlapPolicy } from '@staddle/cron';
import { describe, expect, it } from 'vitest';
import { heldRuns, MINUTE, SECOND, settle, START, testBench } from './test-bench.ts';

const every10s = interval({ every: '10s', anchor: START });

/** A run that lasts 35 s, longer than three periods, is started at every 10 s; what began when, for 100 s. */
async function matrix(overlap: OverlapPolicy, obeys = true): Promise<{ starts: string[]; skipped: string[]; mostAtOnce: number }> {
  const { clock, scheduler, events, skipped } = testBench();
  let atOnce = 0;
  let mostAtOnce = 0;
  const handler = async ({ signal }: { readonly signal: AbortSignal }): Promise<void> => {
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    await new Promise<void>((resolve) => {
      clock.setTimer(resolve, 35 * SECOND);
      if (obeys) signal.addEventListener('abort', () => resolve(), { once: true });
    });
    atOnce--;
  };
  scheduler.schedule('job', every10s, handler, { overlap });
  await clock.advance(100 * SECOND);
  const starts = events.flatMap((event) => (event.type === 'started' ? [`${(event.scheduledAt - START) / SECOND}@${(event.startedAt - START) / SECOND}`] : []));
  return { starts, skipped: skipped().map((range) => range.split('-')[0]!).map((from) => String(Number(from) / SECOND)), mostAtOnce };
}

describe('a run that is longer than three periods', () => {
  it('skip: the instants that come meanwhile do not run', async () => {
    expect(await matrix('skip')).toEqual({ starts: ['10@10', '50@50', '90@90'], skipped: ['20', '30', '40', '60', '70', '80', '100'], mostAtOnce: 1 });
  });

  it('buffer_one: one waits for its turn', async () => {
    expect(await matrix('buffer_one')).toEqual({ starts: ['10@10', '20@45', '50@80'], skipped: ['30', '40', '60', '70', '90', '100'], mostAtOnce: 1 });
  });

  it('buffer_all: all wait for their turn', async () => {
    expect(await matrix('buffer_all')).toEqual({ starts: ['10@10', '20@45', '30@80'], skipped: [], mostAtOnce: 1 });
  });

  it('cancel_other: a run that obeys its signal ends for the next one', async () => {
    const starts = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map((at) => `${at}@${at}`);
    expect(await matrix('cancel_other')).toEqual({ starts, skipped: [], mostAtOnce: 1 });
  });

  it('cancel_other: a run that does not obey is waited for; of those that wait the newest runs', async () => {
    expect(await matrix('cancel_other', false)).toEqual({ starts: ['10@10', '40@45', '70@80'], skipped: ['20', '30', '50', '60', '80', '90'], mostAtOnce: 1 });
  });

  it('allow: all run', async () => {
    const starts = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map((at) => `${at}@${at}`);
    expect(await matrix('allow')).toEqual({ starts, skipped: [], mostAtOnce: 4 });
  });
});

it('lets at most 1000 runs wait', async () => {
  const { clock, scheduler } = testBench();
  const held = heldRuns();
  scheduler.schedule('job', interval({ every: '1s', anchor: START }), held.handler, { overlap: 'buffer_all' });
  await clock.advance(1_004 * SECOND);
  expect(scheduler.get('job')!.counts).toMatchObject({ planned: 1_004, open: 1_001, skipped: { overlap: 3 } });
});

it('does not begin a run that waited for longer than the misfire window', async () => {
  const { clock, scheduler, started, skipped } = testBench();
  const held = heldRuns();
  scheduler.schedule('job', every10s, held.handler, { overlap: 'buffer_all', misfire: { windowMs: 25 * SECOND } });
  await clock.advance(50 * SECOND);
  held.open[0]!.end();
  await settle();
  expect(started()).toEqual([10 * SECOND, 30 * SECOND]);
  expect(skipped()).toEqual(['20000-20000 x1 misfire']);
});

describe('runNow', () => {
  it.each([
    ['skip', false, 1, undefined],
    ['buffer_one', true, 1, undefined],
    ['buffer_all', true, 1, undefined],
    ['cancel_other', true, 1, 'ERR_CRON_RUN_CANCELLED'],
    ['allow', true, 2, undefined],
  ] as const)('under %s beside a scheduled run: ran %s', async (overlap, ran, mostAtOnce, code) => {
    const { clock, scheduler, events } = testBench();
    const held = heldRuns();
    scheduler.schedule('job', interval({ every: '1h', anchor: START }), held.handler, { overlap });
    await clock.advance(60 * MINUTE + SECOND);
    const { nextAt } = scheduler.get('job')!;
    const manual = scheduler.runNow('job');
    await settle();
    expect(held.open.length).toBe(mostAtOnce);
    expect((held.open[0]!.run.signal.reason as { readonly code: string } | undefined)?.code).toBe(code);
    while (held.open.length > 0) {
      held.open[0]!.end();
      await settle();
    }
    expect(await manual).toBe(ran);
    expect(scheduler.get('job')).toMatchObject({ nextAt, counts: { planned: 1, succeeded: 1, manual: 1 } });
    expect(events.filter((event) => event.type === 'skipped')).toEqual([]);
  });

  it('makes a scheduled instant that comes meanwhile overlap', async () => {
    const { clock, scheduler, skipped } = testBench();
    const held = heldRuns();
    scheduler.schedule('job', every10s, held.handler);
    void scheduler.runNow('job');
    await clock.advance(10 * SECOND);
    expect(skipped()).toEqual(['10000-10000 x1 overlap']);
    expect(held.open[0]!.run).toMatchObject({ manual: true, scheduledAt: START, startedAt: START, fence: undefined });
  });

  it('rejects with what the handler throws, and kills no process that does not look', async () => {
    const { scheduler, logger } = testBench({ start: false });
    scheduler.schedule('job', every10s, () => {
      throw new Error('broken');
    });
    void scheduler.runNow('job');
    await expect(scheduler.runNow('job')).rejects.toThrow('broken');
    expect(logger.lines.map(({ message }) => message)).toEqual(['a scheduled run failed', 'a scheduled run failed']);
    await expect(scheduler.runNow('no job')).rejects.toMatchObject({ code: 'ERR_CRON_SCHEDULE_NOT_FOUND', scheduleName: 'no job' });
  });

  it('runs a paused schedule, and resolves with false when its turn never comes', async () => {
    const { clock, scheduler } = testBench();
    const held = heldRuns();
    scheduler.schedule('job', every10s, held.handler, { paused: true, overlap: 'buffer_all' });
    void scheduler.runNow('job');
    const second = scheduler.runNow('job');
    await settle();
    expect(held.open.length).toBe(1);
    const removed = scheduler.remove('job');
    expect(await second).toBe(false);
    held.open[0]!.end();
    await removed;
    await clock.advance(0);
  });
});
