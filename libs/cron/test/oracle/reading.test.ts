import { describe, expect, it } from 'vitest';
import { DAY } from './clocks.ts';
import { readExpression } from './reading.ts';

/** The days of a month that an expression means. */
function daysOf(expr: string, month: string): number[] {
  const { day } = readExpression(expr);
  const days: number[] = [];
  for (let at = Date.parse(`${month}-01`); new Date(at).toISOString().startsWith(month); at += DAY) if (day(new Date(at))) days.push(new Date(at).getUTCDate());
  return days;
}

// August 2026 begins on a Saturday and ends on a Monday; May 2026 ends on a Sunday; February 2026 has 28 days and begins on a Sunday.
describe.each<[field: string, expr: string, month: string, days: readonly number[]]>([
  ['a list, a range and a range with steps', '0 0 1,5-7,10-20/5 * *', '2026-08', [1, 5, 6, 7, 10, 15, 20]],
  ['a range that wraps around, with steps counted along it', '0 0 29-5/3 * *', '2026-08', [1, 4, 29]],
  ['a step without an end', '0 0 25/3 * *', '2026-08', [25, 28, 31]],
  ['stepped stars', '0 0 */10 * *', '2026-08', [1, 11, 21, 31]],
  ['the last day', '0 0 L * *', '2026-02', [28]],
  ['days before the last', '0 0 L-3,L-30 * *', '2026-08', [1, 28]],
  ['a day before the last that a short month does not have', '0 0 L-30 * *', '2026-02', []],
  ['the last working day, after a Sunday', '0 0 LW * *', '2026-05', [29]],
  ['a working day near a Saturday', '0 0 15W * *', '2026-08', [14]],
  ['a working day near a Sunday', '0 0 16W * *', '2026-08', [17]],
  ['a working day near the first, within the month', '0 0 1W * *', '2026-08', [3]],
  ['a working day near the 31st, within the month', '0 0 31W * *', '2026-05', [29]],
  ['a working day of a date that is not there', '0 0 31W * *', '2026-02', []],
  ['a working day near the second last', '0 0 L-1W * *', '2026-08', [31]],
  ['weekdays by name, wrapped around', '0 0 * * fri-MON', '2026-02', [1, 2, 6, 7, 8, 9, 13, 14, 15, 16, 20, 21, 22, 23, 27, 28]],
  ['weekdays in numbers, with Sunday at both ends', '0 0 * * 0,7', '2026-02', [1, 8, 15, 22]],
  ['Saturday to Sunday as 6-7', '0 0 * * 6-7', '2026-02', [1, 7, 8, 14, 15, 21, 22, 28]],
  ['Sunday to Tuesday as 7-2', '0 0 * * 7-2', '2026-02', [1, 2, 3, 8, 9, 10, 15, 16, 17, 22, 23, 24]],
  ['steps along 5-7', '0 0 * * 5-7/2', '2026-02', [1, 6, 8, 13, 15, 20, 22, 27]],
  ['the fifth Monday, where there is one', '0 0 * * MON#5', '2026-08', [31]],
  ['the fifth Monday, where there is none', '0 0 * * 1#5', '2026-02', []],
  ['the second Friday or the last Sunday', '0 0 * * FRI#2,7L', '2026-08', [14, 30]],
  ['the last Friday, in both spellings', '0 0 * * 5L,FRI#L', '2026-08', [28]],
  ['either day when both are restricted', '0 0 13 * FRI', '2026-08', [7, 13, 14, 21, 28]],
  ['both days with a plus', '0 0 13-20 * +FRI', '2026-08', [14]],
  ['both days when one begins with a star', '0 0 */2 * FRI', '2026-08', [7, 21]],
  ['every day with two question marks', '0 0 ? 2 ?', '2026-02', Array.from({ length: 28 }, (_, index) => index + 1)],
  ['months by name, wrapped around', '0 0 1 NOV-FEB *', '2026-02', [1]],
  ['no other months', '0 0 1 NOV-JAN *', '2026-02', []],
  ['years', '0 0 0 1 2 * 2024/2', '2026-02', [1]],
  ['no other years', '0 0 0 1 2 * 2025-2030/2', '2026-02', []],
])('%s', (_, expr, month, days) => {
  it(`${expr} means ${days.length === 0 ? 'nothing' : days.join(', ')} in ${month}`, () => expect(daysOf(expr, month)).toEqual(days));
});

it.each([
  ['22-4/2 in the hour', '0 22-4/2 * * *', [0, 2, 4, 22]],
  ['*/7 in the hour', '0 */7 * * *', [0, 7, 14, 21]],
  ['20/2 in the hour', '0 20/2 * * *', [20, 22]],
  ['@daily', '@daily', [0]],
])('reads the hours of %s', (_, expr, hours) => {
  expect([...readExpression(expr).hours].toSorted((a, b) => a - b)).toEqual(hours);
});

it.each([
  ['0 0 * * *', true],
  ['0,30 1-4 * * *', true],
  ['0-59/20 22-4/2 * * *', true],
  ['* 30 2 * * *', true],
  ['@weekly', true],
  ['* 2 * * *', false],
  ['30 */2 * * *', false],
  ['5/15 2 * * *', false],
  ['30 2,4/6 * * *', false],
  ['0,*/7 2 * * *', false],
  ['@hourly', false],
])('tells whether %s has fixed times: %s', (expr, fixed) => {
  expect(readExpression(expr).fixed).toBe(fixed);
});
