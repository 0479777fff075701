import type { Clock } from '@staddle/kernel';

/*
 * How long a lease can be trusted here.
 *
 * Source: C. Gray and D. Cheriton, "Leases: An Efficient Fault-Tolerant Mechanism for Distributed File Cache
 * Consistency", SOSP 1989: a holder counts from before its request was sent, and allows for the drift of clocks.
 */

/** Both clocks, read just before a command is sent. */
export interface Stamp {
  readonly monotonic: number;
  readonly wall: number;
}

/** The margin covers lateness of timers and of whatever the work does last. A lease shorter than its margin could never be used. */
const MARGIN_SHARE = 0.1;
/** More would waste long leases. */
const LONGEST_MARGIN_MS = 250;
/** Two clocks that are not stopped differ by far less than one part in a hundred. */
const DRIFT_SHARE = 0.01;
/** Stores count in whole milliseconds, on both ends of the lease. */
const ROUNDING_MS = 2;
/** Wall time that is ahead of monotonic time by more shows a suspended machine or a clock that was set. Less is slewing by NTP. */
const WALL_JUMP_MS = 100;

export function stamp(clock: Clock): Stamp {
  return { monotonic: clock.monotonic(), wall: clock.now() };
}

/** A stamp of `ms` milliseconds before. */
export function earlier({ monotonic, wall }: Stamp, ms: number): Stamp {
  return { monotonic: monotonic - ms, wall: wall - ms };
}

/** Milliseconds for which a lease of `leaseMs` may be used, of those that the store gives it. */
export function usableMs(leaseMs: number): number {
  const slackMs = Math.min(LONGEST_MARGIN_MS, leaseMs * MARGIN_SHARE) + leaseMs * DRIFT_SHARE + Math.min(ROUNDING_MS, leaseMs * MARGIN_SHARE);
  return leaseMs - slackMs;
}

/**
 * Milliseconds since the stamp: the larger of monotonic and wall time. The monotonic clock stands still while the machine is
 * suspended, the wall clock may be set back; the larger of both is never too small.
 */
export function elapsedMs(clock: Clock, since: Stamp): number {
  return Math.max(clock.monotonic() - since.monotonic, clock.now() - since.wall);
}

/** True when the wall clock has gone ahead of the monotonic clock since the stamp: the machine slept, or somebody set the clock. */
export function wallJumped(clock: Clock, since: Stamp): boolean {
  return clock.now() - since.wall - (clock.monotonic() - since.monotonic) > WALL_JUMP_MS;
}
