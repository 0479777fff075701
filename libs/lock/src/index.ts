export { type AcquireOutcome, type LockDriver } from './driver.ts';
export { InvalidLockOptionError, LockLostError, LockTimeoutError, LockUnavailableError, type LockErrorCode, type LockLostReason } from './errors.ts';
export { type Lease } from './lease.ts';
export { createLocks, DEFAULTS, type AcquireOptions, type Locks, type LocksOptions, type TryAcquireOptions } from './lock.ts';
