import { seededRandom } from '../network.ts';

/** Repeatable choices. */
export class Chance {
  readonly random: () => number;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    // Seeds that follow each other begin alike.
    for (let skipped = 0; skipped < 4; skipped++) this.random();
  }

  /** Choices of its own, so that one more here changes none there. */
  fork(): Chance {
    return new Chance(Math.floor(this.random() * 2 ** 32));
  }

  is(share: number): boolean {
    return this.random() < share;
  }

  /** At least `least`, below `most`. */
  between(least: number, most: number): number {
    return least + this.random() * (most - least);
  }

  /** From `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return Math.floor(this.between(least, most + 1));
  }

  /** Often small, seldom large: each order of magnitude is as likely as the next. */
  spread(least: number, most: number): number {
    return least * (most / least) ** this.random();
  }

  /** Milliseconds to the next of events that come `perSecond` on average. */
  pause(perSecond: number): number {
    return (-Math.log(1 - this.random()) * 1_000) / perSecond;
  }

  of<T>(choices: readonly [T, ...T[]]): T {
    return choices[Math.floor(this.random() * choices.length)]!;
  }
}
