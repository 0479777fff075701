import type { Arithmetic } from './bits.ts';
import { FlagsInputError, UnknownFlagError } from './errors.ts';

/*
 * The text form, after the grammar of the Rust crate bitflags (spec.md, "Formatting" and "Parsing"):
 *
 *   word  = token *( "|" token )        blanks around a token do not count
 *   token = name | "0x" 1*16HEXDIG
 *
 * Two differences. The empty word is written `0x0` and the empty text is refused, because an empty setting is a
 * forgotten one more often than an empty set. And hexadecimal is allowed under the policy `strict`, where the bits
 * it names have to be known like any others.
 */
const SEPARATOR = ' | ';
const HEX = /^0x[0-9A-Fa-f]{1,16}$/;

interface TokenRules<Value extends number | bigint> {
  readonly set: string;
  readonly bits: Arithmetic<Value>;
  /** Mask of one flag; undefined for a name that is not a live flag. */
  bitOf(name: string): Value | undefined;
  isRetired(name: string): boolean;
}

/** The bits that a token stands for; those of a hexadecimal one may be unknown. `field` is its place, for the error. */
export function bitsOfToken<Value extends number | bigint>({ set, bits, bitOf, isRetired }: TokenRules<Value>, token: unknown, field?: string): Value {
  if (typeof token !== 'string' || token === '') throw new FlagsInputError(set, token, 'a flag is a name or a hexadecimal number such as 0x40', field);
  const named = bitOf(token);
  if (named !== undefined) return named;
  if (!HEX.test(token)) throw new UnknownFlagError(set, token, isRetired(token) ? 'this flag is retired' : 'no flag has this name', { field });
  const exact = BigInt(token);
  if (exact >> BigInt(bits.highestBit + 1)) throw new FlagsInputError(set, token, `a word has no bit above ${bits.highestBit}`, field);
  return bits.read(set, exact);
}

/** Names in the order given, then what is left as one hexadecimal token. Empty for the empty word. */
export function tokensOf(names: readonly string[], unknownBits: number | bigint): string[] {
  return unknownBits ? [...names, hex(unknownBits)] : [...names];
}

export function splitTokens(set: string, text: unknown): string[] {
  if (typeof text !== 'string') throw new FlagsInputError(set, text, 'the text form is a string');
  return text.split('|').map((token) => token.trim());
}

export function joinTokens(tokens: readonly string[]): string {
  return tokens.length === 0 ? hex(0) : tokens.join(SEPARATOR);
}

export function hex(bits: number | bigint): string {
  return `0x${bits.toString(16)}`;
}
