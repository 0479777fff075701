import { createScheduler, date, interval, type CronHandler } from '@staddle/cron';
import { createTestClock, recordingLogger } from '@staddle/testing';
import { AsyncLocalStorage } from 'node:async_hooks';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { heldRuns, SECOND, settle, START, testBench } from './test-bench.ts';

const every10s = interval({ every: '10s', anchor: START });

const escaped: unknown[] = [];
const onEscape = (error: unknown): void => void escaped.push(error);
beforeEach(() => {
  escaped.length = 0;
  process.on('unhandledRejection', onEscape);
});
afterEach(async () => {
  await settle();
  process.off('unhandledRejection', onEscape);
  if (escaped.length > 0) throw new Error('a rejection was not handled', { cause: escaped[0] });
});

/** What looks like a promise and is none. */
function thenable(then: (resolve: () => void, reject: (error: unknown) => void) => void): unknown {
  // oxlint-disable-next-line unicorn/no-thenable -- it is what is tested
  return Object.defineProperty({}, 'then', { value: then });
}

const FAILURES: readonly (readonly [string, CronHandler])[] = [
  ['throws', () => { throw new Error('broken'); }],
  ['rejects', () => Promise.reject(new Error('broken'))],
  ['rejects later', async () => { await settle(); throw new Error('broken'); }],
  ['throws no error', () => { throw undefined; }],
  ['rejects with no error', () => Promise.reject('broken')],
  ['returns a thenable that rejects twice', () => thenable((_, reject) => { reject('broken'); reject('again'); })],
  ['returns a thenable that throws', () => thenable(() => { throw new Error('broken'); })],
  // oxlint-disable-next-line unicorn/no-thenable -- it is what is tested
  ['returns an object whose then cannot be read', () => Object.defineProperty({}, 'then', { get: () => { throw new Error('broken'); } })],
];

it('a run shows what it is when it is printed', async () => {
  const { clock, scheduler } = testBench();
  let printed = '';
  scheduler.schedule('job', every10s, (run) => {
    printed = inspect(run, { breakLength: Infinity });
  });
  await clock.advance(10 * SECOND);
  expect(printed).toBe(`CronRun { name: 'job', scheduledAt: ${START + 10 * SECOND}, startedAt: ${START + 10 * SECOND}, manual: false, signal: AbortSignal { aborted: false }, fence: undefined }`);
});

describe('a handler that fails', () => {
  it.each(FAILURES)('%s: is logged once and counted, and runs again', async (_, handler) => {
    const { clock, scheduler, logger, events } = testBench();
    scheduler.schedule('job', every10s, handler);
    await clock.advance(10 * SECOND);
    await settle();
    expect(logger.lines).toMatchObject([{ level: 'error', fields: { schedule: 'job', scheduledAt: START + 10 * SECOND }, message: 'a scheduled run failed' }]);
    expect(scheduler.get('job')).toMatchObject({ nextAt: START + 20 * SECOND, runs: [], counts: { planned: 1, failed: 1, open: 0 }, lastRun: { scheduledAt: START + 10 * SECOND } });
    await clock.advance(10 * SECOND);
    await settle();
    expect(events.map(({ type }) => type)).toEqual(['started', 'failed', 'started', 'failed']);
  });

  it.each([
    ['nothing', () => undefined],
    ['a value', () => 7],
    ['a thenable', () => thenable((resolve) => resolve())],
  ])('is none that returns %s', async (_, handler) => {
    const { clock, scheduler } = testBench();
    scheduler.schedule('job', every10s, handler as CronHandler);
    await clock.advance(10 * SECOND);
    await settle();
    expect(scheduler.get('job')!.counts).toMatchObject({ succeeded: 1, failed: 0 });
  });
});

it('survives a listener, a logger and metrics that throw', async () => {
  const { clock, scheduler: unused } = testBench({ start: false });
  await unused.stop();
  const fail = (): never => {
    throw new Error('outside');
  };
  const logger = { trace: fail, debug: fail, info: fail, warn: fail, error: fail, fatal: fail, child: () => recordingLogger() };
  const metrics = { counter: () => ({ add: fail }), gauge: () => ({ set: fail }), histogram: () => ({ observe: fail }) };
  const scheduler = createScheduler({ clock, logger, metrics, onEvent: fail });
  scheduler.startInBackground();
  let runs = 0;
  scheduler.schedule('job', every10s, () => {
    runs++;
    throw new Error('broken');
  });
  await clock.advance(30 * SECOND);
  expect(runs).toBe(3);
  expect(scheduler.get('job')!.counts.failed).toBe(3);
});

