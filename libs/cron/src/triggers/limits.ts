import { formatDuration, type DurationInput } from '@staddle/kernel';
import { TriggerSyntaxError, TriggerTooSparseError, withPath } from '../errors.ts';
import { seededChoice } from '../seeded-choice.ts';
import type { Timeline } from '../timeline.ts';
import type { LimitsJson, Trigger } from '../trigger.ts';
import { formatInstant, LATEST_MS } from '../zone/instant.ts';
import type { TimeZone } from '../zone/time-zone.ts';
import { excluding, readExclusions, type Exclusion } from './exclusion.ts';
import type { HolidayCalendar } from './holiday-calendar.ts';
import { bounded, countStep } from './steps.ts';
import { readDuration, readMoment, type InstantInput, type Moment } from './trigger-options.ts';

/** Options that every kind which repeats takes. */
export interface LimitOptions {
  /**
   * No time before it: epoch ms, a `Date`, ISO 8601 with `Z` or offset, or a local time where the kind has a `tz`. Itself allowed. It
   * is the anchor of an interval or calendar without one, and moves no other time. A local time that clocks skip is the instant at which they jump; of one
   * that comes twice the first counts.
   */
  readonly startAt?: InstantInput | undefined;
  /** No time after it. Itself allowed. Of a local time that comes twice the second counts. */
  readonly endAt?: InstantInput | undefined;
  /** The first so many times from `startAt` on, 1 to 10 000; without `startAt` from creation on. What `exclude` leaves out does not count. */
  readonly maxRuns?: number | undefined;
  /** Days of holiday calendars, and times of other triggers, that are left out. Up to 32; no trigger with jitter or a fixed delay. */
  readonly exclude?: readonly (HolidayCalendar | Trigger)[] | undefined;
  /** A run begins up to this much after its scheduled instant (exclusive): up to 24 hours, drawn from `seed` and the instant. */
  readonly jitter?: DurationInput | undefined;
  /** What spreads jitter and `H`: the name or id of the task. Default: the one given to `resolve`. Left out where nothing is spread. */
  readonly seed?: string | undefined;
}

export interface Limits {
  /** Canonical; only what was given. */
  readonly json: LimitsJson;
  readonly start: Moment | undefined;
  /** Nothing in it waits for the creation. */
  readonly resolved: boolean;
  readonly jitterMs: ((atMs: number) => number) | undefined;
  /**
   * The members within the limits.
   * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) when none is left, or none can be found
   */
  limit(timeline: Timeline): Timeline;
  /** The options as of creation. */
  resolve(nowMs: number, seed: string | undefined): LimitOptions;
}

// Their end is found by counting them, within the steps of one question.
const MOST_RUNS = 10_000;
const LONGEST_JITTER_MS = 86_400_000;
const LONGEST_SEED = 200;

/** What a kind tells about itself. */
export interface LimitedKind {
  /** Where local times and days are read; undefined for kinds without a time zone. */
  readonly zone?: TimeZone | undefined;
  /** The expression has an `H`, which takes the seed too. */
  readonly hashed?: boolean | undefined;
}

