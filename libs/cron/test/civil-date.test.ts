import { describe, expect, it } from 'vitest';
import { dateOfDay, DAY_MS, dayOfDate, daysInMonth, isLeapYear, weekdayOfDay } from '../src/zone/civil-date.ts';

describe('the calendar', () => {
  it('agrees with Date on every day of 400 years around 1970, and on some to either end', () => {
    const wrong = [];
    const days = Array.from({ length: 200_000 }, (_, index) => index - 100_000);
    for (let day = -719_468; day < 2_932_897; day += 97) days.push(day); // March of the year 0 to the end of 9999
    for (const day of days) {
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
