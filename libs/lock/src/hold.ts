import type { Clock, Timer } from '@staddle/kernel';
import type { LockKey } from './driver.ts';
import type { LockLostReason } from './errors.ts';
import { elapsedMs, usableMs, type Stamp } from './lease-clock.ts';

/**
 * One owner's grip on one key, as the store gave it. A lease has one or more of them; a hand-off inside the process gives
 * the same hold to another lease.
 */
export interface Hold {
  readonly key: LockKey;
  readonly owner: string;
  /** What it holds of the key's capacity. A writer that becomes a reader holds less. */
  weight: number;
  /** Fence of the present lease. */
  fence: bigint;
  /** The last fence that belongs to this hold. */
  readonly lastFence: bigint;
  /** What every command of the owner asks for. One length for the whole life: whichever of them comes late or twice, none makes the lease shorter. */
  readonly ttlMs: number;
  /** Length of the present lease in the store: shorter than `ttlMs` right after a hand-off. */
  leaseMs: number;
  /** When the present lease began, at the latest: before its command was sent. */
  since: Stamp;
  /** How long the answer took that granted it. */
  roundTripMs: number;
  /** Handed to another process as well, so that it must end in the store and not be passed on here. */
  exported: boolean;

  /** Of the keeper. */
  timer?: Timer | undefined;
  renews: boolean;
  failures: number;
  /** The store's clock jumped at the last renewal: renewed more often until it is calm. */
  jumpy: boolean;
  renewal?: Promise<void> | undefined;
  onLost?: ((reason: LockLostReason, cause?: unknown) => void) | undefined;

  /** Of the watchdog: when another thread has last renewed the hold, if that is later than `since`. */
  renewedElsewhere?: (() => Stamp | undefined) | undefined;
}

export function createHold(grant: Pick<Hold, 'key' | 'owner' | 'fence' | 'ttlMs' | 'leaseMs' | 'since' | 'roundTripMs'> & { readonly weight?: number; readonly reserve?: number }): Hold {
  const { weight = 1, reserve = 0, ...rest } = grant;
  return { ...rest, weight, lastFence: grant.fence + BigInt(reserve), exported: false, renews: false, failures: 0, jumpy: false };
}

/** Takes over what another thread has done for the hold. */
export function refresh(hold: Hold): void {
  const since = hold.renewedElsewhere?.();
  if (since === undefined) return;
  hold.since = since;
  hold.leaseMs = hold.ttlMs;
}

/** Milliseconds for which the hold is sure to be ours: invariants 1 to 3 in lock.ts. */
export function remainingMs(clock: Clock, hold: Hold): number {
  refresh(hold);
  return Math.max(0, usableMs(hold.leaseMs) - elapsedMs(clock, hold.since));
}
