import { cron, CronSyntaxError } from '@staddle/cron';
import { describe, expect, it } from 'vitest';

function errorOf(expr: string): unknown {
  try {
    return cron(expr, { tz: 'UTC' });
  } catch (error) {
    return error;
  }
}

function timesOf(expr: string, from: string, count: number): string[] {
  const trigger = cron(expr, { tz: 'UTC' });
  let at: number | undefined = Date.parse(from);
  return Array.from({ length: count }, () => new Date((at = trigger.next(at!))!).toISOString().slice(0, 16));
}

describe('a cron expression', () => {
  it.each<[string, string]>([
    ['*/15 * * * *', '0,15,30,45 * * * *'],
    ['0-10/5 * * * *', '0,5,10 * * * *'],
    ['1,3,5-7 * * * *', '1,3,5,6,7 * * * *'],
    ['05 07 * * *', '5 7 * * *'],
    ['0 0 1 JAN *', '0 0 1 1 *'],
    ['0 0 1 jan-Mar *', '0 0 1 1-3 *'],
    ['0 0 * * MON', '0 0 * * 1'],
    ['0 0 * * mon-fri', '0 0 * * 1-5'],
    ['0 0 * * 7', '0 0 * * 0'],
    ['0 0 * * 5-7', '0 0 * * 0,5,6'],
    ['0 0 * * FRI-7', '0 0 * * 0,5,6'],
    ['0 0 * * 0-7', '0 0 * * 0-6'],
    ['0 0 * * */2', '0 0 * * 0,2,4,6'],
    ['0 0 */10 * *', '0 0 1,11,21,31 * *'],
    ['0 0 1-31/30 * *', '0 0 1,31 * *'],
    ['0 0 1 */6 *', '0 0 1 1,7 *'],
    ['*/60 0 * * *', '0 0 * * *'],
    ['0 0 0 * * *', '0 0 * * *'],
    ['\t0  0 * * * ', '0 0 * * *'],
  ])('%o means %o', (one, other) => {
    expect(timesOf(one, '2024-12-30T00:00Z', 40)).toEqual(timesOf(other, '2024-12-30T00:00Z', 40));
  });

  it('restricts no day by a field that begins with a wildcard', () => {
    expect(timesOf('0 0 1 * *', '2025-06-01T00:00Z', 2)).toEqual(['2025-07-01T00:00', '2025-08-01T00:00']);
    expect(timesOf('0 0 * * 1', '2025-06-01T00:00Z', 2)).toEqual(['2025-06-02T00:00', '2025-06-09T00:00']);
    // Both begin with one: a Sunday, Tuesday, Thursday or Saturday with an odd date.
    expect(timesOf('0 0 */2 * */2', '2025-06-02T00:00Z', 2)).toEqual(['2025-06-03T00:00', '2025-06-05T00:00']);
    // Neither does, and the list holds every day: every day matches.
    expect(timesOf('0 0 1,* * 1', '2025-06-02T00:00Z', 2)).toEqual(['2025-06-03T00:00', '2025-06-04T00:00']);
  });

  it('takes every second within its fields', () => {
    const trigger = cron('* * * * * *', { tz: 'UTC' });
    const start = Date.parse('2025-01-01T00:00:00.500Z');
    expect(trigger.next(start)).toBe(start + 500);
    expect(trigger.next(start + 500)).toBe(start + 1_500);
  });

  it('has at most 1000 characters, which is more than all values of all fields take', () => {
    const values = (from: number, to: number): string => Array.from({ length: to - from + 1 }, (_, index) => from + index).join(',');
    expect(errorOf([values(0, 59), values(0, 59), values(0, 23), values(1, 31), values(1, 12), values(0, 7)].join(' '))).not.toBeInstanceOf(Error);
    expect(errorOf(`${'1,'.repeat(495)}1 * * * *`)).not.toBeInstanceOf(Error);
    expect(errorOf(`${'1,'.repeat(500)}1 * * * *`)).toMatchObject({ code: 'ERR_CRON_SYNTAX', field: 'expr', position: 0, rule: 'has 1009 characters, more than 1000' });
  });

  it.each<[expr: string, part: string | undefined, value: string, position: number, rule: string]>([
    ['', undefined, '', 0, 'is made of 0 where 5 fields should stand, or 6 with seconds in front'],
    ['   ', undefined, '   ', 0, 'is made of 0 where 5 fields should stand, or 6 with seconds in front'],
    ['* * *', undefined, '* * *', 0, 'is made of 3 where 5 fields should stand, or 6 with seconds in front'],
    ['0 0 * * * * 2030', undefined, '0 0 * * * * 2030', 0, 'is made of 7 where 5 fields should stand, or 6 with seconds in front'],
    ['@midnight', undefined, '@midnight', 0, 'is made of 1 where 5 fields should stand, or 6 with seconds in front'],
    ['61 * * * *', 'minute', '61', 0, 'is out of range: a number from 0 to 59'],
    ['0 24 * * *', 'hour', '24', 2, 'is out of range: a number from 0 to 23'],
    ['0 0 0 * *', 'day of month', '0', 4, 'is out of range: a number from 1 to 31'],
    ['0 0 32 * *', 'day of month', '32', 4, 'is out of range: a number from 1 to 31'],
    ['0 0 * 13 *', 'month', '13', 6, 'is out of range: a number from 1 to 12 or JAN to DEC'],
    ['0 0 * * 8', 'day of week', '8', 8, 'is out of range: a number from 0 to 7 or SUN to SAT'],
    ['60 * * * * *', 'second', '60', 0, 'is out of range: a number from 0 to 59'],
    ['0 0  1,2,40 * *', 'day of month', '40', 9, 'is out of range: a number from 1 to 31'],
    ['*/90 * * * *', 'minute', '90', 2, 'is not a step from 1 to 60, the number of values it steps over'],
    ['*/0 * * * *', 'minute', '0', 2, 'is not a step from 1 to 60, the number of values it steps over'],
    ['*/ * * * *', 'minute', '', 2, 'is not a step from 1 to 60, the number of values it steps over'],
    ['*/-1 * * * *', 'minute', '-1', 2, 'is not a step from 1 to 60, the number of values it steps over'],
    ['*/5/5 * * * *', 'minute', '5/5', 2, 'is not a step from 1 to 60, the number of values it steps over'],
    ['0 9-17/10 * * *', 'hour', '10', 7, 'is not a step from 1 to 9, the number of values it steps over'],
    ['5/15 * * * *', 'minute', '5/15', 0, 'has a step without a range to step over: write * or a range before the /'],
    ['0 22-2 * * *', 'hour', '22-2', 2, 'runs backwards: a range goes upwards'],
    ['0 0 * * 6-1', 'day of week', '6-1', 8, 'runs backwards: a range goes upwards, with Sunday as 0 or 7'],
    ['0 0 * * FRI-SUN', 'day of week', 'FRI-SUN', 8, 'runs backwards: a range goes upwards, with Sunday as 0 or 7'],
    ['0,,5 * * * *', 'minute', '', 2, 'is empty where a value should stand'],
    ['0, * * * *', 'minute', '', 2, 'is empty where a value should stand'],
    ['-5 * * * *', 'minute', '', 0, 'is empty where a value should stand'],
    ['1- * * * *', 'minute', '', 2, 'is empty where a value should stand'],
    ['1-2-3 * * * *', 'minute', '2-3', 2, 'is not a number from 0 to 59'],
    ['1.5 * * * *', 'minute', '1.5', 0, 'is not a number from 0 to 59'],
    ['1e1 * * * *', 'minute', '1e1', 0, 'is not a number from 0 to 59'],
    ['0x1 * * * *', 'minute', '0x1', 0, 'is not a number from 0 to 59'],
    ['١ * * * *', 'minute', '١', 0, 'is not a number from 0 to 59'],
    ['** * * * *', 'minute', '**', 0, 'is not a number from 0 to 59'],
    ['MON * * * *', 'minute', 'MON', 0, 'is not a number from 0 to 59'],
    ['0 0 * FOO *', 'month', 'FOO', 6, 'is not a number from 1 to 12 or JAN to DEC'],
    ['0 0 * MON *', 'month', 'MON', 6, 'is not a number from 1 to 12 or JAN to DEC'],
    ['0 0 L * *', 'day of month', 'L', 4, 'is not a number from 1 to 31'],
    ['0 0 ? * MON', 'day of month', '?', 4, 'is not a number from 1 to 31'],
    ['H H * * *', 'minute', 'H', 0, 'is not a number from 0 to 59'],
    ['0 0\n* * * *', 'hour', '0\n*', 2, 'is not a number from 0 to 23'],
    ['0 0 30 2 *', 'day of month', '30', 4, 'never comes: month 2 has at most 29 days'],
    ['0 0 31 FEB,APR,JUN *', 'day of month', '31', 4, 'never comes: month FEB,APR,JUN has at most 30 days'],
    ['0 0 30-31 2 */2', 'day of month', '30-31', 4, 'never comes: month 2 has at most 29 days'],
  ])('refuses %o, naming part, value, place and rule', (expr, part, value, position, rule) => {
    const error = errorOf(expr);
    expect(error).toBeInstanceOf(CronSyntaxError);
    expect(error).toMatchObject({ code: 'ERR_CRON_SYNTAX', name: 'CronSyntaxError', field: 'expr', retryable: false, expression: expr, part, value, position, rule });
    expect(expr.startsWith(value, position)).toBe(true);
  });

  it('says it in one line', () => {
    expect(() => cron('0 22-2 * * *', { tz: 'UTC' })).toThrow('cron hour "22-2" at position 2 of "0 22-2 * * *" runs backwards: a range goes upwards');
    expect(() => cron('0'.repeat(9_999), { tz: 'UTC' })).toThrow(expect.objectContaining({ message: expect.stringMatching(/^.{0,400}$/) }));
  });

  it('accepts February 30 beside a day of week, which comes', () => {
    expect(timesOf('0 0 30 2 1', '2025-02-20T00:00Z', 2)).toEqual(['2025-02-24T00:00', '2026-02-02T00:00']);
  });

  it('finds the February 29 that is a Sunday, decades away', () => {
    expect(timesOf('0 0 29 2 */7', '2025-01-01T00:00Z', 2)).toEqual(['2032-02-29T00:00', '2060-02-29T00:00']);
    expect(timesOf('0 0 29 2 */7', '2089-01-01T00:00Z', 1)).toEqual(['2128-02-29T00:00']);
  });
});
