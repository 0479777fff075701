import { HIGHEST_BIT } from './definition.ts';
import { FlagsInputError } from './errors.ts';

const LARGEST_WORD = 2 ** (HIGHEST_BIT + 1) - 1;
const DECIMAL = /^(?:0|[1-9][0-9]*)$/;

/**
 * Reads the integer forms that databases and JSON hand out: number, bigint, decimal text.
 * Nothing is coerced: `''`, `'1e3'`, `'0x1'`, `' 1'` and `'01'` are refused. Nothing is rounded: what a double cannot
 * hold exactly is far out of range.
 * @throws FlagsInputError (`ERR_FLAGS_INPUT`)
 */
export function readBits(set: string, raw: unknown): number {
  switch (typeof raw) {
    case 'number':
      if (!Number.isInteger(raw)) throw new FlagsInputError(set, raw, 'a word is a whole number');
      return inRange(set, raw, raw);
    case 'bigint':
      return inRange(set, raw, Number(raw));
    case 'string':
      if (!DECIMAL.test(raw)) throw new FlagsInputError(set, raw, 'a word in text is a decimal number without sign, blanks or leading zeros');
      return inRange(set, raw, Number(raw));
    default:
      throw new FlagsInputError(set, raw, 'a word is a number, a bigint or decimal text');
  }
}

/** Accepts 0 to 2^31 - 1. `raw` is what the error shows. */
export function inRange(set: string, raw: unknown, bits: number): number {
  if (bits < 0 || bits > LARGEST_WORD) throw new FlagsInputError(set, raw, `a word has no sign and no bit above ${HIGHEST_BIT}`);
  return bits + 0; // -0 becomes 0
}
