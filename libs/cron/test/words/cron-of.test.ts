import { calendar, holidayCalendar, interval, parseTrigger, type CronTriggerJson, type Trigger } from '@staddle/cron';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unlessRefused } from './unless-refused.ts';

const FROM = Date.parse('2024-01-01T00:00Z');
const YEARS = 6 * 365 * 86_400_000;

const CONVERTED: readonly (readonly [json: object, expected: Omit<CronTriggerJson, 'v' | 'kind'>])[] = [
  [{ kind: 'cron', expr: '*/5 * * * *', tz: 'UTC' }, { expr: '*/5 * * * *', tz: 'UTC' }],
  [{ kind: 'interval', every: '15m', anchor: '1970-01-01T00:00:00Z' }, { expr: '*/15 * * * *', tz: 'UTC' }],
  [{ kind: 'interval', every: '15m', anchor: '2026-01-01T00:07:00Z' }, { expr: '7-59/15 * * * *', tz: 'UTC', startAt: '2026-01-01T00:07:00.000Z' }],
  [{ kind: 'interval', every: '20s', anchor: '1970-01-01T00:00:15Z' }, { expr: '15-59/20 * * * * *', tz: 'UTC' }],
  [{ kind: 'interval', every: '1s', anchor: '1970-01-01T00:00:00Z' }, { expr: '* * * * * *', tz: 'UTC' }],
  [{ kind: 'interval', every: '1m', anchor: '2026-01-01T00:00:30Z' }, { expr: '30 * * * * *', tz: 'UTC', startAt: '2026-01-01T00:00:30.000Z' }],
  [{ kind: 'interval', every: '12h', anchor: '2026-01-01T14:07:30Z', jitter: '30s' }, { expr: '30 7 2-23/12 * * *', tz: 'UTC', startAt: '2026-01-01T14:07:30.000Z', jitter: 'PT30S' }],
  [{ kind: 'interval', every: '1d', anchor: '2026-01-01T14:07:00Z', startAt: '2027-01-01T00:00:00Z', maxRuns: 3 }, { expr: '7 14 * * *', tz: 'UTC', startAt: '2027-01-01T00:00:00.000Z', maxRuns: 3 }],
  [{ kind: 'interval', every: '7d', anchor: '2026-01-01T14:07:00Z' }, { expr: '7 14 * * 4', tz: 'UTC', startAt: '2026-01-01T14:07:00.000Z' }],
  [{ kind: 'date', at: '2026-12-01T09:00:00', tz: 'Asia/Shanghai' }, { expr: '0 0 9 1 12 * 2026', tz: 'Asia/Shanghai' }],
  [{ kind: 'date', at: '2026-12-01T09:00:05Z' }, { expr: '5 0 9 1 12 * 2026', tz: 'UTC' }],
  [{ kind: 'date', at: '2025-03-09T02:30:00', tz: 'America/New_York' }, { expr: '0 0 7 9 3 * 2025', tz: 'UTC' }],
  [{ kind: 'date', at: '2025-11-02T01:30:00', tz: 'America/New_York', fold: 1 }, { expr: '0 30 6 2 11 * 2025', tz: 'UTC' }],
  [{ kind: 'calendar', every: 'P1D', anchor: '2025-01-31T09:00', tz: 'Europe/Paris', dst: { gap: 'skip' } }, { expr: '0 9 * * *', tz: 'Europe/Paris', dst: { gap: 'skip' }, startAt: '2025-01-31T09:00:00' }],
  [{ kind: 'calendar', every: 'P1W', anchor: '2025-01-31T09:00:30', tz: 'Europe/Paris' }, { expr: '30 0 9 * * 5', tz: 'Europe/Paris', startAt: '2025-01-31T09:00:30' }],
  [{ kind: 'calendar', every: 'P1M', anchor: '2025-01-31T09:00', tz: 'Europe/Paris' }, { expr: '0 9 L * *', tz: 'Europe/Paris', startAt: '2025-01-31T09:00:00' }],
  [{ kind: 'calendar', every: 'P1M', anchor: '2025-01-30T09:00', tz: 'Europe/Paris', clamp: 'skip' }, { expr: '0 9 30 * *', tz: 'Europe/Paris', startAt: '2025-01-30T09:00:00' }],
  [{ kind: 'calendar', every: 'P3M', anchor: '2025-11-15T09:00', tz: 'Europe/Paris' }, { expr: '0 9 15 2,5,8,11 *', tz: 'Europe/Paris', startAt: '2025-11-15T09:00:00' }],
  [{ kind: 'calendar', every: 'P6M', anchor: '2025-03-30T09:00', tz: 'Europe/Paris' }, { expr: '0 9 30 3,9 *', tz: 'Europe/Paris', startAt: '2025-03-30T09:00:00' }],
  [{ kind: 'calendar', every: 'P1Y', anchor: '2024-02-29T09:00', tz: 'Europe/Paris' }, { expr: '0 9 L 2 *', tz: 'Europe/Paris', startAt: '2024-02-29T09:00:00' }],
  [{ kind: 'calendar', every: 'P2Y', anchor: '2024-05-01T09:00', tz: 'Europe/Paris' }, { expr: '0 0 9 1 5 * 2024-9999/2', tz: 'Europe/Paris', startAt: '2024-05-01T09:00:00' }],
  [{ kind: 'calendar', every: 'P100Y', anchor: '9950-05-01T09:00', tz: 'Europe/Paris' }, { expr: '0 0 9 1 5 * 9950', tz: 'Europe/Paris', startAt: '9950-05-01T09:00:00' }],
  [{ kind: 'date', at: '1969-12-31T20:00', tz: 'America/New_York' }, { expr: '0 0 1 1 1 * 1970', tz: 'UTC' }],
  [{ kind: 'calendar', every: 'P1D', anchor: '1969-12-31T20:00:07', tz: 'America/New_York' }, { expr: '7 0 20 * * *', tz: 'America/New_York', startAt: '1969-12-31T20:00:07' }],
];