it('survives them when they are asynchronous and reject', async () => {
  const fail = (): Promise<never> => Promise.reject(new Error('outside'));
  const logger = { trace: fail, debug: fail, info: fail, warn: fail, error: fail, fatal: fail, child: () => recordingLogger() };
  const metrics = { counter: () => ({ add: fail }), gauge: () => ({ set: fail }), histogram: () => ({ observe: fail }) };
  const { clock, scheduler } = testBench({ logger, metrics, onEvent: fail });
  scheduler.schedule('job', every10s, () => {
    throw new Error('broken');
  });
  await clock.advance(30 * SECOND);
  expect(scheduler.get('job')!.counts.failed).toBe(3);
});

it('counts by outcome and reason, and measures lateness', async () => {
  const seen: [string, number, unknown][] = [];
  const note = (name: string) => (value = 1, labels?: unknown) => void seen.push([name, value, labels]);
  const metrics = {
    counter: ({ name }: { readonly name: string }) => ({ add: note(name) }),
    gauge: ({ name }: { readonly name: string }) => ({ set: note(name) }),
    histogram: ({ name }: { readonly name: string }) => ({ observe: note(name) }),
  };
  const { clock, scheduler } = testBench({ metrics });
  const held = heldRuns();
  scheduler.schedule('job', every10s, held.handler);
  await clock.advance(20 * SECOND);
  held.open[0]!.fail(new Error('broken'));
  await settle();
  expect(seen).toEqual([
    ['cron_running', 1, undefined],
    ['cron_lateness_seconds', 0, undefined],
    ['cron_skipped_total', 1, { reason: 'overlap' }],
    ['cron_running', 0, undefined],
    ['cron_runs_total', 1, { outcome: 'failed' }],
    ['cron_run_seconds', 10, undefined],
  ]);
});

describe('a timeout', () => {
  it('aborts the signal; the run counts as running until its handler ends', async () => {
    const { clock, scheduler, events, logger } = testBench();
    const held = heldRuns();
    scheduler.schedule('job', every10s, held.handler, { timeoutMs: 3_000 });
    await clock.advance(15 * SECOND);
    expect(held.open[0]!.run.signal.reason).toMatchObject({ code: 'ERR_CRON_RUN_TIMEOUT', scheduleName: 'job', timeoutMs: 3_000 });
    expect(scheduler.get('job')!.runs).toEqual([{ scheduledAt: START + 10 * SECOND, startedAt: START + 10 * SECOND, manual: false, aborted: 'timeout' }]);
    expect(logger.lines).toMatchObject([{ level: 'warn', message: 'a scheduled run was told to abort' }]);
    await clock.advance(5 * SECOND);
    held.open[0]!.end();
    await settle();
    expect(events.map(({ type }) => type)).toEqual(['started', 'aborted', 'skipped', 'succeeded']);
    expect(scheduler.get('job')!.counts).toMatchObject({ planned: 2, succeeded: 1, skipped: { overlap: 1 } });
  });

  it('is gone when the run has ended', async () => {
    const { clock, scheduler, events } = testBench();
    const held = heldRuns();
    scheduler.schedule('job', date({ at: START + SECOND }), held.handler, { timeoutMs: 3_000 });
    await clock.advance(SECOND);
    const { run } = held.open[0]!;
    held.open[0]!.end();
    await settle();
    await clock.advance(10 * SECOND);
    expect(run.signal.aborted).toBe(false);
    expect(events.map(({ type }) => type)).toEqual(['started', 'succeeded', 'finished']);
  });
});

it('gives the handler a logger that says which run it is', async () => {
  const { clock, scheduler, logger } = testBench();
  scheduler.schedule('job', every10s, (run) => run.logger.info({ rows: 3 }, 'swept'));
  await clock.advance(10 * SECOND);
  expect(logger.lines).toEqual([{ level: 'info', fields: { schedule: 'job', scheduledAt: START + 10 * SECOND, rows: 3 }, message: 'swept' }]);
});

it('runs handlers in the context in which the scheduler was made, not of whoever scheduled', async () => {
  const request = new AsyncLocalStorage<string>();
  const { clock, scheduler } = testBench();
  const seen: (string | undefined)[] = [];
  const handler = (): void => void seen.push(request.getStore());
  request.run('a request', () => {
    scheduler.schedule('job', every10s, handler);
    void scheduler.runNow('job');
  });
  await clock.advance(20 * SECOND);
  expect(seen).toEqual([undefined, undefined, undefined]);
});

it('is not in the context of a run whose call has set its timer', async () => {
  const inner = createTestClock();
  // As the timers of Node do.
  const clock = { now: inner.now, monotonic: inner.monotonic, setTimer: (callback: () => void, delayMs: number) => inner.setTimer(AsyncLocalStorage.bind(callback), delayMs) };
  const held = heldRuns();
  const ended: string[] = [];
  const { scheduler } = testBench({ clock, onEvent: (event) => event.type === 'clock-jump' && void scheduler.stop().then(() => ended.push('stopped')) });
  scheduler.schedule('job', every10s, async (run) => {
    await Promise.resolve();
    scheduler.schedule('other', date({ at: START + 10_500 }), () => {});
    await held.handler(run);
    ended.push('run');
  });
  await inner.advance(10 * SECOND);
  inner.setWall(START + 3_600_000);
  await inner.advance(SECOND);
  held.open[0]!.end();
  await settle();
  expect(ended).toEqual(['run', 'stopped']);
});

