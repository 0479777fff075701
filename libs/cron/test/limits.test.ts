import { calendar, cron, date, interval, or, type CronOptions, type LimitOptions, type Trigger } from '@staddle/cron';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const NOW = Date.parse('2026-11-20T10:00:00Z');
const HOUR = 3_600_000;
const NEW_YORK = 'America/New_York';

const hourly = (options: LimitOptions = {}): Trigger => interval({ every: '1h', anchor: '2026-01-01T00:00:00Z', ...options });
const at9 = (options: Partial<CronOptions> = {}): Trigger => cron('0 9 * * *', { tz: NEW_YORK, ...options });
const iso = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : new Date(ms).toISOString());

describe('startAt and endAt', () => {
  it('are themselves allowed', () => {
    const trigger = hourly({ startAt: NOW, endAt: NOW + 2 * HOUR });
    expect(trigger.between(0, Infinity, 10)).toEqual([NOW, NOW + HOUR, NOW + 2 * HOUR]);
    expect([trigger.prev(Infinity), trigger.prev(NOW + 1), trigger.prev(NOW)]).toEqual([NOW + 2 * HOUR, NOW, undefined]);
    expect([NOW - HOUR, NOW, NOW + 2 * HOUR, NOW + 3 * HOUR].map((at) => trigger.matches(at))).toEqual([false, true, true, false]);
  });

  it('leave out the millisecond before and after', () => {
    expect(hourly({ startAt: NOW + 1 }).next(0)).toBe(NOW + HOUR);
    expect(hourly({ endAt: NOW + HOUR - 1 }).prev(Infinity)).toBe(NOW);
  });

  it('are local times where there is a zone, and stay so', () => {
    const trigger = at9({ startAt: '2026-11-20T09:00', endAt: '2026-11-21T09:00:00' });
    expect(trigger.between(0, Infinity, 10).map(iso)).toEqual(['2026-11-20T14:00:00.000Z', '2026-11-21T14:00:00.000Z']);
    expect(trigger.toJSON()).toMatchObject({ startAt: '2026-11-20T09:00:00', endAt: '2026-11-21T09:00:00' });
    expect(() => hourly({ startAt: '2026-11-20T09:00' })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'startAt' }));
  });

  it('mean the jump for a local time that clocks skip', () => {
    const half = (limits: LimitOptions): Trigger => cron('*/30 * * * *', { tz: NEW_YORK, ...limits });
    expect(iso(half({ startAt: '2025-03-09T02:30' }).next(0))).toBe('2025-03-09T07:00:00.000Z');
    expect(iso(half({ endAt: '2025-03-09T02:30' }).prev(Infinity))).toBe('2025-03-09T07:00:00.000Z');
    expect(iso(cron('30 2 * * *', { tz: NEW_YORK, startAt: '2025-03-09T02:30' }).next(0))).toBe('2025-03-09T07:00:00.000Z');
  });

  it('take in both showings of a local time that comes twice', () => {
    const twice = cron('30 1 * * *', { tz: NEW_YORK, dst: { overlap: 'both' }, startAt: '2025-11-02T01:30', endAt: '2025-11-02T01:30' });
    expect(twice.between(0, Infinity, 10).map(iso)).toEqual(['2025-11-02T05:30:00.000Z', '2025-11-02T06:30:00.000Z']);
  });

  it.each<[LimitOptions, string, string]>([
    [{ startAt: NOW, endAt: NOW - 1 }, 'endAt', 'is before startAt 2026-11-20T10:00:00.000Z'],
    [{ startAt: -1 }, 'startAt', 'is not an instant between 1970 and 9999'],
    [{ endAt: NaN }, 'endAt', 'is not an instant between 1970 and 9999'],
    [{ endAt: 0n as never }, 'endAt', 'is not an instant between 1970 and 9999'],
  ])('are refused as %o', (limits, field, rule) => {
    expect(() => hourly(limits)).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field, rule }));
  });

  it('are refused when they leave no time', () => {
    for (const limits of [{ startAt: NOW + 1, endAt: NOW + 2 }, { endAt: '2025-12-31T23:59:59.999Z' }, { startAt: '9999-12-31T23:30:00Z' }]) {
      expect(() => hourly(limits)).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: undefined, rule: 'never comes: no time is left within its limits' }));
    }
  });
});

