import { cron, date, holidayCalendar, interval, type HolidayCalendarOptions, type Trigger } from '@staddle/cron';
import { describe, expect, it } from 'vitest';

// The National Day of China in 2026, with its make-up days.
const CN: HolidayCalendarOptions = { name: 'cn', days: ['2026-10-01/2026-10-07'], weekend: ['SAT', 'SUN'], workdays: ['2026-09-20', '2026-10-10'] };

function daysOf(trigger: Trigger, from: string, to: string): string[] {
  return trigger.between(Date.parse(from), Date.parse(to), 1_000).map((at) => new Date(at).toISOString().slice(0, 10));
}

describe('a holiday calendar', () => {
  it.each([
    ['2026-09-19', true],
    ['2026-09-20', false],
    ['2026-09-30', false],
    ['2026-10-01', true],
    ['2026-10-07', true],
    ['2026-10-08', false],
    ['2026-10-10', false],
    ['2026-10-11', true],
  ])('says of %s whether it is left out: %s', (day, excluded) => {
    const calendar = holidayCalendar(CN);
    expect(calendar.excludes(day)).toBe(excluded);
    expect(calendar.excludes(Date.parse(day) / 86_400_000)).toBe(excluded);
  });

  it('takes weekdays in any case', () => {
    expect(holidayCalendar({ name: 'x', weekend: ['fri' as 'FRI'] }).excludes('2026-11-20')).toBe(true);
  });

  it('is immutable, whatever becomes of the lists that it was made from', () => {
    const days = ['2026-10-01'];
    const calendar = holidayCalendar({ name: 'x', days });
    days.push('2026-10-02');
    expect(calendar.excludes('2026-10-02')).toBe(false);
    expect(Object.isFrozen(calendar)).toBe(true);
  });

  it('has one version for one set of days, however they are written', () => {
    const { version } = holidayCalendar({ name: 'a', days: ['2026-10-01/2026-10-03'] });
    expect(version).toMatch(/^[0-9a-f]{64}$/);
    expect(holidayCalendar({ name: 'b', days: ['2026-10-02/2026-10-03', '2026-10-01', '2026-10-02'] }).version).toBe(version);
    expect(holidayCalendar({ name: 'a', days: ['2026-10-01/2026-10-04'] }).version).not.toBe(version);
    expect(holidayCalendar({ name: 'a', days: ['2026-10-01/2026-10-03'], tz: 'Asia/Shanghai' }).version).not.toBe(version);
  });

  it.each<[string, unknown, string]>([
    ['no name', { days: ['2026-10-01'] }, 'is no name of a holiday calendar: text of 1 to 100 characters'],
    ['an empty name', { name: '', days: ['2026-10-01'] }, 'is no name of a holiday calendar: text of 1 to 100 characters'],
    ['an unknown zone', { ...CN, tz: 'Asia/Atlantis' }, 'has a tz that is not an IANA time zone such as Asia/Shanghai'],
    ['no day at all', { name: 'cn', workdays: ['2026-10-10'] }, 'leaves out no day: give it days or a weekend'],
    ['days that are no list', { name: 'cn', days: '2026-10-01' }, 'has days that are no list'],
    ['a day that does not exist', { name: 'cn', days: ['2026-10-01', '2026-02-29'] }, 'has days.1 that is neither a day such as 2026-10-01 nor a range such as 2026-10-01/2026-10-07'],
    ['a day with a time', { name: 'cn', days: ['2026-10-01T00:00'] }, 'has days.0 that is neither a day such as 2026-10-01 nor a range such as 2026-10-01/2026-10-07'],
    ['a number', { name: 'cn', days: [20_000] }, 'has days.0 that is neither a day such as 2026-10-01 nor a range such as 2026-10-01/2026-10-07'],
    ['half a range', { name: 'cn', days: ['2026-10-01/'] }, 'has days.0 that is neither a day such as 2026-10-01 nor a range such as 2026-10-01/2026-10-07'],
    ['a range of three', { name: 'cn', days: ['2026-10-01/2026-10-02/2026-10-03'] }, 'has days.0 that is neither a day such as 2026-10-01 nor a range such as 2026-10-01/2026-10-07'],
    ['a range that runs backwards', { name: 'cn', days: ['2026-10-07/2026-10-01'] }, 'has days.0 that ends before it begins'],
    ['a range of centuries', { name: 'cn', days: ['1970-01-01/9999-12-31'] }, 'has more than 10000 days'],
    ['a bad workday', { ...CN, workdays: ['10 October'] }, 'has workdays.0 that is neither a day such as 2026-10-01 nor a range such as 2026-10-01/2026-10-07'],
    ['an unknown weekday', { name: 'cn', weekend: ['SAT', 'Sunday'] }, 'has weekend.1 that is none of SUN, MON, TUE, WED, THU, FRI, SAT'],
    ['a weekend without end', { name: 'cn', weekend: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'] }, 'has a weekend of the whole week'],
  ])('refuses %s', (_, options, rule) => {
    expect(() => holidayCalendar(options as HolidayCalendarOptions)).toThrow(expect.objectContaining({ code: 'ERR_CRON_DECLARATION', rule }));
  });

  it.each(['', 'tomorrow', '2026-02-29', 1.5, NaN, undefined])('refuses to look up %o, which is no day', (day) => {
    expect(() => holidayCalendar(CN).excludes(day as string)).toThrow(expect.objectContaining({ code: 'ERR_CRON_INSTANT', value: day }));
  });
});

describe('a trigger that leaves out days', () => {
  it('knows make-up days', () => {
    const trigger = cron('0 9 * * *', { tz: 'Asia/Shanghai', exclude: [holidayCalendar(CN)] });
    expect(daysOf(trigger, '2026-09-26', '2026-10-13')).toEqual(['2026-09-28', '2026-09-29', '2026-09-30', '2026-10-08', '2026-10-09', '2026-10-10', '2026-10-12']);
    expect(trigger.prev(Date.parse('2026-10-08T00:00Z'))).toBe(Date.parse('2026-09-30T01:00Z'));
    expect(trigger.matches(Date.parse('2026-10-01T01:00Z'))).toBe(false);
  });

  it('means the days of its zone, unless the calendar has one', () => {
    const days = ['2026-10-01'];
    const everySixHours = { tz: 'UTC', startAt: '2026-09-30T12:00', endAt: '2026-10-02T00:00' };
    const times = (tz?: string): number[] =>
      cron('0 0,6,12,18 * * *', { ...everySixHours, exclude: [holidayCalendar({ name: 'x', days, tz })] })
        .between(0, Infinity, 20)
        .map((at) => (at - Date.parse('2026-09-30T12:00Z')) / 3_600_000);
    expect(times()).toEqual([0, 6, 36]);
    expect(times('Asia/Shanghai')).toEqual([0, 30, 36]); // from 16:00 to 16:00
  });

  it('refuses a calendar without zone when it has none itself, and one with a bad zone', () => {
    expect(() => interval({ every: '1h', anchor: 0, exclude: [holidayCalendar(CN)] })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'exclude.0', value: 'cn' }));
    const own = { ...holidayCalendar(CN), tz: 'Nowhere' };
    expect(() => interval({ every: '1h', anchor: 0, exclude: [own] })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'exclude.0.tz' }));
  });

  it('passes over days of every millisecond without a step for each', () => {
    const trigger = interval({ every: 1, anchor: '2026-01-01T00:00Z', exclude: [holidayCalendar({ ...CN, tz: 'UTC' })] });
    expect(trigger.next(Date.parse('2026-09-30T23:59:59.999Z'))).toBe(Date.parse('2026-10-08T00:00Z'));
    expect(trigger.prev(Date.parse('2026-10-08T00:00Z'))).toBe(Date.parse('2026-09-30T23:59:59.999Z'));
  });

  it.each<[string, string, string, string, string]>([
    ['begins at 01:00', 'America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00Z', '2018-11-05T02:00Z'],
    ['has 23 hours', 'America/New_York', '2025-03-09', '2025-03-09T05:00Z', '2025-03-10T04:00Z'],
    ['has 25 hours', 'America/New_York', '2025-11-02', '2025-11-02T04:00Z', '2025-11-03T05:00Z'],
    ['begins twice', 'America/Havana', '2025-11-02', '2025-11-02T04:00Z', '2025-11-03T05:00Z'],
  ])('leaves out all of a day that %s', (_, tz, day, from, to) => {
    const trigger = cron('* * * * *', { tz, exclude: [holidayCalendar({ name: 'x', days: [day] })] });
    expect(trigger.next(Date.parse(from) - 60_000)).toBe(Date.parse(to));
    expect(trigger.prev(Date.parse(to))).toBe(Date.parse(from) - 60_000);
  });

  it('comes back for the minute in which clocks go from one day to the one before', () => {
    // In St John's clocks went back at 00:01, from November 2 to 23:01 of November 1.
    const trigger = cron('* * * * *', { tz: 'America/St_Johns', exclude: [holidayCalendar({ name: 'x', days: ['2008-11-01'] })] });
    const midnight = Date.parse('2008-11-02T02:30Z');
    expect(trigger.between(midnight - 86_400_000 + 60_000, midnight + 3_700_000, 10)).toEqual([midnight, midnight + 3_600_000, midnight + 3_660_000]);
    expect(trigger.prev(midnight + 3_600_000)).toBe(midnight);
  });

  it('refuses to leave out every time that it has', () => {
    expect(() => cron('0 9 1 10 *', { tz: 'UTC', endAt: '2027-01-01T00:00', startAt: '2026-01-01T00:00', exclude: [holidayCalendar(CN)] })).toThrow(
      expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: undefined, rule: 'never comes: no time is left within its limits' }),
    );
    expect(() => cron('0 9 * * SAT', { tz: 'UTC', exclude: [holidayCalendar({ name: 'x', weekend: ['SAT'] })] })).toThrow(
      expect.objectContaining({ code: 'ERR_CRON_TRIGGER', rule: expect.stringMatching(/^has no time that can be found in 100000 steps/) }),
    );
  });

  it('refuses what is no calendar and no trigger, the same calendar twice, and more than 32', () => {
    const calendar = holidayCalendar(CN);
    const every = (exclude: unknown): Trigger => cron('0 9 * * *', { tz: 'UTC', exclude: exclude as [] });
    const refusal = (field: string, rule: string): unknown => expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field, rule });
    expect(() => every(calendar)).toThrow(refusal('exclude', 'is not a list of holiday calendars and triggers'));
    expect(() => every([calendar, 'cn'])).toThrow(refusal('exclude.1', 'is neither a holiday calendar nor a trigger'));
    expect(() => every([{ next: () => 5 }])).toThrow(refusal('exclude.0', 'is neither a holiday calendar nor a trigger'));
    expect(() => every([calendar, date({ at: 0 }), calendar])).toThrow(refusal('exclude.2', 'is there twice'));
    expect(() => every(Array(33).fill(date({ at: 0 })))).toThrow(refusal('exclude', 'has 33 items, more than 32'));
  });
});
