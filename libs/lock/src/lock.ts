/**
 * Locks as leases: a holder has exclusivity for `ttlMs`, renews it while it works, and learns in time when it is over.
 *
 * Invariants
 * 1. The deadline of a lease counts from *before* its acquire or renew command was sent, so it ends here before it
 *    ends in the store, whatever the network and the store did meanwhile.
 * 2. Elapsed time is the larger of monotonic and wall time: the monotonic clock stands still while a machine is
 *    suspended, the wall clock may be set back.
 * 3. One timer per lease aborts its signal `margin` before the deadline. It needs no answer from the store, so a
 *    store that hangs cannot delay it.
 * 4. An owner token is made per acquisition, never per client or process: a late command of an older acquisition
 *    matches nothing.
 * 5. An attempt that was given up (deadline, abort) is compensated: should it have won after all, it is released.
 * 6. At most one renewal per lease is in flight; the next one is planned when it has ended.
 *
 * States of a lease:  held --[release]--> released     held --[deadline passed, renewal refused]--> lost
 *
 * Time source: expiry is the store's clock; the local clocks only make a holder stop earlier.
 * Source of the lease clock: C. Gray and D. Cheriton, "Leases: An Efficient Fault-Tolerant Mechanism for Distributed
 * File Cache Consistency", SOSP 1989, and the trust window of river's leader election.
 */
import { randomUUID } from 'node:crypto';
import { silentLogger, sleep, systemClock, type Clock, type Logger } from '@staddle/kernel';
import { withDeadline } from './deadline.ts';
import type { AcquireOutcome, LockDriver } from './driver.ts';
import { InvalidLockOptionError, LockTimeoutError, LockUnavailableError } from './errors.ts';
import { createLease, stamp, type Lease } from './lease.ts';

export interface TryAcquireOptions {
  /** How soon a crashed holder is noticed, in ms; not how long the work may take. Default 30000, any integer >= 1. */
  readonly ttlMs?: number;
  /** Renew every third of the ttl until released. Default true. */
  readonly renew?: boolean;
}

export interface AcquireOptions extends TryAcquireOptions {
  /** How long to wait for the lock, in ms. Default 10000. */
  readonly waitMs?: number;
  /** Cancels the waiting, not the holding. */
  readonly signal?: AbortSignal;
}

export interface LocksOptions {
  readonly driver: LockDriver;
  /** Default: the system clock. */
  readonly clock?: Clock;
  /** Default: silent. */
  readonly logger?: Logger;
}

export interface Locks {
  /**
   * Waits until the lock is ours.
   * @throws LockTimeoutError (`ERR_LOCK_TIMEOUT`) when others held it for all of `waitMs`
   * @throws LockUnavailableError (`ERR_LOCK_UNAVAILABLE`) when the store failed or did not answer within `waitMs`
   * @throws `signal.reason` when the signal aborts first
   */
  acquire(name: string, options?: AcquireOptions): Promise<Lease>;
  /**
   * One attempt: `undefined` when another owner holds the lock.
   * @throws LockUnavailableError (`ERR_LOCK_UNAVAILABLE`) when it is unknown, because the store failed or hangs
   */
  tryAcquire(name: string, options?: TryAcquireOptions): Promise<Lease | undefined>;
  /** Acquires, runs `work` and releases, also when it throws; what `work` throws is never masked by the release. */
  using<T>(name: string, options: AcquireOptions, work: (lease: Lease) => Promise<T>): Promise<T>;
}

export const DEFAULTS: { readonly ttlMs: number; readonly waitMs: number } = Object.freeze({ ttlMs: 30_000, waitMs: 10_000 });

/** Waiting polls: often enough for a short wait, rare enough that a hundred waiters cost little. */
const POLL_MS = { shortest: 20, longest: 250 } as const;
/** `tryAcquire` has no wait of its own; a store that hangs must not hang its caller. */
const TRY_TIMEOUT_MS = 5_000;

