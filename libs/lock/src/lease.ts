import type { Clock, Logger, Timer } from '@staddle/kernel';
import { withDeadline } from './deadline.ts';
import type { LockDriver } from './driver.ts';
import { LockLostError, LockUnavailableError } from './errors.ts';

/** What a holder has in hand: the right to work until {@link Lease.signal} aborts. */
export interface Lease extends AsyncDisposable {
  readonly name: string;
  /** The owner's secret, unique per acquisition. */
  readonly token: string;
  /**
   * Fencing token: strictly increasing per name. Hand it to the resource and let the resource refuse a lower one than it
   * has seen; only that protects data from a holder that was paused past the end of its lease.
   * Source: M. Kleppmann, "How to do distributed locking", 2016.
   */
  readonly fence: bigint;
  /** Aborts with a LockLostError (`ERR_LOCK_LOST`) before the store can give the lock to another owner. */
  readonly signal: AbortSignal;
  /** True while the lease is sure to be ours. Synchronous and cheap: ask it inside a long computation. */
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
  /** Lets go. Idempotent, never throws: true when the store confirms that the lease was still ours. */
  release(): Promise<boolean>;
}

/** A lease shorter than its own margin could never be used. */
const MARGIN_SHARE = 0.1;
/** More would waste long leases; it covers timer lateness on a busy machine. */
const LONGEST_MARGIN_MS = 250;
/** A failed renewal is tried again this often until the deadline, so that one lost packet does not cost the lease. */
const RENEW_RETRIES = 6;
/** A release that hangs must not hold up the end of the work; the lease runs out by itself. */
const RELEASE_TIMEOUT_MS = 5_000;

export interface LeaseInput {
  readonly driver: LockDriver;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly name: string;
  readonly owner: string;
  readonly ttlMs: number;
  readonly renew: boolean;
  readonly fence: bigint;
  readonly sent: Stamp;
}

/** Starts the clock, the watchdog and the abort timer of a lease that the store has just granted. */
export function createLease({ driver, clock, logger, name, owner, ttlMs, renew, fence, sent }: LeaseInput): Lease {
  const controller = new AbortController();
  let startedAt = sent;
  let released: Promise<boolean> | undefined;
  let renewal: Promise<void> | undefined;
  let abortTimer: Timer;
  let renewTimer: Timer | undefined;

  const leftMs = (): number => remainingMs(clock, startedAt, ttlMs);
  const stopTimers = (): void => {
    abortTimer.cancel();
    renewTimer?.cancel();
  };
  const lose = (error: LockLostError): LockLostError => {
    stopTimers();
    if (!controller.signal.aborted && released === undefined) {
      logger.warn({ lock: name, fence: String(fence), reason: error.reason }, 'lock lost');
      controller.abort(error);
    }
    return error;
  };
  const armAbort = (): void => {
    abortTimer = clock.setTimer(() => {
      // A renewal may have moved the deadline while this callback was on its way.
      if (leftMs() > 0) armAbort();
      else lose(new LockLostError(name, fence, 'expired'));
    }, leftMs(), { keepAlive: false });
  };
  const planRenewal = (delayMs: number, failures: number): void => {
    renewTimer = clock.setTimer(() => {
      lease.renew().then(
        () => planRenewal(ttlMs / 3, 0),
        (error: unknown) => {
          if (controller.signal.aborted || released !== undefined) return;
          if (failures === 0) logger.warn({ err: error, lock: name }, 'lock renewal failed, trying again until the lease ends');
          planRenewal(Math.max(1, ttlMs / 3 / RENEW_RETRIES), failures + 1);
        },
      );
    }, delayMs, { keepAlive: false });
  };

  const renewOnce = async (): Promise<void> => {
    const sentNow = stamp(clock);
    const ours = await withDeadline(driver.renew(name, owner, ttlMs), { clock, timeoutMs: Math.max(1, leftMs()) }).catch((cause: unknown) => {
      throw leftMs() > 0 ? new LockUnavailableError(name, 'renewed', { cause }) : lose(new LockLostError(name, fence, 'expired', { cause }));
    });
    if (!ours) throw lose(new LockLostError(name, fence, 'taken'));
    // A lease that ended here while the answer travelled stays lost: its signal has told the work to stop.
    lease.assertHeld();
    startedAt = sentNow;
    abortTimer.cancel();
    armAbort();
  };

  const lease: Lease = {
    name,
    token: owner,
    fence,
    signal: controller.signal,
    get isHeld() {
      return lease.remaining() > 0;
    },
    remaining: () => (controller.signal.aborted || released !== undefined ? 0 : leftMs()),
    assertHeld(minRemainingMs = 0) {
      const left = lease.remaining();
      if (left > 0 && left >= minRemainingMs) return;
      throw controller.signal.aborted ? controller.signal.reason : new LockLostError(name, fence, 'expired');
    },
    async renew() {
      lease.assertHeld();
      renewal ??= renewOnce().finally(() => (renewal = undefined));
      await renewal;
    },
    release() {
      released ??= Promise.resolve().then(async () => {
        stopTimers();
        try {
          return await withDeadline(driver.release(name, owner), { clock, timeoutMs: Math.max(1, Math.min(leftMs(), RELEASE_TIMEOUT_MS)) });
        } catch (error) {
          logger.warn({ err: error, lock: name }, 'lock release failed; the lease runs out by itself');
          return false;
        }
      });
      return released;
    },
    async [Symbol.asyncDispose]() {
      await lease.release();
    },
  };
  armAbort();
  if (renew) planRenewal(ttlMs / 3, 0);
  return lease;
}

/** Both clocks, read just before a command is sent. */
export interface Stamp {
  readonly monotonic: number;
  readonly wall: number;
}

export function stamp(clock: Clock): Stamp {
  return { monotonic: clock.monotonic(), wall: clock.now() };
}

/** Milliseconds for which a lease of `ttlMs` that was asked for at `since` can still be used: invariants 1 to 3 in lock.ts. */
export function remainingMs(clock: Clock, since: Stamp, ttlMs: number): number {
  const elapsedMs = Math.max(clock.monotonic() - since.monotonic, clock.now() - since.wall);
  return Math.max(0, ttlMs - Math.min(LONGEST_MARGIN_MS, ttlMs * MARGIN_SHARE) - elapsedMs);
}

