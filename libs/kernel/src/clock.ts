import { startTimer } from './long-timer.ts';

/** A pending callback of {@link Clock.setTimer}. */
export interface Timer {
  /** Drops the callback; harmless after it ran. */
  cancel(): void;
}

/**
 * The process's view of time. Libraries take it as an option so that tests can move it.
 * It may only make a process stop *earlier*; truth shared between processes uses the store's clock.
 */
export interface Clock {
  /** Wall time in epoch milliseconds. It may jump in both directions. */
  now(): number;
  /** Milliseconds since an arbitrary origin; never goes back. It may stand still while the machine is suspended. */
  monotonic(): number;
  /**
   * Calls `callback` once after at least `delayMs` milliseconds, also beyond the 24.8 days that `setTimeout` can hold.
   * A timer with `keepAlive: false` does not keep the process running.
   */
  setTimer(callback: () => void, delayMs: number, options?: { readonly keepAlive?: boolean }): Timer;
}

/** The real clock: `Date.now`, `performance.now` and `setTimeout`. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (callback, delayMs, { keepAlive = true } = {}) => startTimer(callback, delayMs, keepAlive),
};
