import type { Clock, Logger, Metrics } from '@staddle/kernel';
import type { LockDriver, LockKind } from './driver.ts';
import type { LockEvent } from './events.ts';
import type { Lease, LeaseHandle } from './lease.ts';
import type { AcquireOptions, LeaseOptions, TryAcquireOptions } from './options.ts';
import type { RunOnceOptions, RunOnceResult } from './run-once.ts';

export interface LocksOptions {
  readonly driver: LockDriver;
  /** Default: the system clock. */
  readonly clock?: Clock | undefined;
  /** Default: silent. */
  readonly logger?: Logger | undefined;
  /** Default: counts nothing. */
  readonly metrics?: Metrics | undefined;
  /** Told about losses, failed renewals and releases, clock jumps and leaks. Contention is not an event. What it throws is logged. */
  readonly onEvent?: ((event: LockEvent) => void) | undefined;
  /** Defaults of every acquisition of this object. */
  readonly defaults?: LeaseOptions | undefined;
  /** How long a single command may take before it counts as failed, in ms. Default 1000. */
  readonly commandTimeoutMs?: number | undefined;
  /**
   * How many times in a row a lock may go to the next waiter of this process before waiters of other processes have their
   * turn. Default 16. 0: every waiter queues in the store for itself, and the order is strict over all processes.
   */
  readonly maxLocalHandoffs?: number | undefined;
  /** Shown to others by `inspect` and in timeouts. Default `HOSTNAME-PID`. */
  readonly instance?: string | undefined;
  /**
   * Renew from a worker thread over a connection of its own while the main thread is blocked, for at most `maxStallMs`;
   * then the lease is given up (`paused`). Default: none. Redis, and SQL with `watchdogUrl`.
   */
  readonly watchdog?: { readonly maxStallMs: number } | undefined;
}

/** One way of locking one name. */
export interface Lockable<Options, TryOptions> {
  /** As {@link Locks.acquire}. */
  acquire(options?: Options): Promise<Lease>;
  /** As {@link Locks.tryAcquire}. */
  tryAcquire(options?: TryOptions): Promise<Lease | undefined>;
  /** As {@link Locks.using}. */
  using<T>(options: Options, work: (lease: Lease) => Promise<T>): Promise<T>;
}

export interface ReadWriteLock {
  /** Shared: any number of readers, no writer. A queued writer goes before later readers. */
  readonly read: Lockable<AcquireOptions, TryAcquireOptions>;
  /** Exclusive. */
  readonly write: Lockable<AcquireOptions, TryAcquireOptions>;
  /**
   * Makes a held write lease a read lease in one step, without a moment in which another writer could come in.
   * @throws LockLostError (`ERR_LOCK_LOST`) when the write lease is over
   * @throws LockUnavailableError (`ERR_LOCK_UNAVAILABLE`) when the store did not answer: whether it is a reader now is unknown
   */
  downgrade(lease: Lease): Promise<void>;
}

export interface PermitOptions {
  /** How many permits to take at once. Default 1. */
  readonly permits?: number | undefined;
}

export interface Semaphore extends Lockable<AcquireOptions & PermitOptions, TryAcquireOptions & PermitOptions> {
  /** Permits that nobody holds at this moment. @throws LockUnavailableError (`ERR_LOCK_UNAVAILABLE`) */
  available(): Promise<number>;
}

export interface InspectOptions {
  /** Default `mutex`. */
  readonly kind?: LockKind | undefined;
}

/** A holder or waiter, for people. */
export interface LockParty {
  readonly token: string;
  /** The process, as its `instance` option said. */
  readonly instance: string;
  readonly meta: Readonly<Record<string, string>>;
  /** Permits that it holds or wants; 1 for a mutex. A writer has all. */
  readonly permits: number;
}

