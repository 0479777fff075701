import type { Trigger } from '@staddle/cron';

/*
 * What a trigger owes at one moment: the instants to fire, the instants that are too late, and the next one.
 *
 * 1. Every instant is computed from the one before it, never from the moment of the question.
 * 2. An instant that is at most `graceMs` late fires.
 * 3. Of the instants that are later than that, the newest fires when no instant is within the grace (late is better
 *    than never); all others are one range of misfires.
 * 4. fired + skipped + what lies at or after `nextAt` is exactly the enumeration of the trigger.
 */

/** Consecutive instants that did not fire. */
interface SkippedRange {
  readonly fromAt: number;
  readonly toAt: number;
  readonly count: number;
}

export interface DueInstants {
  readonly fireAt: readonly number[];
  readonly skipped: SkippedRange | undefined;
  /** Undefined: the trigger is exhausted. It may be in the past: the enumeration stopped at its limit. */
  readonly nextAt: number | undefined;
}

export interface DueInstantsOptions {
  /** The first instant that has not been dealt with. */
  readonly firstAt: number;
  readonly nowMs: number;
  readonly graceMs: number;
  /** Most instants to look at. More than these are dealt with by asking again from `nextAt`. */
  readonly limit: number;
}

export function dueInstants(trigger: Pick<Trigger, 'next'>, { firstAt, nowMs, graceMs, limit }: DueInstantsOptions): DueInstants {
  const fireAt: number[] = [];
  let skipped: SkippedRange | undefined;
  let newestLate: number | undefined;
  const skipNewestLate = (): void => {
    if (newestLate === undefined) return;
    skipped = { fromAt: skipped?.fromAt ?? newestLate, toAt: newestLate, count: (skipped?.count ?? 0) + 1 };
    newestLate = undefined;
  };

  let at: number | undefined = firstAt;
  for (let seen = 0; at !== undefined && at <= nowMs && seen < limit; seen++) {
    skipNewestLate();
    if (nowMs - at <= graceMs) fireAt.push(at);
    else newestLate = at;
    at = nextInstant(trigger, at);
  }

  const complete = at === undefined || at > nowMs;
  if (complete && newestLate !== undefined) fireAt.push(newestLate);
  else skipNewestLate();
  return { fireAt, skipped, nextAt: at };
}

/** The instants from `firstAt` up to `untilMs`, as one range; undefined when there is none. `count` is undefined when there are more than `limit`. */
export function instantsWithin(
  trigger: Pick<Trigger, 'next'>,
  { firstAt, untilMs, limit }: { readonly firstAt: number; readonly untilMs: number; readonly limit: number },
): { fromAt: number; toAt: number; count: number | undefined } | undefined {
  if (firstAt > untilMs) return undefined;
  let toAt = firstAt;
  let count = 1;
  for (let at = nextInstant(trigger, firstAt); at !== undefined && at <= untilMs; at = nextInstant(trigger, at)) {
    if (count === limit) return { fromAt: firstAt, toAt: untilMs, count: undefined };
    toAt = at;
    count++;
  }
  return { fromAt: firstAt, toAt, count };
}

// A trigger that does not move forward would fire for ever.
function nextInstant(trigger: Pick<Trigger, 'next'>, afterMs: number): number | undefined {
  const at = trigger.next(afterMs);
  if (at !== undefined && !(at > afterMs)) throw new RangeError(`the trigger gave ${at} as the instant after ${afterMs}`);
  return at;
}
