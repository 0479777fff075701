import { describe, expect, it } from 'vitest';
import { systemClock } from '@staddle/kernel';
import { startTimer } from '../src/long-timer.ts';
import { runNode } from './fixtures/run-node.ts';

const DAY_MS = 86_400_000;

function fires(delayMs: number): Promise<void> {
  return new Promise((resolve) => void systemClock.setTimer(resolve, delayMs));
}

describe('systemClock', () => {
  it('tells the wall time in epoch milliseconds', () => {
    const before = Date.now();
    expect(systemClock.now()).toBeGreaterThanOrEqual(before);
    expect(systemClock.now()).toBeLessThanOrEqual(Date.now());
  });

  it('has a monotonic time that never goes back', () => {
    const readings = Array.from({ length: 1_000 }, () => systemClock.monotonic());
    expect(readings).toEqual(readings.toSorted((a, b) => a - b));
  });

  it('never calls back early', async () => {
    const early: number[] = [];
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const delayMs = index + 0.9;
        const startedAt = systemClock.monotonic();
        await fires(delayMs);
        if (systemClock.monotonic() - startedAt < delayMs) early.push(delayMs);
      }),
    );
    expect(early).toEqual([]);
  });

  it.each([0, -5])('calls back soon for a delay of %d ms, never at once', async (delayMs) => {
    let fired = false;
    systemClock.setTimer(() => (fired = true), delayMs);
    await Promise.resolve();
    expect(fired).toBe(false);
    await expect.poll(() => fired).toBe(true);
  });

  it.each([25 * DAY_MS, 1_000 * DAY_MS, Infinity])('does not call back at once for %d ms, which setTimeout cannot hold', async (delayMs) => {
    let fired = false;
    const timer = systemClock.setTimer(() => (fired = true), delayMs);
    // setTimeout would have fired after 1 ms, so before this one.
    await fires(10);
    timer.cancel();
    expect(fired).toBe(false);
  });

  it('drops a cancelled timer, and cancelling afterwards is harmless', async () => {
    let fired = 0;
    const dropped = systemClock.setTimer(() => fired++, 5);
    const kept = systemClock.setTimer(() => fired++, 5);
    dropped.cancel();
    await fires(20);
    kept.cancel();
    expect(fired).toBe(1);
  });

  it('keeps the process alive for a timer, unless told otherwise', async () => {
    expect((await runNode('test/fixtures/unref.ts')).stdout).toBe('kept alive\n');
  });
});

describe('startTimer', () => {
  // Real timers: only the limit of one hop is made small, as 24.8 days are too long for a test.
  it('reaches a delay beyond its limit in hops, once and not early', async () => {
    const startedAt = performance.now();
    let fired = 0;
    await new Promise<void>((resolve) => {
      startTimer(() => (fired++, resolve()), 40, true, 7);
    });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(40);
    await fires(20);
    expect(fired).toBe(1);
  });

  it('can be cancelled after the first hop', async () => {
    let fired = false;
    const timer = startTimer(() => (fired = true), 30, true, 5);
    await fires(12);
    timer.cancel();
    await fires(40);
    expect(fired).toBe(false);
  });
});
