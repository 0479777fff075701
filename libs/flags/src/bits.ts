import { FlagsInputError } from './errors.ts';

/** What a word is at run time: a number of 31 bits, or a bigint of 63. */
export type Backend = 'number' | 'bigint';

/*
 * The arithmetic of words, once for numbers and once for bigints. The two are written out, though they read alike: V8
 * keeps what it has seen of operand types with the source of a function, so that one body for both would make every
 * number pay for the bigints of another set.
 */
export interface Arithmetic<Value extends number | bigint> {
  readonly highestBit: number;
  readonly zero: Value;
  bitAt(index: number): Value;
  union(a: Value, b: Value): Value;
  intersection(a: Value, b: Value): Value;
  difference(a: Value, b: Value): Value;
  symmetricDifference(a: Value, b: Value): Value;
  equals(a: Value, b: Value): boolean;
  isSubsetOf(a: Value, b: Value): boolean;
  isSupersetOf(a: Value, b: Value): boolean;
  isDisjointFrom(a: Value, b: Value): boolean;
  size(word: Value): number;
  /** The question `has` of a set, over its table of masks; by their type, what a table inherits is not found. `refuse` throws. */
  hasIn(table: Readonly<Record<string, Value>>, refuse: (name: string) => never): (word: Value, name: string) => boolean;
  /** The union of named masks. From a Map, which is faster than a table for names that vary. */
  unionIn(masks: ReadonlyMap<string, Value>, refuse: (name: string) => never): (names: readonly string[]) => Value;
  /** The names whose mask, at the same place, is in the word. */
  namesIn(word: Value, names: readonly string[], masks: readonly Value[]): string[];
  /**
   * Reads the integer forms that databases and JSON hand out: number, bigint, decimal text.
   * Nothing is coerced: `''`, `'1e3'`, `'0x1'`, `' 1'` and `'01'` are refused. Nothing is rounded.
   * @throws FlagsInputError (`ERR_FLAGS_INPUT`)
   */
  read(set: string, raw: unknown): Value;
}

/**
 * Bit 31 is the sign in JavaScript's bit operators, in a signed SQL INT and in Lua's `bit` library, so a word that
 * holds it comes back negative somewhere.
 */
const NUMBER_BITS: Arithmetic<number> = {
  highestBit: 30,
  zero: 0,
  bitAt: (index) => 1 << index,
  union: (a, b) => a | b,
  intersection: (a, b) => a & b,
  difference: (a, b) => a & ~b,
  symmetricDifference: (a, b) => a ^ b,
  equals: (a, b) => a === b,
  isSubsetOf: (a, b) => (a & ~b) === 0,
  isSupersetOf: (a, b) => (b & ~a) === 0,
  isDisjointFrom: (a, b) => (a & b) === 0,
  size: (word) => {
    let size = 0;
    for (let rest = word; rest !== 0; rest &= rest - 1) size++;
    return size;
  },
  hasIn: (table, refuse) => (word, name) => {
    const mask = table[name];
    return typeof mask === 'number' ? (word & mask) !== 0 : refuse(name);
  },
  unionIn: (masks, refuse) => (names) => {
    let union = 0;
    for (const name of names) union |= masks.get(name) ?? refuse(name);
    return union;
  },
  namesIn: (word, names, masks) => {
    const found: string[] = [];
    for (let at = 0; at < masks.length; at++) if ((word & masks[at]!) !== 0) found.push(names[at]!);
    return found;
  },
  read: (set, raw) => {
    const exact = readExact(set, raw);
    if (exact < 0 || exact > 0x7fff_ffff) throw outOfRange(set, raw, 30);
    return Number(exact) + 0; // -0 becomes 0
  },
};

/** Bit 63 is the sign of a signed SQL BIGINT. */
const BIGINT_BITS: Arithmetic<bigint> = {
  highestBit: 62,
  zero: 0n,
  bitAt: (index) => 1n << BigInt(index),
  union: (a, b) => a | b,
  intersection: (a, b) => a & b,
  difference: (a, b) => a & ~b,
  symmetricDifference: (a, b) => a ^ b,
  equals: (a, b) => a === b,
  isSubsetOf: (a, b) => (a & ~b) === 0n,
  isSupersetOf: (a, b) => (b & ~a) === 0n,
  isDisjointFrom: (a, b) => (a & b) === 0n,
  size: (word) => {
    let size = 0;
    for (let rest = word; rest !== 0n; rest &= rest - 1n) size++;
    return size;
  },
  hasIn: (table, refuse) => (word, name) => {
    const mask = table[name];
    return typeof mask === 'bigint' ? (word & mask) !== 0n : refuse(name);
  },
  unionIn: (masks, refuse) => (names) => {
    let union = 0n;
    for (const name of names) union |= masks.get(name) ?? refuse(name);
    return union;
  },
  namesIn: (word, names, masks) => {
    const found: string[] = [];
    for (let at = 0; at < masks.length; at++) if ((word & masks[at]!) !== 0n) found.push(names[at]!);
    return found;
  },
  read: (set, raw) => {
    const exact = readExact(set, raw);
    if (exact < 0 || exact > 0x7fff_ffff_ffff_ffffn) throw outOfRange(set, raw, 62);
    return BigInt(exact);
  },
};

/** The arithmetic of each backend. */
export const BITS: { readonly number: Arithmetic<number>; readonly bigint: Arithmetic<bigint> } = { number: NUMBER_BITS, bigint: BIGINT_BITS };

const DECIMAL = /^(?:0|[1-9][0-9]*)$/;
// The digits of 2^63 - 1. Longer text is out of range, and not worth the time of being read.
const MOST_DIGITS = 19;

function readExact(set: string, raw: unknown): number | bigint {
  switch (typeof raw) {
    case 'bigint':
      return raw;
    case 'number':
      if (!Number.isInteger(raw)) throw new FlagsInputError(set, raw, 'a word is a whole number');
      if (!Number.isSafeInteger(raw)) throw new FlagsInputError(set, raw, 'a number beyond 2^53 - 1 may have been rounded before it came here; give a bigint or decimal text');
      return raw;
    case 'string':
      if (!DECIMAL.test(raw)) throw new FlagsInputError(set, raw, 'a word in text is a decimal number without sign, blanks or leading zeros');
      return raw.length > MOST_DIGITS ? Infinity : BigInt(raw);
    default:
      throw new FlagsInputError(set, raw, 'a word is a number, a bigint or decimal text');
  }
}

function outOfRange(set: string, raw: unknown, highestBit: number): FlagsInputError {
  return new FlagsInputError(set, raw, `a word has no sign and no bit above ${highestBit}`);
}
