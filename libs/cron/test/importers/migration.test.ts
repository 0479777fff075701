import { readFileSync } from 'node:fs';
import { cron } from '@staddle/cron';
import { fromApscheduler } from '@staddle/cron/import';
import { Cron, type CronOptions } from 'croner';
import { expect, it } from 'vitest';

const guide = readFileSync(new URL('../../MIGRATION.md', import.meta.url), 'utf8');
const zone = { tz: 'America/New_York' };

function times(expr: string, from: string, to: string): string[] {
  return cron(expr, zone).between(Date.parse(from), Date.parse(to), 100).map((at) => new Date(at).toISOString().slice(5, 16));
}

it('the guide writes only expressions that are in the grammar', () => {
  const expressions = [...guide.matchAll(/\bcron\('([^']+)'/g)].map(([, expr]) => expr!);
  expect(expressions.length).toBeGreaterThan(10);
  for (const expr of expressions) expect(() => cron(expr, zone), expr).not.toThrow();
});

it('the guide shows what the importer gives', () => {
  const { trigger, notes } = fromApscheduler({ trigger: 'cron', day_of_week: '0-4', hour: 9 }, { version: '3.11', tz: 'Europe/Paris' });
  expect(trigger.toJSON()).toMatchObject({ expr: '0 9 * * 1-5' });
  expect(notes.map(({ rule }) => rule)).toEqual(['clock_change']);
});

it('the guide tells the truth of clock changes', () => {
  expect(times('30 2 * * *', '2025-03-09T00:00Z', '2025-03-10T00:00Z')).toEqual(['03-09T07:00']);
  expect(times('0 1,2 * * *', '2025-11-02T00:00Z', '2025-11-03T00:00Z')).toEqual(['11-02T05:00', '11-02T07:00']);
  expect(times('*/20 1 * * *', '2025-11-02T00:00Z', '2025-11-03T00:00Z')).toHaveLength(6);
  expect(times('0 */2 * * *', '2025-03-09T04:30Z', '2025-03-09T10:30Z')).toEqual(['03-09T05:00', '03-09T08:00', '03-09T10:00']);
  expect(times('0 * * * *', '2025-11-02T04:30Z', '2025-11-02T07:30Z')).toEqual(['11-02T05:00', '11-02T06:00', '11-02T07:00']);
});

it('the guide tells the truth of the days', () => {
  // Either day, both days, and a step that restricts.
  expect(times('0 0 13 * 5', '2025-06-05T00:00Z', '2025-06-30T00:00Z')).toEqual(['06-06T04:00', '06-13T04:00', '06-20T04:00', '06-27T04:00']);
  expect(times('0 0 13 * +5', '2025-06-01T00:00Z', '2025-06-30T00:00Z')).toEqual(['06-13T04:00']);
  expect(times('0 0 */2 * 1', '2025-06-01T00:00Z', '2025-06-15T00:00Z')).toEqual(['06-09T04:00']);
  expect(times('0 0 1-31/2 * 1', '2025-06-01T00:00Z', '2025-06-05T00:00Z')).toEqual(['06-01T04:00', '06-02T04:00', '06-03T04:00']);
  expect(times('0 22-2 * * *', '2025-06-01T04:00Z', '2025-06-02T04:00Z')).toEqual(['06-01T04:00', '06-01T05:00', '06-01T06:00', '06-02T02:00', '06-02T03:00']);
  expect(times('0 9 * * 0-7', '2025-06-01T00:00Z', '2025-06-08T00:00Z')).toHaveLength(7);
});

it('the guide tells the truth of croner', () => {
  const next = (expr: string, options: CronOptions, from: string): string[] =>
    new Cron(expr, { timezone: 'UTC', paused: true, ...options }).nextRuns(3, new Date(from)).map((at) => at.toISOString().slice(5, 16));
  const june = '2025-06-01T00:00Z';
  expect(next('0 0 13 * +5', {}, june)[0]).toBe('06-13T00:00');
  expect(next('0 0 13 * 5', { domAndDow: true }, june)[0]).toBe('06-13T00:00');
  expect(next('0 0 */2 * 1', {}, june)).toEqual(['06-02T00:00', '06-03T00:00', '06-05T00:00']);
  for (const [expr, first] of [['0 0 LW * *', '06-30'], ['0 0 15W * *', '06-16'], ['0 0 * * FRI#2', '06-13'], ['0 0 * * FRI#L', '06-27']] as const) expect(next(expr, {}, june)[0]).toBe(`${first}T00:00`);
  for (const expr of ['0 0 L-3 * *', '0 0 L-3W * *', 'H 0 * * *', '0 22-2 * * *']) expect(() => next(expr, {}, june), expr).toThrow('CronPattern');
  expect(next('0 0 * * 1', { alternativeWeekdays: true }, june)[0]).toBe('06-08T00:00');
  expect(next('0 0 * * *', { stopAt: '2025-06-03T00:00:00Z' }, june)).toEqual(['06-02T00:00']);
  expect(next('0 0 1 * *', { dayOffset: -1 }, june)[0]).toBe('06-30T00:00');
  const newYork: CronOptions = { timezone: 'America/New_York' };
  expect(next('30 2 * * *', newYork, '2025-03-09T05:30Z')[0]).toBe('03-09T07:00');
  expect(next('0 1,2 * * *', newYork, '2025-11-02T04:30Z')).toEqual(['11-02T05:00', '11-02T06:00', '11-02T07:00']);
});