describe('maxRuns', () => {
  it('counts from the start', () => {
    const trigger = at9({ startAt: '2026-11-20T00:00', maxRuns: 3 });
    expect(trigger.between(0, Infinity, 10).map((at) => iso(at)!.slice(0, 10))).toEqual(['2026-11-20', '2026-11-21', '2026-11-22']);
    expect(iso(trigger.prev(Infinity))).toBe('2026-11-22T14:00:00.000Z');
    expect(iso(trigger.prev(Date.parse('2026-11-22T14:00Z')))).toBe('2026-11-21T14:00:00.000Z');
    expect(trigger.next(Date.parse('2026-11-22T14:00Z'))).toBeUndefined();
  });

  it('counts only what exclusions leave', () => {
    const trigger = hourly({ startAt: NOW, maxRuns: 3, exclude: [date({ at: NOW }), date({ at: NOW + 2 * HOUR })] });
    expect(trigger.between(0, Infinity, 10)).toEqual([NOW + HOUR, NOW + 3 * HOUR, NOW + 4 * HOUR]);
  });

  it('may be more than there are', () => {
    const trigger = hourly({ startAt: NOW, endAt: NOW + HOUR, maxRuns: 10_000 });
    expect(trigger.between(0, Infinity, 10)).toEqual([NOW, NOW + HOUR]);
    expect(trigger.prev(Infinity)).toBe(NOW + HOUR);
  });

  it('counts from the creation when there is no start, without a run at that very instant', () => {
    const trigger = hourly({ maxRuns: 2 });
    expect(() => trigger.next(0)).toThrow(expect.objectContaining({ code: 'ERR_CRON_UNRESOLVED' }));
    const resolved = trigger.resolve(NOW);
    expect(resolved.toJSON()).toMatchObject({ startAt: '2026-11-20T10:00:00.001Z', maxRuns: 2 });
    expect(resolved.between(0, Infinity, 10)).toEqual([NOW + HOUR, NOW + 2 * HOUR]);
    expect(interval({ every: '1h', maxRuns: 2 }).resolve(NOW).between(0, Infinity, 10)).toEqual([NOW + HOUR, NOW + 2 * HOUR]);
    expect(calendar({ every: 'P1D', tz: 'UTC', maxRuns: 1 }).resolve(NOW).between(0, Infinity, 10)).toEqual([NOW + 24 * HOUR]);
  });

  it.each([0, -1, 1.5, 10_001, NaN, Infinity, '5'])('is refused as %o', (maxRuns) => {
    expect(() => hourly({ maxRuns: maxRuns as number })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'maxRuns', value: maxRuns }));
  });
});

describe('exclude', () => {
  it('leaves out the times of a trigger, and nothing beside them', () => {
    const trigger = hourly({ exclude: [interval({ every: '2h', anchor: NOW }), date({ at: NOW + 3 * HOUR + 1 })] });
    expect(trigger.between(NOW, NOW + 6 * HOUR, 10)).toEqual([NOW + HOUR, NOW + 3 * HOUR, NOW + 5 * HOUR]);
    expect(trigger.prev(NOW + 3 * HOUR)).toBe(NOW + HOUR);
  });

  it('waits for the creation when an excluded trigger does', () => {
    const trigger = hourly({ exclude: [interval({ every: '2h' })] });
    expect(() => trigger.next(NOW)).toThrow(expect.objectContaining({ code: 'ERR_CRON_UNRESOLVED' }));
    const resolved = trigger.resolve(NOW);
    expect(resolved.between(NOW, NOW + 4 * HOUR, 10)).toEqual([NOW + HOUR, NOW + 3 * HOUR]);
    expect(resolved.toJSON()).toMatchObject({ exclude: [{ v: 1, kind: 'interval', every: 'PT2H', anchor: '2026-11-20T10:00:00.000Z' }] });
  });

  it('is left out of the JSON when there is nothing in it', () => {
    expect(hourly({ exclude: [] }).toJSON()).toEqual(hourly().toJSON());
  });

  it('stays what it is when the list that it was made from changes', () => {
    const exclude = [date({ at: NOW })];
    const trigger = hourly({ exclude, maxRuns: 2 });
    exclude.pop();
    expect(trigger.resolve(NOW - HOUR).between(0, Infinity, 10)).toEqual([NOW + HOUR, NOW + 2 * HOUR]);
  });

  it('takes a bounded number of steps for a list of times', () => {
    const second = 1_000;
    const trigger = interval({ every: 1, anchor: 0, exclude: [or([interval({ every: second, anchor: 0 })])] });
    expect(trigger.between(0, 5_000, 5_000)).toHaveLength(4_995);
    const seldom = interval({ every: 1, anchor: 0, exclude: [interval({ every: 1, anchor: 0, exclude: [interval({ every: second, anchor: 0 })] })] });
    expect(seldom.between(0, Infinity, 100)).toHaveLength(100);
    expect(() => seldom.between(0, Infinity, 1_000)).toThrow(expect.objectContaining({ code: 'ERR_CRON_TOO_SPARSE', steps: 1_000_000 }));
  });
});

