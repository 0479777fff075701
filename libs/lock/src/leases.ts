import type { Clock, Logger, Timer } from '@staddle/kernel';
import { withDeadline } from './deadline.ts';
import type { ReleaseOutcome } from './driver.ts';
import { InvalidLockOptionError, LockLostError, type LockLostReason } from './errors.ts';
import type { LockEvent } from './events.ts';
import { remainingMs, type Hold } from './hold.ts';
import type { Keeper } from './keeper.ts';
import type { Lease, LeaseHandle, ReleaseResult } from './lease.ts';
import { wallJumped } from './lease-clock.ts';
import type { AcquireSettings } from './options.ts';

/*
 * The life of a lease: one or more holds that are kept, lost and freed together.
 *
 * States:  held --[release]--> released     held --[a hold is lost, close]--> lost     held --[maxHoldMs]--> lost, still kept
 * --[graceMs or release]--> released
 */

/** A release that hangs must not hold up the end of the work for longer, nor past the end of the lease, which runs out by itself. */
const RELEASE_TIMEOUT = { leastMs: 100, mostMs: 2_000 } as const;

export interface LeasesOptions {
  readonly keeper: Keeper;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly emit: (event: LockEvent) => void;
}

/** What a lease needs to know of its holds besides what they say. */
export interface LeaseTerms extends Pick<AcquireSettings, 'renew' | 'maxHoldMs' | 'graceMs' | 'minHoldMs'> {
  /** Gives a hold back, or on. `keepMs`: leave the key locked for so long. */
  readonly free: (hold: Hold, keepMs: number) => Promise<ReleaseOutcome>;
  /** The hold is over without a release. */
  readonly lost: (hold: Hold) => void;
}

export interface Leases {
  /** Every lease that has neither been released nor lost. */
  readonly open: ReadonlySet<OpenLease>;
  /** Resolves when there is none. */
  whenIdle(): Promise<void>;
  /** A lease over holds that the store has just granted, the first of them giving token and fence. */
  start(holds: Holds, terms: LeaseTerms): Lease;
}

export type Holds = readonly [Hold, ...Hold[]];

/** What remains known of a lease. It has no reference to the Lease itself, so that a forgotten one can be noticed. */
export interface OpenLease extends Omit<Lease, typeof Symbol.asyncDispose | 'isHeld' | 'token' | 'fence'> {
  readonly holds: Holds;
  readonly fences: readonly bigint[];
  /** Tells the work that the lease is over, without giving it back. */
  end(reason: LockLostReason): void;
}

