/** A set of whole numbers from 0 to 59: two words of 30 bits, which stay small integers in every engine. */
export interface BitSet {
  readonly low: number;
  readonly high: number;
}

const WORD_BITS = 30;

export function bitSetOf(values: Iterable<number>): BitSet {
  let low = 0;
  let high = 0;
  for (const value of values) {
    if (value < WORD_BITS) low |= 1 << value;
    else high |= 1 << (value - WORD_BITS);
  }
  return { low, high };
}

export function hasBit(set: BitSet, value: number): boolean {
  return (value < WORD_BITS ? set.low & (1 << value) : set.high & (1 << (value - WORD_BITS))) !== 0;
}

/** The smallest member that is at least `from` (0 to 60), or -1. */
export function nextBit(set: BitSet, from: number): number {
  if (from < WORD_BITS) {
    const low = set.low & (-1 << from);
    if (low !== 0) return lowestBit(low);
    return set.high === 0 ? -1 : WORD_BITS + lowestBit(set.high);
  }
  const high = set.high & (-1 << (from - WORD_BITS));
  return high === 0 ? -1 : WORD_BITS + lowestBit(high);
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