/** Locks over one driver. Holds no resource of its own: nothing to close but the leases. */
export function createLocks({ driver, clock = systemClock, logger = silentLogger }: LocksOptions): Locks {
  const attempt = (name: string, owner: string, ttlMs: number, timeoutMs: number, signal?: AbortSignal): Promise<AcquireOutcome> => {
    const pending = driver.acquire(name, owner, ttlMs);
    return withDeadline(pending, { clock, timeoutMs, signal }).catch((error: unknown) => {
      // Invariant 5. The command may have been executed although we never saw its answer.
      void pending.then((outcome) => (outcome.acquired ? driver.release(name, owner) : false)).catch((cause: unknown) => {
        logger.debug({ err: cause, lock: name }, 'an abandoned acquire left nothing to release, or its lease runs out by itself');
      });
      throw error;
    });
  };

  const locks: Locks = {
    async tryAcquire(name, { ttlMs = DEFAULTS.ttlMs, renew = true } = {}) {
      checkOptions(name, { ttlMs });
      const owner = randomUUID();
      const sent = stamp(clock);
      const outcome = await attempt(name, owner, ttlMs, TRY_TIMEOUT_MS).catch((cause: unknown) => {
        throw new LockUnavailableError(name, 'acquired', { cause });
      });
      if (!outcome.acquired) return undefined;
      const lease = createLease({ driver, clock, logger, name, owner, ttlMs, renew, fence: outcome.fence, sent });
      if (lease.isHeld) return lease;
      await lease.release();
      throw new LockUnavailableError(name, 'acquired', { cause: new Error(`the answer took longer than the lease of ${ttlMs} ms lasts`) });
    },

    async acquire(name, { ttlMs = DEFAULTS.ttlMs, waitMs = DEFAULTS.waitMs, renew = true, signal } = {}) {
      checkOptions(name, { ttlMs, waitMs });
      const owner = randomUUID();
      const startedAt = clock.monotonic();
      const leftMs = (): number => Math.max(0, waitMs - (clock.monotonic() - startedAt));
      for (;;) {
        signal?.throwIfAborted();
        const sent = stamp(clock);
        const outcome = await attempt(name, owner, ttlMs, Math.max(1, leftMs()), signal).catch((cause: unknown) => {
          signal?.throwIfAborted();
          throw new LockUnavailableError(name, 'acquired', { cause });
        });
        if (outcome.acquired) {
          const lease = createLease({ driver, clock, logger, name, owner, ttlMs, renew, fence: outcome.fence, sent });
          // The answer took longer than the lease lasts: it would be lost before it is used.
          if (lease.isHeld) return lease;
          await lease.release();
        } else if (leftMs() > 0) {
          const pollMs = Math.min(POLL_MS.longest, Math.max(POLL_MS.shortest, outcome.expiresInMs / 2));
          await sleep(Math.min(leftMs(), Math.random() * pollMs + 1), { clock, signal });
          continue;
        }
        if (leftMs() === 0) throw new LockTimeoutError(name, waitMs);
      }
    },

    async using(name, options, work) {
      const lease = await locks.acquire(name, options);
      try {
        return await work(lease);
      } finally {
        await lease.release();
      }
    },
  };
  return locks;
}

function checkOptions(name: string, numbers: { readonly ttlMs: number; readonly waitMs?: number }): void {
  if (typeof name !== 'string' || name.length === 0) throw new InvalidLockOptionError('name', name, 'a non-empty string');
  if (!Number.isSafeInteger(numbers.ttlMs) || numbers.ttlMs < 1) throw new InvalidLockOptionError('ttlMs', numbers.ttlMs, 'a whole number of milliseconds, at least 1');
  const { waitMs = 0 } = numbers;
  if (!Number.isSafeInteger(waitMs) || waitMs < 0) throw new InvalidLockOptionError('waitMs', waitMs, 'a whole, non-negative number of milliseconds');
}