describe('concurrency', () => {
  it('lets the earliest instant begin first when a place is free', async () => {
    const { clock, scheduler, started } = testBench({ concurrency: 2 });
    const held = heldRuns();
    for (const [name, at] of [['d', 4], ['c', 3], ['b', 2], ['a', 1]] as const) scheduler.schedule(name, date({ at: START + at * SECOND }), held.handler);
    await clock.advance(10 * SECOND);
    expect(started()).toEqual([1_000, 2_000]);
    expect(scheduler.get('d')!.runs).toEqual([{ scheduledAt: START + 4 * SECOND, startedAt: undefined, manual: false, aborted: undefined }]);
    held.open[0]!.end();
    await settle();
    held.open[0]!.end();
    await settle();
    expect(started()).toEqual([1_000, 2_000, 3_000, 4_000]);
    expect(held.open.map(({ run }) => run.name)).toEqual(['c', 'd']);
  });

  it('begins a burst in slices, so that other work has its turn', async () => {
    const bench = testBench({ start: false });
    await bench.scheduler.stop();
    // Every look at the clock takes 0.01 ms, as if the handlers took that long.
    let looks = 0;
    const clock = { now: () => bench.clock.now(), monotonic: () => bench.clock.monotonic() + looks++ / 100, setTimer: bench.clock.setTimer };
    const scheduler = createScheduler({ clock, concurrency: 50 });
    const trigger = date({ at: START + SECOND });
    const begun = { runs: 0 };
    for (let index = 0; index < 100_000; index++) {
      // Half of them end in the same turn of the event loop, by a promise.
      scheduler.schedule(`job ${index}`, trigger, () => (begun.runs++ % 2 === 0 ? undefined : Promise.resolve()));
    }
    scheduler.startInBackground();
    await bench.clock.advance(SECOND);
    const steps: number[] = [];
    while (begun.runs < 100_000) {
      const before = begun.runs;
      await new Promise(setImmediate);
      steps.push(begun.runs - before);
    }
    expect(steps.length).toBeGreaterThan(100);
    expect(Math.max(...steps)).toBeLessThan(2_000);
    await settle();
    expect(scheduler.list()).toEqual([]);
  });
});

it('begins after the jitter of the instant, which keeps its nominal time', async () => {
  const { clock, scheduler, events } = testBench();
  const trigger = interval({ every: '1m', anchor: START, jitter: '30s' });
  const { trigger: resolved } = scheduler.schedule('job', trigger, () => {});
  await clock.advance(600 * SECOND);
  const starts = events.flatMap((event) => (event.type === 'started' ? [event] : []));
  expect(starts.length).toBeGreaterThanOrEqual(9);
  for (const { scheduledAt, startedAt } of starts) expect(startedAt).toBe(scheduledAt + resolved.jitterMs(scheduledAt));
  expect(new Set(starts.map(({ scheduledAt, startedAt }) => startedAt - scheduledAt)).size).toBeGreaterThan(3);
  expect(resolved.toJSON()).toMatchObject({ seed: 'job' });
});

describe('a fixed delay', () => {
  it('begins when a run has ended, however long it took', async () => {
    const { clock, scheduler, started } = testBench();
    const held = heldRuns();
    scheduler.schedule('job', interval({ every: '10s', mode: 'delay' }), held.handler);
    await clock.advance(42 * SECOND);
    expect(started()).toEqual([10 * SECOND]);
    expect(scheduler.get('job')!.nextAt).toBeUndefined();
    held.open[0]!.fail(new Error('broken'));
    await settle();
    expect(scheduler.get('job')!.nextAt).toBe(START + 52 * SECOND);
    await clock.advance(10 * SECOND);
    expect(started()).toEqual([10 * SECOND, 52 * SECOND]);
  });

  it('begins anew after a skip', async () => {
    const { clock, scheduler, skipped } = testBench();
    const held = heldRuns();
    scheduler.schedule('job', interval({ every: '10s', mode: 'delay' }), held.handler);
    void scheduler.runNow('job');
    await clock.advance(30 * SECOND);
    expect(skipped()).toEqual(['10000-10000 x1 overlap', '20000-20000 x1 overlap', '30000-30000 x1 overlap']);
  });

  it('ends with endAt', async () => {
    const { clock, scheduler, started, events } = testBench();
    scheduler.schedule('job', interval({ every: '10s', mode: 'delay', endAt: START + 25 * SECOND }), () => {});
    await clock.advance(60 * SECOND);
    expect(started()).toEqual([10 * SECOND, 20 * SECOND]);
    expect(events.at(-1)).toEqual({ type: 'finished', name: 'job' });
  });
});
