import { backoffMs, type Clock, type Logger } from '@staddle/kernel';
import { withDeadline } from './deadline.ts';
import type { LockDriver, RenewOutcome } from './driver.ts';
import { LockUnavailableError, type LockLostReason } from './errors.ts';
import type { LockEvent } from './events.ts';
import { refresh, type Hold } from './hold.ts';
import { elapsedMs, stamp, usableMs, wallJumped, type Stamp } from './lease-clock.ts';
import type { Watchdog } from './watchdog.ts';

/*
 * The watchdog: renews holds before they end, and ends them here before they end in the store.
 *
 * 1. A hold has one timer at any time, for its next renewal or its deadline, whichever comes first. It needs no answer of the
 *    store, so a store that hangs cannot delay the end.
 * 2. At most one renewal per hold is waited for.
 * 3. Renewals that fall due close together travel in one command.
 * 4. A failed renewal is tried again, slower and slower, until the deadline, and at once when the store is back.
 */

/** Renewed at a third of the lease: two more tries fit in before the deadline. */
const RENEW_SHARE = 1 / 3;
/** Spreads holds that were acquired together, in both directions. */
const JITTER_SHARE = 0.1;
/** Holds that fall due within this share of the renewal interval are renewed together. */
const WINDOW_SHARE = 0.05;
/** More would hold up other commands of the store. */
const BATCH_MAX = 100;
const RETRY = { leastMs: 25, baseMs: 50, capMs: 500 } as const;
/** Beyond clock granularity and scheduling on a busy machine. */
const CLOCK_TOLERANCE_MS = 100;
/** A timer that comes later than this was held up by the process itself. */
const STALL_SHARE = 0.1;

export interface KeeperOptions {
  readonly driver: LockDriver;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly commandTimeoutMs: number;
  readonly emit: (event: LockEvent) => void;
  readonly watchdog?: Watchdog | undefined;
}

export interface Keeper {
  /** Watches over a hold until `drop`: `onLost` is called once, at the latest at its deadline. */
  keep(hold: Hold, options: { readonly renew: boolean; readonly onLost: (reason: LockLostReason, cause?: unknown) => void }): void;
  drop(hold: Hold): void;
  /** Ends a hold here: the store has said that it is over. */
  lose(hold: Hold, reason: LockLostReason): void;
  /**
   * Renews now; joins a renewal that is under way. Resolves also when the hold was lost: ask the lease.
   * @throws LockUnavailableError (`ERR_LOCK_UNAVAILABLE`) when the store failed or did not answer
   */
  renew(hold: Hold): Promise<void>;
  /** Stops renewing; the hold ends at its deadline. */
  abandon(hold: Hold): void;
  /** Asks the store at once when the wall clock has jumped since the last answer, so that the hold is not in doubt for long. */
  verify(hold: Hold): void;
  /** The store is back: failed renewals are tried at once. */
  retry(): void;
  /** The store ended these owners' leases by force. */
  revoke(owner: string): void;
}

