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
 * 4. An owner token is made per attempt, never per client or process: a late command of an older attempt matches nothing.
 * 5. An attempt that was given up (failure, deadline, abort, late answer) is compensated: should it have won after all, it
 *    is released.
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
import type { LockDriver } from './driver.ts';
import { InvalidLockOptionError, LockTimeoutError, LockUnavailableError } from './errors.ts';
import { createLease, remainingMs, stamp, type Lease } from './lease.ts';

export interface TryAcquireOptions {
  /** How soon a crashed holder is noticed, in ms; not how long the work may take. Default 30000, any integer >= 1. */
  readonly ttlMs?: number;
  /** Renew every third of the ttl until released. Default true. */
  readonly renew?: boolean;
}

export interface AcquireOptions extends TryAcquireOptions {
  /** How long to wait for other owners, in ms; 0 for one attempt. The answer to the last attempt may take up to 1 s more. Default 10000. */
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
   * @throws LockUnavailableError (`ERR_LOCK_UNAVAILABLE`) when the store failed, or did not answer within `waitMs` or 1 s, whichever is longer
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
/**
 * What every attempt has at least for its answer: the wait is for other owners, and an attempt that is cut off where the wait
 * ends would tell of a broken store instead of a held lock.
 */
const ANSWER_MS = 1_000;
/** `tryAcquire` has no wait of its own; a store that hangs must not hang its caller. */
const TRY_TIMEOUT_MS = 5_000;

/** A lease, or why there is none: somebody else holds the lock, or the store was slower than the lease lasts. */
interface Attempt {
  readonly lease?: Lease;
  readonly expiresInMs?: number;
  readonly tooLate?: LockUnavailableError;
}

/** Locks over one driver. Holds no resource of its own: nothing to close but the leases. */
export function createLocks({ driver, clock = systemClock, logger = silentLogger }: LocksOptions): Locks {
  /** One attempt as a new owner. A lease that ended before its answer came is given back: it would be lost before it is used. */
  const attempt = async (name: string, { ttlMs, renew }: Required<TryAcquireOptions>, timeoutMs: number, signal?: AbortSignal): Promise<Attempt> => {
    const owner = randomUUID();
    const giveBack = (): void => {
      driver.release(name, owner).catch((err: unknown) => {
        logger.debug({ err, lock: name }, 'an abandoned acquire could not be taken back; if it won, its lease runs out by itself');
      });
    };
    const sent = stamp(clock);
    const pending = driver.acquire(name, owner, ttlMs);
    const outcome = await withDeadline(pending, { clock, timeoutMs, signal }).catch((cause: unknown) => {
      // Invariant 5. The command may have been executed although we never saw its answer.
      pending.then(({ acquired }) => void (acquired && giveBack()), giveBack);
      signal?.throwIfAborted();
      throw new LockUnavailableError(name, 'acquired', { cause });
    });
    if (!outcome.acquired) return outcome;
    if (remainingMs(clock, sent, ttlMs) > 0) return { lease: createLease({ driver, clock, logger, name, owner, ttlMs, renew, fence: outcome.fence, sent }) };
    giveBack();
    return { tooLate: new LockUnavailableError(name, 'acquired', { cause: new Error(`the answer took longer than the lease of ${ttlMs} ms lasts`) }) };
  };

  const locks: Locks = {
    async tryAcquire(name, { ttlMs = DEFAULTS.ttlMs, renew = true } = {}) {
      checkOptions(name, { ttlMs });
      const { lease, tooLate } = await attempt(name, { ttlMs, renew }, TRY_TIMEOUT_MS);
      if (tooLate) throw tooLate;
      return lease;
    },

    async acquire(name, { ttlMs = DEFAULTS.ttlMs, waitMs = DEFAULTS.waitMs, renew = true, signal } = {}) {
      checkOptions(name, { ttlMs, waitMs });
      const startedAt = clock.monotonic();
      const waitLeftMs = (): number => Math.max(0, waitMs - (clock.monotonic() - startedAt));
      for (;;) {
        signal?.throwIfAborted();
        const { lease, tooLate, expiresInMs = 0 } = await attempt(name, { ttlMs, renew }, Math.max(ANSWER_MS, waitLeftMs()), signal);
        if (lease) return lease;
        if (waitLeftMs() === 0) throw tooLate ?? new LockTimeoutError(name, waitMs);
        const pollMs = Math.min(POLL_MS.longest, Math.max(POLL_MS.shortest, expiresInMs / 2));
        await sleep(Math.min(waitLeftMs(), Math.random() * pollMs + 1), { clock, signal });
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
  // Half of a surrogate pair has no UTF-8: in a store such names would all read the same.
  if (typeof name !== 'string' || name.length === 0 || !name.isWellFormed()) throw new InvalidLockOptionError('name', name, 'non-empty, well-formed text');
  if (!Number.isSafeInteger(numbers.ttlMs) || numbers.ttlMs < 1) throw new InvalidLockOptionError('ttlMs', numbers.ttlMs, 'a whole number of milliseconds, at least 1');
  const { waitMs = 0 } = numbers;
  if (!Number.isSafeInteger(waitMs) || waitMs < 0) throw new InvalidLockOptionError('waitMs', waitMs, 'a whole, non-negative number of milliseconds');
}
