import { describe, expect, it } from 'vitest';
import { dateOfDay, DAY_MS, dayOfDate, daysInMonth, isLeapYear, weekdayOfDay } from '../src/zone/civil-date.ts';

describe('the calendar', () => {
  it('agrees with Date on every day of an era of 400 years, before and after 1970', () => {
    const wrong = [];
    for (let day = -100_000; day < 100_000; day += 1) {
      const { year, month, day: dayOfMonth } = dateOfDay(day);
      const date = new Date(day * DAY_MS);
      const same =
        year === date.getUTCFullYear() &&
        month === date.getUTCMonth() + 1 &&
        dayOfMonth === date.getUTCDate() &&
        weekdayOfDay(day) === date.getUTCDay() &&
        dayOfDate(year, month, dayOfMonth) === day;
      if (!same) wrong.push(day);
    }
    expect(wrong).toEqual([]);
  });

  it('knows leap years and the length of months', () => {
    expect([1900, 2000, 2023, 2024, 2100].map(isLeapYear)).toEqual([false, true, false, true, false]);
    expect([1, 2, 4, 12].map((month) => daysInMonth(2023, month))).toEqual([31, 28, 30, 31]);
    expect(daysInMonth(2024, 2)).toBe(29);
  });
});
