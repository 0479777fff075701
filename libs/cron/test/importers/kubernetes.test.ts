import { fromKubernetes } from '@staddle/cron/import';
import { describe, expect, it } from 'vitest';

function cronJob(spec: object, metadata: object = {}): object {
  return { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'report', ...metadata }, spec: { jobTemplate: {}, ...spec } };
}

function expressionOf(schedule: string): unknown {
  return fromKubernetes(cronJob({ schedule, timeZone: 'UTC' })).trigger.toJSON();
}

function timesOf(schedule: string, from: string, to: string, timeZone = 'America/New_York'): string[] {
  const { trigger } = fromKubernetes(cronJob({ schedule, timeZone }));
  return trigger.between(Date.parse(from), Date.parse(to), 100).map((at) => new Date(at).toISOString().slice(5, 16));
}

describe('a CronJob', () => {
  it('gives its schedule, its overlap policy and its deadline', () => {
    const { trigger, options } = fromKubernetes(cronJob({ schedule: '30 9 * * mon-fri', timeZone: 'Europe/Paris', concurrencyPolicy: 'Forbid', startingDeadlineSeconds: 600, suspend: true }));
    expect(trigger.toJSON()).toEqual({ v: 1, kind: 'cron', expr: '30 9 * * 1-5', tz: 'Europe/Paris', dst: { gap: 'skip', overlap: 'both' } });
    expect(options).toEqual({ overlap: 'skip', misfire: { mode: 'latest', windowMs: 600_000 }, paused: true });
  });

  it.each([
    ['Allow', 'allow'],
    ['Forbid', 'skip'],
    ['Replace', 'cancel_other'],
  ])('with the concurrency policy %s has the overlap policy %s', (concurrencyPolicy, overlap) => {
    expect(fromKubernetes(cronJob({ schedule: '@daily', timeZone: 'UTC', concurrencyPolicy })).options.overlap).toBe(overlap);
  });

  it('says that without a deadline Kubernetes makes up for runs of any age', () => {
    expect(fromKubernetes(cronJob({ schedule: '@daily', timeZone: 'UTC' })).notes.map(({ rule }) => rule)).toEqual(['missed_runs']);
  });

  it('takes its zone from the spec, from the schedule or from the caller, and is refused without one', () => {
    expect(fromKubernetes(cronJob({ schedule: 'CRON_TZ=Asia/Tokyo 0 9 * * *' })).trigger.toJSON()).toMatchObject({ tz: 'Asia/Tokyo' });
    expect(fromKubernetes(cronJob({ schedule: 'TZ=Asia/Tokyo 0 9 * * *' })).trigger.toJSON()).toMatchObject({ tz: 'Asia/Tokyo' });
    expect(fromKubernetes(cronJob({ schedule: '0 9 * * *' }), { tz: 'UTC' }).trigger.toJSON()).toMatchObject({ tz: 'UTC' });
    expect(() => fromKubernetes(cronJob({ schedule: '0 9 * * *' }))).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', system: 'kubernetes', field: 'spec.timeZone' }));
    expect(() => fromKubernetes(cronJob({ schedule: 'TZ=UTC 0 9 * * *', timeZone: 'UTC' }))).toThrow(expect.objectContaining({ field: 'spec.schedule' }));
  });
});

describe('the schedule', () => {
  it.each([
    ['*/15 * * * *', '*/15 * * * *'],
    ['? ? ? ? ?', '* * * * *'],
    ['5/20 3 * * *', '5-45/20 3 * * *'],
    ['0 0 1 JAN,jul *', '0 0 1 1,7 *'],
    ['@weekly', '0 0 * * 0'],
    ['0 0 13 * fri', '0 0 13 * 5'],
    // robfig/cron takes a step of more than one for a restriction, so that either day is enough; ours would not.
    ['0 0 */2 * mon', '0 0 1-31/2 * 1'],
    ['0 0 */1 * mon', '0 0 * * 1'],
    ['0 0 1 * 0-6', '0 0 1 * 0-6'],
  ])('%s is %s', (schedule, expr) => {
    expect(expressionOf(schedule)).toMatchObject({ expr });
  });

  it.each(['', '* * * *', '0 0 * * 7', '60 * * * *', '5-1 * * * *', '0 0 L * *', '@reboot', '@every', '@every 5', '*/0 * * * *', '0 0 30 2 *'])('%j is refused', (schedule) => {
    expect(() => expressionOf(schedule)).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', field: 'spec.schedule' }));
  });

  // The cases of robfig/cron's own tests.
  it('skips what clocks skip and runs twice what they repeat', () => {
    expect(timesOf('0 2 * * *', '2012-03-11T05:00Z', '2012-03-12T12:00Z')).toEqual(['03-12T06:00']);
    expect(timesOf('0 1 * * *', '2012-11-04T04:00Z', '2012-11-05T12:00Z')).toEqual(['11-04T05:00', '11-04T06:00', '11-05T06:00']);
    expect(timesOf('0 * * * *', '2012-03-11T05:30Z', '2012-03-11T08:30Z')).toEqual(['03-11T06:00', '03-11T07:00', '03-11T08:00']);
    expect(timesOf('0 9 10 * *', '2018-11-01T00:00Z', '2018-11-30T00:00Z', 'America/Sao_Paulo')).toEqual(['11-10T11:00']);
  });

  it('@every counts from the creation of the object, in whole seconds', () => {
    const { trigger } = fromKubernetes(cronJob({ schedule: '@every 1h30m0.5s' }, { creationTimestamp: '2026-01-01T00:00:10Z' }));
    expect(trigger.toJSON()).toEqual({ v: 1, kind: 'interval', every: 'PT1H30M', anchor: '2026-01-01T01:30:10.000Z' });
    const { trigger: unknown, notes } = fromKubernetes(cronJob({ schedule: '@every 10ms', startingDeadlineSeconds: 60 }));
    expect(unknown.toJSON()).toEqual({ v: 1, kind: 'interval', every: 'PT1S' });
    expect(notes.map(({ rule }) => rule)).toEqual(['first_run', 'drift']);
  });
});

it.each([
  ['apiVersion', { apiVersion: 'v1', kind: 'CronJob', spec: {} }],
  ['kind', { apiVersion: 'batch/v1', kind: 'Job', spec: {} }],
  ['spec', { apiVersion: 'batch/v1', kind: 'CronJob' }],
  ['cronJob', []],
  ['spec.concurrencyPolicy', cronJob({ schedule: '@daily', timeZone: 'UTC', concurrencyPolicy: 'Never' })],
  ['spec.startingDeadlineSeconds', cronJob({ schedule: '@daily', timeZone: 'UTC', startingDeadlineSeconds: -1 })],
  ['metadata.creationTimestamp', cronJob({ schedule: '@every 1h' }, { creationTimestamp: 'yesterday' })],
])('an object with a bad %s is refused', (field, object) => {
  expect(() => fromKubernetes(object)).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT', field }));
});
