import { fromApscheduler, type ApschedulerVersion } from '@staddle/cron/import';
import { describe, expect, it } from 'vitest';

const TZ = 'Asia/Shanghai';

function cronOf(schedule: object, version: ApschedulerVersion = '3.11'): unknown {
  return (fromApscheduler({ trigger: 'cron', ...schedule }, { version, tz: TZ }).trigger.toJSON() as { expr?: unknown }).expr;
}

describe('a cron trigger', () => {
  it.each([
    // Less significant than what is given: the minimum; more significant: all.
    [{ hour: 9 }, '0 9 * * *'],
    [{ minute: 30 }, '30 * * * *'],
    [{ day: 15 }, '0 0 15 * *'],
    [{ month: 3 }, '0 0 1 3 *'],
    [{ year: 2030 }, '0 0 0 1 1 * 2030'],
    [{ day_of_week: 'fri' }, '0 0 * * 5'],
    [{ second: '*/10' }, '*/10 * * * * *'],
    // 0 is Monday.
    [{ day_of_week: 0, hour: 9 }, '0 9 * * 1'],
    [{ day_of_week: '6', hour: 9 }, '0 9 * * 0'],
    [{ day_of_week: '0-4', hour: 9 }, '0 9 * * 1-5'],
    [{ day_of_week: '*/2', hour: 9 }, '0 9 * * 0,1,3,5'],
    [{ crontab: '0 9 * * 1-5' }, '0 9 * * 2-6'],
    [{ crontab: '*/5 * * * sun' }, '*/5 * * * 0'],
    // Both days must match.
    [{ day: 13, day_of_week: 'fri' }, '0 0 13 * +5'],
    [{ day: '1st mon, last sun', hour: 9 }, '0 9 * * 1#1,0L'],
    [{ day: '3rd fri', day_of_week: 'thu,fri' }, '0 0 * * 5#3'],
    [{ day: '3rd fri,3rd sat', day_of_week: 'fri' }, '0 0 * * 5#3'],
    [{ day: 'last' }, '0 0 L * *'],
    [{ day: '1,last', day_of_week: 'mon' }, '0 0 1,L * +1'],
    [{ day: '1,3rd fri' }, '0 0 1 * 5#3'],
    [{ hour: '*/6', minute: '10,20,30' }, '10-30/10 0-23/6 * * *'],
    [{ month: 'jan-mar,nov', day: 1 }, '0 0 1 1-3,11 *'],
    [{ year: '2026-2028', month: 6 }, '0 0 0 1 6 * 2026-2028'],
  ])('%j is %s', (schedule, expr) => {
    expect(cronOf(schedule)).toBe(expr);
  });

  it('without any field is every second in 3, every New Year in 4', () => {
    expect(cronOf({})).toBe('* * * * * *');
    expect(cronOf({}, '4')).toBe('0 0 1 1 *');
  });

  it.each([
    [{ day_of_week: 0 }, '0 0 * * 0'],
    [{ day_of_week: 7 }, '0 0 * * 0'],
    [{ day_of_week: '0-7' }, '0 0 * * 0'],
    [{ day_of_week: '5-1' }, '0 0 * * 0,1,5,6'],
    [{ day_of_week: 'fri-mon' }, '0 0 * * 0,1,5,6'],
    [{ crontab: '0 9 * * 1-5' }, '0 9 * * 1-5'],
  ])('of version 4 has Sunday as 0 and 7: %j is %s', (schedule, expr) => {
    expect(cronOf(schedule, '4')).toBe(expr);
  });

  it('with days by number and by place, of which another field takes some, is two expressions of which either is enough', () => {
    const { trigger } = fromApscheduler({ trigger: 'cron', day: '1,3rd fri', day_of_week: 'mon,fri', end_date: '2026-12-31' }, { version: '3.11', tz: TZ });
    expect(trigger.toJSON()).toMatchObject({ kind: 'or', of: [{ expr: '0 0 1 * +1,5' }, { expr: '0 0 * * 5#3' }], endAt: '2026-12-30T16:00:00.000Z' });
  });

  it.each([
    ['week', { week: 20 }],
    ['minute', { minute: 60 }],
    ['hour', { hour: '9-5' }],
    ['day', { day: '6th fri' }],
    ['day', { day: 'first fri' }],
    ['day', { day: '3rd fri', day_of_week: 'mon' }],
    ['day_of_week', { day_of_week: 7 }],
    ['day_of_week', { day_of_week: 'fri-mon' }],
    ['crontab', { crontab: '0 9 * *' }],
    ['trigger', { day: 30, month: 2 }],
    ['hour', { hour: [9] }],
    ['hours', { hours: 9 }],
  ])('with a bad %s is refused: %j', (field, schedule) => {
    expect(() => cronOf(schedule)).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', system: 'apscheduler', field }));
  });

  it('is read without what APScheduler does not read', () => {
    const weekdays = fromApscheduler({ trigger: 'cron', day_of_week: 'mon-fri/2' }, { version: '3.11', tz: TZ });
    expect(weekdays.trigger.toJSON()).toMatchObject({ expr: '0 0 * * 1-5' });
    expect(weekdays.notes).toEqual([{ rule: 'ignored_text', message: 'APScheduler reads mon-fri/2 as mon-fri, and so does this trigger', field: 'day_of_week' }]);
    expect(fromApscheduler({ trigger: 'cron', day_of_week: '1-5/2' }, { version: '4', tz: TZ }).notes[0]).toMatchObject({ rule: 'ignored_text' });
  });

  it.each([
    ['3.10', { gap: 'shift', overlap: 'second' }],
    ['3.11', { gap: 'shift', overlap: 'both' }],
    ['4', { gap: 'skip', overlap: 'both' }],
  ] as const)('of version %s has the policy %j where clocks change', (version, dst) => {
    expect(fromApscheduler({ trigger: 'cron', hour: 2, timezone: 'Europe/Paris' }, { version }).trigger.toJSON()).toMatchObject({ dst });
  });

  it('runs from its start to its end, both of them included, in its zone', () => {
    const { trigger } = fromApscheduler({ trigger: 'cron', hour: 9, start_date: '2026-03-01 09:00:00', end_date: '2026-03-03T09:00:00+08:00' }, { version: '3.11', tz: TZ });
    expect(trigger.between(0, Date.UTC(2030, 0), 10)).toEqual([1, 2, 3].map((day) => Date.UTC(2026, 2, day, 1)));
  });

  it('with a start that clocks skip or repeat has a note of it', () => {
    const rules = (start_date: string): string[] => fromApscheduler({ trigger: 'interval', hours: 1, start_date }, { version: '3.11', tz: 'Europe/Paris' }).notes.map(({ rule }) => rule);
    expect(rules('2025-03-30 02:30:00')).toEqual(['ambiguous_limit']);
    expect(rules('2025-10-26 02:30:00')).toEqual(['ambiguous_limit']);
    expect(rules('2025-10-26 03:30:00')).toEqual([]);
  });

  it('with jitter draws it by name and instant', () => {
    const { trigger, notes } = fromApscheduler({ trigger: 'cron', hour: 9, jitter: 30 }, { version: '3.11', tz: TZ });
    expect(trigger.toJSON()).toMatchObject({ jitter: 'PT30S' });
    expect(notes.map(({ rule }) => rule)).toEqual(['random']);
  });

  it('needs a zone and a version', () => {
    expect(() => fromApscheduler({ trigger: 'cron', hour: 9 }, { version: '3.11' })).toThrow(expect.objectContaining({ field: 'timezone' }));
    expect(() => fromApscheduler({ trigger: 'cron', hour: 9 }, { version: '3' as '3.11', tz: TZ })).toThrow(expect.objectContaining({ field: 'version' }));
  });
});