export function createLeases({ keeper, clock, logger, emit }: LeasesOptions): Leases {
  const open = new Set<OpenLease>();
  let idle: PromiseWithResolvers<void> | undefined;
  const forgotten = new FinalizationRegistry<OpenLease>(({ name, fences, holds }) => {
    const fence = fences[0]!;
    logger.warn({ lock: name, fence: String(fence) }, 'a lease was dropped without a release; it is not renewed any more');
    emit({ type: 'leaked', kind: holds[0].key.kind, name, fence });
    for (const hold of holds) if (hold.onLost) keeper.abandon(hold);
  });

  const openLease = (holds: Holds, { renew, maxHoldMs, graceMs, minHoldMs, free, lost }: LeaseTerms): OpenLease => {
    const [first] = holds;
    const { kind } = first.key;
    // A hand-off inside the process gives the hold to the next lease with a fence of its own.
    const fences = holds.map(({ fence }) => fence);
    const names = holds.map(({ key }) => key.name);
    const name = names.join(', ');
    const about = { kind, name, fence: fences[0]! };
    const startedAt = clock.monotonic();
    let controller: AbortController | undefined;
    let lostError: LockLostError | undefined;
    let released: Promise<ReleaseResult> | undefined;
    let holdTimer: Timer | undefined;

    const settleDown = (): void => {
      holdTimer?.cancel();
      open.delete(state);
      if (open.size === 0) idle?.resolve();
      forgotten.unregister(state);
    };
    const abort = (reason: LockLostReason, cause?: unknown): void => {
      if (lostError !== undefined || released !== undefined) return;
      lostError = new LockLostError(name, fences[0]!, reason, cause === undefined ? {} : { cause });
      logger.warn({ lock: name, fence: String(fences[0]), reason }, 'lock lost');
      controller?.abort(lostError);
      emit({ type: 'lost', ...about, reason });
    };
    /** One hold is over, and with it the lease: the others are given back. */
    const onHoldLost = (hold: Hold, reason: LockLostReason, cause?: unknown): void => {
      lost(hold);
      for (const other of holds) {
        if (other === hold || other.onLost === undefined) continue;
        keeper.drop(other);
        free(other, 0).catch((error: unknown) => emit({ type: 'release-failed', ...about, error }));
      }
      settleDown();
      abort(reason, cause);
    };
    const freeAll = async (): Promise<ReleaseResult> => {
      const keepMs = Math.ceil(minHoldMs - (clock.monotonic() - startedAt));
      const timeoutMs = Math.max(RELEASE_TIMEOUT.leastMs, Math.min(RELEASE_TIMEOUT.mostMs, ...holds.map((hold) => remainingMs(clock, hold))));
      const live = holds.filter(({ onLost }) => onLost !== undefined);
      if (live.length < holds.length) return 'not-held';
      for (const hold of holds) keeper.drop(hold);
      const results = await Promise.all(
        holds.map(async (hold): Promise<ReleaseResult> => {
          try {
            const outcome = await withDeadline(free(hold, Math.max(0, keepMs)), { clock, timeoutMs });
            return outcome === 'dequeued' ? 'not-held' : outcome;
          } catch (error) {
            logger.warn({ err: error, lock: hold.key.name }, 'lock release failed; the lease runs out by itself');
            emit({ type: 'release-failed', ...about, error });
            return 'unknown';
          }
        }),
      );
      return results.find((result) => result === 'unknown') ?? results.find((result) => result === 'not-held') ?? results[0]!;
    };
    const reasonNow = (): LockLostReason => {
      if (released !== undefined) return 'released';
      return holds.some((hold) => wallJumped(clock, hold.since)) ? 'clock' : 'paused';
    };
    const state: OpenLease = {
      holds,
      names,
      name,
      fences,
      acquiredAt: clock.now(),
      get signal() {
        if (controller === undefined) {
          controller = new AbortController();
          if (lostError) controller.abort(lostError);
        }
        return controller.signal;
      },
      fenceOf(wanted) {
        const at = names.indexOf(wanted);
        if (at < 0) throw new InvalidLockOptionError('name', wanted, `one of this lease: ${name}`);
        return fences[at]!;
      },
      remaining() {
        if (lostError !== undefined || released !== undefined) return 0;
        let leftMs = Infinity;
        for (const hold of holds) {
          const holdLeftMs = remainingMs(clock, hold);
          if (holdLeftMs === 0) keeper.verify(hold);
          leftMs = Math.min(leftMs, holdLeftMs);
        }
        return leftMs;
      },
      assertHeld(minRemainingMs = 0) {
        const leftMs = state.remaining();
        if (leftMs > 0 && leftMs >= minRemainingMs) return;
        throw lostError ?? new LockLostError(name, fences[0]!, reasonNow());
      },
      async renew() {
        if (lostError) throw lostError;
        if (released) throw new LockLostError(name, fences[0]!, 'released');
        const renewals = await Promise.allSettled(holds.map((hold) => keeper.renew(hold)));
        if (lostError) throw lostError as LockLostError;
        const failure = renewals.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
        if (failure) throw failure.reason;
      },
      release() {
        if (released === undefined) {
          settleDown();
          released = freeAll();
        }
        return released;
      },
      end: abort,
      export(): LeaseHandle {
        if (holds.length > 1) throw new InvalidLockOptionError('name', name, 'one name: a lease of several cannot be exported');
        state.assertHeld(0);
        first.exported = true;
        return { kind, name, token: first.owner, fence: String(fences[0]), ttlMs: first.ttlMs };
      },
    };
    open.add(state);
    for (const hold of holds) keeper.keep(hold, { renew, onLost: (reason, cause) => onHoldLost(hold, reason, cause) });
    if (maxHoldMs !== Infinity) {
      holdTimer = clock.setTimer(
        () => {
          // The work is told, and stays alone while it winds down.
          abort('max-hold');
          holdTimer = clock.setTimer(() => void state.release(), graceMs, { keepAlive: false });
        },
        maxHoldMs,
        { keepAlive: false },
      );
    }
    return state;
  };

  return {
    open,
    async whenIdle() {
      if (open.size === 0) return;
      idle = Promise.withResolvers();
      await idle.promise;
    },
    start(holds, terms) {
      const state = openLease(holds, terms);
      const lease = leaseOf(state);
      forgotten.register(lease, state, state);
      return lease;
    },
  };
}

/** Outside of `createLeases`, so that nothing which lives as long as the state can reach the Lease: it must be collectable. */
function leaseOf(state: OpenLease): Lease {
  const { name, names, fences, holds, acquiredAt, fenceOf, remaining, assertHeld, renew } = state;
  const lease: Lease = {
    name,
    names,
    token: holds[0].owner,
    fence: fences[0]!,
    acquiredAt,
    get signal() {
      return state.signal;
    },
    get isHeld() {
      return remaining() > 0;
    },
    fenceOf,
    remaining,
    assertHeld,
    renew,
    release: () => state.release(),
    export: () => state.export(),
    async [Symbol.asyncDispose]() {
      // Names the Lease, so that each of these functions keeps it: whoever has taken one off has not forgotten it.
      await lease.release();
    },
  };
  return lease;
}
