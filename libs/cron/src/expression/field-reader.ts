import { CronSyntaxError } from '../errors.ts';
import { seededChoice } from '../seeded-choice.ts';
import type { CronField, CronItem } from './cron-fields.ts';
import { DAY_OF_MONTH, DAY_OF_WEEK, YEAR, type FieldRule } from './field-rules.ts';

const PLUS = codeOf('+');
const STAR = codeOf('*');
const QUESTION = codeOf('?');
const COMMA = codeOf(',');
const DASH = codeOf('-');
const SLASH = codeOf('/');
const HASH = codeOf('#');
const OPEN = codeOf('(');
const CLOSE = codeOf(')');
const H = codeOf('H');
const L = codeOf('L');
const W = codeOf('W');
const ZERO = codeOf('0');
const CASE = 0x20; // the bit that tells small ASCII letters from capitals

const LARGEST_OFFSET = 30;
const LAST_DAY_RULE = `is not L, L-1 to L-${LARGEST_OFFSET}, or one of these with W behind it`;
const HASH_RULE = 'is not H, H/n, H(a-b) or H(a-b)/n';

function codeOf(sign: string): number {
  return sign.charCodeAt(0);
}

/**
 * Reads the fields of one expression, in the order of writing. It goes from character to character rather than splitting text,
 * because processes read stored expressions by the hundred thousand; only what is refused is looked at twice.
 */
export class FieldReader {
  readonly #expression: string;
  /** Of ASCII text as long as what was written. Anything else is refused before this is looked at. */
  readonly #capitals: string;
  readonly #seed: string | undefined;
  #rule: FieldRule = YEAR;
  /** What comes next. */
  #at = 0;
  /** Where the item being read ends. */
  #end = 0;
  /** Where the last value in it begins. */
  #valueAt = 0;

  constructor(expression: string, seed: string | undefined) {
    this.#expression = expression;
    this.#capitals = expression.toUpperCase();
    this.#seed = seed;
  }

