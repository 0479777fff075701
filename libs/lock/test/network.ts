import { sleep } from '@staddle/kernel';
import type { LockDriver } from '@staddle/lock';
import type { TestClock } from '@staddle/testing';

export interface NetworkOptions {
  readonly clock: TestClock;
  /** In [0, 1). */
  readonly random: () => number;
  /** A request, an answer or a message takes up to this long. */
  readonly latencyMs: number;
}

/**
 * A driver at the other end of a line: requests arrive in the order in which they were sent, so do answers and so do messages,
 * but a message may overtake an answer, as it has a connection of its own.
 */
export function overNetwork(driver: LockDriver, { clock, random, latencyMs }: NetworkOptions): LockDriver {
  const lane = (): (() => Promise<void>) => {
    let last = 0;
    return async () => {
      last = Math.max(last, clock.monotonic() + random() * latencyMs);
      await sleep(last - clock.monotonic(), { clock });
    };
  };
  const [request, answer] = [lane(), lane()];
  const ask = async <T>(operation: () => Promise<T>): Promise<T> => {
    await request();
    const outcome = await operation();
    await answer();
    return outcome;
  };
  return {
    ...driver,
    acquire: (asked) => ask(() => driver.acquire(asked)),
    renew: (asked) => ask(() => driver.renew(asked)),
    release: (asked) => ask(() => driver.release(asked)),
    claim: (asked) => ask(() => driver.claim(asked)),
    settle: (asked) => ask(() => driver.settle(asked)),
    connect(instance, listener) {
      const message = lane();
      const late = (deliver: () => void): void => void message().then(deliver);
      return driver.connect!(instance, {
        granted: (grant) => late(() => listener.granted(grant)),
        next: (hint) => late(() => listener.next(hint)),
        revoked: (owner) => late(() => listener.revoked(owner)),
        ready: () => late(() => listener.ready()),
      });
    },
  };
}

/** Repeatable numbers in [0, 1). Source: mulberry32 by T. Ettinger, 2017. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
