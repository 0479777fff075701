import { createScheduler, date, interval } from '@staddle/cron';
import { createTestClock, spawnNode } from '@staddle/testing';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { heldRuns, MINUTE, SECOND, settle, START, testBench } from './test-bench.ts';

const every10s = interval({ every: '10s', anchor: START });

describe('stop', () => {
  it('starts nothing more, skips what waits, and lets what runs finish', async () => {
    const { clock, scheduler, started, skipped } = testBench({ concurrency: 1 });
    const held = heldRuns();
    scheduler.schedule('a', every10s, held.handler, { overlap: 'buffer_all' });
    scheduler.schedule('b', every10s, held.handler);
    await clock.advance(20 * SECOND);
    const stopped = scheduler.stop();
    await clock.advance(MINUTE);
    expect(started()).toEqual([10 * SECOND]);
    expect(skipped('a')).toEqual(['20000-20000 x1 cancelled']);
    expect(skipped('b')).toEqual(['20000-20000 x1 overlap', '10000-10000 x1 cancelled']);
    held.open[0]!.end();
    expect(await stopped).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
    expect(scheduler.list()).toMatchObject([{ name: 'a', nextAt: undefined, counts: { planned: 2, succeeded: 1 } }, { name: 'b' }]);
  });

  it('aborts after drainMs, and gives up abortMs later', async () => {
    const { clock, scheduler, events } = testBench();
    const held = heldRuns();
    scheduler.schedule('deaf', every10s, held.handler);
    scheduler.schedule('obedient', every10s, ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))));
    await clock.advance(10 * SECOND);
    let leftover: unknown;
    void scheduler.stop({ drainMs: 5_000, abortMs: 2_000 }).then((runs) => (leftover = runs));
    await clock.advance(4_999);
    expect(events.map(({ type }) => type)).toEqual(['started', 'started']);
    await clock.advance(1);
    expect(events.slice(2)).toMatchObject([{ type: 'aborted', name: 'deaf', reason: 'stopped' }, { type: 'aborted', name: 'obedient' }, { type: 'failed', error: { code: 'ERR_CRON_STOPPED' } }]);
    await clock.advance(2_000);
    expect(leftover).toEqual([{ name: 'deaf', scheduledAt: START + 10 * SECOND }]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('twice: the second one may hasten the first', async () => {
    const { clock, scheduler } = testBench();
    const held = heldRuns();
    scheduler.schedule('job', every10s, held.handler);
    await clock.advance(10 * SECOND);
    const first = scheduler.stop();
    const second = scheduler.stop({ drainMs: 0, abortMs: 0 });
    expect(await first).toEqual([{ name: 'job', scheduledAt: START + 10 * SECOND }]);
    expect(await second).toEqual(await first);
    expect(held.open[0]!.run.signal.aborted).toBe(true);
  });

  it('inside of a run waits for all others', async () => {
    const { clock, scheduler } = testBench();
    const held = heldRuns();
    let leftover: unknown;
    scheduler.schedule('other', every10s, held.handler);
    scheduler.schedule('job', every10s, async () => {
      leftover = await scheduler.stop();
    });
    await clock.advance(10 * SECOND);
    expect(leftover).toBeUndefined();
    held.open[0]!.end();
    await settle();
    expect(leftover).toEqual([]);
    await scheduler.stop();
  });

  it('before the start, and as a disposal', async () => {
    const clock = createTestClock();
    {
      await using scheduler = createScheduler({ clock });
      scheduler.schedule('job', every10s, () => {});
    }
    const scheduler = createScheduler({ clock });
    await scheduler.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('accounts for what was due already', async () => {
    const { clock, scheduler, skipped } = testBench();
    scheduler.schedule('job', every10s, () => {});
    scheduler.schedule('paused', every10s, () => {}, { paused: true });
    clock.setWall(START + 20 * SECOND);
    await scheduler.stop();
    expect([skipped('job'), skipped('paused')]).toEqual([['10000-20000 x2 cancelled'], ['10000-20000 x2 paused']]);
  });

  it('is the end', async () => {
    const { scheduler } = testBench();
    scheduler.schedule('job', every10s, () => {});
    await scheduler.stop();
    const refusal = expect.objectContaining({ code: 'ERR_CRON_STOPPED' });
    expect(() => scheduler.schedule('other', every10s, () => {})).toThrow(refusal);
    expect(() => scheduler.startInBackground()).toThrow(refusal);
    expect(() => scheduler.pause('job')).toThrow(refusal);
    expect(() => scheduler.resume('job')).toThrow(refusal);
    expect(() => scheduler.reschedule('job', every10s)).toThrow(refusal);
    await expect(scheduler.runNow('job')).rejects.toEqual(refusal);
    await expect(scheduler.runUntilStopped()).rejects.toEqual(refusal);
    await scheduler.remove('job'); // harmless
    expect(scheduler.list()).toEqual([]);
  });
});

describe('runUntilStopped', () => {
  it('resolves when the signal has aborted and the last run has ended', async () => {
    const { clock, scheduler } = testBench({ start: false });
    const held = heldRuns();
    scheduler.schedule('job', every10s, held.handler);
    const stop = new AbortController();
    let done = false;
    const running = scheduler.runUntilStopped({ signal: stop.signal }).then(() => (done = true));
    await clock.advance(10 * SECOND);
    stop.abort();
    await settle();
    expect(done).toBe(false);
    held.open[0]!.end();
    await running;
  });

  it('resolves when stop is called elsewhere, and at once for a signal that has aborted', async () => {
    const { scheduler } = testBench({ start: false });
    const running = scheduler.runUntilStopped();
    await settle();
    await scheduler.stop();
    await running;
    const { scheduler: other } = testBench({ start: false });
    await other.runUntilStopped({ signal: AbortSignal.abort() });
    expect(() => other.startInBackground()).toThrow(expect.objectContaining({ code: 'ERR_CRON_STOPPED' }));
  });
});

it('keeps the process alive until it is stopped, and its runs have ended', async () => {
  await using child = spawnNode({ script: join(import.meta.dirname, 'alive-process.ts') });
  await child.waitForLine(/^ran$/);
  // Only the timeout of the other run still holds it.
  await child.waitForLine(/^stopped$/);
  await child.waitForLine(/^exit 0$/);
  expect(await child.exit).toEqual({ code: 0, signal: null });
});

it('keeps a date for the last moment before the stop', async () => {
  const { clock, scheduler, events } = testBench();
  scheduler.schedule('job', date({ at: START + SECOND }), () => void scheduler.stop());
  await clock.advance(2 * SECOND);
  expect(events.map(({ type }) => type)).toEqual(['started', 'succeeded']);
});
