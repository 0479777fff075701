import { cron, CronSyntaxError, explain, type Trigger } from '@staddle/cron';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCronExpression } from '../src/expression/cron-expression.ts';
import { createDice, createRandom, randomExpression } from './oracle/random-expression.ts';

function errorOf(expr: string): unknown {
  try {
    return cron(expr, { tz: 'UTC' });
  } catch (error) {
    return error;
  }
}

function errorOrTimes(expr: string, fromMs: number): unknown {
  const trigger = errorOf(expr);
  return trigger instanceof Error ? trigger : (trigger as Trigger).between(fromMs, fromMs + 40 * 86_400_000, 50);
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
    ['0 0 0 * * * *', '0 0 * * *'],
    ['0 22-2 * * *', '0 22,23,0,1,2 * * *'],
    ['0 22-4/2 * * *', '0 22,0,2,4 * * *'],
    ['0 21-4/2 * * *', '0 21,23,1,3 * * *'],
    ['50-9/7 * * * *', '50,57,4 * * * *'],
    ['0 0 28-3 * *', '0 0 28,29,30,31,1,2,3 * *'],
    ['0 0 1 NOV-FEB *', '0 0 1 11,12,1,2 *'],
    ['0 0 1 10-4/3 *', '0 0 1 10,1,4 *'],
    ['0 0 * * 6-1', '0 0 * * 6,0,1'],
    ['0 0 * * FRI-SUN', '0 0 * * 5,6,0'],
    ['0 0 * * FRI-MON', '0 0 * * 5,6,0,1'],
    ['0 0 * * FRI-TUE/2', '0 0 * * 5,0,2'],
    ['0 0 * * SUN-SAT', '0 0 * * 0-6'],
    ['0 0 * * 7-2', '0 0 * * 0-2'],
    ['0 0 * * 7-7', '0 0 * * 0'],
    ['0 0 * * 0-7/7', '0 0 * * 0'],
    ['0 0 * * 1-7', '0 0 * * 0-6'],
    ['5/15 * * * *', '5,20,35,50 * * * *'],
    ['0 20/2 * * *', '0 20,22 * * *'],
    ['0 0 * * 4/2', '0 0 * * 4,6'],
    ['0 0 ? * MON', '0 0 * * MON'],
    ['0 0 1 * ?', '0 0 1 * *'],
    ['0 0 ? * ?', '0 0 * * *'],
    ['0 0 ?/10 * *', '0 0 */10 * *'],
    ['0 0 * * +MON', '0 0 * * MON'],
    ['@yearly', '0 0 1 1 *'],
    ['@annually', '0 0 1 1 *'],
    ['@monthly', '0 0 1 * *'],
    ['@weekly', '0 0 * * 0'],
    ['@daily', '0 0 * * *'],
    ['@midnight', '0 0 * * *'],
    [' @Hourly\t', '0 * * * *'],
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

  it.each<[expr: string, what: string, ...days: string[]]>([
    ['0 0 L * *', 'the last day', '01-31', '02-28', '03-31', '04-30'],
    ['0 0 L-3 * *', 'three days before it', '01-28', '02-25', '03-28', '04-27'],
    ['0 0 L-28 * *', 'a day that February does not have', '01-03', '03-03', '04-02', '05-03'],
    ['0 0 L-30 * *', 'a day that only the long months have', '01-01', '03-01', '05-01', '07-01'],
    ['0 0 LW * *', 'the last working day', '01-31', '02-28', '03-31', '04-30', '05-30'],
    ['0 0 L-3W * *', 'the working day nearest to the third before the last', '01-28', '02-25', '03-28', '04-28'],
    ['0 0 15W * *', 'the working day nearest to the 15th', '01-15', '02-14', '03-14', '04-15', '05-15', '06-16'],
    ['0 0 1W * *', 'the working day nearest to the first, not before it', '01-01', '02-03', '03-03', '04-01', '05-01', '06-02'],
    ['0 0 31W * *', 'the working day nearest to a 31st', '01-31', '03-31', '05-30', '07-31', '08-29'],
    ['0 0 30W 11 *', 'the working day nearest to the end, not after it', '11-28'],
    ['0 0 15,L * *', 'days and the last one', '01-15', '01-31', '02-15', '02-28'],
    ['0 0 1W,LW 2-3 ?', 'two working days', '02-03', '02-28', '03-03', '03-31'],
    ['0 0 * * MON#2', 'the second Monday', '01-13', '02-10', '03-10'],
    ['0 0 * * 1#5', 'the fifth Monday', '03-31', '06-30', '09-29'],
    ['0 0 * * 7#1', 'the first Sunday', '01-05', '02-02', '03-02'],
    ['0 0 * * FRIL', 'the last Friday', '01-31', '02-28', '03-28'],
    ['0 0 * * 5#L', 'the last Friday', '01-31', '02-28', '03-28'],
    ['0 0 * * fri#l', 'the last Friday', '01-31', '02-28', '03-28'],
    ['0 0 * * 7L', 'the last Sunday', '01-26', '02-23', '03-30'],
    ['0 0 ? * MON#1,WED,THUL', 'all kinds in a list', '01-01', '01-06', '01-08', '01-15', '01-22', '01-29', '01-30', '02-03'],
    ['0 0 1-7 * +MON', 'days that are both', '01-06', '02-03', '03-03'],
    ['0 0 L * +FRI', 'a last day that is a Friday', '01-31', '02-28', '10-31'],
    ['0 0 13 * FRI#1', 'days that are either', '01-03', '01-13', '02-07', '02-13'],
    ['0 0 L * SATL', 'days that are either', '01-25', '01-31', '02-22', '02-28'],
    ['0 0 */2 * MON#1', 'days that are both, by the wildcard', '02-03', '03-03', '04-07', '05-05', '07-07'],
  ])('%s means %s', (expr, _, ...days) => {
    expect(timesOf(expr, '2024-12-31T12:00Z', days.length)).toEqual(days.map((day) => `2025-${day}T00:00`));
  });

  it.each<[expr: string, ...times: string[]]>([
    ['0 0 0 1 1 * 2030', '2030-01-01T00:00'],
    ['0 0 12 29 2 * */2', '2028-02-29T12:00', '2032-02-29T12:00'],
    ['0 0 0 1 1 ? 2027-2031/2,2040', '2027-01-01T00:00', '2029-01-01T00:00', '2031-01-01T00:00', '2040-01-01T00:00'],
    ['0 0 0 1 7 * 9990/5', '9990-07-01T00:00', '9995-07-01T00:00'],
    ['0 0 0 * * 0#1 1970-2024,2026', '2026-01-04T00:00', '2026-02-01T00:00'],
  ])('%s comes in its years', (expr, ...times) => {
    expect(timesOf(expr, '2025-01-01T00:00Z', times.length)).toEqual(times);
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
    ['', undefined, '', 0, 'has 0 fields: 5, 6 with the second in front, or 7 with the year at the end as well'],
    ['   ', undefined, '   ', 0, 'has 0 fields: 5, 6 with the second in front, or 7 with the year at the end as well'],
    ['* * *', undefined, '* * *', 0, 'has 3 fields: 5, 6 with the second in front, or 7 with the year at the end as well'],
    ['0 0 0 * * * * 2030', undefined, '0 0 0 * * * * 2030', 0, 'has 8 fields: 5, 6 with the second in front, or 7 with the year at the end as well'],
    ['@reboot', undefined, '@reboot', 0, 'names no time: run the task when the process starts'],
    [' @every 5m', undefined, '@every 5m', 1, 'counts elapsed time: use an interval'],
    ['@da\u0131ly', undefined, '@da\u0131ly', 0, 'is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly'],
    ['@teatime', undefined, '@teatime', 0, 'is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly'],
    ['@daily 5', undefined, '@daily 5', 0, 'is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly'],
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
    ['? * * * *', 'minute', '?', 0, 'is not a number from 0 to 59'],
    ['0 0 1 ? *', 'month', '?', 6, 'is not a number from 1 to 12 or JAN to DEC'],
    ['L * * * *', 'minute', 'L', 0, 'is not a number from 0 to 59'],
    ['5W * * * *', 'minute', '5W', 0, 'is not a number from 0 to 59'],
    ['0 0 1#1 * *', 'day of month', '1#1', 4, 'is not a number from 1 to 31'],
    ['0 0 1L * *', 'day of month', '1L', 4, 'is not a number from 1 to 31'],
    ['0 0 W * *', 'day of month', 'W', 4, 'is not a number from 1 to 31'],
    ['0 0 32W * *', 'day of month', '32W', 4, 'is out of range: a number from 1 to 31'],
    ['0 0 1-15W * *', 'day of month', '15W', 6, 'is not a number from 1 to 31'],
    ['0 0 15W/2 * *', 'day of month', '15W', 4, 'is not a number from 1 to 31'],
    ['0 0 LL * *', 'day of month', 'LL', 4, 'is not L, L-1 to L-30, or one of these with W behind it'],
    ['0 0 L- * *', 'day of month', 'L-', 4, 'is not L, L-1 to L-30, or one of these with W behind it'],
    ['0 0 1,L-31 * *', 'day of month', 'L-31', 6, 'is not L, L-1 to L-30, or one of these with W behind it'],
    ['0 0 LW-3 * *', 'day of month', 'LW-3', 4, 'is not L, L-1 to L-30, or one of these with W behind it'],
    ['0 0 L/2 * *', 'day of month', 'L/2', 4, 'is not L, L-1 to L-30, or one of these with W behind it'],
    ['0 0 * * L', 'day of week', 'L', 8, 'needs a day of week in front: SAT for every Saturday, 6L for the last one of the month'],
    ['0 0 * * MON,l', 'day of week', 'l', 12, 'needs a day of week in front: SAT for every Saturday, 6L for the last one of the month'],
    ['0 0 * * MON#6', 'day of week', '6', 12, 'is not which one of the month: 1 to 5, or L for the last'],
    ['0 0 * * MON#0', 'day of week', '0', 12, 'is not which one of the month: 1 to 5, or L for the last'],
    ['0 0 * * 1#', 'day of week', '', 10, 'is not which one of the month: 1 to 5, or L for the last'],
    ['0 0 * * 1#2/2', 'day of week', '2/2', 10, 'is not which one of the month: 1 to 5, or L for the last'],
    ['0 0 * * 8#1', 'day of week', '8', 8, 'is out of range: a number from 0 to 7 or SUN to SAT'],
    ['0 0 * * 1-5L', 'day of week', '5L', 10, 'is not a number from 0 to 7 or SUN to SAT'],
    ['0 0 * * MOND', 'day of week', 'MOND', 8, 'is not a number from 0 to 7 or SUN to SAT'],
    ['0 0 * * M', 'day of week', 'M', 8, 'is not a number from 0 to 7 or SUN to SAT'],
    ['0 0 * * \u017fUN', 'day of week', '\u017fUN', 8, 'is not a number from 0 to 7 or SUN to SAT'],
    ['0 0 * * FR\u0131', 'day of week', 'FR\u0131', 8, 'is not a number from 0 to 7 or SUN to SAT'],
    ['0 0 \u00df * MON', 'day of month', '\u00df', 4, 'is not a number from 1 to 31'],
    ['0 0 * * +', 'day of week', '', 9, 'is empty where a value should stand'],
    ['0 0 * * MON,+TUE', 'day of week', '+TUE', 12, 'is not a number from 0 to 7 or SUN to SAT'],
    ['0 0 +1 * MON', 'day of month', '+1', 4, 'is not a number from 1 to 31'],
    ['50/15 * * * *', 'minute', '15', 3, 'is not a step from 1 to 10, the number of values it steps over'],
    ['0 22-2/6 * * *', 'hour', '6', 7, 'is not a step from 1 to 5, the number of values it steps over'],
    ['0 0 * * 0-7/8', 'day of week', '8', 12, 'is not a step from 1 to 7, the number of values it steps over'],
    ['0 0 0 1 1 * 1969', 'year', '1969', 12, 'is out of range: a number from 1970 to 9999'],
    ['0 0 0 1 1 * 10000', 'year', '10000', 12, 'is out of range: a number from 1970 to 9999'],
    ['0 0 0 1 1 * 2030-2029', 'year', '2030-2029', 12, 'runs backwards: years go upwards'],
    ['0 0 0 1 1 * H', 'year', 'H', 12, 'is not a number from 1970 to 9999'],
    ['HH * * * *', 'minute', 'HH', 0, 'is not H, H/n, H(a-b) or H(a-b)/n'],
    ['H-5 * * * *', 'minute', 'H-5', 0, 'is not H, H/n, H(a-b) or H(a-b)/n'],
    ['H(5) * * * *', 'minute', 'H(5)', 0, 'is not H, H/n, H(a-b) or H(a-b)/n'],
    ['H(5-9 * * * *', 'minute', 'H(5-9', 0, 'is not H, H/n, H(a-b) or H(a-b)/n'],
    ['H(5-9)9 * * * *', 'minute', 'H(5-9)9', 0, 'is not H, H/n, H(a-b) or H(a-b)/n'],
    ['H(1-2-3) * * * *', 'minute', 'H(1-2-3)', 0, 'is not H, H/n, H(a-b) or H(a-b)/n'],
    ['H() * * * *', 'minute', '', 2, 'is empty where a value should stand'],
    ['H(0-60) * * * *', 'minute', '60', 4, 'is out of range: a number from 0 to 59'],
    ['H/61 * * * *', 'minute', '61', 2, 'is not a step from 1 to 60, the number of values it steps over'],
    ['H(0-9)/11 * * * *', 'minute', '11', 7, 'is not a step from 1 to 10, the number of values it steps over'],
    ['0 0 H/29 * *', 'day of month', '29', 6, 'is not a step from 1 to 28, the number of values it steps over'],
    ['0 0\n* * * *', 'hour', '0\n*', 2, 'is not a number from 0 to 23'],
    ['0 0 30 2 *', 'day of month', '30', 4, 'never comes: month 2 has at most 29 days'],
    ['0 0 31 FEB,APR,JUN *', 'day of month', '31', 4, 'never comes: month FEB,APR,JUN has at most 30 days'],
    ['0 0 30-31 2 */2', 'day of month', '30-31', 4, 'never comes: month 2 has at most 29 days'],
    ['0 0 31 2,4 *', 'day of month', '31', 4, 'never comes: month 2,4 has at most 30 days'],
    ['0 0 31 4 +MON', 'day of month', '31', 4, 'never comes: month 4 has at most 30 days'],
    ['0 0 30W 2 *', 'day of month', '30W', 4, 'never comes: month 2 has at most 29 days'],
    ['0 0 0 29 2 * 2027', 'day of month', '29', 6, 'never comes: month 2 has at most 28 days in 2027'],
    ['0 0 0 29 2 ? 2025-2027,2100', 'day of month', '29', 6, 'never comes: month 2 has at most 28 days in 2025-2027,2100'],
    ['0 0 L-30 4,6 ?', 'day of month', 'L-30', 4, 'never comes: month 4,6 has at most 30 days'],
    ['0 0 8 * +MON#1', 'day of week', '+MON#1', 8, 'never comes: no day of month * is both 8 and MON#1'],
    ['0 0 L-30 6-7,2 +MON#5', 'day of week', '+MON#5', 15, 'never comes: no day of month 6-7,2 is both L-30 and MON#5'],
    ['0 0 H(30-31) 2 *', 'day of month', 'H(30-31)', 4, 'never comes: month 2 has at most 29 days'],
    ['0 0 0 29 2 +MON 2028', 'day of week', '+MON', 11, 'never comes: no day of month 2 in 2028 is both 29 and MON'],
    ['0 0 0 * 2 MON#5 2028', 'day of week', 'MON#5', 10, 'never comes: no day of month 2 in 2028 is MON#5'],
  ])('refuses %o, naming part, value, place and rule', (expr, part, value, position, rule) => {
    const error = errorOf(expr);
    expect(error).toBeInstanceOf(CronSyntaxError);
    expect(error).toMatchObject({ code: 'ERR_CRON_SYNTAX', name: 'CronSyntaxError', field: 'expr', retryable: false, expression: expr, part, value, position, rule });
    expect(expr.startsWith(value, position)).toBe(true);
  });

  it.each(['0 0 29 2 * 2028', '0 0 1 1 * 2027,2030', '0 0 1 1 * 1999-2001'])('takes the year of %o for one, and asks for the second in front', (expr) => {
    expect(errorOf(expr)).toMatchObject({ code: 'ERR_CRON_SYNTAX', part: 'year', rule: 'is a year behind five fields: it takes the second in front as well' });
  });

  it.each([5, null, undefined, {}, ['0 0 * * *']])('refuses %o, which is not text', (expr) => {
    expect(errorOf(expr as never)).toMatchObject({ code: 'ERR_CRON_SYNTAX', position: 0, rule: 'is not text' });
  });

  it('says that the zone is missing, also when there are no options at all', () => {
    const bare = [cron, explain] as readonly unknown[] as readonly ((expression: string) => unknown)[];
    for (const build of bare) expect(() => build('0 9 * * *')).toThrow('trigger tz is missing: an IANA time zone such as Europe/Paris, or UTC');
  });

  it('says it in one line', () => {
    expect(() => cron('0 24 * * *', { tz: 'UTC' })).toThrow('cron hour "24" at position 2 of "0 24 * * *" is out of range: a number from 0 to 23');
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

describe('the text of an expression', () => {
  it.each([
    ['  0 0\t*  jan mon-Fri ', '0 0 * JAN MON-FRI'],
    ['@Midnight', '0 0 * * *'],
    ['0 0 l-3w * fril', '0 0 L-3W * FRIL'],
    ['0 0 ? * +mon#l', '0 0 ? * +MON#L'],
    ['05 07 * * 7', '05 07 * * 7'],
    ['h(0-29)/10 h * * *', 'H(0-29)/10 H * * *'],
  ])('is canonical: %o becomes %o', (expr, text) => {
    expect(parseCronExpression(expr).text).toBe(text);
    expect(parseCronExpression(text).text).toBe(text);
  });

  it('is what the trigger carries', () => {
    expect(cron(' @Daily', { tz: 'UTC' }).toJSON()).toEqual({ v: 1, kind: 'cron', expr: '0 0 * * *', tz: 'UTC' });
  });

  it('means the same in its canonical form', () => {
    const from = Date.parse('2025-03-01T00:00Z');
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const expr = randomExpression(createDice(createRandom(seed)));
        const one = errorOrTimes(expr, from);
        fc.pre(Array.isArray(one));
        const { text } = parseCronExpression(expr);
        expect(parseCronExpression(text).text).toBe(text);
        expect(errorOrTimes(text, from)).toEqual(one);
      }),
      { numRuns: 200 },
    );
  });

  it('is kept field by field as it was written', () => {
    const { fields } = parseCronExpression('5,H(0-9)/5 22-2 15w,l-3w,L jan/2 +0-7,fri#2,5l', 'a seed');
    const item = { open: false, step: 1 };
    expect(fields).toEqual([
      {
        part: 'minute',
        text: '5,H(0-9)/5',
        position: 0,
        plus: false,
        items: [
          { kind: 'range', first: 5, last: 5, ...item, text: '5', position: 0 },
          { kind: 'hashed', values: [expect.any(Number), expect.any(Number)], step: 5, text: 'H(0-9)/5', position: 2 },
        ],
      },
      { part: 'hour', text: '22-2', position: 11, plus: false, items: [{ kind: 'range', first: 22, last: 2, ...item, text: '22-2', position: 11 }] },
      {
        part: 'day of month',
        text: '15W,L-3W,L',
        position: 16,
        plus: false,
        items: [
          { kind: 'workday', day: 15, text: '15W', position: 16 },
          { kind: 'last-day', offset: 3, workday: true, text: 'L-3W', position: 20 },
          { kind: 'last-day', offset: 0, workday: false, text: 'L', position: 25 },
        ],
      },
      { part: 'month', text: 'JAN/2', position: 27, plus: false, items: [{ kind: 'range', first: 1, last: 12, step: 2, open: true, text: 'JAN/2', position: 27 }] },
      {
        part: 'day of week',
        text: '+0-7,FRI#2,5L',
        position: 33,
        plus: true,
        items: [
          { kind: 'range', first: 0, last: 6, ...item, text: '0-7', position: 34 },
          { kind: 'nth-weekday', weekday: 5, nth: 2, text: 'FRI#2', position: 38 },
          { kind: 'last-weekday', weekday: 5, text: '5L', position: 44 },
        ],
      },
    ]);
    expect(parseCronExpression('*/5 0 0 ? * 7 2030').fields.map(({ part }) => part)).toEqual(['second', 'minute', 'hour', 'day of month', 'month', 'day of week', 'year']);
  });

  it.each<[expr: string, fixed: boolean]>([
    ['30 2 * * *', true],
    ['0-30/10 1,2 * * *', true],
    ['*/10 30 2 * * *', true],
    ['H H * * *', true],
    ['H(0-29)/10 H * * *', true],
    ['* 2 * * *', false],
    ['0 * * * *', false],
    ['*/20 1 * * *', false],
    ['0 */2 * * *', false],
    ['5/15 2 * * *', false],
    ['0 2/3 * * *', false],
    ['30,*/20 2 * * *', false],
    ['H/15 2 * * *', false],
    ['0 1,H/6 * * *', false],
  ])('%s names fixed times: %o', (expr, fixed) => {
    expect(parseCronExpression(expr).fixedTimes).toBe(fixed);
  });
});

