import { formatDuration, type DurationInput } from '@staddle/kernel';
import { TriggerSyntaxError, withPath } from '../errors.ts';
import type { Timeline } from '../timeline.ts';
import type { Trigger } from '../trigger.ts';
import { createTrigger, timelineOf } from './create-trigger.ts';
import { readLimits, requireFirst, type LimitOptions } from './limits.ts';
import { checkMember } from './member.ts';
import { bounded, countStep } from './steps.ts';
import { checkOptions, LIMIT_OPTIONS, readDuration } from './trigger-options.ts';

export interface AndOptions extends LimitOptions {
  /** How far apart the times may be; the earliest one counts. Default 0: the same millisecond. */
  readonly threshold?: DurationInput | undefined;
}

export const MOST_MEMBERS = 32;

const AND_OPTIONS = ['threshold', ...LIMIT_OPTIONS];

/**
 * Every time of any of the triggers, each once. Up to 32 triggers; none with jitter or a fixed delay.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) also when no time is left within the limits
 */
export function or(of: readonly Trigger[], options: LimitOptions = {}): Trigger {
  checkOptions('or', options, LIMIT_OPTIONS);
  const members = readMembers(of);
  const limits = readLimits(options);
  const timelines = timelinesOf(members);
  return createTrigger({
    json: { v: 1, kind: 'or', of: members.map((member) => member.toJSON()), ...limits.json },
    timeline: timelines && limits.resolved ? limits.limit(union(timelines)) : undefined,
    jitterMs: limits.jitterMs,
    resolve: (nowMs, seed) => or(resolveAll(members, nowMs, seed), limits.resolve(nowMs, seed)),
  });
}

/**
 * The times at which all of the triggers agree: an instant at which one of them comes, and every other one at the same time or
 * up to `threshold` later. Up to 32 triggers; none with jitter or a fixed delay.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) also when they never agree, or too rarely to be found
 */
export function and(of: readonly Trigger[], options: AndOptions = {}): Trigger {
  checkOptions('and', options, AND_OPTIONS);
  const members = readMembers(of);
  const thresholdMs = options.threshold === undefined ? 0 : readDuration('threshold', options.threshold, 0);
  const limits = readLimits(options);
  const timelines = timelinesOf(members);
  return createTrigger({
    json: { v: 1, kind: 'and', of: members.map((member) => member.toJSON()), ...(thresholdMs > 0 && { threshold: formatDuration(thresholdMs) }), ...limits.json },
    timeline:
      timelines && limits.resolved
        ? limits.limit(requireFirst(agreement(timelines, thresholdMs), 'never comes: its triggers do not agree on any time'))
        : undefined,
    jitterMs: limits.jitterMs,
    resolve: (nowMs, seed) => and(resolveAll(members, nowMs, seed), { threshold: thresholdMs, ...limits.resolve(nowMs, seed) }),
  });
}

function readMembers(of: readonly Trigger[]): readonly Trigger[] {
  if (!Array.isArray(of)) throw new TriggerSyntaxError('of', of, 'is not a list of triggers');
  if (of.length < 1 || of.length > MOST_MEMBERS) throw new TriggerSyntaxError('of', undefined, `has ${of.length} triggers, not 1 to ${MOST_MEMBERS}`);
  const members = Array.from(of as readonly Trigger[]);
  for (const [index, member] of members.entries()) checkMember(`of.${index}`, member, 'is no trigger');
  return members;
}

/** Undefined while one of them depends on its creation. */
function timelinesOf(members: readonly Trigger[]): readonly Timeline[] | undefined {
  const timelines = members.map(timelineOf).filter((timeline) => timeline !== undefined);
  return timelines.length === members.length ? timelines : undefined;
}

function resolveAll(members: readonly Trigger[], nowMs: number, seed: string | undefined): readonly Trigger[] {
  return members.map((member, index) => withPath(`of.${index}`, () => member.resolve(nowMs, { seed })));
}

function union(members: readonly Timeline[]): Timeline {
  return {
    next: (afterMs) => bounded(() => earliest(members, afterMs)),
    prev: (beforeMs) => bounded(() => latest(members, beforeMs)),
  };
}

/** The first time of any of them after `afterMs`. */
function earliest(members: readonly Timeline[], afterMs: number): number | undefined {
  let found: number | undefined;
  for (const member of members) {
    countStep();
    const at = member.next(afterMs);
    if (at !== undefined && (found === undefined || at < found)) found = at;
  }
  return found;
}

/** The last time of any of them before `beforeMs`. */
function latest(members: readonly Timeline[], beforeMs: number, leapMs: number = 0): number | undefined {
  let found: number | undefined;
  for (const member of members) {
    countStep(leapMs);
    const at = member.prev(beforeMs);
    if (at !== undefined && (found === undefined || at > found)) found = at;
  }
  return found;
}

/*
 * The set is that of the definition: t is a time of one member, and each of the others has a time in [t, t + threshold]. Both
 * searches leap: they pass over whatever the member that is furthest away rules out, however dense the others are.
 */
function agreement(members: readonly Timeline[], thresholdMs: number): Timeline {
  function next(afterMs: number): number | undefined {
    let after = afterMs;
    let leapMs = 0;
    for (;;) {
      let first = Infinity;
      let last = -Infinity;
      for (const member of members) {
        countStep(leapMs);
        const at = member.next(after);
        if (at === undefined) return undefined;
        first = Math.min(first, at);
        last = Math.max(last, at);
      }
      if (last - first <= thresholdMs) return first;
      // The member that comes last has nothing before: whatever agrees with it lies within the threshold before it.
      leapMs = last - first;
      after = last - thresholdMs - 1;
    }
  }

  function prev(beforeMs: number): number | undefined {
    let before = beforeMs;
    let leapMs = 0;
    for (;;) {
      const at = latest(members, before, leapMs);
      if (at === undefined) return undefined;
      let agreed = true;
      for (const member of members) {
        countStep();
        const near = member.next(at - 1);
        if (near !== undefined && near <= at + thresholdMs) continue;
        // It has nothing in [at, at + threshold], so whatever agrees with it is no later than its last time before that.
        const last = member.prev(at);
        if (last === undefined) return undefined;
        before = Math.min(before, last + 1);
        agreed = false;
      }
      if (agreed) return at;
      leapMs = at - before;
    }
  }

  return {
    next: (afterMs) => bounded(() => next(afterMs)),
    prev: (beforeMs) => bounded(() => prev(beforeMs)),
  };
}