const NOT_CONVERTED: readonly (readonly [why: string, json: object])[] = [
  ['an interval that does not divide the day', { kind: 'interval', every: '90m', anchor: '2026-01-01T00:00:00Z' }],
  ['an interval of several days', { kind: 'interval', every: '2d', anchor: '2026-01-01T00:00:00Z' }],
  ['an interval below a second', { kind: 'interval', every: 500, anchor: '2026-01-01T00:00:00Z' }],
  ['an anchor within a second', { kind: 'interval', every: '15m', anchor: '2026-01-01T00:00:00.250Z' }],
  ['an interval without anchor', { kind: 'interval', every: '15m' }],
  ['a fixed delay', { kind: 'interval', every: '15m', anchor: '2026-01-01T00:00:00Z', mode: 'delay' }],
  ['a count from its creation on', { kind: 'interval', every: '15m', anchor: '2026-01-01T00:00:00Z', maxRuns: 3 }],
  ['a date within a second', { kind: 'date', at: '2026-01-01T00:00:00.250Z' }],
  ['a delay', { kind: 'after', delay: '30m' }],
  ['the 30th or the last day', { kind: 'calendar', every: 'P1M', anchor: '2025-01-30T09:00', tz: 'Europe/Paris' }],
  ['every other week', { kind: 'calendar', every: 'P2W', anchor: '2025-01-30T09:00', tz: 'Europe/Paris' }],
  ['every five months', { kind: 'calendar', every: 'P5M', anchor: '2025-01-15T09:00', tz: 'Europe/Paris' }],
  ['eighteen months', { kind: 'calendar', every: 'P1Y6M', anchor: '2025-01-15T09:00', tz: 'Europe/Paris' }],
  ['months and days', { kind: 'calendar', every: 'P1M1D', anchor: '2025-01-15T09:00', tz: 'Europe/Paris' }],
  ['years up to one that no expression can name', { kind: 'calendar', every: 'P2Y', anchor: '2024-01-01T02:30', tz: 'Pacific/Apia' }],
  ['years from one that no expression can name', { kind: 'calendar', every: 'P2Y', anchor: '1969-12-31T20:00', tz: 'America/New_York' }],
  ['or', { kind: 'or', of: [{ kind: 'cron', expr: '0 9 * * *', tz: 'UTC' }] }],
  ['and', { kind: 'and', of: [{ kind: 'cron', expr: '0 9 * * *', tz: 'UTC' }] }],
];

function walk(trigger: Trigger, from: number, count: number): number[] {
  return trigger.between(from, Infinity, count);
}

