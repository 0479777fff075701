import {
  after,
  and,
  calendar,
  cron,
  date,
  interval,
  or,
  type AfterOptions,
  type AndOptions,
  type CalendarOptions,
  type CronOptions,
  type DateOptions,
  type IntervalOptions,
  type LimitOptions,
  type Trigger,
} from '@staddle/cron';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const NOW = Date.parse('2026-11-20T10:00:00.123Z');
const LATEST = Date.parse('9999-12-31T23:59:59.999Z');

const iso = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : new Date(ms).toISOString());

function instantOf(options: DateOptions): string | undefined {
  return iso(date(options).next(-Infinity));
}

function isDeeplyFrozen(value: unknown): boolean {
  return typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen));
}

describe('date', () => {
  it('comes once, strictly after the instant asked about', () => {
    const trigger = date({ at: NOW });
    expect([trigger.next(NOW - 1), trigger.next(NOW - 0.5), trigger.next(NOW), trigger.next(NOW + 1)]).toEqual([NOW, NOW, undefined, undefined]);
  });

  it.each<[string, DateOptions, string]>([
    ['an instant in UTC', { at: '2026-12-01T09:00:00Z' }, '2026-12-01T09:00:00.000Z'],
    ['an instant with an offset', { at: '2026-12-01T09:00:00.5+08:00' }, '2026-12-01T01:00:00.500Z'],
    ['an instant west of UTC', { at: '2026-12-01T22:00-05:30' }, '2026-12-02T03:30:00.000Z'],
    ['a local time', { at: '2026-12-01T09:00', tz: 'Asia/Shanghai' }, '2026-12-01T01:00:00.000Z'],
    ['a local time on a leap day', { at: '2028-02-29T00:00:00', tz: 'UTC' }, '2028-02-29T00:00:00.000Z'],
    ['the jump, for a local time that is skipped', { at: '2025-03-09T02:30:00', tz: 'America/New_York' }, '2025-03-09T07:00:00.000Z'],
    ['the jump over a whole day', { at: '2011-12-30T12:00:00', tz: 'Pacific/Apia' }, '2011-12-30T10:00:00.000Z'],
    ['the first of two', { at: '2025-11-02T01:30:00', tz: 'America/New_York' }, '2025-11-02T05:30:00.000Z'],
    ['the first of two by fold 0', { at: '2025-11-02T01:30:00', tz: 'America/New_York', fold: 0 }, '2025-11-02T05:30:00.000Z'],
    ['the second of two by fold 1', { at: '2025-11-02T01:30:00', tz: 'America/New_York', fold: 1 }, '2025-11-02T06:30:00.000Z'],
    ['the only one, whatever the fold', { at: '2025-11-02T03:30:00', tz: 'America/New_York', fold: 1 }, '2025-11-02T08:30:00.000Z'],
    ['the first second of all', { at: '1970-01-01T00:00:00Z' }, '1970-01-01T00:00:00.000Z'],
  ])('means %s', (_, options, expected) => {
    expect(instantOf(options)).toBe(expected);
  });

  it.each<[unknown, string, string]>([
    [{ at: '2026-12-01T09:00:00' }, 'tz', 'is missing: a local time needs its IANA time zone'],
    [{ at: '2026-12-01T09:00:00Z', tz: 'UTC' }, 'tz', 'has no meaning: at has an offset'],
    [{ at: '2026-12-01T09:00:00Z', fold: 0 }, 'fold', 'has no meaning: at has an offset'],
    [{ at: NOW, tz: 'UTC' }, 'tz', 'has no meaning: at is a number or Date'],
    [{ at: '2026-12-01T09:00:00', tz: 'UTC', fold: 2 }, 'fold', 'is neither 0 nor 1'],
    [{ at: '2026-12-01T09:00:00', tz: 'Europe/Atlantis' }, 'tz', 'is not an IANA time zone such as Europe/Paris, or UTC'],
    [{ at: '1969-12-31T23:59:59Z' }, 'at', 'is not an instant between 1970 and 9999'],
    [{ at: '9999-12-31T23:59:59-01:00' }, 'at', 'is not an instant between 1970 and 9999'],
    [{ at: -1 }, 'at', 'is not an instant between 1970 and 9999'],
    [{ at: 1.5 }, 'at', 'is not an instant between 1970 and 9999'],
    [{ at: NaN }, 'at', 'is not an instant between 1970 and 9999'],
    [{ at: LATEST + 1 }, 'at', 'is not an instant between 1970 and 9999'],
  ])('refuses %o', (options, field, rule) => {
    expect(() => date(options as DateOptions)).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field, rule }));
  });

  it.each([
    '', '2026-12-01', '2026-12-01 09:00', '2026-12-01T09', '2026-12-01T24:00Z', '2026-12-01T09:60Z', '2026-12-01T09:00:60Z', '2026-13-01T09:00Z', '2026-00-01T09:00Z',
    '2026-02-29T09:00Z', '2026-04-31T09:00Z', '2026-12-00T09:00Z', '2026-12-01T09:00z', '2026-12-01T09:00+0800', '2026-12-01T09:00+24:00', '2026-12-01T09:00:00.1234Z',
    '12026-12-01T09:00Z', '+002026-12-01T09:00Z', ' 2026-12-01T09:00Z', '2026-12-01T09:00Z\n', 'tomorrow', '1764583200000',
  ])('refuses %o, which is no date and time', (at) => {
    expect(() => date({ at, tz: 'UTC' })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'at', value: at }));
  });
});

