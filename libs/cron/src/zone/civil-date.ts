/*
 * The proleptic Gregorian calendar in integers, from March of the year 0 on. A day is numbered from 1970-01-01 = 0.
 * Algorithms: Cassio Neri and Lorenz Schneider, "Euclidean affine functions and their application to calendar algorithms",
 * 2023. They count years from March, so that the leap day is the last of its year, and centuries and years in quarters of a
 * day. No value is negative or reaches 2^31, so that `| 0` rounds down, in integers where `Math.floor` would take fractions.
 */

export const DAY_MS = 86_400_000;

export interface CivilDate {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
}

const DAYS_TO_1970 = 719_468; // from 0000-03-01
const QUARTERS_PER_CENTURY = 146_097;
const QUARTERS_PER_YEAR = 1_461;
const LAST_OF_DECEMBER = 305; // in days from the first of March

export function dayOfDate(year: number, month: number, day: number): number {
  const early = month <= 2;
  const marchYear = early ? year - 1 : year;
  const century = (marchYear / 100) | 0;
  const daysOfYears = (((QUARTERS_PER_YEAR * marchYear) / 4) | 0) - century + (century >> 2);
  const daysOfMonths = (979 * (early ? month + 12 : month) - 2_919) >> 5;
  return daysOfYears + daysOfMonths + day - 1 - DAYS_TO_1970;
}

export function dateOfDay(dayNumber: number): CivilDate {
  const quarters = 4 * (dayNumber + DAYS_TO_1970) + 3;
  const century = (quarters / QUARTERS_PER_CENTURY) | 0;
  const quartersOfCentury = (quarters % QUARTERS_PER_CENTURY) | 3;
  const yearOfCentury = (quartersOfCentury / QUARTERS_PER_YEAR) | 0;
  const dayOfYear = (quartersOfCentury % QUARTERS_PER_YEAR) >> 2;
  const monthAndDay = 2_141 * dayOfYear + 197_913; // the month in the upper 16 bits
  const month = monthAndDay >> 16;
  const early = dayOfYear > LAST_OF_DECEMBER;
  return {
    year: 100 * century + yearOfCentury + (early ? 1 : 0),
    month: early ? month - 12 : month,
    day: (((monthAndDay & 0xffff) / 2_141) | 0) + 1,
  };
}

/** 0 (Sunday) to 6 (Saturday). */
export function weekdayOfDay(dayNumber: number): number {
  return (dayNumber + WEEKS_TO_1970 * 7 + 4) % 7; // 1970-01-01 was a Thursday
}

const WEEKS_TO_1970 = 102_781; // from the end of February 0000, so that no number is negative

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

const MONTH_LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

export function daysInMonth(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : MONTH_LENGTHS[month - 1]!;
}
