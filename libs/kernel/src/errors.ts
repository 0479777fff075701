import { inspect } from 'node:util';

/**
 * Base of every error that Staddle throws. Test by {@link StaddleError.code}, never by class:
 * two copies of a package in one process then do not matter.
 */
export abstract class StaddleError extends Error {
  /** Stable machine-readable identifier, such as `ERR_LOCK_LOST`. Codes never change; messages may. */
  abstract readonly code: string;

  /** Dotted path of the offending input (`trigger.expr`), for errors that are about input. */
  readonly field?: string;

  /** True when the same call may succeed later without a change (a server is away, a deadlock). */
  readonly retryable: boolean = false;

  override get name(): string {
    return this.constructor.name;
  }
}

/** A text or number that is not a duration. */
export class InvalidDurationError extends StaddleError {
  override readonly code = 'ERR_KERNEL_DURATION';
  /** The input as it came. */
  readonly value: unknown;

  constructor(value: unknown, rule: string) {
    super(`duration ${inspect(value, { depth: 0, maxStringLength: 100 })} ${rule}`);
    this.value = value;
  }
}

export type KernelErrorCode = InvalidDurationError['code'];

/** True when `error` carries the given stable code, whichever copy of the class made it. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
