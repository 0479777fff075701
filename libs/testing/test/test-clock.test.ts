import { sleep } from '@staddle/kernel';
import { describe, expect, it } from 'vitest';
import { createTestClock } from '@staddle/testing';

describe('createTestClock', () => {
  it('stands still until it is moved', () => {
    const clock = createTestClock(1_000);
    expect(clock.now()).toBe(1_000);
    expect(clock.monotonic()).toBe(0);
  });

  it('starts at a fixed moment, so that a failure can be repeated', () => {
    expect(new Date(createTestClock().now()).toISOString()).toBe('2026-01-01T00:00:00.000Z');
  });

  it('fires timers in order of due time, then of insertion, each at its own time', async () => {
    const clock = createTestClock(0);
    const fired: string[] = [];
    for (const [name, delayMs] of [['late', 30], ['first of two', 20], ['second of two', 20], ['early', 10]] as const) {
      clock.setTimer(() => fired.push(`${name} at ${clock.now()}`), delayMs);
    }
    await clock.advance(25);
    expect(fired).toEqual(['early at 10', 'first of two at 20', 'second of two at 20']);
    expect(clock.now()).toBe(25);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(5);
    expect(fired.at(-1)).toBe('late at 30');
    expect(clock.pendingTimers).toBe(0);
  });

  it('lets awaiting code run between timers, and fires the timers that it sets on the way', async () => {
    const clock = createTestClock(0);
    const seen: number[] = [];
    const worker = (async () => {
      for (let round = 0; round < 3; round++) {
        await sleep(10, { clock });
        await Promise.resolve().then(() => new Promise((resolve) => process.nextTick(resolve)));
        seen.push(clock.now());
      }
    })();
    await clock.advance(100);
    await worker;
    expect(seen).toEqual([10, 20, 30]);
  });

  it('ends although a callback sets a timer of 0 ms again and again', async () => {
    const clock = createTestClock(0);
    let rounds = 0;
    const again = (): void => {
      rounds++;
      clock.setTimer(again, 0);
    };
    clock.setTimer(again, 0);
    await clock.advance(0);
    expect(rounds).toBe(1);
    await clock.advance(10);
    expect(rounds).toBe(11);
  });

  it('drops a cancelled timer, and cancelling after it fired is harmless', async () => {
    const clock = createTestClock();
    let fired = 0;
    const dropped = clock.setTimer(() => fired++, 10);
    const kept = clock.setTimer(() => fired++, 10);
    dropped.cancel();
    await clock.advance(10);
    kept.cancel();
    expect(fired).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it('jumps the wall clock without touching timers or the monotonic clock', async () => {
    const clock = createTestClock(1_000_000);
    let fired = false;
    clock.setTimer(() => (fired = true), 60_000);
    clock.setWall(5_000_000);
    await clock.advance(1);
    expect([clock.now(), clock.monotonic(), fired]).toEqual([5_000_001, 1, false]);
    clock.setWall(0);
    await clock.advance(59_999);
    expect([clock.now(), clock.monotonic(), fired]).toEqual([59_999, 60_000, true]);
  });

  it('runs overlapping calls of advance one after the other', async () => {
    const clock = createTestClock(0);
    const fired: number[] = [];
    for (const delayMs of [5, 15]) clock.setTimer(() => fired.push(clock.now()), delayMs);
    await Promise.all([clock.advance(10), clock.advance(10)]);
    expect(fired).toEqual([5, 15]);
    expect(clock.now()).toBe(20);
  });

  it('rejects with what a callback throws, and goes on afterwards', async () => {
    const clock = createTestClock(0);
    clock.setTimer(() => {
      throw new Error('callback failed');
    }, 1);
    await expect(clock.advance(5)).rejects.toThrow('callback failed');
    await clock.advance(5);
    expect(clock.now()).toBe(6);
  });

  it.each([-1, Number.NaN])('refuses to advance by %s', async (ms) => {
    await expect(createTestClock().advance(ms)).rejects.toThrow(RangeError);
  });
});