export function createKeeper({ driver, clock, logger, commandTimeoutMs, emit, watchdog }: KeeperOptions): Keeper {
  const kept = new Set<Hold>();
  const failing = new Set<Hold>();
  let due: { readonly hold: Hold; readonly settle: PromiseWithResolvers<void> }[] = [];
  let flush: { readonly at: number; readonly cancel: () => void } | undefined;

  const intervalMs = (hold: Hold): number => hold.leaseMs * RENEW_SHARE * (hold.jumpy ? 0.5 : 1);
  /** A hand-off gives less than the ttl; one that is not to be renewed gets all of it too. */
  const wantsRenewal = (hold: Hold): boolean => hold.renews || hold.leaseMs < hold.ttlMs;
  const isKept = (hold: Hold): boolean => hold.onLost !== undefined;

  const forget = (hold: Hold): void => {
    hold.timer?.cancel();
    hold.timer = undefined;
    hold.onLost = undefined;
    failing.delete(hold);
    kept.delete(hold);
    watchdog?.unguard(hold);
  };
  const lose = (hold: Hold, reason: LockLostReason, cause?: unknown): void => {
    const { onLost } = hold;
    forget(hold);
    onLost?.(reason, cause);
  };

  /** Until the deadline by the monotonic clock alone: timers run on it, and a jump of the wall clock is to be asked about first. */
  const monotonicLeftMs = (hold: Hold): number => {
    refresh(hold);
    return usableMs(hold.leaseMs) - (clock.monotonic() - hold.since.monotonic);
  };

  const arm = (hold: Hold, renewInMs: number = Infinity): void => {
    hold.timer?.cancel();
    const delayMs = Math.max(0, Math.min(renewInMs, monotonicLeftMs(hold)));
    const dueAt = clock.monotonic() + delayMs;
    hold.timer = clock.setTimer(() => onTimer(hold, clock.monotonic() - dueAt), delayMs, { keepAlive: false });
  };
  const onTimer = (hold: Hold, lateMs: number): void => {
    if (monotonicLeftMs(hold) <= 0) lose(hold, reasonAtDeadline(hold, lateMs));
    else if (wantsRenewal(hold) && hold.renewal === undefined) void request(hold, intervalMs(hold) * WINDOW_SHARE);
    else arm(hold);
  };
  const reasonAtDeadline = (hold: Hold, lateMs: number): LockLostReason => {
    if (lateMs > hold.leaseMs * STALL_SHARE && hold.failures === 0) return 'paused';
    return hold.renews ? 'unreachable' : 'expired';
  };

  const planRenewal = (hold: Hold): void => {
    const jitter = 1 + (Math.random() * 2 - 1) * JITTER_SHARE;
    arm(hold, wantsRenewal(hold) ? intervalMs(hold) * jitter - (clock.monotonic() - hold.since.monotonic) : Infinity);
  };

  /** Puts a hold on the next command, which leaves within `windowMs`. */
  const request = (hold: Hold, windowMs: number): Promise<void> => {
    if (hold.renewal !== undefined) {
      if (windowMs === 0) send();
      return hold.renewal;
    }
    const renewal = enqueue(hold);
    const at = clock.monotonic() + windowMs;
    // Less than Node's timers can tell apart.
    if (windowMs < 1 || due.length >= BATCH_MAX) send();
    else if (flush === undefined || at < flush.at) {
      flush?.cancel();
      const timer = clock.setTimer(send, windowMs, { keepAlive: false });
      flush = { at, cancel: () => timer.cancel() };
    }
    return renewal;
  };
  const enqueue = (hold: Hold): Promise<void> => {
    const settle = Promise.withResolvers<void>();
    hold.renewal = settle.promise;
    // Whoever waits for this renewal hears of its failure; the watchdog tries again anyway.
    settle.promise.catch(() => {});
    due.push({ hold, settle });
    arm(hold);
    return settle.promise;
  };
  const send = (): void => {
    flush?.cancel();
    flush = undefined;
    const batch = due;
    due = [];
    for (let start = 0; start < batch.length; start += BATCH_MAX) void renewBatch(batch.slice(start, start + BATCH_MAX));
  };

  const renewBatch = async (batch: typeof due): Promise<void> => {
    const live = batch.filter(({ hold }) => isKept(hold));
    for (const { hold, settle } of batch) {
      if (isKept(hold)) continue;
      hold.renewal = undefined;
      settle.resolve();
    }
    if (live.length === 0) return;
    const requests = live.map(({ hold: { key, owner, ttlMs } }) => ({ key, owner, ttlMs }));
    const sent = stamp(clock);
    const timeoutMs = Math.max(1, Math.min(commandTimeoutMs, ...live.map(({ hold }) => Math.max(intervalMs(hold), monotonicLeftMs(hold) / 2))));
    const outcomes = await withDeadline(Promise.resolve().then(() => driver.renew(requests)), { clock, timeoutMs }).catch((error: unknown) => requests.map(() => error as Error));
    live.forEach(({ hold, settle }, index) => {
      hold.renewal = undefined;
      const outcome = outcomes[index]!;
      // Ended here, or given to somebody else, while the answer travelled.
      if (!isKept(hold)) settle.resolve();
      else if ('renewed' in outcome) {
        onAnswer(hold, outcome, sent);
        settle.resolve();
      } else {
        onFailure(hold, outcome);
        settle.reject(new LockUnavailableError(hold.key.name, 'renewed', { cause: outcome }));
      }
    });
  };

  const onAnswer = (hold: Hold, outcome: RenewOutcome, sent: Stamp): void => {
    if (!outcome.renewed) {
      lose(hold, reasonOfRefusal(hold, outcome.holder));
      return;
    }
    // A lease that ended here while the answer travelled stays lost; its timer is about to say so.
    if (monotonicLeftMs(hold) <= 0) return;
    noteClockJump(hold, outcome.previousMs, sent);
    hold.failures = 0;
    failing.delete(hold);
    hold.since = sent;
    hold.leaseMs = hold.ttlMs;
    hold.roundTripMs = clock.monotonic() - sent.monotonic;
    planRenewal(hold);
  };
  const reasonOfRefusal = (hold: Hold, holder: string | undefined): LockLostReason => {
    if (clock.monotonic() - hold.since.monotonic > hold.leaseMs) return 'paused';
    if (elapsedMs(clock, hold.since) > hold.leaseMs) return 'clock';
    return holder === undefined ? 'state-lost' : 'taken';
  };

  /** What the store had left against what it should have had. Its clock, or ours, ran differently when they do not agree. */
  const noteClockJump = (hold: Hold, previousMs: number, sent: Stamp): void => {
    // More than one process renews it.
    if (hold.exported) return;
    // Renewals whose answers were lost may have arrived.
    const atMostMs = hold.failures > 0 ? Infinity : hold.leaseMs - (sent.monotonic - hold.since.monotonic) + hold.roundTripMs;
    const atLeastMs = hold.leaseMs - (clock.monotonic() - hold.since.monotonic);
    const byMs = previousMs > atMostMs ? atMostMs - previousMs : Math.max(0, atLeastMs - previousMs);
    hold.jumpy = Math.abs(byMs) > CLOCK_TOLERANCE_MS + hold.leaseMs * 0.01;
    if (!hold.jumpy) return;
    logger.warn({ lock: hold.key.name, fence: String(hold.fence), byMs: Math.round(byMs) }, "the lock store's clock jumped");
    emit({ type: 'clock-jump', kind: hold.key.kind, name: hold.key.name, fence: hold.fence, byMs: Math.round(byMs) });
  };

  const onFailure = (hold: Hold, error: unknown): void => {
    hold.failures += 1;
    failing.add(hold);
    if (hold.failures === 1) {
      logger.warn({ err: error, lock: hold.key.name }, 'lock renewal failed, trying again until the lease ends');
      emit({ type: 'renew-failed', kind: hold.key.kind, name: hold.key.name, fence: hold.fence, error });
    }
    // Short leases are tried more often: the longest pause is a sixth of the lease.
    arm(hold, Math.min(RETRY.leastMs + backoffMs(hold.failures, RETRY), Math.max(1, hold.leaseMs / 6)));
  };

  return {
    keep(hold, { renew, onLost }) {
      hold.renews = renew;
      hold.onLost = onLost;
      kept.add(hold);
      watchdog?.unguard(hold);
      if (renew) watchdog?.guard(hold);
      planRenewal(hold);
    },
    drop: forget,
    lose,
    renew: (hold) => request(hold, 0),
    abandon(hold) {
      hold.renews = false;
      watchdog?.unguard(hold);
      arm(hold);
    },
    verify(hold) {
      if (hold.renews && hold.failures === 0 && hold.renewal === undefined && wallJumped(clock, hold.since)) void request(hold, 0);
    },
    retry() {
      for (const hold of failing) if (hold.renewal === undefined) void enqueue(hold);
      send();
    },
    revoke(owner) {
      // More than one when the lease was adopted where it came from.
      for (const hold of kept) if (hold.owner === owner) lose(hold, 'forced');
    },
  };
}