describe('an interval trigger', () => {
  it('counts elapsed time from its start', () => {
    const { trigger, notes } = fromApscheduler({ trigger: 'interval', days: 1, hours: 0.5, start_date: '2026-01-01T00:00:00Z' }, { version: '3.11' });
    expect(trigger.toJSON()).toEqual({ v: 1, kind: 'interval', every: 'P1DT30M', anchor: '2026-01-01T00:00:00.000Z' });
    expect(notes).toEqual([]);
  });

  it('without a start runs one interval after its creation in 3, and at once in 4', () => {
    const old = fromApscheduler({ trigger: 'interval', minutes: 5 }, { version: '3.11' });
    expect(old.trigger.resolve(0).next(0)).toBe(300_000);
    expect(old.notes).toEqual([]);
    expect(fromApscheduler({ trigger: 'interval', minutes: 5 }, { version: '4' }).notes.map(({ rule }) => rule)).toEqual(['first_run']);
  });

  it('of a stored job counts from its next run', () => {
    const { trigger } = fromApscheduler({ id: 'a', trigger: 'interval', hours: 1, next_run_time: '2026-01-01T00:20:00+00:00' }, { version: '3.11' });
    expect(trigger.next(Date.UTC(2026, 0, 2))).toBe(Date.UTC(2026, 0, 2, 0, 20));
  });

  it('of no length is a second in 3', () => {
    expect(fromApscheduler({ trigger: 'interval' }, { version: '3.10' }).trigger.toJSON()).toMatchObject({ every: 'PT1S' });
    expect(() => fromApscheduler({ trigger: 'interval', start_time: '2026-01-01T00:00:00Z' }, { version: '4' })).toThrow(expect.objectContaining({ field: 'trigger' }));
  });

  it('in local time moves with the clocks in 4, and not here', () => {
    const { notes } = fromApscheduler({ trigger: 'interval', days: 1, start_time: '2026-01-01T09:00:00' }, { version: '4', tz: 'Europe/Paris' });
    expect(notes.map(({ rule }) => rule)).toEqual(['clock_change']);
  });

  it('of parts of a millisecond is refused', () => {
    expect(() => fromApscheduler({ trigger: 'interval', microseconds: 1_500 }, { version: '4' })).toThrow(expect.objectContaining({ field: 'microseconds' }));
  });
});

