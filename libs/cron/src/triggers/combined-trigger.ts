import { formatDuration, type DurationInput } from '@staddle/kernel';
import { TriggerSyntaxError } from '../errors.ts';
import type { Trigger } from '../trigger.ts';
import { createTrigger, type TriggerParts } from './create-trigger.ts';
import { readLimits, requireFirst, type LimitOptions } from './limits.ts';
import { readMember } from './member.ts';
import { bounded, countStep } from './steps.ts';
import type { Timeline } from './timeline.ts';
import { readDuration } from './trigger-options.ts';

export interface AndOptions extends LimitOptions {
  /** How far apart the times may be; the earliest one counts. Default 0: the same millisecond. */
  readonly threshold?: DurationInput | undefined;
}

export const MOST_MEMBERS = 32;

/**
 * Every time of any of the triggers, each once. Up to 32 triggers; none with jitter or a fixed delay.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) also when no time is left within the limits
 */
export function or(of: readonly Trigger[], options: LimitOptions = {}): Trigger {
  const members = readMembers(of);
  const limits = readLimits(options);
  return createTrigger({
    json: { v: 1, kind: 'or', of: members.map(({ json }) => json), ...limits.json },
    timeline: isResolved(members) && limits.resolved ? limits.limit(union(members.map(({ timeline }) => timeline))) : undefined,
    jitterMs: limits.jitterMs,
    resolve: (nowMs, seed) => or(of.map((member) => member.resolve(nowMs, { seed })), { ...options, ...limits.resolve(nowMs, seed) }),
  });
}

/**
 * The times at which all of the triggers agree: an instant at which one of them comes, and every other one at the same time or
 * up to `threshold` later. Up to 32 triggers; none with jitter or a fixed delay.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) also when they never agree, or too rarely to be found
 */
export function and(of: readonly Trigger[], options: AndOptions = {}): Trigger {
  const members = readMembers(of);
  const thresholdMs = options.threshold === undefined ? 0 : readDuration('threshold', options.threshold, 0);
  const limits = readLimits(options);
  return createTrigger({
    json: { v: 1, kind: 'and', of: members.map(({ json }) => json), ...(thresholdMs > 0 && { threshold: formatDuration(thresholdMs) }), ...limits.json },
    timeline:
      isResolved(members) && limits.resolved
        ? limits.limit(requireFirst(agreement(members.map(({ timeline }) => timeline), thresholdMs), 'never comes: its triggers do not agree on any time'))
        : undefined,
    jitterMs: limits.jitterMs,
    resolve: (nowMs, seed) => and(of.map((member) => member.resolve(nowMs, { seed })), { ...options, ...limits.resolve(nowMs, seed) }),
  });
}

function readMembers(of: readonly Trigger[]): readonly TriggerParts[] {
  if (!Array.isArray(of)) throw new TriggerSyntaxError('of', of, 'is not a list of triggers');
  if (of.length < 1 || of.length > MOST_MEMBERS) throw new TriggerSyntaxError('of', undefined, `has ${of.length} triggers, not 1 to ${MOST_MEMBERS}`);
  return Array.from(of as readonly Trigger[], (member, index) => readMember(`of.${index}`, member, 'is no trigger'));
}

function isResolved(members: readonly TriggerParts[]): members is readonly (TriggerParts & { readonly timeline: Timeline })[] {
  return members.every(({ timeline }) => timeline !== undefined);
}

function union(members: readonly Timeline[]): Timeline {
  return {
    next: (afterMs) => bounded(() => minimum(members, (member) => member.next(afterMs))),
    prev: (beforeMs) => bounded(() => maximum(members, (member) => member.prev(beforeMs))),
  };
}

/*
 * With members of any density, the search leaps: no instant is looked at that the member whose time is furthest away rules out.
 */
function agreement(members: readonly Timeline[], thresholdMs: number): Timeline {
  function next(afterMs: number): number | undefined {
    for (let after = afterMs; ; ) {
      let first = Infinity;
      let last = -Infinity;
      for (const member of members) {
        countStep();
        const at = member.next(after);
        if (at === undefined) return undefined;
        first = Math.min(first, at);
        last = Math.max(last, at);
      }
      if (last - first <= thresholdMs) return first;
      // The latest of them has nothing before: whatever it shall be near to lies within the threshold.
      after = last - thresholdMs - 1;
    }
  }

  function prev(beforeMs: number): number | undefined {
    for (let before = beforeMs; ; ) {
      const at = maximum(members, (member) => member.prev(before));
      if (at === undefined) return undefined;
      const lacking = members.filter((member) => {
        countStep();
        const near = member.next(at - 1);
        return near === undefined || near > at + thresholdMs;
      });
      if (lacking.length === 0) return at;
      // What lacks a time from here on is late for every earlier instant too, up to its own last time.
      for (const member of lacking) {
        countStep();
        const earlier = member.prev(at);
        if (earlier === undefined) return undefined;
        before = Math.min(before, earlier + 1);
      }
    }
  }

  return {
    next: (afterMs) => bounded(() => next(afterMs)),
    prev: (beforeMs) => bounded(() => prev(beforeMs)),
  };
}

function minimum(members: readonly Timeline[], ask: (member: Timeline) => number | undefined): number | undefined {
  return extreme(members, ask, Math.min);
}

function maximum(members: readonly Timeline[], ask: (member: Timeline) => number | undefined): number | undefined {
  return extreme(members, ask, Math.max);
}

function extreme(members: readonly Timeline[], ask: (member: Timeline) => number | undefined, choose: (a: number, b: number) => number): number | undefined {
  let found: number | undefined;
  for (const member of members) {
    countStep();
    const at = ask(member);
    if (at !== undefined) found = found === undefined ? at : choose(found, at);
  }
  return found;
}
