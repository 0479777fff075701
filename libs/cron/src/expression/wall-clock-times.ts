import { DAY_MS, dateOfDay, dayOfDate, daysInMonth, weekdayOfDay } from '../zone/civil-date.ts';
import { highestBit, lowestBit, type BitSet } from './bit-set.ts';
import type { MonthDays } from './month-days.ts';
import type { YearSet } from './year-set.ts';

/** The values of the fields. Words have the bit of each value set. */
export interface WallClockFields {
  readonly seconds: BitSet;
  readonly minutes: BitSet;
  readonly hours: number;
  readonly days: MonthDays;
  readonly months: number;
  /** Undefined for every year. */
  readonly years: YearSet | undefined;
}

// One more than the times of a trigger reach, at either end: clocks are up to 14 hours off UTC.
const FIRST_YEAR = 1969;
const LAST_YEAR = 10_000;

/**
 * The local times that a cron expression matches, as epoch milliseconds if they were UTC; where clocks change is none of its
 * business. A search looks at months that the expression names in years that it names, and at no day or minute one by one.
 */
export class WallClockTimes {
  readonly #seconds: BitSet;
  readonly #minutes: BitSet;
  readonly #hours: number;
  readonly #days: MonthDays;
  readonly #months: number;
  readonly #years: YearSet | undefined;
  /** Of a day, in seconds. */
  readonly #firstTime: number;
  readonly #lastTime: number;

  constructor({ seconds, minutes, hours, days, months, years }: WallClockFields) {
    this.#seconds = seconds;
    this.#minutes = minutes;
    this.#hours = hours;
    this.#days = days;
    this.#months = months;
    this.#years = years;
    this.#firstTime = lowestBit(hours) * 3_600 + minutes.next(0) * 60 + seconds.next(0);
    this.#lastTime = highestBit(hours) * 3_600 + minutes.prev(59) * 60 + seconds.prev(59);
  }

  /** The first one from `localMs` (a whole second) on; Infinity when there is none up to the year 10 000. */
  next(localMs: number): number {
    const dayNumber = Math.floor(localMs / DAY_MS);
    const { year, month, day } = dateOfDay(dayNumber);
    const days = this.#hasMonth(year, month) ? this.#daysOf(year, month, dayNumber - day + 1) : 0;
    if ((days & (1 << day)) !== 0) {
      const time = this.#nextTime((localMs - dayNumber * DAY_MS) / 1_000);
      if (time !== -1) return dayNumber * DAY_MS + time * 1_000;
    }
    const later = days & (-2 << day);
    const found = later === 0 ? this.firstDay(year, month + 1) : dayNumber + lowestBit(later) - day;
    return found * DAY_MS + this.#firstTime * 1_000;
  }

  /** The last one up to `localMs` (a whole second); -Infinity when there is none from the year 1969 on. */
  prev(localMs: number): number {
    const dayNumber = Math.floor(localMs / DAY_MS);
    const { year, month, day } = dateOfDay(dayNumber);
    const days = this.#hasMonth(year, month) ? this.#daysOf(year, month, dayNumber - day + 1) : 0;
    if ((days & (1 << day)) !== 0) {
      const time = this.#prevTime((localMs - dayNumber * DAY_MS) / 1_000);
      if (time !== -1) return dayNumber * DAY_MS + time * 1_000;
    }
    const earlier = days & ((1 << day) - 1);
    const found = earlier === 0 ? this.#lastDay(year, month - 1) : dayNumber + highestBit(earlier) - day;
    return found * DAY_MS + this.#lastTime * 1_000;
  }

  /** The number of the first matching day from a month (13: from the next year) on to the end of `lastYear`; Infinity when there is none. */
  firstDay(fromYear: number, fromMonth: number, lastYear: number = LAST_YEAR): number {
    for (let year = this.#yearFrom(fromYear); year <= lastYear; year = this.#yearFrom(year + 1)) {
      let months = year === fromYear ? this.#months & (-1 << fromMonth) : this.#months;
      for (; months !== 0; months &= months - 1) {
        const month = lowestBit(months);
        const first = dayOfDate(year, month, 1);
        const days = this.#daysOf(year, month, first);
        if (days !== 0) return first + lowestBit(days) - 1;
      }
    }
    return Infinity;
  }

  /** The number of the last matching day up to the end of a month (0: of the year before); -Infinity when there is none. */
  #lastDay(toYear: number, toMonth: number): number {
    for (let year = this.#yearUpTo(toYear); year >= FIRST_YEAR; year = this.#yearUpTo(year - 1)) {
      let months = year === toYear ? this.#months & ((2 << toMonth) - 1) : this.#months;
      for (; months !== 0; months ^= 1 << highestBit(months)) {
        const month = highestBit(months);
        const first = dayOfDate(year, month, 1);
        const days = this.#daysOf(year, month, first);
        if (days !== 0) return first + highestBit(days) - 1;
      }
    }
    return -Infinity;
  }

  #yearFrom(year: number): number {
    return this.#years === undefined ? year : this.#years.next(year);
  }

  #yearUpTo(year: number): number {
    return this.#years === undefined ? year : this.#years.prev(year);
  }

  /** The matching days of a month whose first one has the number `first`. */
  #daysOf(year: number, month: number, first: number): number {
    return this.#days.of(daysInMonth(year, month), weekdayOfDay(first));
  }

  #hasMonth(year: number, month: number): boolean {
    return (this.#months & (1 << month)) !== 0 && this.#yearFrom(year) === year;
  }

  /** The first matching second of a day from `from` (0 to 86 399) on, or -1. */
  #nextTime(from: number): number {
    const fromHour = Math.floor(from / 3_600);
    if ((this.#hours & (1 << fromHour)) !== 0) {
      const fromMinute = Math.floor(from / 60) % 60;
      if (this.#minutes.has(fromMinute)) {
        const second = this.#seconds.next(from % 60);
        if (second !== -1) return fromHour * 3_600 + fromMinute * 60 + second;
      }
      const minute = this.#minutes.next(fromMinute + 1);
      if (minute !== -1) return fromHour * 3_600 + minute * 60 + this.#seconds.next(0);
    }
    const hours = this.#hours & (-2 << fromHour);
    return hours === 0 ? -1 : lowestBit(hours) * 3_600 + this.#minutes.next(0) * 60 + this.#seconds.next(0);
  }

  /** The last matching second of a day up to `from` (0 to 86 399), or -1. */
  #prevTime(from: number): number {
    const fromHour = Math.floor(from / 3_600);
    if ((this.#hours & (1 << fromHour)) !== 0) {
      const fromMinute = Math.floor(from / 60) % 60;
      if (this.#minutes.has(fromMinute)) {
        const second = this.#seconds.prev(from % 60);
        if (second !== -1) return fromHour * 3_600 + fromMinute * 60 + second;
      }
      const minute = this.#minutes.prev(fromMinute - 1);
      if (minute !== -1) return fromHour * 3_600 + minute * 60 + this.#seconds.prev(59);
    }
    const hours = this.#hours & ((1 << fromHour) - 1);
    return hours === 0 ? -1 : highestBit(hours) * 3_600 + this.#minutes.prev(59) * 60 + this.#seconds.prev(59);
  }
}