describe('jitter', () => {
  const minute = 60_000;

  it('is drawn from seed and instant alone, and moves no time', () => {
    const trigger = hourly({ jitter: '1m', seed: 'report' });
    expect(trigger.next(NOW)).toBe(NOW + HOUR);
    const jitter = trigger.jitterMs(NOW);
    expect(hourly({ jitter: '1m', seed: 'report', endAt: NOW }).jitterMs(NOW)).toBe(jitter);
    expect(hourly({ jitter: '1m', seed: 'mail' }).jitterMs(NOW)).not.toBe(jitter);
    expect(trigger.jitterMs(NOW + HOUR)).not.toBe(jitter);
  });

  it('has not changed since it was first stored', () => {
    const trigger = hourly({ jitter: '1h', seed: 'report' });
    expect([NOW, NOW + HOUR, NOW + 2 * HOUR, 0].map((at) => trigger.jitterMs(at))).toEqual([1_885_391, 7_626, 101_312, 2_667_761]);
  });

  it('is less than the given duration, and never negative', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 86_400_000 }), fc.string({ minLength: 1, maxLength: 200 }), fc.integer({ min: 0, max: 253_402_300_799_999 }), (jitter, seed, at) => {
        const drawn = hourly({ jitter, seed }).jitterMs(at);
        expect(Number.isInteger(drawn) && drawn >= 0 && drawn < jitter).toBe(true);
      }),
    );
  });

  it.each([
    ['over the instants of one trigger', (index: number) => hourly({ jitter: minute, seed: 'report' }).jitterMs(NOW + index * HOUR)],
    ['over the triggers of one instant', (index: number) => hourly({ jitter: minute, seed: `task-${index}` }).jitterMs(NOW)],
  ])('is spread evenly %s', (_, draw) => {
    const buckets = Array.from({ length: 20 }, () => 0);
    const draws = 4_000;
    for (let index = 0; index < draws; index++) buckets[Math.floor(draw(index) / (minute / buckets.length))]! += 1;
    const expected = draws / buckets.length;
    const chiSquare = buckets.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 19 degrees of freedom: 43.8 is passed by chance once in a thousand. The draws are the same every time.
    expect(chiSquare).toBeLessThan(43.8);
  });

  it('waits for a seed', () => {
    const trigger = hourly({ jitter: '1m' });
    const unresolved = expect.objectContaining({ code: 'ERR_CRON_UNRESOLVED' });
    expect(() => trigger.jitterMs(NOW)).toThrow(unresolved);
    expect(() => trigger.next(NOW)).toThrow(unresolved);
    expect(() => trigger.resolve(NOW).next(NOW)).toThrow(unresolved);
    const resolved = trigger.resolve(NOW, { seed: 'report' });
    expect(resolved.toJSON()).toMatchObject({ jitter: 'PT1M', seed: 'report' });
    expect(resolved.jitterMs(NOW)).toBe(hourly({ jitter: '1m', seed: 'report' }).jitterMs(NOW));
    expect(resolved.resolve(NOW, { seed: 'mail' })).toBe(resolved);
  });

  it('keeps a seed of its own', () => {
    expect(interval({ every: '1h', jitter: '1m', seed: 'own' }).resolve(NOW, { seed: 'given' }).toJSON()).toMatchObject({ seed: 'own' });
  });

  it.each([0, -1, '25h', 'some', 1.5])('is refused as %o', (jitter) => {
    expect(() => hourly({ jitter })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'jitter', value: jitter }));
  });
});

describe('seed', () => {
  it('is left out where it spreads nothing, so that equal triggers have one hash', () => {
    expect(hourly({ seed: 'report' }).hash).toBe(hourly().hash);
    expect(at9({ seed: 'report' }).toJSON()).toEqual(at9().toJSON());
    expect(interval({ every: '1h' }).resolve(NOW, { seed: 'report' }).toJSON()).not.toHaveProperty('seed');
  });

  it('may be anything where it spreads nothing', () => {
    expect(interval({ every: '1h' }).resolve(NOW, { seed: '' }).next(NOW)).toBe(NOW + HOUR);
    expect(() => interval({ every: '1h', jitter: '1m' }).resolve(NOW, { seed: '' })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'seed' }));
  });

  it('spreads H', () => {
    const trigger = cron('H H * * *', { tz: 'UTC' });
    expect(() => trigger.next(NOW)).toThrow(expect.objectContaining({ code: 'ERR_CRON_UNRESOLVED' }));
    const resolved = trigger.resolve(NOW, { seed: 'report' });
    expect(resolved.toJSON()).toMatchObject({ expr: 'H H * * *', seed: 'report' });
    expect(resolved.next(NOW)).toBe(cron('H H * * *', { tz: 'UTC', seed: 'report' }).next(NOW));
  });

  it.each(['', 'x'.repeat(201), 5, null])('is refused as %o', (seed) => {
    expect(() => hourly({ seed: seed as string })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'seed', value: seed }));
  });
});
