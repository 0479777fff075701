import type { CronField, CronItem } from './cron-fields.ts';
import { highestBit, lowestBit } from './bit-set.ts';

/*
 * Which days of a month match. That depends on no more than the length of the month and the weekday of its first day. Sets of
 * days are words with the bits 1 to 31, sets of weekdays words with the bits 0 (Sunday) to 6.
 *
 * A day field that begins with `*` or `?` does not restrict the day. When both do restrict it, a day matches if either does,
 * as in Vixie cron, or with a `+` in front of the day of week if both do. Else both have to match anyway.
 */

const ALL_WEEKDAYS = 0b111_1111;

export class MonthDays {
  readonly #days: number;
  readonly #weekdays: number;
  /** Days that every month has elsewhere. */
  readonly #moving: readonly MovingItem[];
  readonly #either: boolean;
  /** Of the 28 months that there are those that were asked for, where items move: a list of them may be long. */
  readonly #known: number[] = [];

  /**
   * @param days the numbers in the day-of-month field
   * @param weekdays those in the day-of-week field
   */
  constructor(dayOfMonth: CronField, days: number, dayOfWeek: CronField, weekdays: number) {
    this.#days = days;
    this.#weekdays = weekdays;
    this.#moving = movingItems(dayOfMonth.items, dayOfWeek.items);
    this.#either = !dayOfWeek.plus && restricts(dayOfMonth) && restricts(dayOfWeek);
  }

  /** The matching days of a month of `length` days that begins on the weekday `first`. */
  of(length: number, first: number): number {
    if (this.#moving.length === 0) return this.#daysOf(length, first);
    const month = (length - 28) * 7 + first;
    return (this.#known[month] ??= this.#daysOf(length, first));
  }

  #daysOf(length: number, first: number): number {
    let days = this.#days;
    let byWeekday = daysOfWeekdays(this.#weekdays, first);
    for (let at = 0; at < this.#moving.length; at++) {
      const item = this.#moving[at]!;
      const day = dayOf(item, length, first);
      if (day < 1 || day > length) continue;
      if (item.kind === 'last-day' || item.kind === 'workday') days |= 1 << day;
      else byWeekday |= 1 << day;
    }
    return (this.#either ? days | byWeekday : days & byWeekday) & daysUpTo(length);
  }
}

/** Whether a day field restricts the day, by Vixie's rule. */
export function restricts({ text }: CronField): boolean {
  return !text.startsWith('*') && !text.startsWith('?');
}

type MovingItem = Extract<CronItem, { kind: 'last-day' | 'workday' | 'nth-weekday' | 'last-weekday' }>;

const NONE: readonly MovingItem[] = [];

function movingItems(...lists: readonly (readonly CronItem[])[]): readonly MovingItem[] {
  let moving: MovingItem[] | undefined;
  for (const items of lists) {
    for (const item of items) {
      if (item.kind !== 'range' && item.kind !== 'every' && item.kind !== 'hashed') (moving ??= []).push(item);
    }
  }
  return moving ?? NONE;
}

/** The day that an item means in a month; one that the month does not have for none. */
function dayOf(item: MovingItem, length: number, first: number): number {
  switch (item.kind) {
    case 'last-day':
      return item.workday ? nearestWorkday(length - item.offset, length, first) : length - item.offset;
    case 'workday':
      return nearestWorkday(item.day, length, first);
    case 'nth-weekday':
      return lowestBit(daysOfWeekdays(1 << item.weekday, first)) + (item.nth - 1) * 7;
    case 'last-weekday':
      return highestBit(daysOfWeekdays(1 << item.weekday, first) & daysUpTo(length));
  }
}

/** Monday to Friday: the day itself, or the one next to it within the month, else two days away. */
function nearestWorkday(day: number, length: number, first: number): number {
  if (day < 1 || day > length) return 0;
  const weekday = (first + day - 1) % 7;
  if (weekday === 6) return day === 1 ? 3 : day - 1;
  if (weekday === 0) return day === length ? day - 2 : day + 1;
  return day;
}

/** The days of a month that begins on the weekday `first` which fall on one of the weekdays. */
function daysOfWeekdays(weekdays: number, first: number): number {
  const fromFirst = ((weekdays >> first) | (weekdays << (7 - first))) & ALL_WEEKDAYS;
  return Math.imul(fromFirst, EVERY_SEVENTH) << 1;
}

const EVERY_SEVENTH = 0x10204081; // the bits 0, 7, 14, 21 and 28: multiplied by it a week repeats through the month

function daysUpTo(length: number): number {
  return (2 << length) - 2;
}
