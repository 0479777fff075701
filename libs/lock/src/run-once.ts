import type { Clock } from '@staddle/kernel';
import { instanceOf } from './contenders.ts';
import type { ClaimOutcome, LockDriver, LockKey, ReleaseOutcome } from './driver.ts';
import { InvalidLockOptionError, LockLostError, LockTimeoutError, type LockLostReason } from './errors.ts';
import type { Held } from './held-context.ts';
import { createHold, remainingMs, type Hold } from './hold.ts';
import type { Keeper } from './keeper.ts';
import type { Lease } from './lease.ts';
import { stamp } from './lease-clock.ts';
import type { Leases } from './leases.ts';
import { checkMs, checkName, settingsOf, type AcquireSettings, type LeaseOptions } from './options.ts';

/*
 * One run per scheduled instant. Mutual exclusion alone cannot give it: a job that is shorter than the skew of two clocks
 * is free again when the second process comes. The claim of the instant outlives the run.
 *
 * States of a claim:  (none) --[claim]--> running --[settle]--> done     running --[lease ends]--> crashed --[claim, onCrash:
 * retry]--> running
 */

export interface RunOnceOptions extends Omit<LeaseOptions, 'reentrant' | 'fencing' | 'meta' | 'replicas' | 'minHoldMs'> {
  /** How long it is remembered that the instant has had its run, in ms: more than clocks may differ and processes may be late. Default a day. */
  readonly keepMs?: number | undefined;
  /**
   * When the process that ran it died: `skip` (default) runs it no more, so that it never runs twice; `retry` lets the next caller
   * run it again, so that it runs at least once.
   */
  readonly onCrash?: 'skip' | 'retry' | undefined;
  /** When an earlier instant of the job is still running: `skip` this one (default), `wait` for it, or `allow` both. */
  readonly overlap?: 'skip' | 'wait' | 'allow' | undefined;
  /** How long `overlap: 'wait'` waits, in ms. Default `Infinity`. */
  readonly waitMs?: number | undefined;
  /** Cancels the waiting, not the run. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * `claimed`: another caller is running it. `done`: it has run. `overlap`: an earlier instant still ran, and this one will not
 * run. `crashed`: the process that ran it died.
 */
export type RunOnceResult<T> =
  | { readonly ran: true; readonly value: T; readonly fence: bigint }
  | { readonly ran: false; readonly reason: 'claimed' | 'done' | 'overlap' | 'crashed'; readonly by?: string };

const KEEP_MS = 86_400_000;

export interface RunsOptions {
  readonly driver: LockDriver;
  readonly clock: Clock;
  readonly keeper: Keeper;
  readonly leases: Leases;
  readonly closing: AbortSignal;
  newOwner(): string;
  /** Asks the store, more than once when answers are lost. @throws LockUnavailableError (`ERR_LOCK_UNAVAILABLE`) */
  ask<T>(name: string, what: string, operation: () => Promise<T>): Promise<T>;
  /** @throws LockDeadlockError (`ERR_LOCK_DEADLOCK`) inside of the key */
  checkOutside(key: LockKey): void;
  acquireHold(key: LockKey, settings: AcquireSettings): Promise<Hold>;
  freeHold(hold: Hold): Promise<ReleaseOutcome>;
  lostHold(hold: Hold): void;
  work<T>(held: Held, keys: readonly LockKey[], run: (lease: Lease) => Promise<T>): Promise<T>;
}

export type RunOnce = <T>(job: string, fireTime: number | Date, work: (lease: Lease) => Promise<T>, options: RunOnceOptions) => Promise<RunOnceResult<T>>;

export function createRunOnce({ driver, clock, keeper, leases, closing, newOwner, ask, checkOutside, acquireHold, freeHold, lostHold, work }: RunsOptions, defaults: AcquireSettings): RunOnce {
  /** Of a run that has not begun: as after a crash, `onCrash` says whether another caller may run it. */
  const letGo = (key: LockKey, owner: string): void => {
    driver.release({ key, owner }).catch(() => {
      // Unknown to the store, or it runs out by itself.
    });
  };

  const claim = async (key: LockKey, settings: AcquireSettings, keepMs: number, onCrash: 'skip' | 'retry'): Promise<{ hold?: Hold; outcome: ClaimOutcome }> => {
    const owner = newOwner();
    const sent = stamp(clock);
    const { ttlMs } = settings;
    const outcome = await ask(key.name, 'claimed', () => driver.claim({ key, owner, ttlMs, keepMs, onCrash })).catch((error: unknown) => {
      letGo(key, owner);
      throw error;
    });
    if (!outcome.claimed) return { outcome };
    return { outcome, hold: createHold({ key, owner, fence: outcome.fence, ttlMs, leaseMs: ttlMs, since: sent, roundTripMs: clock.monotonic() - sent.monotonic }) };
  };

  return async (job, fireTime, run, options) => {
    const { keepMs = KEEP_MS, onCrash = 'skip', overlap = 'skip', waitMs = Infinity, ...rest } = options;
    const settings = settingsOf({ ...rest, waitMs }, defaults);
    checkName(job, 'job');
    const at = fireTime instanceof Date ? fireTime.getTime() : fireTime;
    if (!Number.isSafeInteger(at)) throw new InvalidLockOptionError('fireTime', fireTime, 'a Date or epoch milliseconds');
    checkMs('keepMs', keepMs, settings.ttlMs + 1);
    if (onCrash !== 'skip' && onCrash !== 'retry') throw new InvalidLockOptionError('onCrash', onCrash, "'skip' or 'retry'");
    if (!['skip', 'wait', 'allow'].includes(overlap)) throw new InvalidLockOptionError('overlap', overlap, "'skip', 'wait' or 'allow'");
    const jobKey: LockKey = { kind: 'mutex', name: job };
    if (overlap !== 'allow') checkOutside(jobKey);
    closing.throwIfAborted();
    settings.signal?.throwIfAborted();

    const key: LockKey = { kind: 'run', name: `${job}@${at}` };
    const { hold, outcome } = await claim(key, settings, keepMs, onCrash);
    if (hold === undefined) {
      const { state, owner: by } = outcome as ClaimOutcome & { claimed: false };
      return { ran: false, reason: state === 'running' ? 'claimed' : state, by: instanceOf(by) };
    }
    const { owner } = hold;
    const settle = (): Promise<boolean> => ask(key.name, 'settled', () => driver.settle({ key, owner, keepMs }));
    const ended = new AbortController();
    keeper.keep(hold, { renew: settings.renew, onLost: (reason, cause) => ended.abort(lostError(hold, reason, cause)) });

    let jobHold: Hold | undefined;
    try {
      if (overlap !== 'allow') {
        jobHold = await acquireHold(jobKey, { ...settings, waitMs: 0, signal: ended.signal }).catch((error: unknown) => {
          if (overlap === 'skip' || !(error instanceof LockTimeoutError)) throw error;
          // Only now it waits, which is what the caller may cancel: a run that is claimed and may begin begins.
          return acquireHold(jobKey, { ...settings, waitMs, signal: settings.signal ? AbortSignal.any([settings.signal, ended.signal]) : ended.signal });
        });
      }
      closing.throwIfAborted();
      ended.signal.throwIfAborted();
      if (remainingMs(clock, hold) === 0) throw lostError(hold, 'paused');
    } catch (error) {
      keeper.drop(hold);
      // A failure leaves them to run out by themselves.
      if (jobHold) freeHold(jobHold).catch(() => {});
      if (!(error instanceof LockTimeoutError)) {
        letGo(key, owner);
        throw error;
      }
      // Settled, so that a process that comes later does not run what was skipped.
      await settle();
      return { ran: false, reason: 'overlap', ...(error.holder !== undefined && { by: error.holder }) };
    }

    // Fences of the job increase in the order of its runs, those of the claims in the order of claims.
    const lease = leases.start(jobHold ? [hold, jobHold] : [hold], { ...settings, minHoldMs: 0, fencedBy: jobHold }, {
      free: async (each) => {
        if (each !== hold) return freeHold(each);
        return (await settle()) ? 'released' : 'not-held';
      },
      lost: (each) => each !== hold && lostHold(each),
    });
    const value = await work({ lease, hold }, jobHold ? [key, jobKey] : [key], run);
    return { ran: true, value, fence: lease.fence };
  };
}

function lostError(hold: Hold, reason: LockLostReason, cause?: unknown): LockLostError {
  return new LockLostError(hold.key.name, hold.fence, reason, cause === undefined ? {} : { cause });
}
