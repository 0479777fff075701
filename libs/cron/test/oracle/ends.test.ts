import { cron } from '@staddle/cron';
import { describe, expect, it } from 'vitest';
import { clocksOf, DAY, observe } from './clocks.ts';
import { faultIn } from './compare.ts';
import { timesIn } from './minute-oracle.ts';
import { readExpression } from './reading.ts';

const END = Date.UTC(10_000, 0, 1);

const EXPRESSIONS = [
  '30 2 * * *',
  '0 0 1 1 *',
  '59 23 31 12 *',
  '*/20 */3 * * *',
  '0 12 L,L-1,LW * *',
  '15 6 29 2 *',
  '15 6 28-2 FEB-MAR *',
  '0 9 1W,15W,30W * *',
  '0 9 * * THU-SAT,SUN#L',
  '45 23 * * 5L,1#1',
  '0 0 18 * * * 1970-2100,9998/1',
  '59 59 23 ? * * */2',
];

/** The window starts and ends where instants do, or at whole days. */
function faultsIn(tz: string, from: number, to: number): unknown[] {
  const window = observe(clocksOf(tz), from, to);
  return EXPRESSIONS.flatMap((expr) => {
    const fault = faultIn(cron(expr, { tz }), timesIn(readExpression(expr), window)[0]!, window);
    return fault === undefined ? [] : [{ expr, tz, fault }];
  });
}

describe.each(['UTC', 'America/New_York', 'Asia/Tokyo', 'Asia/Kathmandu', 'Pacific/Kiritimati', 'Pacific/Pago_Pago'])('%s', (tz) => {
  it('begins in 1970 and has nothing before', () => {
    expect(faultsIn(tz, 0, 70 * DAY)).toEqual([]);
    for (const expr of EXPRESSIONS) expect(cron(expr, { tz }).prev(0)).toBeUndefined();
  });

  it('ends with 9999 and has nothing after, whatever the clocks show then', () => {
    expect(faultsIn(tz, END - 5 * DAY, END)).toEqual([]);
    for (const expr of EXPRESSIONS) expect(cron(expr, { tz }).next(END - 1)).toBeUndefined();
  });
});

// Leap years: every fourth, not every hundredth, but every four hundredth.
it.each([1972, 1999, 2000, 2001, 2096, 2100, 2104, 2400, 4000, 9900])('has the end of February %i as the calendar has it', (year) => {
  expect(faultsIn('UTC', Date.UTC(year, 1, 20), Date.UTC(year, 2, 10))).toEqual([]);
});

it.each([2026, 2027, 2099, 2100])('goes over the end of %i', (year) => {
  expect(faultsIn('Europe/Paris', Date.UTC(year, 11, 20), Date.UTC(year + 1, 0, 10))).toEqual([]);
});
