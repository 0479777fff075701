import { cron, date, interval, type MisfirePolicy, type Trigger } from '@staddle/cron';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lateInstants, rangeOf } from '../../src/scheduler/misfire.ts';
import { HOUR, MINUTE, SECOND, START } from './test-bench.ts';

const POLICY: MisfirePolicy = { mode: 'latest', windowMs: HOUR, max: 100, graceMs: 5 * SECOND };
const everyMinute = interval({ every: '1m', anchor: START });

/** As `FROM..TO xCOUNT` before, runs, and after, in minutes after the start. */
function late(trigger: Trigger, nowMs: number, policy: Partial<MisfirePolicy>, firstAt = START): { skipped: (string | undefined)[]; runs: number[]; next: number | undefined } {
  const { skippedBefore, runAt, skippedAfter, nextAt } = lateInstants(trigger, { firstAt, nowMs, policy: { ...POLICY, ...policy } });
  const minutes = (at: number): number => (at - START) / MINUTE;
  return {
    skipped: [skippedBefore, skippedAfter].map((range) => range && `${minutes(range.fromAt)}..${minutes(range.toAt)} x${range.count}`),
    runs: runAt.map(minutes),
    next: nextAt === undefined ? undefined : minutes(nextAt),
  };
}

describe('which late instants run', () => {
  const now = START + 10 * MINUTE + 30 * SECOND; // 0 to 10 are late, 11 is to come

  it.each([
    ['latest', ['0..9 x10', undefined], [10]],
    ['earliest', [undefined, '1..10 x10'], [0]],
    ['all', [undefined, undefined], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
    ['none', ['0..10 x11', undefined], []],
  ] as const)('%s', (mode, skipped, runs) => {
    expect(late(everyMinute, now, { mode })).toEqual({ skipped, runs, next: 11 });
  });

  it('takes the newest of all, at most max', () => {
    expect(late(everyMinute, now, { mode: 'all', max: 3 })).toEqual({ skipped: ['0..7 x8', undefined], runs: [8, 9, 10], next: 11 });
  });

  it('runs none that is older than the window', () => {
    const windowMs = 4 * MINUTE;
    expect(late(everyMinute, now, { mode: 'all', windowMs })).toEqual({ skipped: ['0..6 x7', undefined], runs: [7, 8, 9, 10], next: 11 });
    expect(late(everyMinute, now, { mode: 'earliest', windowMs })).toEqual({ skipped: ['0..6 x7', '8..10 x3'], runs: [7], next: 11 });
    expect(late(everyMinute, now, { mode: 'latest', windowMs: 29 * SECOND })).toEqual({ skipped: ['0..10 x11', undefined], runs: [], next: 11 });
    expect(late(everyMinute, now, { mode: 'latest', windowMs: 30 * SECOND }).runs).toEqual([10]);
  });

  it('leaves what is within the grace to come, and runs the latest late one only when none is on time', () => {
    const justNow = START + 10 * MINUTE + 5 * SECOND;
    expect(late(everyMinute, justNow, { mode: 'latest' })).toEqual({ skipped: ['0..9 x10', undefined], runs: [], next: 10 });
    expect(late(everyMinute, justNow, { mode: 'all', max: 2 })).toEqual({ skipped: ['0..7 x8', undefined], runs: [8, 9], next: 10 });
    expect(late(everyMinute, justNow + 1, { mode: 'latest' }).runs).toEqual([10]);
  });

  it('ends with the trigger', () => {
    expect(late(date({ at: START }), START + HOUR, { mode: 'earliest' })).toEqual({ skipped: [undefined, undefined], runs: [0], next: undefined });
    expect(late(date({ at: START }), START + HOUR + 1, { mode: 'earliest' })).toEqual({ skipped: ['0..0 x1', undefined], runs: [], next: undefined });
  });

  it('is not late before its jitter has passed', () => {
    const spread = interval({ every: '1m', anchor: START, jitter: '40s', seed: 'x' });
    const at = START + 2 * MINUTE;
    const begin = at + spread.jitterMs(at);
    const { nextAt } = lateInstants(spread, { firstAt: START, nowMs: begin + 5 * SECOND, policy: POLICY });
    expect(nextAt).toBe(at);
    expect(lateInstants(spread, { firstAt: START, nowMs: begin + 5 * SECOND + 1, policy: POLICY }).nextAt).toBe(START + 3 * MINUTE);
  });
});

describe('counting', () => {
  it('is exact for a plain interval of any length, by arithmetic', () => {
    const trigger = interval({ every: 1, anchor: START });
    const { skippedBefore, runAt } = lateInstants(trigger, { firstAt: START, nowMs: START + 24 * HOUR, policy: { ...POLICY, mode: 'all', max: 3 } });
    expect(skippedBefore).toEqual({ fromAt: START, toAt: START + 24 * HOUR - 5_004, count: 24 * HOUR - 5_003, exact: true });
    expect(runAt).toEqual([3, 2, 1].map((ago) => START + 24 * HOUR - 5_000 - ago));
  });

  it('says when it gave up counting', () => {
    const everySecond = cron('* * * * * *', { tz: 'UTC' });
    expect(rangeOf(everySecond, START, START + 9_999 * SECOND)).toEqual({ fromAt: START, toAt: START + 9_999 * SECOND, count: 10_000, exact: true });
    expect(rangeOf(everySecond, START, START + 10_000 * SECOND)).toEqual({ fromAt: START, toAt: START + 10_000 * SECOND, count: 10_000, exact: false });
  });

  it('asks a bounded number of questions', () => {
    let questions = 0;
    const inner = interval({ every: 1, anchor: START, exclude: [interval({ every: 7, anchor: START + 3 })] });
    const counted: Trigger = { ...inner, next: (at) => (questions++, inner.next(at)), prev: (at) => (questions++, inner.prev(at)), toJSON: () => inner.toJSON(), jitterMs: () => 0 } as Trigger;
    lateInstants(counted, { firstAt: START, nowMs: START + 24 * HOUR, policy: { ...POLICY, mode: 'all' } });
    expect(questions).toBeLessThan(20_000);
  });
});

it('splits the enumeration of the trigger, whatever the policy', () => {
  const trigger = interval({ every: '7s', anchor: START, exclude: [interval({ every: '35s', anchor: START })] });
  fc.assert(
    fc.property(
      fc.record({
        lateMs: fc.integer({ min: 1, max: 10 * MINUTE }),
        mode: fc.constantFrom('latest', 'earliest', 'all', 'none'),
        windowMs: fc.integer({ min: 0, max: 12 * MINUTE }),
        max: fc.integer({ min: 1, max: 20 }),
        graceMs: fc.integer({ min: 0, max: MINUTE }),
      }),
      ({ lateMs, ...policy }) => {
        const firstAt = trigger.next(START)!;
        const nowMs = firstAt + policy.graceMs + lateMs;
        const { skippedBefore, runAt, skippedAfter, nextAt } = lateInstants(trigger, { firstAt, nowMs, policy });
        const members = (from: number, to: number): number[] => trigger.between(from, to + 1, 10_000);
        const parts = [skippedBefore && members(skippedBefore.fromAt, skippedBefore.toAt), runAt, skippedAfter && members(skippedAfter.fromAt, skippedAfter.toAt)];
        expect(parts.flatMap((part) => part ?? [])).toEqual(members(firstAt, nextAt! - 1));
        expect([skippedBefore?.count, skippedAfter?.count]).toEqual([parts[0]?.length, parts[2]?.length]);
        expect(nextAt).toBeGreaterThanOrEqual(nowMs - policy.graceMs);
        for (const at of runAt) expect(nowMs - at).toBeLessThanOrEqual(policy.windowMs);
      },
    ),
    { numRuns: 500 },
  );
});
