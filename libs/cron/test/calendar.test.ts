import { calendar, cron, type CalendarOptions } from '@staddle/cron';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const PARIS = 'Europe/Paris';
const NEW_YORK = 'America/New_York';
// Zones that have not changed their clocks since 1970.
const FIXED_OFFSETS: readonly [string, number][] = [
  ['UTC', 0],
  ['Asia/Kolkata', 5.5 * 3_600_000],
  ['America/Phoenix', -7 * 3_600_000],
];

function timesOf(options: CalendarOptions, count: number, from: number = -Infinity): string[] {
  return calendar(options)
    .between(from, Infinity, count)
    .map((at) => new Date(at).toISOString().replace(/:00\.000Z$/, 'Z'));
}

describe('calendar', () => {
  it.each<[string, string, string]>([
    ['a local time', '2026-03-31T09:00', '2026-03-31T09:00:00'],
    ['an instant', '2026-03-31T07:00:00Z', '2026-03-31T09:00:00'],
    ['a local time that clocks skip', '2026-03-29T02:30', '2026-03-29T02:30:00'],
  ])('is anchored at its start where it has one and no anchor: %s', (_, startAt, anchor) => {
    const trigger = calendar({ every: 'P1M', tz: PARIS, startAt });
    expect(trigger.toJSON()).toMatchObject({ anchor });
    expect(trigger.next(-Infinity)).toBe(calendar({ every: 'P1M', tz: PARIS, anchor }).next(-Infinity));
  });

  it.each<[string, string, string, string[]]>([
    ['the 31st, which falls back to the end of a short month and comes back', 'P1M', '2025-01-31T00:00', ['2025-01-31', '2025-02-28', '2025-03-31', '2025-04-30', '2025-05-31']],
    ['the 30th', 'P1M', '2024-01-30T00:00', ['2024-01-30', '2024-02-29', '2024-03-30']],
    ['a leap day every year', 'P1Y', '2024-02-29T00:00', ['2024-02-29', '2025-02-28', '2026-02-28', '2027-02-28', '2028-02-29']],
    ['quarters', 'P3M', '2025-11-30T00:00', ['2025-11-30', '2026-02-28', '2026-05-30', '2026-08-30']],
    ['years and months', 'P1Y6M', '2025-08-31T00:00', ['2025-08-31', '2027-02-28', '2028-08-31', '2030-02-28']],
    ['weeks', 'P2W', '2025-12-25T00:00', ['2025-12-25', '2026-01-08', '2026-01-22']],
    ['days', 'P10D', '2025-02-20T00:00', ['2025-02-20', '2025-03-02', '2025-03-12']],
    ['months, then days', 'P1M10D', '2025-01-31T00:00', ['2025-01-31', '2025-03-10', '2025-04-20', '2025-05-30', '2025-07-10']],
    ['a century', 'P100Y', '2000-02-29T00:00', ['2000-02-29', '2100-02-28', '2200-02-28', '2300-02-28', '2400-02-29']],
  ])('counts from its anchor: %s', (_, every, anchor, days) => {
    expect(timesOf({ every, anchor, tz: 'UTC' }, days.length)).toEqual(days.map((day) => `${day}T00:00Z`));
  });

  it('keeps the time of the day over clock changes', () => {
    expect(timesOf({ every: 'P1M', anchor: '2025-01-31T09:00', tz: PARIS }, 4)).toEqual(['2025-01-31T08:00Z', '2025-02-28T08:00Z', '2025-03-31T07:00Z', '2025-04-30T07:00Z']);
  });

  it.each<[string, string, string[]]>([
    ['P1M', '2025-01-31T00:00', ['2025-01-31', '2025-03-31', '2025-05-31', '2025-07-31', '2025-08-31']],
    ['P1Y', '2096-02-29T00:00', ['2096-02-29', '2104-02-29', '2108-02-29']],
    ['P1M10D', '2025-01-31T00:00', ['2025-01-31', '2025-04-20', '2025-07-10']],
  ])('leaves out days that a month does not have, where told to: %s from %s', (every, anchor, days) => {
    expect(timesOf({ every, anchor, tz: 'UTC', clamp: 'skip' }, days.length)).toEqual(days.map((day) => `${day}T00:00Z`));
  });

  it('finds times that are far away at once, in both directions', () => {
    const trigger = calendar({ every: 'P1Y', anchor: '1972-02-29T12:00', tz: 'UTC', clamp: 'skip' });
    expect(trigger.next(Date.parse('9896-03-01T00:00Z'))).toBe(Date.parse('9904-02-29T12:00Z'));
    expect(trigger.prev(Infinity)).toBe(Date.parse('9996-02-29T12:00Z'));
    const daily = calendar({ every: 'P1D', anchor: '1970-01-01T12:00', tz: PARIS });
    expect(daily.next(Date.parse('9999-12-30T11:00Z'))).toBe(Date.parse('9999-12-31T11:00Z'));
    expect(daily.next(Date.parse('9999-12-31T11:00Z'))).toBeUndefined();
    expect(daily.prev(0)).toBeUndefined();
  });

  it.each<[string, CalendarOptions, string, string[]]>([
    ['a gap: at its end', { every: 'P1D', anchor: '2025-03-08T02:30', tz: NEW_YORK }, '2025-03-08', ['2025-03-08T07:30Z', '2025-03-09T07:00Z', '2025-03-10T06:30Z']],
    ['a gap: shifted', { every: 'P1D', anchor: '2025-03-08T02:30', tz: NEW_YORK, dst: { gap: 'shift' } }, '2025-03-08', ['2025-03-08T07:30Z', '2025-03-09T07:30Z', '2025-03-10T06:30Z']],
    ['a gap: left out', { every: 'P1D', anchor: '2025-03-08T02:30', tz: NEW_YORK, dst: { gap: 'skip' } }, '2025-03-08', ['2025-03-08T07:30Z', '2025-03-10T06:30Z']],
    ['the end of a gap', { every: 'P1D', anchor: '2025-03-08T03:00', tz: NEW_YORK, dst: { gap: 'skip' } }, '2025-03-08', ['2025-03-08T08:00Z', '2025-03-09T07:00Z']],
    ['an anchor in a gap', { every: 'P1D', anchor: '2025-03-09T02:30', tz: NEW_YORK }, '2025-03-01', ['2025-03-09T07:00Z', '2025-03-10T06:30Z']],
    ['an overlap: the first', { every: 'P1D', anchor: '2025-11-01T01:30', tz: NEW_YORK }, '2025-11-02', ['2025-11-02T05:30Z', '2025-11-03T06:30Z']],
    ['an overlap: the second', { every: 'P1D', anchor: '2025-11-01T01:30', tz: NEW_YORK, dst: { overlap: 'second' } }, '2025-11-02', ['2025-11-02T06:30Z', '2025-11-03T06:30Z']],
    ['an overlap: both', { every: 'P1D', anchor: '2025-11-01T01:30', tz: NEW_YORK, dst: { overlap: 'both' } }, '2025-11-02', ['2025-11-02T05:30Z', '2025-11-02T06:30Z', '2025-11-03T06:30Z']],
    ['a gap at midnight', { every: 'P1D', anchor: '2018-11-03T00:00', tz: 'America/Sao_Paulo' }, '2018-11-03', ['2018-11-03T03:00Z', '2018-11-04T03:00Z', '2018-11-05T02:00Z']],
    ['thirty minutes', { every: 'P1D', anchor: '2025-10-04T02:15', tz: 'Australia/Lord_Howe', dst: { gap: 'shift' } }, '2025-10-04', ['2025-10-04T15:45Z', '2025-10-05T15:15Z']],
    ['a day that the date line took away', { every: 'P1D', anchor: '2011-12-28T12:00', tz: 'Pacific/Apia' }, '2011-12-28', ['2011-12-28T22:00Z', '2011-12-29T22:00Z', '2011-12-30T22:00Z']],
  ])('where clocks change: %s', (_, options, from, times) => {
    expect(timesOf(options, times.length, Date.parse(from))).toEqual(times);
    const trigger = calendar(options);
    for (const [index, time] of times.slice(1).entries()) expect(trigger.prev(Date.parse(time))).toBe(Date.parse(times[index]!));
  });

  it('starts one step after its creation when it has no anchor, and keeps the local time of it', () => {
    const trigger = calendar({ every: 'P1M', tz: PARIS });
    expect(() => trigger.next(0)).toThrow(expect.objectContaining({ code: 'ERR_CRON_UNRESOLVED', kind: 'calendar' }));
    const now = Date.parse('2025-01-31T08:00:00.250Z');
    const resolved = trigger.resolve(now);
    expect(resolved.toJSON()).toEqual({ v: 1, kind: 'calendar', every: 'P1M', anchor: '2025-01-31T09:00:00.250', tz: PARIS });
    expect(new Date(resolved.next(now)!).toISOString()).toBe('2025-02-28T08:00:00.250Z');
    expect(resolved.resolve(now + 1)).toBe(resolved);
  });

  it.each(['P1M', 'P1Y', 'P3Y', 'P1W', 'P1D', 'P1M10D', 'P100Y', 'P7M'])('agrees with counting one by one: %s', (every) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 20_000 }),
        fc.integer({ min: 0, max: 86_399_999 }),
        fc.constantFrom<'last' | 'skip'>('last', 'skip'),
        fc.integer({ min: 0, max: 40 }),
        fc.constantFrom(...FIXED_OFFSETS),
        (day, timeMs, clamp, count, [tz, offsetMs]) => {
          const anchor = new Date(day * 86_400_000 + timeMs + 86_400_000).toISOString().slice(0, -1);
          const expected = Array.from({ length: 60 }, (_, step) => localDate(anchor, every, step, clamp)).filter((local) => local !== undefined);
          const trigger = calendar({ every, anchor, tz, clamp });
          const inZone = expected.map((local) => local - offsetMs).filter((at) => new Date(at).getUTCFullYear() < 2_400);
          for (const [index, at] of inZone.slice(0, count).entries()) {
            expect(trigger.next(at - 1)).toBe(at);
            expect(trigger.prev(at + 1)).toBe(at);
            expect(trigger.prev(at)).toBe(inZone[index - 1]);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each(['', 'P', '1M', 'P0D', 'P0M', 'P1M0.5D', 'PT1H', 'P1DT1H', 'P-1M', 'P1D1M', 'monthly', 'P10000M', 'P1201M', 'P36501D', 86_400_000, undefined, null, ['P1M']])('refuses to come every %o', (every) => {
    expect(() => calendar({ every: every as string, tz: 'UTC' })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'every', value: every }));
  });

  it.each(['', '2025-01-31', '2025-01-31T09:00Z', '2025-01-31T09:00+01:00', '2025-02-29T09:00', '1969-12-31T09:00', 0])('refuses an anchor of %o', (anchor) => {
    expect(() => calendar({ every: 'P1M', tz: 'UTC', anchor: anchor as string })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'anchor', value: anchor }));
  });

  it('refuses a zone that is missing or unknown', () => {
    expect(() => calendar({ every: 'P1M' } as CalendarOptions)).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'tz' }));
    expect(() => calendar({ every: 'P1M', tz: 'Europe/Atlantis' })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'tz' }));
  });

  it.each(['fire_at_end', 'shift', 'skip'] as const)('does at clock changes what cron does at fixed times, with gap %s', (gap) => {
    for (const overlap of ['first', 'second', 'both'] as const) {
      for (const tz of [NEW_YORK, 'Australia/Lord_Howe', 'Antarctica/Troll', 'Africa/Cairo', 'America/Havana', 'Pacific/Apia', 'Africa/Casablanca']) {
        for (const time of ['00:00', '00:30', '01:15', '01:45', '02:30', '12:00']) {
          const [hour, minute] = time.split(':').map(Number);
          const from = Date.parse('2011-01-01T00:00Z');
          const byCron = cron(`${minute} ${hour} * * *`, { tz, dst: { gap, overlap } }).between(from, from + 366 * 86_400_000, 1_000);
          const byCalendar = calendar({ every: 'P1D', anchor: `2010-12-31T${time}`, tz, dst: { gap, overlap } }).between(from, from + 366 * 86_400_000, 1_000);
          expect(byCalendar, `${time} in ${tz}`).toEqual(byCron);
        }
      }
    }
  });
});

/** By the calendar of Date, in UTC. */
function localDate(anchor: string, every: string, step: number, clamp: 'last' | 'skip'): number | undefined {
  const [, years = 0, months = 0, weeks = 0, days = 0] = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?$/.exec(every)!.map((digits) => Number(digits ?? 0));
  const date = new Date(`${anchor}Z`);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + step * (years * 12 + months));
  const length = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  if (clamp === 'skip' && day > length) return undefined;
  date.setUTCDate(Math.min(day, length) + step * (weeks * 7 + days));
  return date.getTime();
}
