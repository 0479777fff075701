import { setTimeout as pause } from 'node:timers/promises';
import { WaitTimeoutError } from './errors.ts';

export interface WaitForOptions {
  /** What is awaited, as it should read in the failure: `'the second worker to take the lease'`. */
  readonly what: string;
  /** Default 10000. Generous on purpose: a busy machine must not fail a test, only a missing event may. */
  readonly timeoutMs?: number;
}

/** Often enough that a test does not feel it, rare enough that polling a server costs nothing. */
const POLL_MS = 10;

/**
 * Asks `predicate` every 10 ms until it gives something truthy, and returns that.
 * A predicate that throws counts as "not yet"; the last fault becomes the `cause`.
 * @throws WaitTimeoutError (`ERR_TESTING_TIMEOUT`) naming `what`
 */
export async function waitFor<T>(predicate: () => T | Promise<T>, options: WaitForOptions): Promise<NonNullable<T>> {
  const { what, timeoutMs = 10_000 } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const value = await predicate();
      if (value) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) throw new WaitTimeoutError(what, timeoutMs, cause === undefined ? undefined : { cause });
    await pause(POLL_MS);
  }
}
