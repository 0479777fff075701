import { CronSyntaxError } from '../errors.ts';
import { seededChoice } from '../triggers/seeded-hash.ts';
import type { CronField, CronItem } from './cron-fields.ts';
import { DAY_OF_MONTH, DAY_OF_WEEK, YEAR, type FieldRule } from './field-rules.ts';

const [PLUS, STAR, QUESTION, COMMA, DASH, SLASH, HASH, OPEN, CLOSE, H, L, W] = Array.from('+*?,-/#()HLW', (sign) => sign.charCodeAt(0)) as [
  number, number, number, number, number, number, number, number, number, number, number, number,
];
const CASE = 0x20; // the bit that tells small ASCII letters from capitals
const LARGEST_OFFSET = 30;

/**
 * Reads the fields of one expression. It looks at characters rather than splitting text, because processes read stored
 * expressions by the hundred thousand; only what is refused is looked at twice.
 */
export class FieldReader {
  readonly #expression: string;
  /** Only of ASCII text the same as what was written; anything else is refused before this is used. */
  readonly #capitals: string;
  readonly #seed: string | undefined;
  #rule: FieldRule = YEAR;
  /** Behind the value that was read last. */
  #at = 0;

  constructor(expression: string, seed: string | undefined) {
    this.#expression = expression;
    this.#capitals = expression.toUpperCase();
    this.#seed = seed;
  }