describe('after', () => {
  it('is a date once it is created', () => {
    const trigger = after({ delay: 'PT30M' }).resolve(NOW);
    expect(trigger.toJSON()).toEqual({ v: 1, kind: 'date', at: '2026-11-20T10:30:00.123Z' });
    expect(trigger.next(NOW)).toBe(NOW + 30 * 60_000);
    expect(trigger.resolve(NOW + 1)).toBe(trigger);
  });

  it('comes at the next millisecond when there is no delay', () => {
    expect(after({ delay: 0 }).resolve(NOW).next(NOW)).toBe(NOW + 1);
  });

  it('has no times before that', () => {
    const trigger = after({ delay: '2s' });
    for (const ask of [() => trigger.next(NOW), () => trigger.prev(NOW), () => trigger.between(0, NOW, 1), () => trigger.matches(NOW), () => trigger.jitterMs(NOW)]) {
      expect(ask).toThrow(expect.objectContaining({ code: 'ERR_CRON_UNRESOLVED', kind: 'after' }));
    }
  });

  it.each(['', 'soon', '-PT1S', 'P1M', -1, 0.5, NaN, 'P36501D'])('refuses a delay of %o', (delay) => {
    expect(() => after({ delay })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'delay', value: delay }));
  });
});

describe('interval', () => {
  it('starts with its anchor and keeps the rate, however late it is asked', () => {
    const trigger = interval({ every: '15m', anchor: '2026-01-01T00:00:00Z' });
    const anchor = Date.parse('2026-01-01T00:00:00Z');
    expect(trigger.next(-Infinity)).toBe(anchor);
    expect(trigger.next(anchor - 1)).toBe(anchor);
    expect(trigger.next(anchor)).toBe(anchor + 900_000);
    expect(trigger.next(anchor + 899_999)).toBe(anchor + 900_000);
    expect(trigger.next(anchor + 1_000_000)).toBe(anchor + 1_800_000);
  });

  it('is anchored at its start where it has one and no anchor', () => {
    const trigger = interval({ every: '15m', startAt: '2026-01-01T00:10:00Z' });
    expect(trigger.toJSON()).toEqual({ v: 1, kind: 'interval', every: 'PT15M', anchor: '2026-01-01T00:10:00.000Z', startAt: '2026-01-01T00:10:00.000Z' });
    expect(trigger.next(-Infinity)).toBe(Date.parse('2026-01-01T00:10:00Z'));
    expect(trigger.next(Date.parse('2026-01-01T01:00:00Z'))).toBe(Date.parse('2026-01-01T01:10:00Z'));
  });

  it('is anchored at its creation unless told otherwise', () => {
    const trigger = interval({ every: 90_000 }).resolve(NOW);
    expect(trigger.next(NOW)).toBe(NOW + 90_000);
    expect(trigger.toJSON()).toEqual({ v: 1, kind: 'interval', every: 'PT1M30S', anchor: '2026-11-20T10:00:00.123Z' });
    expect(trigger.resolve(NOW + 1)).toBe(trigger);
  });

  it('has no times before that', () => {
    expect(() => interval({ every: '1m' }).next(NOW)).toThrow(expect.objectContaining({ code: 'ERR_CRON_UNRESOLVED', kind: 'interval' }));
  });

  it('counts elapsed time: a day is 24 hours where clocks change', () => {
    const trigger = interval({ every: 'PT24H', anchor: '2025-03-08T07:30:00Z' });
    expect(iso(trigger.next(Date.parse('2025-03-08T07:30:00Z')))).toBe('2025-03-09T07:30:00.000Z');
  });

  it('stays on its grid', () => {
    const instant = fc.integer({ min: 0, max: LATEST });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 36_500 * 86_400_000 }), instant, instant, (everyMs, anchor, from) => {
        // In whole numbers that no rounding touches.
        const periods = from < anchor ? 0n : (BigInt(from) - BigInt(anchor)) / BigInt(everyMs) + 1n;
        const expected = Number(BigInt(anchor) + periods * BigInt(everyMs));
        const trigger = interval({ every: everyMs, anchor });
        expect(trigger.next(from)).toBe(expected <= LATEST ? expected : undefined);
        const before = expected - everyMs;
        expect(trigger.prev(expected)).toBe(before >= anchor ? before : undefined);
        expect(trigger.matches(expected)).toBe(expected <= LATEST);
      }),
    );
  });

  it.each([0, -1, 0.5, '', 'often', 'PT0.0001S', 'P36501D'])('refuses a rate of %o', (every) => {
    expect(() => interval({ every })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'every', value: every }));
  });

  it('says how long after a run the next one begins, with a fixed delay', () => {
    const trigger = interval({ every: '15m', mode: 'delay' });
    expect(trigger.fixedDelayMs).toBe(900_000);
    expect(interval({ every: '15m' }).fixedDelayMs).toBeUndefined();
    const resolved = trigger.resolve(NOW);
    expect(resolved.fixedDelayMs).toBe(900_000);
    expect(resolved.next(NOW)).toBe(NOW + 900_000);
  });

  it.each(['maxRuns', 'exclude'])('refuses %s with a fixed delay', (field) => {
    const limit = field === 'maxRuns' ? { maxRuns: 5 } : { exclude: [date({ at: NOW })] };
    expect(() => interval({ every: '1m', mode: 'delay', ...limit })).toThrow(
      expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field, rule: "has no meaning with mode 'delay': the times depend on how long runs take" }),
    );
  });

  it.each([-1, NaN, LATEST + 1, '', 'now', '2026-01-01T00:00:00', '1969-01-01T00:00:00Z'])('refuses an anchor of %o', (anchor) => {
    expect(() => interval({ every: '1m', anchor })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'anchor', value: anchor }));
  });
});

