import { describe, expect, it } from 'vitest';
import { createTimeZone, tryTimeZone, type OffsetPeriod } from '../src/zone/time-zone.ts';
import { clocksOf } from './oracle/clocks.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function periods(tz: string, from: string, to: string): OffsetPeriod[] {
  const zone = tryTimeZone(tz)!;
  const found: OffsetPeriod[] = [];
  for (let at = Date.parse(from); at < Date.parse(to); at = found.at(-1)!.endAt) found.push(zone.periodAt(at));
  return found;
}

/** The offset changes of an interval of time, as text. */
function changes(tz: string, from: string, to: string): string[] {
  return periods(tz, from, to)
    .filter(({ startAt, offsetMs, previousOffsetMs }) => offsetMs !== previousOffsetMs && startAt >= Date.parse(from))
    .map(({ startAt, offsetMs, previousOffsetMs }) => `${new Date(startAt).toISOString()} ${previousOffsetMs / HOUR} to ${offsetMs / HOUR}`);
}

describe('a time zone', () => {
  it.each(['America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca', 'Asia/Gaza', 'Pacific/Apia', 'Europe/Dublin', 'UTC'])(
    'has in %s the offset that clocks show, looked up in any order',
    (tz) => {
      const clocks = clocksOf(tz);
      const zone = tryTimeZone(tz)!;
      const instants = Array.from({ length: 4_000 }, (_, index) => ((index * 7_919) % 4_000) * 71 * HOUR + 1_234_000); // 1970 to 2002
      expect(instants.filter((ms) => zone.periodAt(ms).offsetMs !== clocks(ms) - ms)).toEqual([]);
    },
  );

  it('changes at the second, and knows what was before', () => {
    expect(changes('America/New_York', '2025-01-01', '2026-01-01')).toEqual(['2025-03-09T07:00:00.000Z -5 to -4', '2025-11-02T06:00:00.000Z -4 to -5']);
    expect(changes('Pacific/Apia', '2011-12-01', '2012-01-31')).toEqual(['2011-12-30T10:00:00.000Z -10 to 14']);
  });

  it('finds periods as short as a week', () => {
    expect(changes('America/Noronha', '2000-09-01', '2000-12-01')).toEqual(['2000-10-08T02:00:00.000Z -2 to -1', '2000-10-15T01:00:00.000Z -1 to -2']);
  });

  it('finds a change at the very seam of two blocks of years', () => {
    // 2079-03-24T00:00Z is 109 times 366 days after 1970.
    expect(changes('Asia/Jerusalem', '2079-03-01', '2079-04-01')).toEqual(['2079-03-24T00:00:00.000Z 2 to 3']);
  });

  it('shows on a period both of its changes, when they are within two days of a seam as well', () => {
    const seam = 50 * 366 * DAY;
    const wrong = [];
    for (let distance = -2 * DAY; distance <= 2 * DAY; distance += HOUR / 2) {
      const changeAt = seam + distance;
      const zone = createTimeZone((ms) => (ms < changeAt ? 0 : HOUR));
      for (let ms = seam - 3 * DAY; ms <= seam + 3 * DAY; ms += HOUR / 2) {
        const { startAt, endAt, offsetMs, previousOffsetMs, nextOffsetMs } = zone.periodAt(ms);
        const right =
          startAt <= ms &&
          ms < endAt &&
          offsetMs === (ms < changeAt ? 0 : HOUR) &&
          previousOffsetMs === (startAt === changeAt ? 0 : offsetMs) &&
          nextOffsetMs === (endAt === changeAt ? HOUR : offsetMs) &&
          (ms >= changeAt || changeAt - ms > 2 * DAY || endAt === changeAt) &&
          (ms < changeAt || ms - changeAt >= 2 * DAY || startAt === changeAt);
        if (!right) wrong.push({ distance, ms: ms - seam });
      }
    }
    expect(wrong).toEqual([]);
  });

  it('leads from a local time back to its instant, to the earlier or the later one of two', () => {
    const seam = 50 * 366 * DAY;
    for (const change of [-3, -0.5, 0.5, 3]) {
      for (let distance = -8; distance <= 8; distance += 1) {
        const offsetAt = (ms: number): number => (ms < seam + distance * (HOUR / 2) ? 0 : change * HOUR);
        const zone = createTimeZone(offsetAt);
        for (let at = seam - DAY; at < seam + DAY; at += HOUR / 4) {
          const instants = [zone.instantOf(at + offsetAt(at), 0), zone.instantOf(at + offsetAt(at), 1)];
          expect(instants).toContain(at);
          expect(instants[0]).toBeLessThanOrEqual(instants[1]!);
        }
      }
    }
  });

  it('is known by its IANA name and by links to it, in any case, and made once', () => {
    for (const name of ['Europe/Paris', 'Europe/Kyiv', 'Asia/Kolkata', 'US/Eastern', 'Etc/GMT+5', 'America/Argentina/Buenos_Aires', 'UTC', 'utc', 'GMT']) {
      expect(tryTimeZone(name)).toBeDefined();
    }
    expect(tryTimeZone('europe/paris')).toBe(tryTimeZone('Europe/Paris'));
    expect(tryTimeZone('EUROPE/paris')).toBe(tryTimeZone('Europe/Paris'));
  });

  it('is not known by letters that only look the same, before and after it is made', () => {
    expect(tryTimeZone('Europe/\u212Ayiv')).toBeUndefined();
    expect(tryTimeZone('Europe/Kyiv')).toBeDefined();
    expect(tryTimeZone('Europe/\u212Ayiv')).toBeUndefined(); // the Kelvin sign, whose small letter is k
  });

  it('reads a year again that it has dropped for others', () => {
    const years: number[] = [];
    const zone = createTimeZone((ms) => {
      if (ms % (366 * DAY) === 0) years.push(ms / (366 * DAY));
      return 0;
    });
    for (let year = 0; year < 1_000; year++) zone.periodAt(year * 366 * DAY);
    const read = years.length;
    zone.periodAt(999 * 366 * DAY);
    expect(years).toHaveLength(read);
    zone.periodAt(0);
    expect(years.length).toBeGreaterThan(read);
  });

  it.each(['', ' ', 'Paris', 'Europe/Paris ', 'Europe/', '/', 'EST', 'IST', 'BST', 'PST8PDT', '+01:00', 'UTC+1', 'Z', 'Local', 'Europe/Paris\u0000'])('is not %o', (name) => {
    expect(tryTimeZone(name)).toBeUndefined();
  });
});
