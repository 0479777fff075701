import type { Timer } from './clock.ts';

/** Node turns a longer delay of setTimeout into 1 ms, so that the callback would run at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * setTimeout without its two traps: it takes any delay, in hops of at most `longestMs`, and it never calls back early.
 * (Node drops the fraction of the delay and counts from a cached time: up to 2 ms too soon, in every second case.)
 */
export function startTimer(callback: () => void, delayMs: number, keepAlive: boolean, longestMs: number = LONGEST_TIMEOUT_MS): Timer {
  const dueAt = performance.now() + delayMs;
  let handle: NodeJS.Timeout;
  const hop = (leftMs: number): void => {
    handle = setTimeout(arrive, Math.min(leftMs, longestMs));
    if (!keepAlive) handle.unref();
  };
  const arrive = (): void => {
    const leftMs = dueAt - performance.now();
    if (leftMs > 0) hop(leftMs);
    else callback();
  };
  hop(Math.max(0, delayMs));
  return { cancel: () => clearTimeout(handle) };
}