describe('every trigger', () => {
  const triggers: [string, Trigger][] = [
    ['date', date({ at: NOW })],
    ['after', after({ delay: '1h' }).resolve(NOW)],
    ['interval', interval({ every: '1h' }).resolve(NOW)],
    ['cron', cron('0 * * * *', { tz: 'UTC' })],
    ['calendar', calendar({ every: 'P1M', tz: 'Europe/Paris' }).resolve(NOW)],
    ['or', or([interval({ every: '1h' }), after({ delay: '1h' })]).resolve(NOW)],
    ['and', and([interval({ every: '1h', anchor: 0 }), cron('0 9 * * *', { tz: 'Asia/Shanghai' })], { maxRuns: 3 }).resolve(NOW)],
  ];

  it.each(triggers)('(%s) has nothing after the end of time', (_, trigger) => {
    expect([trigger.next(LATEST), trigger.next(Infinity)]).toEqual([undefined, undefined]);
  });

  it.each(triggers)('(%s) begins in 1970', (_, trigger) => {
    const first = trigger.next(-Infinity)!;
    expect(first).toBeGreaterThanOrEqual(0);
    expect(trigger.next(-1e300)).toBe(first);
    expect(trigger.next(first - 1)).toBe(first);
    expect([trigger.prev(first), trigger.prev(-Infinity), trigger.matches(-1), trigger.matches(-Infinity)]).toEqual([undefined, undefined, false, false]);
  });

  it.each(triggers)('(%s) ends by the end of time', (_, trigger) => {
    const last = trigger.prev(Infinity)!;
    expect(last).toBeLessThanOrEqual(LATEST);
    expect([trigger.prev(LATEST + 1), trigger.next(last), trigger.matches(last), trigger.matches(Infinity)]).toEqual([last, undefined, true, false]);
  });

  it.each(triggers)('(%s) lists its times from one instant up to, and without, another', (_, trigger) => {
    const first = trigger.next(-Infinity)!;
    const second = trigger.next(first);
    expect(trigger.between(-Infinity, Infinity, 1)).toEqual([first]);
    expect(trigger.between(first, first + 1, 10)).toEqual([first]);
    expect(trigger.between(first - 0.5, first + 0.5, 10)).toEqual([first]);
    expect(trigger.between(first, first, 10)).toEqual([]);
    expect(trigger.between(first + 1, first, 10)).toEqual([]);
    expect(trigger.between(first, second ?? Infinity, 10)).toEqual([first]);
    expect(trigger.between(first, Infinity, 2)).toEqual(second === undefined ? [first] : [first, second]);
  });

  it.each(triggers)('(%s) matches its times and no instant beside them', (_, trigger) => {
    const first = trigger.next(-Infinity)!;
    expect([first - 1, first - 0.5, first, first + 0.5].map((at) => trigger.matches(at))).toEqual([false, false, true, false]);
  });

  it.each(triggers)('(%s) has no jitter unless told to', (_, trigger) => {
    expect(trigger.jitterMs(NOW)).toBe(0);
  });

  it.each(triggers)('(%s) is settled', (_, trigger) => {
    expect(trigger.resolve(NOW + 5, { seed: 'other' })).toBe(trigger);
  });

  it.each([0, -1, 1.5, 100_001, NaN, Infinity, '5', undefined])('refuses a list of %o times', (limit) => {
    expect(() => date({ at: NOW }).between(0, NOW, limit as number)).toThrow(expect.objectContaining({ code: 'ERR_CRON_INSTANT', value: limit }));
  });

  it.each(triggers)('(%s) refuses what is no instant', (_, trigger) => {
    for (const value of [NaN, undefined, null, '0', 0n, new Date(NOW), Object.create(null)]) {
      const refusal = expect.objectContaining({ code: 'ERR_CRON_INSTANT', value });
      expect(() => trigger.next(value as never)).toThrow(refusal);
      expect(() => trigger.prev(value as never)).toThrow(refusal);
      expect(() => trigger.matches(value as never)).toThrow(refusal);
      expect(() => trigger.jitterMs(value as never)).toThrow(refusal);
      expect(() => trigger.between(value as never, NOW, 1)).toThrow(refusal);
      expect(() => trigger.between(NOW, value as never, 1)).toThrow(refusal);
    }
  });

  it.each(triggers)('(%s) is immutable', (_, trigger) => {
    expect(Object.isFrozen(trigger)).toBe(true);
    expect(isDeeplyFrozen(trigger.toJSON())).toBe(true);
  });

  it.each(triggers)('(%s) shows its JSON where it is printed', (_, trigger) => {
    expect(inspect(trigger)).toBe(`Trigger ${inspect(trigger.toJSON())}`);
  });

  it('refuses to be created at what is no instant', () => {
    for (const value of [NaN, -1, Infinity, LATEST + 1, undefined, '0']) {
      expect(() => after({ delay: 0 }).resolve(value as never)).toThrow(expect.objectContaining({ code: 'ERR_CRON_INSTANT', value }));
      expect(() => interval({ every: '1m' }).resolve(value as never)).toThrow(expect.objectContaining({ code: 'ERR_CRON_INSTANT', value }));
    }
  });

  it('takes the last minute before the end of time', () => {
    const trigger = cron('59 23 * * *', { tz: 'UTC' });
    expect(iso(trigger.next(Date.parse('9999-12-31T00:00:00Z')))).toBe('9999-12-31T23:59:00.000Z');
    expect(trigger.next(Date.parse('9999-12-31T23:59:00Z'))).toBeUndefined();
  });
});

