import { fromApscheduler, fromBullmq, fromCelery, fromCrontab, fromKubernetes, fromQuartz } from '@staddle/cron/import';
import { describe, expect, it } from 'vitest';

const TZ = { tz: 'UTC' };

function cronJob(schedule: string, spec: object = {}): object {
  return { apiVersion: 'batch/v1', kind: 'CronJob', metadata: {}, spec: { schedule, ...spec } };
}

function inside(levels: number, wrap: (inner: object) => object): object {
  let outer: object = { type: 'cron', hour: 9 };
  for (let level = 0; level < levels; level++) outer = wrap(outer);
  return outer;
}

// What JSON can hold, and what breaks where a value is taken for a text or looked up among the keys of an object.
const NO_TEXT = { toString: 1, valueOf: 1 };
const LONG = `${'*,'.repeat(50_000)}*`;

const REFUSED: readonly (readonly [what: string, read: () => unknown])[] = [
  ['a schedule of Kubernetes that is the name of a method', () => fromKubernetes(cronJob('constructor'), TZ)],
  ['a concurrency policy that is the name of a method', () => fromKubernetes(cronJob('@daily', { concurrencyPolicy: 'constructor' }), TZ)],
  ['a concurrency policy without a text', () => fromKubernetes(cronJob('@daily', { concurrencyPolicy: NO_TEXT }), TZ)],
  ['a schedule of Kubernetes without end', () => fromKubernetes(cronJob(`${LONG} * * * *`), TZ)],
  ['a time of creation in no zone', () => fromKubernetes({ ...cronJob('@every 1h'), metadata: { creationTimestamp: '2026-01-01T00:00:00' } }, TZ)],
  ['a pattern of BullMQ that is the name of a method', () => fromBullmq({ pattern: 'toString' }, TZ)],
  ['a pattern of BullMQ without end', () => fromBullmq({ pattern: `${LONG} * * * *` }, TZ)],
  ['a start in the zone of the machine', () => fromBullmq({ pattern: '0 9 * * *', startDate: '1 Jan 2026' }, TZ)],
  ['a start in the zone of the machine, in figures', () => fromBullmq({ pattern: '0 9 * * *', startDate: '01-02-2026' }, TZ)],
  ['a misfire instruction that is the name of a method', () => fromQuartz('0 0 9 * * ?', { ...TZ, misfire: 'constructor' as 'smart' })],
  ['a misfire instruction without a text', () => fromQuartz('0 0 9 * * ?', { ...TZ, misfire: NO_TEXT as never })],
  ['years of Quartz without end', () => fromQuartz(`0 0 9 * * ? ${LONG}`, TZ)],
  ['a period of Celery that is the name of a method', () => fromCelery({ every: 5, period: 'constructor' }, TZ)],
  ['a period of Celery without a text', () => fromCelery({ every: 5, period: NO_TEXT }, TZ)],
  ['a field of Celery without end', () => fromCelery({ minute: LONG }, TZ)],
  ['a list of Celery without end', () => fromCelery({ minute: Array.from({ length: 50_000 }, () => '*') }, TZ)],
  ['a crontab that is no text', () => fromCrontab(5 as never, TZ)],
  ['a type of APScheduler without a text', () => fromApscheduler({ type: NO_TEXT }, { version: '4', ...TZ })],
  ['a class of APScheduler without a text', () => fromApscheduler({ _apscheduler_json: [NO_TEXT, {}] }, { version: '4', ...TZ })],
  ['fields of APScheduler that are no list', () => fromApscheduler({ _apscheduler_json: ['apscheduler.triggers.cron:CronTrigger', { fields: 9 }] }, { version: '4', ...TZ })],
  ['a field of APScheduler without end', () => fromApscheduler({ type: 'cron', year: LONG }, { version: '4', ...TZ })],
  ['triggers of APScheduler without end', () => fromApscheduler({ type: 'or', triggers: Array.from({ length: 50_000 }, () => ({ type: 'cron', hour: 9 })) }, { version: '4', ...TZ })],
  ['triggers of APScheduler deep inside one another', () => fromApscheduler(inside(50_000, (inner) => ({ type: 'or', triggers: [inner] })), { version: '4', ...TZ })],
  ['jobs of APScheduler deep inside one another', () => fromApscheduler(inside(50_000, (trigger) => ({ trigger })), { version: '4', ...TZ })],
  ['a threshold that no duration has', () => fromApscheduler({ type: 'and', threshold: 1e300, triggers: [{ type: 'cron', hour: 9 }] }, { version: '4', ...TZ })],
];

describe('an importer', () => {
  it.each(REFUSED)('refuses %s', (_, read) => {
    expect(read).toThrow(expect.objectContaining({ code: 'ERR_CRON_IMPORT' }));
  });

  it('says it in one line of bounded length', () => {
    expect(() => fromBullmq({ ['\n'.repeat(10_000)]: 1 }, TZ)).toThrow(/^bullmq "[^\n]{1,300}$/);
  });

  it('takes fractions of seconds for what they say, not for their binary form', () => {
    expect(fromCelery(1.001, TZ).trigger.toJSON()).toMatchObject({ every: 'PT1.001S' });
    expect(fromKubernetes(cronJob('@every 2.01h'), TZ).trigger.toJSON()).toMatchObject({ every: 'PT2H36S' });
    expect(fromApscheduler({ type: 'and', threshold: 1.001, triggers: [{ type: 'cron', hour: 9 }] }, { version: '4', ...TZ }).trigger.toJSON()).toMatchObject({ threshold: 'PT1.001S' });
  });

  it('takes a start with an offset or of a whole day', () => {
    const startOf = (startDate: string): unknown => fromBullmq({ pattern: '0 9 * * *', startDate }, TZ).trigger.toJSON();
    expect(startOf('2026-01-01')).toMatchObject({ startAt: '2026-01-01T00:00:00.001Z' });
    expect(startOf('2026-01-01T09:00:00.5+0100')).toMatchObject({ startAt: '2026-01-01T08:00:00.501Z' });
  });

  it('gives each job of a crontab the variables above it', () => {
    const { entries } = fromCrontab('A=1\n0 1 * * * a\n__proto__=2\nA=3\n0 2 * * * b\n0 3 * * * c\n', TZ);
    expect(entries.map(({ env }) => Object.entries(env))).toEqual([[['A', '1']], [['A', '3'], ['__proto__', '2']], [['A', '3'], ['__proto__', '2']]]);
  });
});
