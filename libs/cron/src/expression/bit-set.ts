/*
 * Sets of small numbers, and searches in them that take the same few instructions whatever they hold. Numbers below 31 make
 * one word; bit 31 is the sign, which none of the operations here minds.
 */

/** The smallest member of a word that is not empty. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

/** The largest member of a word that is not empty. */
export function highestBit(word: number): number {
  return 31 - Math.clz32(word);
}

const WORD_BITS = 30;

/** A set of whole numbers from 0 to 59: two words of 30 bits, which stay small integers in every engine. */
export class BitSet {
  #low = 0;
  #high = 0;

  add(value: number): void {
    if (value < WORD_BITS) this.#low |= 1 << value;
    else this.#high |= 1 << (value - WORD_BITS);
  }

  /** `first` to `last`, every `step`. */
  addRange(first: number, last: number, step: number): void {
    for (let value = first; value <= last; value += step) this.add(value);
  }

  /** The members below 32 as one word. */
  get word(): number {
    return this.#low | (this.#high << WORD_BITS);
  }

  has(value: number): boolean {
    return (value < WORD_BITS ? this.#low & (1 << value) : this.#high & (1 << (value - WORD_BITS))) !== 0;
  }

  /** The smallest member that is at least `from` (0 to 60), or -1. */
  next(from: number): number {
    if (from < WORD_BITS) {
      const low = this.#low & (-1 << from);
      if (low !== 0) return lowestBit(low);
      return this.#high === 0 ? -1 : WORD_BITS + lowestBit(this.#high);
    }
    const high = this.#high & (-1 << (from - WORD_BITS));
    return high === 0 ? -1 : WORD_BITS + lowestBit(high);
  }

  /** The largest member that is at most `from` (-1 to 59), or -1. */
  prev(from: number): number {
    if (from >= WORD_BITS) {
      const high = this.#high & ((1 << (from - WORD_BITS + 1)) - 1);
      if (high !== 0) return WORD_BITS + highestBit(high);
      return this.#low === 0 ? -1 : highestBit(this.#low);
    }
    const low = this.#low & ((1 << (from + 1)) - 1);
    return low === 0 ? -1 : highestBit(low);
  }
}
