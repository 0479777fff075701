import type { Clock, Logger } from '@staddle/kernel';
import type { LockKey, ReleaseOutcome } from './driver.ts';
import { LockLostError, LockTimeoutError, LockUnavailableError } from './errors.ts';
import type { Hold } from './hold.ts';
import type { Keeper } from './keeper.ts';
import type { Holds } from './leases.ts';
import type { AcquireSettings } from './options.ts';

/*
 * Several keys for one lease: all or none.
 *
 * 1. First all are asked for at once. Of those that were not free, each is waited for while only keys before it, in sorted
 *    order, are held: so no circle of waiters can form.
 * 2. What is held is renewed while the others are waited for. When one of them is lost, all begins anew while there is time.
 */

export interface SeveralKeysOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly keeper: Keeper;
  acquireHold(key: LockKey, settings: AcquireSettings): Promise<Hold>;
  freeHold(hold: Hold): Promise<ReleaseOutcome>;
  lostHold(hold: Hold): void;
}

/** @param keys sorted */
export type AcquireSeveral = (keys: readonly LockKey[], settings: AcquireSettings) => Promise<Holds>;

export function createSeveralKeys({ clock, logger, keeper, acquireHold, freeHold, lostHold }: SeveralKeysOptions): AcquireSeveral {
  const giveBack = (hold: Hold): void => {
    if (hold.onLost === undefined) return;
    keeper.drop(hold);
    freeHold(hold).catch((err: unknown) => logger.debug({ err, lock: hold.key.name }, 'one of several locks could not be given back; it runs out by itself'));
  };

  /** All of them, or how one was lost while others were waited for. */
  const tryAll = async (keys: readonly LockKey[], settings: AcquireSettings, waitLeftMs: () => number): Promise<Holds | LockLostError> => {
    const lost = new AbortController();
    const signal = settings.signal ? AbortSignal.any([settings.signal, lost.signal]) : lost.signal;
    const held: Hold[] = [];
    const take = async (key: LockKey, waitMs: number): Promise<Hold> => {
      const hold = await acquireHold(key, { ...settings, waitMs, signal });
      keeper.keep(hold, {
        renew: settings.renew,
        onLost(reason, cause) {
          lostHold(hold);
          lost.abort(new LockLostError(key.name, hold.fence, reason, { cause }));
        },
      });
      return hold;
    };
    try {
      const attempts = await Promise.allSettled(keys.map((key) => take(key, 0)));
      const refusedAt = attempts.findIndex(({ status }) => status === 'rejected');
      for (const [index, attempt] of attempts.entries()) {
        if (attempt.status === 'rejected') continue;
        if (refusedAt < 0 || index < refusedAt) held.push(attempt.value);
        else giveBack(attempt.value);
      }
      for (const attempt of attempts) {
        if (attempt.status === 'rejected' && !(attempt.reason instanceof LockTimeoutError && waitLeftMs() > 0)) throw attempt.reason;
      }
      for (const key of refusedAt < 0 ? [] : keys.slice(refusedAt)) held.push(await take(key, waitLeftMs()));
      lost.signal.throwIfAborted();
      return held as [Hold, ...Hold[]];
    } catch (error) {
      held.forEach(giveBack);
      if (lost.signal.aborted && error === lost.signal.reason) return error as LockLostError;
      throw error;
    }
  };

  return async (keys, settings) => {
    const startedAt = clock.monotonic();
    const waitLeftMs = (): number => Math.max(0, settings.waitMs - (clock.monotonic() - startedAt));
    try {
      for (;;) {
        const holds = await tryAll(keys, settings, waitLeftMs);
        if (!(holds instanceof LockLostError)) return holds;
        if (waitLeftMs() === 0) throw new LockUnavailableError(holds.lockName, 'acquired', { cause: holds });
      }
    } catch (error) {
      // Of the whole wait, not of that for one of the keys.
      if (error instanceof LockTimeoutError) throw new LockTimeoutError(error.lockName, settings.waitMs, error);
      throw error;
    }
  };
}
