import type { Clock, Logger, Timer } from '@staddle/kernel';
import { LeaseLostError } from './errors.ts';
import { createLoop } from './loop.ts';
import type { ClaimedRun, RunRef, RunStore } from './run-store.ts';

/*
 * Keeps the leases of this process's runs alive, and notices in time when it cannot.
 *
 * 1. One UPDATE for all leases, every third of a lease.
 * 2. Each lease has a local deadline: the time *before* the request that granted it was sent, plus the lease, minus a
 *    margin. The store grants later than that, so the deadline passes before anyone else may take the run.
 * 3. A lease is lost when its deadline passes or when the store gives the run to another claim. From then on `signal` is
 *    aborted and `assertOwned` throws; it does not come back. `assertOwned` reads the clock, so it is right even when
 *    the process was stopped and timers have not had their turn yet.
 * 4. Deadlines are on the monotonic clock: a jump of the wall clock neither ends nor prolongs a lease.
 */

/** The right of this process to act for one claim of one run. */
export interface Lease {
  readonly ref: RunRef;
  /** Aborts when the lease is lost, or for the reason given to `abort`. */
  readonly signal: AbortSignal;
  readonly lost: boolean;
  /** @throws LeaseLostError (`ERR_DISPATCH_LEASE_LOST`) */
  assertOwned(): void;
  abort(reason: Error): void;
  /** No renewal any more. Call it once the run's outcome is stored. */
  drop(): void;
}

export interface LeaseKeeper {
  start(): void;
  stop(): Promise<void>;
  /** @param sentAt `clock.monotonic()` before the claim was sent */
  hold(run: ClaimedRun, sentAt: number): Lease;
}

export interface LeaseKeeperOptions {
  readonly runs: RunStore;
  readonly owner: string;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface HeldLease extends Lease {
  /** Moves the local deadline. */
  extend(sentAt: number): void;
  lose(why: string): void;
}

// What the monotonic clocks of two machines may drift apart during one lease, and what an aborted handler needs to let go.
const MARGIN = 1 / 6;

export function createLeaseKeeper({ runs, owner, leaseMs, clock, logger }: LeaseKeeperOptions): LeaseKeeper {
  const held = new Set<HeldLease>();
  const trustMs = leaseMs * (1 - MARGIN);

  const renewAll = async (): Promise<number> => {
    const leases = [...held].filter(({ lost }) => !lost);
    if (leases.length > 0) {
      const sentAt = clock.monotonic();
      const renewed = await runs.renew(owner, leases.map(({ ref }) => ref), leaseMs);
      const kept = new Set(renewed.map(keyOf));
      for (const lease of leases) {
        if (kept.has(keyOf(lease.ref))) lease.extend(sentAt);
        // It may have ended on its own while the request was under way.
        else if (held.has(lease)) lease.lose('another process took the run over');
      }
    }
    return leaseMs / 3;
  };
  const loop = createLoop({ name: 'lease-keeper', tick: renewAll, clock, logger });

  return {
    start: loop.start,
    stop: loop.stop,
    hold(run, sentAt) {
      const controller = new AbortController();
      let deadline = sentAt + trustMs;
      let timer: Timer | undefined;
      let lost = false;

      const watch = (): void => {
        timer?.cancel();
        timer = clock.setTimer(expire, Math.max(0, deadline - clock.monotonic()), { keepAlive: false });
      };
      const expire = (): void => lease.lose(`it could not be renewed within ${Math.round(trustMs)} ms`);

      const lease: HeldLease = {
        ref: { id: run.id, fence: run.fence },
        signal: controller.signal,
        get lost() {
          return lost;
        },
        assertOwned() {
          if (!lost && clock.monotonic() >= deadline) expire();
          if (lost) throw controller.signal.reason instanceof LeaseLostError ? controller.signal.reason : new LeaseLostError(run.uid, 'it ended');
        },
        abort: (reason) => controller.abort(reason),
        drop() {
          timer?.cancel();
          held.delete(lease);
        },
        extend(renewalSentAt) {
          if (lost || !held.has(lease)) return;
          deadline = renewalSentAt + trustMs;
          watch();
        },
        lose(why) {
          if (lost) return;
          lost = true;
          timer?.cancel();
          logger.warn({ run_id: run.uid, why }, 'lease lost');
          controller.abort(new LeaseLostError(run.uid, why));
        },
      };
      held.add(lease);
      watch();
      return lease;
    },
  };
}

function keyOf({ id, fence }: RunRef): string {
  return `${id}:${fence}`;
}
