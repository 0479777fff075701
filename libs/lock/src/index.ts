export {
  type AcquireOutcome,
  type AcquireRequest,
  type ClaimOutcome,
  type ClaimRequest,
  type HolderRecord,
  type LockConnection,
  type LockDriver,
  type LockGrant,
  type LockKey,
  type LockKind,
  type LockListener,
  type LockRecord,
  type ReleaseOutcome,
  type ReleaseRequest,
  type RenewOutcome,
  type RenewRequest,
  type SettleRequest,
  type WaiterRecord,
  type WatchdogSource,
} from './driver.ts';
export {
  InvalidLockOptionError,
  LockClosedError,
  LockDeadlockError,
  LockLostError,
  LockNotReplicatedError,
  LockTimeoutError,
  LockUnavailableError,
  StaleFenceError,
  type LockErrorCode,
  type LockLostReason,
} from './errors.ts';
export { type LockEvent } from './events.ts';
export { type Lease, type LeaseHandle, type ReleaseResult } from './lease.ts';
export { createLocks } from './lock.ts';
export { type InspectOptions, type Lockable, type LockInfo, type LockParty, type Locks, type LocksOptions, type PermitOptions, type ReadWriteLock, type Semaphore } from './locks.ts';
export { DEFAULTS, type AcquireOptions, type LeaseOptions, type TryAcquireOptions } from './options.ts';
export { type RunOnceOptions, type RunOnceResult } from './run-once.ts';