  /** @throws CronSyntaxError (`ERR_CRON_SYNTAX`) */
  read(rule: FieldRule, start: number, end: number): CronField {
    this.#rule = rule;
    const plus = rule === DAY_OF_WEEK && this.#expression.charCodeAt(start) === PLUS;
    const items: CronItem[] = [];
    for (let from = plus ? start + 1 : start; from <= end; from = this.#end + 1) {
      this.#at = from;
      this.#valueAt = from;
      this.#end = from;
      while (this.#end < end && this.#expression.charCodeAt(this.#end) !== COMMA) this.#end++;
      items.push(this.#item(this.#capitals.slice(from, this.#end), from));
    }
    return { part: rule.part, text: this.#capitals.slice(start, end), position: start, items, plus };
  }

  #item(text: string, position: number): CronItem {
    const rule = this.#rule;
    if (this.#take(STAR) || ((rule === DAY_OF_MONTH || rule === DAY_OF_WEEK) && this.#take(QUESTION))) {
      return { kind: 'every', step: this.#optionalStep(rule.end - rule.min + 1) ?? 1, text, position };
    }
    if (rule !== YEAR && this.#takeLetter(H)) return this.#hashed(text, position);
    if (rule === DAY_OF_MONTH && this.#takeLetter(L)) return this.#lastDay(text, position);
    if (rule === DAY_OF_WEEK && this.#takeLetter(L)) {
      throw this.#atEnd ? this.#fault(position, this.#end, 'needs a day of week in front: SAT for every Saturday, 6L for the last one of the month') : this.#noValue();
    }

    const value = this.#value();
    const first = this.#wrapped(value);
    if (this.#atEnd) return { kind: 'range', first, last: first, step: 1, open: false, text, position };
    if (this.#take(DASH)) {
      const last = this.#lastOf(value, this.#value());
      if (rule === YEAR && first > last) throw this.#fault(position, this.#at, 'runs backwards: years go upwards');
      return { kind: 'range', first, last, step: this.#optionalStep(this.#countOf(first, last)) ?? 1, open: false, text, position };
    }
    if (this.#take(SLASH)) return { kind: 'range', first, last: rule.end, step: this.#step(rule.end - first + 1), open: true, text, position };
    if (rule === DAY_OF_MONTH && this.#takeLetter(W) && this.#atEnd) return { kind: 'workday', day: value, text, position };
    if (rule === DAY_OF_WEEK && this.#takeLetter(L) && this.#atEnd) return { kind: 'last-weekday', weekday: first, text, position };
    if (rule === DAY_OF_WEEK && this.#take(HASH)) return this.#nthWeekday(first, text, position);
    throw this.#noValue();
  }

  #hashed(text: string, position: number): CronItem {
    const rule = this.#rule;
    let [first, last] = [rule.min, rule.hashEnd];
    if (this.#take(OPEN)) {
      const value = this.#value();
      if (!this.#take(DASH)) throw this.#fault(position, this.#end, HASH_RULE);
      first = this.#wrapped(value);
      last = this.#lastOf(value, this.#value());
      if (!this.#take(CLOSE)) throw this.#fault(position, this.#end, HASH_RULE);
    }
    if (!this.#atEnd && this.#expression.charCodeAt(this.#at) !== SLASH) throw this.#fault(position, this.#end, HASH_RULE);
    const count = this.#countOf(first, last);
    const step = this.#optionalStep(count);
    return { kind: 'hashed', values: this.#draw(first, count, step), step, text, position };
  }

  /** What the seed picks of `count` values from `first` on: one, or with a step every so many; without a seed all of them. */
  #draw(first: number, count: number, step: number = count): number[] {
    const { index, min, end } = this.#rule;
    const [picked, distance] = this.#seed === undefined ? [0, 1] : [seededChoice(this.#seed, index, step), step];
    const values: number[] = [];
    for (let nth = picked; nth < count; nth += distance) {
      const value = first + nth;
      values.push(value > end ? min + value - end - 1 : value);
    }
    return values;
  }

  #lastDay(text: string, position: number): CronItem {
    const offset = this.#take(DASH) ? this.#digits() : 0;
    const workday = this.#takeLetter(W);
    if (offset < 0 || offset > LARGEST_OFFSET || !this.#atEnd) throw this.#fault(position, this.#end, LAST_DAY_RULE);
    return { kind: 'last-day', offset, workday, text, position };
  }

  #nthWeekday(weekday: number, text: string, position: number): CronItem {
    const from = this.#at;
    if (this.#takeLetter(L) && this.#atEnd) return { kind: 'last-weekday', weekday, text, position };
    const nth = this.#digits();
    if (nth < 1 || nth > 5 || !this.#atEnd) throw this.#fault(from, this.#end, 'is not which one of the month: 1 to 5, or L for the last');
    return { kind: 'nth-weekday', weekday, nth, text, position };
  }

  /** Sunday as 0, also where 7 was written. */
  #wrapped(value: number): number {
    return value > this.#rule.end ? this.#rule.min : value;
  }

  /** The last value of a range as it was written: 0-7 is the whole week, with Sunday at both ends. */
  #lastOf(first: number, last: number): number {
    return first === this.#rule.min ? Math.min(last, this.#rule.end) : this.#wrapped(last);
  }

  /** The number of values from `first` to `last`, around the end of the field where `last` is before. */
  #countOf(first: number, last: number): number {
    const { min, end } = this.#rule;
    return last - first + 1 + (last < first ? end - min + 1 : 0);
  }

  /** Undefined where the item ends; anything else but a step does not belong there. */
  #optionalStep(count: number): number | undefined {
    if (this.#atEnd) return undefined;
    if (!this.#take(SLASH)) throw this.#noValue();
    return this.#step(count);
  }

  #step(count: number): number {
    const from = this.#at;
    const step = this.#digits();
    if (step < 1 || step > count || !this.#atEnd) throw this.#fault(from, this.#end, `is not a step from 1 to ${count}, the number of values it steps over`);
    return step;
  }

  /** A number or a name. */
  #value(): number {
    const { min, max, names } = this.#rule;
    const from = this.#at;
    this.#valueAt = from;
    const number = this.#digits();
    if (number >= min && number <= max) return number;
    const name = number === -1 && names.length > 0 && from + 3 <= this.#end ? names.indexOf(this.#capitals.slice(from, from + 3)) : -1;
    // The capitals of a dotless i and of a long s are ASCII letters.
    if (name === -1 || !isAscii(this.#expression, from, from + 3)) throw this.#noValue();
    this.#at = from + 3;
    return min + name;
  }

  /** -1 where there are no digits. */
  #digits(): number {
    let value = -1;
    for (; this.#at < this.#end; this.#at++) {
      const digit = this.#expression.charCodeAt(this.#at) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = Math.max(value, 0) * 10 + digit;
    }
    return value;
  }

  #take(sign: number): boolean {
    if (this.#at === this.#end || this.#expression.charCodeAt(this.#at) !== sign) return false;
    this.#at++;
    return true;
  }

  #takeLetter(capital: number): boolean {
    if (this.#at === this.#end || (this.#expression.charCodeAt(this.#at) & ~CASE) !== capital) return false;
    this.#at++;
    return true;
  }

  get #atEnd(): boolean {
    return this.#at === this.#end;
  }

  /** Says why there is no value at `#valueAt`. */
  #noValue(): CronSyntaxError {
    const { min, max, names } = this.#rule;
    const choice = `a number from ${min} to ${max}${names.length > 0 ? ` or ${names[0]} to ${names.at(-1)}` : ''}`;
    const from = this.#valueAt;
    const text = this.#expression.slice(from, this.#end);
    const value = /^[^-/#)]*/.exec(text)![0];
    if (value === '') return this.#fault(from, from, 'is empty where a value should stand');
    const number = Number(/^\d+(?=[WL]?$)/i.exec(value)?.[0]);
    if (number < min || number > max) return this.#fault(from, from + value.length, `is out of range: ${choice}`);
    // When the value itself is fine, what stands behind it is not.
    const token = Number.isNaN(number) ? value : /^[^/]*/.exec(text)![0];
    return this.#fault(from, from + token.length, `is not ${choice}`);
  }

  #fault(from: number, to: number, rule: string): CronSyntaxError {
    return new CronSyntaxError({ expression: this.#expression, value: this.#expression.slice(from, to), position: from, part: this.#rule.part, rule });
  }
}

function isAscii(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (text.charCodeAt(at) > 127) return false;
  return true;
}
