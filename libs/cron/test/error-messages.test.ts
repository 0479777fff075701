import { createScheduler, cron, defineCron, explain, holidayCalendar, lintTrigger, parseTrigger, scanCrons, type Scheduler } from '@staddle/cron';
import { fromApscheduler, fromBullmq, fromCelery, fromKubernetes, fromQuartz } from '@staddle/cron/import';
import { describe, expect, it } from 'vitest';

const none = undefined as never;
function scheduled(): Scheduler {
  const scheduler = createScheduler();
  scheduler.schedule('nightly', nightly, () => {});
  return scheduler;
}

const nightly = cron('0 2 * * *', { tz: 'UTC' });

describe('what was not given at all is refused by its name alone:', () => {
  it.each<[string, () => unknown, string]>([
    ['an expression', () => cron(none, { tz: 'UTC' }), 'cron expression is not text'],
    ['a handler', () => createScheduler().schedule('nightly', nightly, none), 'schedule handler is not a function'],
    ['a name', () => createScheduler().schedule(none, nightly, () => {}), 'schedule name is not well-formed text of 1 to 200 characters'],
    ['a definition', () => defineCron(none), 'schedule definition is not an object'],
    ['a holiday calendar', () => holidayCalendar(none), 'cron declaration is no object with the options of holidayCalendar: name, days, weekend, workdays, tz'],
    ['the name of a holiday calendar', () => holidayCalendar({ name: none, weekend: ['SAT'] }), 'cron declaration is no name of a holiday calendar: text of 1 to 100 characters'],
    ['what to explain', () => explain(none), 'trigger is neither an expression nor a trigger: parseTrigger makes one of JSON'],
    ['the options of Quartz', () => fromQuartz('0 0 2 ? * 2', none), 'quartz tz is missing: give the IANA time zone that the original ran in, such as Europe/Paris, or UTC'],
    ['the options of APScheduler', () => fromApscheduler({ trigger: 'cron', hour: 2 }, none), 'apscheduler version is none of 3.10 (for all before it), 3.11, 4'],
    ['a Quartz expression', () => fromQuartz(none, { tz: 'UTC' }), 'quartz expression is missing'],
    ['a zone', () => fromBullmq({ pattern: '0 2 * * *' }), 'bullmq tz is missing: give the IANA time zone that the original ran in, such as Europe/Paris, or UTC'],
    ['a pattern', () => fromBullmq({}), 'bullmq pattern and every are both given, or neither is'],
    ['a job', () => fromKubernetes(none), 'kubernetes cronJob is not an object'],
    ['a date', () => fromApscheduler({ trigger: 'date' }, { version: '4', tz: 'UTC' }), 'apscheduler run_date is missing: without it the job ran once, when it was added'],
    ['a length', () => fromCelery({ every: null, period: 'days' }), 'celery every is missing'],
    ['a period', () => fromCelery({ run_every: null }), 'celery run_every is missing'],
  ])('%s', (_, mistake, message) => {
    expect(mistake).toThrow(expect.objectContaining({ code: expect.stringMatching(/^ERR_CRON_/), message }));
  });

  it('a directory', async () => {
    await expect(scanCrons({ directory: none })).rejects.toThrow(expect.objectContaining({ code: 'ERR_CRON_DECLARATION', message: 'cron declaration directory is not text' }));
  });
});

describe('what is something else is refused with what it is:', () => {
  it.each<[string, () => unknown, string]>([
    ['an expression as a whole, once', () => cron('* * *', { tz: 'UTC' }), 'cron expression "* * *" has 3 fields: 5, 6 with the second in front, or 7 with the year at the end as well'],
    ['an object for an expression', () => cron({ minute: 5 } as never, { tz: 'UTC' }), 'cron expression { minute: 5 } is not text'],
    ['JSON for a trigger to explain', () => explain(nightly.toJSON() as never), `trigger { v: 1, kind: 'cron', expr: '0 2 * * *', tz: 'UTC' } is neither an expression nor a trigger: parseTrigger makes one of JSON`],
    ['an object for a list of calendars', () => parseTrigger(nightly.toJSON(), { calendars: {} as never }), 'trigger calendars {} is not a list of holiday calendars'],
    ['no number for where the lint begins', () => lintTrigger(nightly, { from: Number.NaN }), 'instant NaN is not a number of milliseconds'],
    ['an option that no holiday calendar has', () => holidayCalendar({ name: 'cn', weekend: ['SAT'], holidays: ['2026-10-01'] } as never), 'cron declaration "cn" has holidays, which is not an option of holidayCalendar: name, days, weekend, workdays, tz'],
    ['an option that pause does not have', () => scheduled().pause('nightly', { until: 5 } as never), 'schedule until 5 is not an option of pause: reason, untilAt'],
    ['a reason for the options of pause', () => scheduled().pause('nightly', 'vendor is down' as never), 'schedule options "vendor is down" is not an object'],
    ['an option that resume does not have', () => scheduled().resume('nightly', { run: true } as never), 'schedule run true is not an option of resume: missed'],
    ['locks that are none', () => createScheduler({ locks: {} as never }), 'schedule locks {} is not what createLocks of @staddle/lock gives: it has no runOnce'],
    ['null for locks, which would run everything everywhere', () => createScheduler({ locks: null as never }), 'schedule locks null is not what createLocks of @staddle/lock gives: it has no runOnce'],
  ])('%s', (_, mistake, message) => {
    expect(mistake).toThrow(expect.objectContaining({ code: expect.stringMatching(/^ERR_CRON_/), message }));
  });

  it('options that stop and remove do not have', async () => {
    await expect(scheduled().stop({ drain: 5 } as never)).rejects.toThrow('schedule drain 5 is not an option of stop: drainMs, abortMs');
    await expect(scheduled().runUntilStopped({ drain: 5 } as never)).rejects.toThrow('schedule drain 5 is not an option of stop: drainMs, abortMs');
    await expect(scheduled().remove('nightly', { abort: true } as never)).rejects.toThrow('schedule abort true is not an option of remove: runs');
  });
});
