import type { LockKind } from './driver.ts';

/** What `release` found: as the store said, or `unknown` when it did not answer in time and the lease runs out by itself. */
export type ReleaseResult = 'released' | 'handed-off' | 'kept' | 'not-held' | 'unknown';

/** What a holder has in hand: the right to work until {@link Lease.signal} aborts. */
export interface Lease extends AsyncDisposable {
  /** The name; several names of one lease are sorted and joined by `, `. */
  readonly name: string;
  /** Every name that the lease holds, sorted. */
  readonly names: readonly string[];
  /** The owner's secret, unique per acquisition. With several names that of the first. */
  readonly token: string;
  /**
   * Fencing token: strictly increasing per name. Hand it to the resource and let the resource refuse a lower one than it
   * has seen; only that protects data from a holder that was paused past the end of its lease. With several names that of
   * the first; {@link Lease.fenceOf} tells the others. `0n` when acquired with `fencing: false`.
   * Source: M. Kleppmann, "How to do distributed locking", 2016.
   */
  readonly fence: bigint;
  /** The fence of one of {@link Lease.names}. @throws InvalidLockOptionError (`ERR_LOCK_OPTION`) for another name */
  fenceOf(name: string): bigint;
  /** Aborts with a LockLostError (`ERR_LOCK_LOST`) before the store can give the lock to another owner. Keep the lease, not only its signal. */
  readonly signal: AbortSignal;
  /** When it was acquired, epoch ms by the local clock. */
  readonly acquiredAt: number;
  /**
   * True while the lease is sure to be ours. Synchronous and cheap: ask it inside a long computation. It may be false for
   * one round trip after a jump of the wall clock, until the store has confirmed the lease.
   */
  readonly isHeld: boolean;
  /** Milliseconds of exclusivity that are left without a further renewal; 0 when lost or released. */
  remaining(): number;
  /** @throws LockLostError (`ERR_LOCK_LOST`) when the lease is not held, or for less than `minRemainingMs` (default 0) */
  assertHeld(minRemainingMs?: number): void;
  /**
   * Starts the lease anew with one round trip.
   * @throws LockLostError (`ERR_LOCK_LOST`) when the store says that it is not ours any more
   * @throws LockUnavailableError (`ERR_LOCK_UNAVAILABLE`) when the store did not answer; the old deadline stays
   */
  renew(): Promise<void>;
  /** Lets go. Idempotent; never throws; ends within 2 s, also when the store is away. */
  release(): Promise<ReleaseResult>;
  /**
   * What another process needs to take part in this lease: see `Locks.adopt`. The lease stays usable here, and whoever releases
   * it ends it for both; the other one learns of it by its next renewal. With one name only.
   */
  export(): LeaseHandle;
}

/** A lease as plain JSON. Whoever has it can renew and release the lease: treat it as a secret. */
export interface LeaseHandle {
  readonly kind: LockKind;
  readonly name: string;
  readonly token: string;
  /** Decimal text. */
  readonly fence: string;
  readonly ttlMs: number;
}