export interface LockInfo {
  readonly kind: LockKind;
  readonly name: string;
  readonly holders: readonly (LockParty & { readonly fence: bigint; readonly expiresInMs: number })[];
  /** In the order in which they will have their turn. */
  readonly waiters: readonly (LockParty & { readonly priority: number })[];
  /** Of kind `run`: what became of the run. */
  readonly state?: 'running' | 'done' | 'crashed';
}

export interface Locks extends AsyncDisposable {
  /**
   * Waits until the lock is ours. Several names are locked all or none, in sorted order, so that callers cannot block each
   * other for ever.
   * @throws LockTimeoutError (`ERR_LOCK_TIMEOUT`) when others held it for all of `waitMs`
   * @throws LockUnavailableError (`ERR_LOCK_UNAVAILABLE`) when the store failed or did not answer
   * @throws LockDeadlockError (`ERR_LOCK_DEADLOCK`) inside a `using` of the same name, unless `reentrant`
   * @throws LockNotReplicatedError (`ERR_LOCK_NOT_REPLICATED`) when too few `replicas` confirmed it
   * @throws LockClosedError (`ERR_LOCK_CLOSED`) after {@link Locks.close}
   * @throws InvalidLockOptionError (`ERR_LOCK_OPTION`)
   * @throws `signal.reason` when the signal aborts first
   */
  acquire(name: string | readonly string[], options?: AcquireOptions): Promise<Lease>;
  /** One attempt: `undefined` only when others hold it or queue for it. Throws as {@link Locks.acquire}, never a timeout. */
  tryAcquire(name: string | readonly string[], options?: TryAcquireOptions): Promise<Lease | undefined>;
  /**
   * Acquires, runs `work` and releases. What `work` throws is what `using` throws.
   * @throws LockLostError (`ERR_LOCK_LOST`) when the lease was lost before `work` ended without an error; `result` has what it returned
   */
  using<T>(name: string | readonly string[], options: AcquireOptions, work: (lease: Lease) => Promise<T>): Promise<T>;
  readWrite(name: string): ReadWriteLock;
  /** @param permits how many there are: the same in every process */
  semaphore(name: string, permits: number): Semaphore;
  /**
   * Runs `work` for one scheduled instant at most once over all processes, and remembers that it has run.
   * @param fireTime the scheduled instant (from the schedule, never the present time), epoch ms
   */
  runOnce<T>(job: string, fireTime: number | Date, work: (lease: Lease) => Promise<T>, options?: RunOnceOptions): Promise<RunOnceResult<T>>;
  /**
   * Takes part in a lease that another process exported: renews it from here on, for as long as the handle says, so that neither
   * shortens what the other one counts on. @throws LockLostError (`ERR_LOCK_LOST`) when it is over
   */
  adopt(handle: LeaseHandle, options?: Omit<LeaseOptions, 'ttlMs'>): Promise<Lease>;
  /** Who holds and awaits a name; undefined when nobody does. @throws LockUnavailableError (`ERR_LOCK_UNAVAILABLE`): silence is not `free` */
  inspect(name: string, options?: InspectOptions): Promise<LockInfo | undefined>;
  /** Names that are held or awaited and begin with `prefix`. Walks through the store: for people, not for programs. */
  list(prefix: string, options?: InspectOptions): AsyncIterable<LockInfo>;
  /**
   * Ends the lease of whoever holds the name, of `token` alone when given. Leases of this object hear of it at once, those of
   * another process too when it has a line for messages, because it has waited for a lock; the rest with their next renewal.
   * Until then two may work at once. For people.
   */
  forceRelease(name: string, options?: InspectOptions & { readonly token?: string | undefined }): Promise<boolean>;
  /** Settings of the store that endanger locks, one sentence each. */
  diagnose(): Promise<readonly string[]>;
  /**
   * Refuses new acquisitions, rejects waiters with LockClosedError, gives held leases `drainMs` (default 0) to be released, then
   * aborts (`closed`) and releases them. Idempotent.
   */
  close(options?: { readonly drainMs?: number | undefined }): Promise<void>;
}
