import type { LockKey, WatchdogSource } from './driver.ts';

/* What the two threads of the watchdog share. */

/** How the shared memory is laid out, in 64-bit cells: the heartbeat, then two cells per hold. */
export const CELLS = { heartbeat: 0, first: 1, perHold: 2, since: 0, wall: 1 } as const;

/** The time that both threads share, in microseconds. */
export function sharedNow(): bigint {
  return process.hrtime.bigint() / 1_000n;
}

/** To the worker. */
export type WatchdogRequest =
  | { readonly type: 'guard'; readonly slot: number; readonly key: LockKey; readonly owner: string; readonly ttlMs: number }
  | { readonly type: 'unguard'; readonly slot: number }
  | { readonly type: 'close' };

/** From the worker. */
export type WatchdogReply =
  /** It will not write to this slot any more. */
  | { readonly type: 'free'; readonly slot: number }
  | { readonly type: 'closed' };

export interface WatchdogData {
  readonly source: WatchdogSource;
  readonly cells: SharedArrayBuffer;
  readonly maxStallMs: number;
}