describe('toCron', () => {
  it.each(CONVERTED)('of %j', (json, expected) => {
    const trigger = parseTrigger(json);
    const converted = trigger.toCron();
    expect(converted).toEqual({ v: 1, kind: 'cron', ...expected });
    expect(JSON.stringify(parseTrigger(converted))).toBe(JSON.stringify(converted));
  });

  it.each(NOT_CONVERTED)('is undefined for %s', (_why, json) => {
    expect(parseTrigger(json).toCron()).toBeUndefined();
  });

  it('keeps what is left out, by days and by times', () => {
    const weekends = holidayCalendar({ name: 'weekends', weekend: ['SAT', 'SUN'], tz: 'Asia/Tokyo' });
    const trigger = interval({ every: '6h', anchor: '2025-01-01T03:00:00Z', exclude: [weekends, calendar({ every: 'P1W', anchor: '2025-01-01T04:00', tz: 'Europe/Paris' })] });
    const converted = parseTrigger(trigger.toCron(), { calendars: [weekends] });
    expect(walk(converted, FROM, 500)).toEqual(walk(trigger, FROM, 500));
  });

  const ZONES = ['UTC', 'Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca', 'Pacific/Apia', 'America/Sao_Paulo', 'Antarctica/Troll'];
  const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined, freq: 2 });
  const instant = fc.integer({ min: 0, max: YEARS / 900_000 }).map((quarters) => new Date(FROM + quarters * 900_000).toISOString());
  // Where clocks change, and everywhere else; Casablanca and Troll change at other hours than most.
  const local = fc.oneof(
    instant.map((text) => text.slice(0, 19)),
    fc.tuple(fc.constantFrom('2025-03-09', '2025-11-02', '2025-03-30', '2025-10-26', '2025-10-05', '2025-04-06', '2024-02-29', '2025-01-31', '2025-01-30', '2025-05-29', '2025-12-31'), fc.constantFrom('00:00:00', '01:30:00', '02:00:00', '02:15:30', '02:30:00', '03:00:00')).map((parts) => parts.join('T')),
  );
  const limits = fc.record({ startAt: optional(instant), endAt: optional(instant), maxRuns: optional(fc.integer({ min: 1, max: 50 })) });
  const convertible = fc.oneof(
    fc.record({ kind: fc.constant('interval'), every: fc.constantFrom('PT1S', 'PT10S', 'PT45S', 'PT1M', 'PT7M', 'PT15M', 'PT30M', 'PT1H', 'PT5H', 'PT6H', 'PT12H', 'P1D', 'P2D', 'P7D', 'P14D'), anchor: optional(instant) }).chain((kind) => limits.map((rest) => ({ ...kind, ...rest }))),
    fc
      .record({
        kind: fc.constant('calendar'),
        every: fc.constantFrom('P1D', 'P2D', 'P1W', 'P2W', 'P1M', 'P2M', 'P3M', 'P4M', 'P5M', 'P6M', 'P1Y', 'P1Y6M', 'P2Y', 'P4Y', 'P1M1D'),
        anchor: optional(local),
        tz: fc.constantFrom(...ZONES),
        clamp: optional(fc.constantFrom('last', 'skip')),
        dst: optional(fc.record({ gap: fc.constantFrom('fire_at_end', 'shift', 'skip'), overlap: fc.constantFrom('first', 'second', 'both') })),
      })
      .chain((kind) => limits.map((rest) => ({ ...kind, ...rest }))),
    fc.record({ kind: fc.constant('date'), at: local, tz: fc.constantFrom(...ZONES), fold: optional(fc.constantFrom(0, 1)) }),
  );

  it('gives an expression with the same times, also where clocks change', () => {
    let converted = 0;
    fc.assert(
      fc.property(convertible, instant, (json, from) => {
        const trigger = unlessRefused(() => parseTrigger(json));
        const cronJson = trigger?.toCron();
        if (trigger === undefined || cronJson === undefined) return;
        converted++;
        const other = parseTrigger(cronJson);
        expect(JSON.stringify(other)).toBe(JSON.stringify(cronJson));
        expect(walk(other, -Infinity, 400)).toEqual(walk(trigger, -Infinity, 400));
        expect(walk(other, Date.parse(from), 100)).toEqual(walk(trigger, Date.parse(from), 100));
        expect(other.prev(Infinity)).toBe(trigger.prev(Infinity));
      }),
      { numRuns: 1_500 },
    );
    expect(converted).toBeGreaterThan(300);
  });
});
