import { StaddleError } from '@staddle/kernel';

/** The lock was held by others for as long as the caller wanted to wait. */
export class LockTimeoutError extends StaddleError {
  override readonly code = 'ERR_LOCK_TIMEOUT';
  override readonly retryable = true;
  readonly lockName: string;
  /** How long the caller waited, in ms. */
  readonly waitedMs: number;

  constructor(lockName: string, waitedMs: number) {
    super(`lock "${lockName}" is held by another owner and did not become free within ${waitedMs} ms`);
    this.lockName = lockName;
    this.waitedMs = waitedMs;
  }
}

/**
 * Why a lease ended before its holder let go:
 * `expired` its time ran out without a successful renewal; `taken` the store says that it is no longer ours.
 */
export type LockLostReason = 'expired' | 'taken';

/** The lease is over, so the work under it must stop. It is also the reason of the lease's aborted signal. */
export class LockLostError extends StaddleError {
  override readonly code = 'ERR_LOCK_LOST';
  readonly lockName: string;
  readonly fence: bigint;
  readonly reason: LockLostReason;

  constructor(lockName: string, fence: bigint, reason: LockLostReason, options?: ErrorOptions) {
    super(`lease ${fence} of lock "${lockName}" is lost: ${reason === 'expired' ? 'it was not renewed in time' : 'the store gave it to another owner or forgot it'}`, options);
    this.lockName = lockName;
    this.fence = fence;
    this.reason = reason;
  }
}

/** The store did not answer, so it is unknown whether the lock is free. */
export class LockUnavailableError extends StaddleError {
  override readonly code = 'ERR_LOCK_UNAVAILABLE';
  override readonly retryable = true;
  readonly lockName: string;

  constructor(lockName: string, what: string, options?: ErrorOptions) {
    super(`lock "${lockName}" could not be ${what}: the store failed or did not answer in time`, options);
    this.lockName = lockName;
  }
}

/** An option outside of its range. */
export class InvalidLockOptionError extends StaddleError {
  override readonly code = 'ERR_LOCK_OPTION';
  override readonly field: string;

  constructor(field: string, value: unknown, rule: string) {
    super(`lock option ${field} is ${typeof value === 'string' ? JSON.stringify(value) : String(value)}; it must be ${rule}`);
    this.field = field;
  }
}

export type LockErrorCode = (LockTimeoutError | LockLostError | LockUnavailableError | InvalidLockOptionError)['code'];
