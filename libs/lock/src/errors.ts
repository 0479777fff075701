import { inspect } from 'node:util';
import { StaddleError } from '@staddle/kernel';

/** Others held the lock for as long as the caller wanted to wait. */
export class LockTimeoutError extends StaddleError {
  override readonly code = 'ERR_LOCK_TIMEOUT';
  override readonly retryable = true;
  readonly lockName: string;
  /** How long the caller waited, in ms. */
  readonly waitedMs: number;
  /** Instance of a holder, as far as the last answer told. */
  readonly holder: string | undefined;
  /** Number of those before us in the queue at the last answer; undefined when not queued. */
  readonly position: number | undefined;

  constructor(lockName: string, waitedMs: number, { holder, position }: { readonly holder?: string | undefined; readonly position?: number | undefined } = {}) {
    const by = holder === undefined ? 'another owner' : `${holder}`;
    const before = position ? `, with ${position} before us` : '';
    super(`lock "${lockName}" is held by ${by} and did not become free within ${waitedMs} ms${before}`);
    this.lockName = lockName;
    this.waitedMs = waitedMs;
    this.holder = holder;
    this.position = position;
  }
}

const LOST = {
  expired: 'its time ran out, and it was not to be renewed',
  taken: 'another owner holds it',
  'state-lost': 'the store has forgotten it',
  unreachable: 'the store could not be reached in time to renew it',
  paused: 'the process stood still for longer than it lasts',
  clock: 'a clock jumped',
  'max-hold': 'it was held for as long as it may be',
  forced: 'an operator released it',
  closed: 'the locks were closed',
  released: 'its holder has released it',
} as const;

/** Why a lease ended before its holder let go. */
export type LockLostReason = keyof typeof LOST;

/** The lease is over, so the work under it must stop. It is also the reason of the lease's aborted signal. */
export class LockLostError extends StaddleError {
  override readonly code = 'ERR_LOCK_LOST';
  readonly lockName: string;
  readonly fence: bigint;
  readonly reason: LockLostReason;
  /** What the work returned although its lease was lost; set by `using`. */
  readonly result?: unknown;

  constructor(lockName: string, fence: bigint, reason: LockLostReason, { result, ...options }: ErrorOptions & { readonly result?: unknown } = {}) {
    super(`lease ${fence} of lock "${lockName}" is lost: ${LOST[reason]}`, options);
    this.lockName = lockName;
    this.fence = fence;
    this.reason = reason;
    if (result !== undefined) this.result = result;
  }
}

/** The store failed or did not answer, so it is unknown whether the lock is free. */
export class LockUnavailableError extends StaddleError {
  override readonly code = 'ERR_LOCK_UNAVAILABLE';
  override readonly retryable = true;
  readonly lockName: string;

  constructor(lockName: string, what: string, options?: ErrorOptions) {
    const { cause } = options ?? {};
    super(`lock "${lockName}" could not be ${what}: ${cause instanceof Error ? cause.message : 'the store failed or did not answer in time'}`, options);
    this.lockName = lockName;
  }
}

/** The caller's own context holds the lock, so that waiting for it could never end. */
export class LockDeadlockError extends StaddleError {
  override readonly code = 'ERR_LOCK_DEADLOCK';
  readonly lockName: string;

  constructor(lockName: string, rule: string) {
    super(`lock "${lockName}" is held by the code that asks for it: ${rule}`);
    this.lockName = lockName;
  }
}

/** Fewer replicas than asked for confirmed the acquisition; it was given back. */
export class LockNotReplicatedError extends StaddleError {
  override readonly code = 'ERR_LOCK_NOT_REPLICATED';
  override readonly retryable = true;
  readonly lockName: string;
  readonly wanted: number;
  readonly missing: number;

  constructor(lockName: string, wanted: number, missing: number) {
    super(`lock "${lockName}" was confirmed by ${wanted - missing} replicas in time; ${wanted} were asked for`);
    this.lockName = lockName;
    this.wanted = wanted;
    this.missing = missing;
  }
}

/** The locks were closed. */
export class LockClosedError extends StaddleError {
  override readonly code = 'ERR_LOCK_CLOSED';

  constructor() {
    super('the locks are closed; nothing can be acquired any more');
  }
}

/** The row has seen a higher fence, so the writer's lease is over. */
export class StaleFenceError extends StaddleError {
  override readonly code = 'ERR_LOCK_STALE_FENCE';
  readonly lockName: string;
  readonly fence: bigint;

  constructor(lockName: string, fence: bigint) {
    super(`fence ${fence} of lock "${lockName}" is stale: the lock has been given to another owner, or the lease has ended`);
    this.lockName = lockName;
    this.fence = fence;
  }
}

/** An option outside of its range. */
export class InvalidLockOptionError extends StaddleError {
  override readonly code = 'ERR_LOCK_OPTION';
  override readonly field: string;

  constructor(field: string, value: unknown, rule: string) {
    super(`lock option ${field} is ${inspect(value, { depth: 1, maxStringLength: 100, breakLength: Infinity })}; it must be ${rule}`);
    this.field = field;
  }
}

export type LockErrorCode = (
  | LockTimeoutError
  | LockLostError
  | LockUnavailableError
  | LockDeadlockError
  | LockNotReplicatedError
  | LockClosedError
  | StaleFenceError
  | InvalidLockOptionError
)['code'];

/** True for a LockLostError of the given reason. */
export function hasReason(error: unknown, reason: LockLostReason): boolean {
  return error instanceof LockLostError && error.reason === reason;
}