describe('H', () => {
  const SEEDS = Array.from({ length: 6_000 }, (_, index) => `task-${index}`);
  const drawn = (expr: string, field: number): number[][] =>
    SEEDS.map((seed) => {
      const [item] = parseCronExpression(expr, seed).fields[field]!.items;
      return item!.kind === 'hashed' ? [...item!.values] : [];
    });

  it('is drawn from the seed alone, and never changes', () => {
    const times = (seed: string): string[] => {
      const trigger = cron('H H * * *', { tz: 'UTC', seed });
      return trigger.between(Date.parse('2025-01-01T00:00Z'), Date.parse('2025-01-03T00:00Z'), 10).map((at) => new Date(at).toISOString().slice(5, 16));
    };
    expect(times('invoices')).toEqual(['01-01T04:45', '01-02T04:45']);
    expect(cron('H H H H H H', { tz: 'UTC', seed: 'invoices' }).next(Date.parse('2025-01-01T00:00Z'))).toBe(Date.parse('2025-09-05T04:45:06Z'));
  });

  it.each<[expr: string, field: number, first: number, last: number]>([
    ['H * * * *', 0, 0, 59],
    ['0 H * * *', 1, 0, 23],
    ['0 0 H * *', 2, 1, 28],
    ['0 0 1 H *', 3, 1, 12],
    ['0 0 * * H', 4, 0, 6],
    ['H 0 0 * * *', 0, 0, 59],
    ['H(10-19) * * * *', 0, 10, 19],
    ['0 0 H(29-31) * *', 2, 29, 31],
  ])('%s spreads evenly', (expr, field, first, last) => {
    const counts = new Map<number, number>();
    for (const values of drawn(expr, field)) {
      expect(values).toHaveLength(1);
      counts.set(values[0]!, (counts.get(values[0]!) ?? 0) + 1);
    }
    expect([...counts.keys()].toSorted((a, b) => a - b)).toEqual(Array.from({ length: last - first + 1 }, (_, index) => first + index));
    const expected = SEEDS.length / (last - first + 1);
    // Five standard deviations of a fair draw.
    for (const count of counts.values()) expect(Math.abs(count - expected)).toBeLessThan(5 * Math.sqrt(expected));
  });

  it('draws the start of its steps, and wraps around as ranges do', () => {
    for (const values of drawn('H/20 * * * *', 0)) expect(values).toEqual([values[0], values[0]! + 20, values[0]! + 40]);
    expect(new Set(drawn('H/20 * * * *', 0).map(([first]) => first))).toHaveLength(20);
    for (const values of drawn('H(10-29)/10 * * * *', 0)) expect(values).toEqual([values[0], values[0]! + 10]);
    expect(new Set(drawn('0 H(22-3) * * *', 1).flat())).toEqual(new Set([22, 23, 0, 1, 2, 3]));
    expect(new Set(drawn('0 0 * * H(FRI-SUN)', 4).flat())).toEqual(new Set([5, 6, 0]));
    expect(new Set(drawn('0 0 * * H(0-7)', 4).flat())).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
  });

  it('draws each field for itself', () => {
    const pairs = new Set(SEEDS.map((seed) => JSON.stringify(parseCronExpression('H(0-9) H(0-9) * * *', seed).fields.slice(0, 2).map(({ items }) => items))));
    expect(pairs.size).toBe(100);
  });

  it.each(['', 5, null, 'x'.repeat(201)])('refuses a seed of %o', (seed) => {
    expect(() => cron('H * * * *', { tz: 'UTC', seed: seed as never })).toThrow(expect.objectContaining({ code: 'ERR_CRON_TRIGGER', field: 'seed', value: seed }));
  });

  it('waits for a seed, and takes that of the trigger before that of the task', () => {
    const trigger = cron('H H * * *', { tz: 'UTC' });
    expect(() => trigger.next(0)).toThrow(expect.objectContaining({ code: 'ERR_CRON_UNRESOLVED', kind: 'cron' }));
    expect(parseCronExpression('H H * * *')).toMatchObject({ resolved: false });
    expect(parseCronExpression('0 0 * * *')).toMatchObject({ resolved: true });
    const resolved = trigger.resolve(0, { seed: 'invoices' });
    expect(resolved.toJSON()).toEqual({ v: 1, kind: 'cron', expr: 'H H * * *', tz: 'UTC', seed: 'invoices' });
    expect(resolved.next(0)).toBe(cron('H H * * *', { tz: 'UTC', seed: 'invoices' }).next(0));
    expect(cron('H H * * *', { tz: 'UTC', seed: 'invoices' }).resolve(0, { seed: 'backups' }).next(0)).toBe(resolved.next(0));
  });
});
