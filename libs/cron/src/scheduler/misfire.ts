import type { Trigger } from '../trigger.ts';
import type { MisfirePolicy } from './schedule.ts';

/*
 * Which of the instants that came late run, and which are skipped.
 *
 * 1. An instant is late when it should have begun more than `graceMs` ago, jitter included.
 * 2. Those that run are neighbours, so that what is skipped is at most one range before them and one after.
 * 3. skipped + run + what lies at or after `nextAt` is exactly the enumeration of the trigger from `firstAt`.
 * 4. The ends of the ranges are asked for, not walked to. Only counting walks, a bounded number of steps: an interval of 1 ms that
 *    was late by a day costs what one that was late by an hour costs.
 */

/** Consecutive instants. */
export interface InstantRange {
  readonly fromAt: number;
  readonly toAt: number;
  /** At least so many, when not `exact`. */
  readonly count: number;
  /** False: there are more than were worth counting. */
  readonly exact: boolean;
}

export interface LateInstants {
  readonly skippedBefore: InstantRange | undefined;
  /** Ascending. */
  readonly runAt: readonly number[];
  readonly skippedAfter: InstantRange | undefined;
  /** The first one that is not late, also in the past; undefined when there is none. */
  readonly nextAt: number | undefined;
}

/** What is asked of a trigger here. */
export type Instants = Pick<Trigger, 'kind' | 'next' | 'prev' | 'jitterMs' | 'toJSON'>;

export interface LateQuestion {
  /** The first instant that has not been dealt with; it is late. */
  readonly firstAt: number;
  readonly nowMs: number;
  readonly policy: MisfirePolicy;
}

// A count takes as many steps, at well under a microsecond each: some milliseconds for the schedules that have so many.
const MOST_COUNTED = 10_000;
// Instants whose jitter has not passed are looked for one by one.
const MOST_NOT_LATE = 1_000;

export function lateInstants(instants: Instants, { firstAt, nowMs, policy }: LateQuestion): LateInstants {
  const lastAt = instants.prev(endOfLate(instants, firstAt, nowMs - policy.graceMs)) ?? firstAt;
  const nextAt = instants.next(lastAt);
  const runAt = chosen(instants, { firstAt, lastAt, onTimeFollows: nextAt !== undefined && nextAt <= nowMs, nowMs, policy });
  if (runAt.length === 0) return { skippedBefore: rangeOf(instants, firstAt, lastAt), runAt, skippedAfter: undefined, nextAt };
  const before = instants.prev(runAt[0]!);
  const after = instants.next(runAt.at(-1)!);
  return {
    skippedBefore: before === undefined || before < firstAt ? undefined : rangeOf(instants, firstAt, before),
    runAt,
    skippedAfter: after === undefined || after > lastAt ? undefined : rangeOf(instants, after, lastAt),
    nextAt,
  };
}

/** The instants from one member to another, both included. */
export function rangeOf(instants: Instants, fromAt: number, toAt: number): InstantRange {
  if (instants.kind === 'interval' && !('exclude' in instants.toJSON())) {
    const stepMs = fromAt === toAt ? 1 : instants.next(fromAt)! - fromAt;
    return { fromAt, toAt, count: (toAt - fromAt) / stepMs + 1, exact: true };
  }
  let count = 1;
  for (let at = fromAt; at < toAt; count++) {
    if (count === MOST_COUNTED) return { fromAt, toAt, count, exact: false };
    at = instants.next(at) ?? toAt;
  }
  return { fromAt, toAt, count, exact: true };
}

/** Instants before it are late. */
function endOfLate(instants: Instants, firstAt: number, lateBefore: number): number {
  let end = lateBefore;
  for (let steps = 0; steps < MOST_NOT_LATE; steps++) {
    const at = instants.prev(end);
    if (at === undefined || at <= firstAt || at + instants.jitterMs(at) < lateBefore) break;
    end = at;
  }
  return end;
}

interface Choice {
  readonly firstAt: number;
  readonly lastAt: number;
  readonly onTimeFollows: boolean;
  readonly nowMs: number;
  readonly policy: MisfirePolicy;
}

function chosen(instants: Instants, { firstAt, lastAt, onTimeFollows, nowMs, policy: { mode, windowMs, max } }: Choice): number[] {
  const oldestMs = nowMs - windowMs;
  const isTooOld = (at: number): boolean => at + instants.jitterMs(at) < oldestMs;
  switch (mode) {
    case 'none':
      return [];
    case 'latest':
      // Late is better than never, but an instant that is on time is better still.
      return onTimeFollows || isTooOld(lastAt) ? [] : [lastAt];
    case 'earliest': {
      const at = isTooOld(firstAt) ? instants.next(oldestMs - 1) : firstAt;
      return at === undefined || at > lastAt ? [] : [at];
    }
    case 'all': {
      const newestFirst: number[] = [];
      for (let at: number | undefined = lastAt; at !== undefined && at >= firstAt && !isTooOld(at) && newestFirst.length < max; at = instants.prev(at)) newestFirst.push(at);
      return newestFirst.toReversed();
    }
  }
}
