import { backoffMs } from '@staddle/kernel';
import type { AcquireOutcome } from './driver.ts';

/* When a waiter asks the store again by itself, because no wake-up can be relied on alone. */

/** However long the present lease is: a wake-up that got lost costs its waiter this much. */
const ASK_AGAIN_MS = 5_000;
/** Questions a second about one key from one process, whatever the number of its waiters. */
const ASK_RATE = 4;
/** After the end of the present lease, so that the store has seen it too, and spread over processes. */
const AFTER_END_MS = { least: 2, jitter: 20 } as const;
/** Without messages waiters poll: often enough for a short wait, rare enough that many waiters cost little. */
const POLL = { leastMs: 10, baseMs: 50, capMs: 500, mostMs: 3_000 } as const;
/** Each poller leaves room for this many milliseconds of the others of its process; not more than `POLL.mostMs`, or a store would take it for dead. */
const POLL_ROOM_MS = 5;
const RETRY = { leastMs: 25, baseMs: 50, capMs: 500 } as const;

export type Refusal = AcquireOutcome & { readonly acquired: false };

/** A refused waiter. */
export interface Waiting {
  /** How many of its process wait for the same key, itself included. */
  readonly waiters: number;
  /** How often it has asked without coming nearer. */
  readonly polls: number;
  /** Messages arrive. */
  readonly listening: boolean;
}

/** How long a refused waiter rests, in ms, unless it is woken. */
export function restMs({ expiresInMs, position }: Refusal, { waiters, polls, listening }: Waiting): number {
  const endsInMs = afterEndMs(expiresInMs);
  if (!listening) {
    const roomMs = isNear(position) ? 0 : waiters * POLL_ROOM_MS * (0.5 + Math.random());
    return Math.min(endsInMs, POLL.leastMs + Math.max(backoffMs(polls, POLL), roomMs), POLL.mostMs);
  }
  // No position: nobody is being queued, as after a loss of the store's data.
  if (position === 0 || position === undefined) return Math.min(endsInMs, ASK_AGAIN_MS);
  // Spread wide: of many waiters that came together one should soon notice that the store has lost its queue, and wake the others.
  return Math.max(ASK_AGAIN_MS * (0.9 + Math.random() * 0.1), (2 * Math.random() * waiters * 1_000) / ASK_RATE);
}

/** How long whoever is first waits for the end of a lease that has `inMs` left. */
export function afterEndMs(inMs: number): number {
  return inMs + AFTER_END_MS.least + Math.random() * AFTER_END_MS.jitter;
}

/** The first of the queue, or the one behind it: a queue that moves waits for nobody else. */
export function isNear(position: number | undefined): boolean {
  return position !== undefined && position <= 1;
}

/** How long to wait before a question that had no answer is asked again, in ms. */
export function retryMs(failures: number): number {
  return RETRY.leastMs + backoffMs(failures, RETRY);
}
