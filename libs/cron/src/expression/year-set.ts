interface YearRange {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

/** The years of a year field. Eight thousand of them make no bit set, and a field has one range or two. */
export class YearSet {
  readonly #ranges: readonly YearRange[];

  constructor(ranges: readonly YearRange[]) {
    this.#ranges = ranges;
  }

  /** The first year from `year` on; Infinity when there is none. */
  next(year: number): number {
    let next = Infinity;
    for (const { first, last, step } of this.#ranges) {
      const found = year <= first ? first : first + Math.ceil((year - first) / step) * step;
      if (found <= last && found < next) next = found;
    }
    return next;
  }

  /** The last year up to `year`; -Infinity when there is none. */
  prev(year: number): number {
    let prev = -Infinity;
    for (const { first, last, step } of this.#ranges) {
      const found = first + Math.floor((Math.min(year, last) - first) / step) * step;
      if (found >= first && found > prev) prev = found;
    }
    return prev;
  }
}
