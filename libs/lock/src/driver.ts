/** What a store answered to an attempt. A refusal is not an error: somebody else holds the lock. */
export type AcquireOutcome =
  | { readonly acquired: true; readonly fence: bigint }
  | {
      readonly acquired: false;
      /** Milliseconds until the present holder's lease ends unless it is renewed. */
      readonly expiresInMs: number;
    };

/**
 * Where locks live. A driver offers three atomic operations and no policy: waiting, renewal, deadlines and errors are
 * written once, in `lock.ts`. It gets the caller's client and never closes it.
 *
 * Contract (run `describeLockDriver` of `@staddle/lock/testing` against an implementation):
 * - every operation is atomic per key and takes effect at one moment between call and answer;
 * - time is the store's own clock;
 * - fences strictly increase per key over every acquisition by a new owner, also after the store lost its data or restarted;
 * - a rejected promise means "unknown": the operation may or may not have happened.
 */
export interface LockDriver {
  /** Shown in logs: `redis`, `memory`. */
  readonly name: string;

  /**
   * Gives the key to `owner` for `ttlMs` when it is free or expired. When `owner` already holds it, the lease starts
   * anew and the answer repeats its fence, so that an attempt whose answer was lost can be sent again.
   */
  acquire(key: string, owner: string, ttlMs: number): Promise<AcquireOutcome>;

  /** Starts the lease anew when `owner` holds the key; false when it does not. */
  renew(key: string, owner: string, ttlMs: number): Promise<boolean>;

  /** Frees the key when `owner` holds it; false when it does not. */
  release(key: string, owner: string): Promise<boolean>;
}