describe('options', () => {
  const at = new Date('2026-12-01T09:00:00.250Z');

  it('take a Date wherever they take an instant', () => {
    expect(date({ at }).hash).toBe(date({ at: at.getTime() }).hash);
    expect(interval({ every: '1h', anchor: at, startAt: at, endAt: at }).hash).toBe(interval({ every: '1h', anchor: at.getTime(), startAt: at.getTime(), endAt: at.getTime() }).hash);
    expect(() => date({ at: new Date(Number.NaN) })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'at' }) as Error);
  });

  it.each<[string, () => Trigger, string | undefined]>([
    ['cron', () => cron('* * * * *', { tz: 'UTC', jiter: '5m' } as CronOptions), 'jiter'],
    ['interval', () => interval({ every: '1h', start: 5 } as IntervalOptions), 'start'],
    ['calendar', () => calendar({ every: 'P1M', tz: 'UTC', day: 31 } as CalendarOptions), 'day'],
    ['date', () => date({ at, timezone: 'UTC' } as DateOptions), 'timezone'],
    ['after', () => after({ delay: 5, unit: 's' } as AfterOptions), 'unit'],
    ['or', () => or([date({ at })], { threshold: 5 } as LimitOptions), 'threshold'],
    ['and', () => and([date({ at })], { treshold: 5 } as AndOptions), 'treshold'],
    ['cron without any', () => cron('* * * * *', undefined as unknown as CronOptions), 'tz'],
    ['cron with text', () => cron('* * * * *', 'UTC' as unknown as CronOptions), undefined],
    ['interval without any', () => interval(undefined as unknown as IntervalOptions), undefined],
    ['date without any', () => date(undefined as unknown as DateOptions), undefined],
  ])('of %s that do not exist are refused', (_what, build, field) => {
    expect(build).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', ...(field !== undefined && { field }) }) as Error);
  });
});
