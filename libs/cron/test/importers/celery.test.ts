import { fromCelery, fromCeleryBeat } from '@staddle/cron/import';
import { describe, expect, it } from 'vitest';

const TZ = { tz: 'UTC' };

describe('crontab()', () => {
  it.each([
    [{}, '* * * * *'],
    [{ minute: 0 }, '0 * * * *'],
    [{ minute: '*/15' }, '*/15 * * * *'],
    // Written so that the policy for clock changes holds for all of it.
    [{ minute: '*/15', hour: '9-17' }, '0-59/15 9-17 * * *'],
    [{ minute: 0, hour: '*/3,8-17' }, '0 0,3,6,8-18,21 * * *'],
    [{ minute: 0, hour: 0, day_of_week: 'sunday,mon' }, '0 0 * * 0,1'],
    [{ minute: 0, hour: 0, day_of_week: 'fri-mon' }, '0 0 * * 0,1,5,6'],
    [{ minute: [0, 30], hour: [9], day_of_week: [1, 2, 3, 4, 5] }, '0,30 9 * * 1-5'],
    [{ minute: 0, hour: 0, day_of_month: '1-7', day_of_week: 1 }, '0 0 1-7 * +1'],
    [{ minute: '0', hour: '4', day_of_week: '*', day_of_month: '*', month_of_year: 'jan,jul', timezone: 'UTC', id: 7 }, '0 4 * 1,7 *'],
    [{ minute: '*/90', hour: 1 }, '0 1 * * *'],
  ])('%j is %s', (schedule, expr) => {
    expect(fromCelery(schedule, TZ).trigger.toJSON()).toMatchObject({ expr, dst: { gap: 'shift' } });
  });

  it.each([
    ['minute', { minute: 60 }],
    ['minute', { minute: '5/15' }],
    ['minute', { minute: 'mon' }],
    ['hour', { hour: [] }],
    ['hour', { hour: { from: 1 } }],
    ['day_of_week', { day_of_week: 7 }],
    ['month_of_year', { month_of_year: 0 }],
    ['schedule', { day_of_month: 30, month_of_year: 2 }],
    ['week', { week: 1 }],
  ])('with a bad %s is refused', (field, schedule) => {
    expect(() => fromCelery(schedule, TZ)).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', system: 'celery', field }));
  });

  it('takes its zone from the row, then from the app, and is refused without one', () => {
    expect(fromCelery({ timezone: 'Asia/Tokyo' }, TZ).trigger.toJSON()).toMatchObject({ tz: 'Asia/Tokyo' });
    expect(() => fromCelery({ minute: 0 })).toThrow(expect.objectContaining({ field: 'timezone' }));
  });
});

describe('an interval', () => {
  it.each([
    [30, 'PT30S'],
    [{ run_every: 0.5 }, 'PT0.5S'],
    [{ every: 2, period: 'days' }, 'P2D'],
  ])('%j is every %s, and drifts no more', (schedule, every) => {
    const { trigger, notes } = fromCelery(schedule);
    expect(trigger.toJSON()).toMatchObject({ kind: 'interval', every });
    expect(notes.map(({ rule }) => rule)).toEqual(['drift', 'first_run']);
  });

  it('that is relative needs an anchor', () => {
    expect(fromCelery({ run_every: 3_600, relative: true }).notes[0]).toMatchObject({ rule: 'first_run', field: 'relative' });
  });

  it.each([
    ['period', { every: 1, period: 'months' }],
    ['every', { every: 0, period: 'days' }],
    ['every', { every: 5, period: 'microseconds' }],
    ['run_every', { run_every: 'often' }],
  ])('with a bad %s is refused', (field, schedule) => {
    expect(() => fromCelery(schedule)).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', field }));
  });
});

it('a clocked time is a date', () => {
  expect(fromCelery({ clocked_time: '2030-01-01T09:00:00Z' }).trigger.next(0)).toBe(Date.UTC(2030, 0, 1, 9));
  expect(fromCelery({ clocked_time: '2030-01-01 09:00:00' }, { tz: 'Asia/Tokyo' }).trigger.next(0)).toBe(Date.UTC(2030, 0, 1));
  expect(() => fromCelery({ clocked_time: 'noon' }, TZ)).toThrow(expect.objectContaining({ field: 'clocked_time' }));
});

it('the sun is refused', () => {
  expect(() => fromCelery({ event: 'sunset', latitude: 31, longitude: 121 }, TZ)).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', field: 'event' }));
});

it('a beat schedule gives its entries by name', () => {
  const entries = fromCeleryBeat({ report: { task: 'shop.report', schedule: { minute: 0, hour: 9 }, args: [1] }, poll: { task: 'shop.poll', schedule: 30 } }, TZ);
  expect(entries.map(({ name, task, args, kwargs, trigger }) => [name, task, args, kwargs, trigger.kind])).toEqual([
    ['report', 'shop.report', [1], {}, 'cron'],
    ['poll', 'shop.poll', [], {}, 'interval'],
  ]);
  expect(() => fromCeleryBeat({ report: { schedule: 5 } })).toThrow(expect.objectContaining({ field: 'report.task' }));
  expect(() => fromCeleryBeat({ report: { task: 'shop.report', schedule: 'daily' } }, TZ)).toThrow(expect.objectContaining({ field: 'report.schedule' }));
  expect(() => fromCeleryBeat({ report: { task: 'shop.report', schedule: { hour: 24 } } }, TZ)).toThrow(expect.objectContaining({ field: 'report.schedule.hour' }));
});