/** @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) */
export function readLimits(options: LimitOptions, { zone, hashed = false }: LimitedKind = {}): Limits {
  const { maxRuns } = options;
  const start = readMoment('startAt', options.startAt, zone);
  const end = readMoment('endAt', options.endAt, zone, 1);
  if (start && end && end.ms < start.ms) throw new TriggerSyntaxError('endAt', options.endAt, `is before startAt ${start.text}`);
  if (maxRuns !== undefined && (!Number.isInteger(maxRuns) || maxRuns < 1 || maxRuns > MOST_RUNS)) {
    throw new TriggerSyntaxError('maxRuns', maxRuns, `is not a whole number from 1 to ${MOST_RUNS}`);
  }
  const exclusions = readExclusions(options.exclude, zone);
  const exclude = options.exclude && [...options.exclude];
  const jitter = options.jitter === undefined ? undefined : readDuration('jitter', options.jitter, 1, LONGEST_JITTER_MS);
  const spread = hashed || jitter !== undefined;
  const givenSeed = readSeed(options.seed);
  const seed = spread ? givenSeed : undefined;

  const json: LimitsJson = {
    ...(start && { startAt: start.text }),
    ...(end && { endAt: end.text }),
    ...(maxRuns !== undefined && { maxRuns }),
    ...(exclusions.length > 0 && { exclude: exclusions.map((exclusion) => exclusion.json) }),
    ...(jitter !== undefined && { jitter: formatDuration(jitter) }),
    ...(seed !== undefined && { seed }),
  };
  return {
    json,
    start,
    resolved: (maxRuns === undefined || start !== undefined) && (!spread || seed !== undefined) && exclusions.every(({ resolved }) => resolved),
    jitterMs: jitter !== undefined && seed !== undefined ? (atMs) => seededChoice(seed, atMs, jitter) : undefined,
    limit: (timeline) => limited(timeline, { start, end, maxRuns, exclusions }),
    resolve: (nowMs, newSeed) => ({
      // The creation itself is no time of a trigger that begins with it: `next(nowMs)` looks strictly ahead.
      startAt: start?.text ?? (maxRuns === undefined ? undefined : formatInstant(nowMs + 1)),
      endAt: end?.text,
      maxRuns,
      exclude: exclude?.map((excluded, index) => ('resolve' in excluded ? withPath(`exclude.${index}`, () => excluded.resolve(nowMs, { seed: newSeed })) : excluded)),
      jitter,
      seed: spread ? (seed ?? newSeed) : undefined,
    }),
  };
}

function readSeed(seed: string | undefined): string | undefined {
  if (seed !== undefined && (typeof seed !== 'string' || seed === '' || seed.length > LONGEST_SEED)) {
    throw new TriggerSyntaxError('seed', seed, `is not text of 1 to ${LONGEST_SEED} characters`);
  }
  return seed;
}

interface LimitsOfTimeline {
  readonly start: Moment | undefined;
  readonly end: Moment | undefined;
  readonly maxRuns: number | undefined;
  readonly exclusions: readonly Exclusion[];
}

function limited(timeline: Timeline, { start, end, maxRuns, exclusions }: LimitsOfTimeline): Timeline {
  if (!start && !end && exclusions.length === 0) return timeline;
  const kept = excluding(timeline, exclusions);
  const firstMs = start?.ms ?? 0;
  const endMs = end?.ms ?? LATEST_MS;
  const within: Timeline = {
    next: (afterMs) => {
      const at = kept.next(Math.max(afterMs, firstMs - 1));
      return at !== undefined && at <= endMs ? at : undefined;
    },
    prev: (beforeMs) => {
      const at = kept.prev(Math.min(beforeMs, endMs + 1));
      return at !== undefined && at >= firstMs ? at : undefined;
    },
  };
  requireFirst(within, 'never comes: no time is left within its limits');
  return maxRuns === undefined ? within : firstOf(within, maxRuns);
}

/**
 * The timeline itself, once it is known to have a member.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) when it has none, by the given rule, or none that can be found
 */
export function requireFirst(timeline: Timeline, rule: string): Timeline {
  let first: number | undefined;
  try {
    first = timeline.next(-1);
  } catch (cause) {
    if (!(cause instanceof TriggerTooSparseError)) throw cause;
    throw new TriggerSyntaxError(undefined, undefined, `has no time that can be found in ${cause.steps} steps: it never comes, is too sparse, or leaves out too much`, { cause });
  }
  if (first === undefined) throw new TriggerSyntaxError(undefined, undefined, rule);
  return timeline;
}

/** The first `count` members of a timeline that has one. */
function firstOf(timeline: Timeline, count: number): Timeline {
  // Counting takes as long as there are runs, so it waits until someone asks.
  let lastMs: number | undefined;
  function last(): number {
    lastMs ??= bounded(() => {
      let at = timeline.next(-1)!;
      for (let run = 1; run < count; run++) {
        const following = timeline.next(at);
        if (following === undefined) break;
        countStep(following - at);
        at = following;
      }
      return at;
    });
    return lastMs;
  }
  return {
    next: (afterMs) => {
      const at = timeline.next(afterMs);
      return at !== undefined && at <= last() ? at : undefined;
    },
    prev: (beforeMs) => timeline.prev(Math.min(beforeMs, last() + 1)),
  };
}