describe('a calendar interval trigger', () => {
  it('leaves out days that a month does not have', () => {
    const { trigger } = fromApscheduler({ trigger: 'calendarinterval', months: 1, hour: 9, start_date: '2026-01-31', end_date: '2026-07-31' }, { version: '4', tz: 'UTC' });
    expect(trigger.between(0, Date.UTC(2030, 0), 10).map((at) => new Date(at).toISOString().slice(0, 13))).toEqual(['2026-01-31T09', '2026-03-31T09', '2026-05-31T09', '2026-07-31T09']);
  });

  it('leaves out a time that clocks skip, and runs the first of two', () => {
    const { trigger } = fromApscheduler({ trigger: 'calendarinterval', days: 1, hour: 2, minute: 30, start_date: '2025-03-29', timezone: 'Europe/Paris' }, { version: '4' });
    expect(trigger.between(0, Date.UTC(2025, 3), 10).map((at) => new Date(at).toISOString().slice(5, 16))).toEqual(['03-29T01:30', '03-31T00:30']);
    expect(trigger.between(Date.UTC(2025, 9, 26), Date.UTC(2025, 9, 27), 10)).toEqual([Date.UTC(2025, 9, 26, 0, 30)]);
  });

  it('that mixes months and days is refused', () => {
    expect(() => fromApscheduler({ trigger: 'calendarinterval', months: 1, days: 3 }, { version: '4', tz: 'UTC' })).toThrow(expect.objectContaining({ field: 'months' }));
  });

  it('without a start has a note of its first run', () => {
    expect(fromApscheduler({ trigger: 'calendarinterval', weeks: 2 }, { version: '4', tz: 'UTC' }).notes.map(({ rule }) => rule)).toEqual(['first_run']);
  });
});

it('a date trigger is a date', () => {
  expect(fromApscheduler({ trigger: 'date', run_date: '2030-01-01 09:00:00' }, { version: '3.11', tz: TZ }).trigger.next(0)).toBe(Date.UTC(2030, 0, 1, 1));
  expect(fromApscheduler({ trigger: 'date', run_time: '2030-01-01T09:00:00.0005+00:00' }, { version: '4' }).trigger.next(0)).toBe(Date.UTC(2030, 0, 1, 9, 0, 0, 1));
  expect(() => fromApscheduler({ trigger: 'date' }, { version: '3.11', tz: TZ })).toThrow(expect.objectContaining({ field: 'run_date' }));
  expect(() => fromApscheduler({ trigger: 'date', run_date: '2026-02-30' }, { version: '3.11', tz: TZ })).toThrow(expect.objectContaining({ field: 'run_date' }));
});

