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

// setTimeout with a larger delay fires at once (Node turns it into 1 ms).
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** The real clock: `Date.now`, `performance.now` and `setTimeout`. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(callback, delayMs, { keepAlive = true } = {}) {
    const dueAt = performance.now() + delayMs;
    let handle: NodeJS.Timeout;
    const arm = (): void => {
      const leftMs = dueAt - performance.now();
      handle = setTimeout(() => (leftMs > LONGEST_TIMEOUT_MS ? arm() : callback()), Math.max(0, Math.min(leftMs, LONGEST_TIMEOUT_MS)));
      if (!keepAlive) handle.unref();
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  },
};
