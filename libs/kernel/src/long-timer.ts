import type { Timer } from './clock.ts';

/** Node turns a longer delay of setTimeout into 1 ms, so that the callback would run at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * setTimeout without its two traps: it takes any delay, in hops of at most `longestMs`, and it never calls back early.
 * (Node drops the fraction of the delay and counts from a cached time: up to 2 ms too soon, in every second case.)
 */
export function startTimer(callback: () => void, delayMs: number, keepAlive: boolean, longestMs: number = LONGEST_TIMEOUT_MS): Timer {
  return new LongTimer(callback, delayMs, keepAlive, longestMs);
}

// A class, because a process may hold tens of thousands of them: closures would weigh three times as much.
class LongTimer implements Timer {
  readonly #callback: () => void;
  readonly #dueAt: number;
  readonly #keepAlive: boolean;
  readonly #longestMs: number;
  #handle: NodeJS.Timeout;

  constructor(callback: () => void, delayMs: number, keepAlive: boolean, longestMs: number) {
    this.#callback = callback;
    this.#dueAt = performance.now() + delayMs;
    this.#keepAlive = keepAlive;
    this.#longestMs = longestMs;
    this.#handle = this.#hop(Math.max(0, delayMs));
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  #hop(leftMs: number): NodeJS.Timeout {
    const handle = setTimeout(arrive, Math.min(leftMs, this.#longestMs), this);
    return this.#keepAlive ? handle : handle.unref();
  }

  arrive(): void {
    const leftMs = this.#dueAt - performance.now();
    if (leftMs > 0) this.#handle = this.#hop(leftMs);
    else this.#callback();
  }
}

function arrive(timer: LongTimer): void {
  timer.arrive();
}