describe('combined triggers', () => {
  const triggers = [
    { trigger: 'cron', hour: 9 },
    { trigger: 'cron', day_of_week: 'mon', hour: '9,17' },
  ];

  it('agree in the very same time in 3, within a second in 4', () => {
    const old = fromApscheduler({ trigger: 'and', triggers }, { version: '3.11', tz: TZ });
    expect(old.trigger.next(Date.UTC(2026, 0, 1))).toBe(Date.UTC(2026, 0, 5, 1));
    expect(old.notes).toEqual([]);
    const { trigger, notes } = fromApscheduler({ trigger: 'and', triggers }, { version: '4', tz: TZ });
    expect(trigger.toJSON()).toMatchObject({ kind: 'and', threshold: 'PT1S' });
    expect(notes.map(({ rule }) => rule)).toEqual(['pairing']);
  });

  it('run at the times of each', () => {
    const { trigger } = fromApscheduler({ trigger: 'or', triggers }, { version: '3.11', tz: TZ });
    expect(trigger.between(Date.UTC(2026, 0, 5), Date.UTC(2026, 0, 6, 2), 10)).toEqual([Date.UTC(2026, 0, 5, 1), Date.UTC(2026, 0, 5, 9), Date.UTC(2026, 0, 6, 1)]);
  });

  it('with an interval in it have a note in 3', () => {
    expect(fromApscheduler({ trigger: 'or', triggers: [...triggers, { trigger: 'interval', hours: 1 }] }, { version: '3.11', tz: TZ }).notes.map(({ rule }) => rule)).toEqual(['drift']);
  });

  it('of nothing are refused', () => {
    expect(() => fromApscheduler({ trigger: 'or', triggers: [] }, { version: '4' })).toThrow(expect.objectContaining({ field: 'triggers' }));
  });
});

it('reads what the JSON serializer of version 4 writes', () => {
  const cron = ['apscheduler.triggers.cron:CronTrigger', { version: 1, timezone: 'Europe/Paris', fields: ['*', '*', '*', '*', 'mon-fri', '9', '0', '0'], start_time: '2026-01-01T00:00:00+01:00', end_time: null, last_fire_time: null }];
  const interval = ['apscheduler.triggers.interval:IntervalTrigger', { version: 1, interval: [0, 0, 0, 5, 0, 0], start_time: '2026-01-01T00:00:00+01:00', end_time: null, last_fire_time: null }];
  expect(fromApscheduler({ _apscheduler_json: cron }, { version: '4' }).trigger.toJSON()).toEqual({ v: 1, kind: 'cron', expr: '0 9 * * 1-5', tz: 'Europe/Paris', dst: { gap: 'skip', overlap: 'both' }, startAt: '2025-12-31T23:00:00.000Z' });
  const either = fromApscheduler({ id: 'a', trigger: { _apscheduler_json: ['apscheduler.triggers.combining:OrTrigger', { version: 1, triggers: [cron, interval], next_fire_times: [] }] } }, { version: '4' });
  expect(either.trigger.toJSON()).toMatchObject({ kind: 'or', of: [{ kind: 'cron' }, { kind: 'interval', every: 'PT5M' }] });
  expect(() => fromApscheduler({ _apscheduler_json: ['shop:MyTrigger', {}] }, { version: '4' })).toThrow(expect.objectContaining({ field: 'trigger' }));
});

it('gives what the job says about runs that come late or overlap', () => {
  const { options } = fromApscheduler({ id: 'a', trigger: 'cron', hour: 9, misfire_grace_time: 60, coalesce: true, max_instances: 1 }, { version: '3.11', tz: TZ });
  expect(options).toEqual({ overlap: 'skip', misfire: { mode: 'latest', windowMs: 60_000 } });
  expect(fromApscheduler({ id: 'a', trigger: { type: 'cron', hour: 9 }, next_run_time: null }, { version: '3.11', tz: TZ }).options).toEqual({ paused: true });
  expect(fromApscheduler({ id: 'a', trigger: { type: 'cron', hour: 9 }, max_jitter: 5 }, { version: '4', tz: TZ }).trigger.toJSON()).toMatchObject({ jitter: 'PT5S' });
  expect(fromApscheduler({ id: 'a', trigger: { type: 'date', run_time: '2030-01-01' }, max_jitter: 5 }, { version: '4', tz: TZ }).notes).toMatchObject([{ rule: 'random' }]);
  const several = fromApscheduler({ trigger: 'cron', hour: 9, coalesce: false, max_instances: 3 }, { version: '3.11', tz: TZ });
  expect(several.options).toEqual({ overlap: 'allow', misfire: { mode: 'all' } });
  expect(several.notes.map(({ rule }) => rule)).toEqual(['overlap']);
});

it('another trigger is refused', () => {
  expect(() => fromApscheduler({ trigger: 'moon' }, { version: '4' })).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', field: 'trigger' }));
  expect(() => fromApscheduler(null, { version: '4' })).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', field: 'trigger' }));
});