  /** @throws CronSyntaxError (`ERR_CRON_SYNTAX`) */
  read(rule: FieldRule, start: number, end: number): CronField {
    this.#rule = rule;
    const plus = rule === DAY_OF_WEEK && this.#code(start) === PLUS;
    const items: CronItem[] = [];
    for (let from = plus ? start + 1 : start; ; ) {
      let to = from;
      while (to < end && this.#code(to) !== COMMA) to++;
      items.push(this.#item(from, to));
      if (to === end) break;
      from = to + 1;
    }
    return { part: rule.part, text: this.#capitals.slice(start, end), position: start, items, plus };
  }

  #item(from: number, to: number): CronItem {
    const rule = this.#rule;
    const text = this.#capitals.slice(from, to);
    const sign = from < to ? this.#code(from) : 0;
    if (sign === STAR || (sign === QUESTION && (rule === DAY_OF_MONTH || rule === DAY_OF_WEEK))) {
      return { kind: 'every', step: this.#optionalStep(from, from + 1, to, rule.end - rule.min + 1) ?? 1, text, position: from };
    }
    const letter = sign & ~CASE;
    if (letter === H && rule !== YEAR) return this.#hashed(text, from, to);
    if (letter === L && rule === DAY_OF_MONTH) return this.#lastDay(text, from, to);
    if (letter === L && rule === DAY_OF_WEEK && to === from + 1) {
      throw this.#fault(from, to, 'needs a day of week in front: SAT for every Saturday, 6L for the last one of the month');
    }

    const first = this.#value(from, to);
    const start = this.#wrapped(first);
    if (this.#at === to) return { kind: 'range', first: start, last: start, step: 1, open: false, text, position: from };
    const next = this.#code(this.#at);
    if (next === DASH) return this.#range(first, text, from, to);
    if (next === SLASH) return { kind: 'range', first: start, last: rule.end, step: this.#step(this.#at + 1, to, rule.end - start + 1), open: true, text, position: from };
    const behind = this.#at + 1;
    if (rule === DAY_OF_MONTH && (next & ~CASE) === W && behind === to) return { kind: 'workday', day: first, text, position: from };
    if (rule === DAY_OF_WEEK) {
      if ((next & ~CASE) === L && behind === to) return { kind: 'last-weekday', weekday: start, text, position: from };
      if (next === HASH) return this.#nthWeekday(start, text, from, to);
    }
    throw this.#noValue(from, to);
  }

  #range(from: number, text: string, position: number, to: number): CronItem {
    const rule = this.#rule;
    const start = this.#at + 1;
    const until = this.#value(start, to);
    const first = this.#wrapped(from);
    const last = this.#lastOf(from, until);
    if (rule === YEAR && first > last) throw this.#fault(position, this.#at, 'runs backwards: years go upwards');
    const step = this.#optionalStep(start, this.#at, to, this.#countOf(first, last)) ?? 1;
    return { kind: 'range', first, last, step, open: false, text, position };
  }

  #hashed(text: string, from: number, to: number): CronItem {
    const rule = this.#rule;
    let [first, last, at] = [rule.min, rule.hashEnd, from + 1];
    if (at < to && this.#code(at) === OPEN) {
      const range = this.#expression.indexOf(')', at);
      const close = range === -1 || range > to ? to : range;
      first = this.#value(at + 1, close);
      if (this.#at === close || this.#code(this.#at) !== DASH) throw this.#noHash(from, to);
      last = this.#value(this.#at + 1, close);
      if (this.#at !== close || close === to || this.#code(close) !== CLOSE) throw this.#noHash(from, to);
      last = this.#lastOf(first, last);
      first = this.#wrapped(first);
      at = close + 1;
    }
    if (at < to && this.#code(at) !== SLASH) throw this.#noHash(from, to);
    const count = this.#countOf(first, last);
    const step = this.#optionalStep(from, at, to, count);
    return { kind: 'hashed', values: this.#draw(first, count, step), step, text, position: from };
  }

  /** The values that the seed picks of `count` from `first` on; without a seed all of them. */
  #draw(first: number, count: number, step: number | undefined): number[] {
    const { index, min, end } = this.#rule;
    const picked = this.#seed === undefined ? 0 : seededChoice(this.#seed, index, step ?? count);
    const distance = this.#seed === undefined ? 1 : (step ?? count);
    const values: number[] = [];
    for (let nth = picked; nth < count; nth += distance) values.push(first + nth > end ? min + (first + nth - end - 1) : first + nth);
    return values;
  }

  #lastDay(text: string, from: number, to: number): CronItem {
    let offset = 0;
    let at = from + 1;
    if (at < to && this.#code(at) === DASH) {
      offset = this.#digits(at + 1, to);
      if (offset < 0 || offset > LARGEST_OFFSET) throw this.#fault(from, to, `is not L, L-1 to L-${LARGEST_OFFSET}, or one of these with W behind it`);
      at = this.#at;
    }
    const workday = at < to && (this.#code(at) & ~CASE) === W;
    if (at + (workday ? 1 : 0) !== to) throw this.#fault(from, to, `is not L, L-1 to L-${LARGEST_OFFSET}, or one of these with W behind it`);
    return { kind: 'last-day', offset, workday, text, position: from };
  }

  #nthWeekday(weekday: number, text: string, position: number, to: number): CronItem {
    const start = this.#at + 1;
    if (start + 1 === to && (this.#code(start) & ~CASE) === L) return { kind: 'last-weekday', weekday, text, position };
    const nth = this.#digits(start, to);
    if (nth < 1 || nth > 5 || this.#at !== to) throw this.#fault(start, to, 'is not which one of the month: 1 to 5, or L for the last');
    return { kind: 'nth-weekday', weekday, nth, text, position };
  }

  /** Sunday as 0, also where 7 was written. */
  #wrapped(value: number): number {
    return value > this.#rule.end ? this.#rule.min : value;
  }

  /** The end of a range as written: 0-7 is the whole week, with Sunday at both ends. */
  #lastOf(first: number, last: number): number {
    return first === this.#rule.min ? Math.min(last, this.#rule.end) : this.#wrapped(last);
  }

  /** The number of values from `first` to `last`, around the end of the field where that is before. */
  #countOf(first: number, last: number): number {
    const { min, end } = this.#rule;
    return last - first + 1 + (last < first ? end - min + 1 : 0);
  }

  /** Reads the step that stands at `at`, or nothing where the item ends there. */
  #optionalStep(start: number, at: number, to: number, count: number): number | undefined {
    if (at === to) return undefined;
    if (this.#code(at) !== SLASH) throw this.#noValue(start, to);
    return this.#step(at + 1, to, count);
  }

  #step(from: number, to: number, count: number): number {
    const step = this.#digits(from, to);
    if (step < 1 || step > count || this.#at !== to) throw this.#fault(from, to, `is not a step from 1 to ${count}, the number of values it steps over`);
    return step;
  }

  /** Reads the number or name at `from`. */
  #value(from: number, to: number): number {
    const { min, max, names } = this.#rule;
    const value = this.#digits(from, to);
    if (value >= min && value <= max) return value;
    if (value === -1 && names.length > 0 && from + 3 <= to) {
      const named = names.indexOf(this.#capitals.slice(from, from + 3));
      // Capitals of some letters outside ASCII are ASCII letters.
      if (named !== -1 && this.#code(from) < 128 && this.#code(from + 1) < 128 && this.#code(from + 2) < 128) {
        this.#at = from + 3;
        return min + named;
      }
    }
    throw this.#noValue(from, to);
  }

  /** Reads the digits at `from`; -1 when there are none. */
  #digits(from: number, to: number): number {
    let value = -1;
    let at = from;
    for (; at < to; at++) {
      const digit = this.#code(at) - 48;
      if (digit < 0 || digit > 9) break;
      value = at === from ? digit : value * 10 + digit;
    }
    this.#at = at;
    return value;
  }

  #code(at: number): number {
    return this.#expression.charCodeAt(at);
  }

  /** Why there is no value at `from`. */
  #noValue(from: number, to: number): CronSyntaxError {
    const { min, max, names } = this.#rule;
    const choice = `a number from ${min} to ${max}${names.length > 0 ? ` or ${names[0]} to ${names.at(-1)}` : ''}`;
    const text = this.#expression.slice(from, to);
    const value = /^[^-/#]*/.exec(text)![0];
    if (value === '') return this.#fault(from, from, 'is empty where a value should stand');
    const number = Number(/^\d+(?=[WL]?$)/i.exec(value)?.[0]);
    if (number < min || number > max) return this.#fault(from, from + value.length, `is out of range: ${choice}`);
    // When the value itself is fine, what follows it is not.
    const token = Number.isNaN(number) ? value : /^[^/]*/.exec(text)![0];
    return this.#fault(from, from + token.length, `is not ${choice}`);
  }

  #noHash(from: number, to: number): CronSyntaxError {
    return this.#fault(from, to, 'is not H, H/n, H(a-b) or H(a-b)/n');
  }

  #fault(from: number, to: number, rule: string): CronSyntaxError {
    return new CronSyntaxError({ expression: this.#expression, value: this.#expression.slice(from, to), position: from, part: this.#rule.part, rule });
  }
}
