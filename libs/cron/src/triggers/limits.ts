import { formatDuration, type DurationInput } from '@staddle/kernel';
import { TriggerSyntaxError } from '../errors.ts';
import type { LimitsJson, Trigger } from '../trigger.ts';
import { formatInstant, LATEST_MS } from '../zone/instant.ts';
import type { TimeZone } from '../zone/time-zone.ts';
import { excluding, exclusionOf, type Exclusion } from './exclusion.ts';
import type { HolidayCalendar } from './holiday-calendar.ts';
import { seededChoice } from './seeded-hash.ts';
import { bounded, countStep } from './steps.ts';
import type { Timeline } from './timeline.ts';
import { readDuration, readMoment, type Moment } from './trigger-options.ts';

/** Options that every kind which repeats takes. */
export interface LimitOptions {
  /** No time before it: epoch ms, ISO 8601 with `Z` or offset, or a local time where the kind has a `tz`. Itself allowed. */
  readonly startAt?: number | string | undefined;
  /** No time after it. Itself allowed. */
  readonly endAt?: number | string | undefined;
  /** The first so many times from `startAt` on, 1 to 100 000; without `startAt` from creation on. */
  readonly maxRuns?: number | undefined;
  /** Days of a holiday calendar, and times of another trigger, that are left out. */
  readonly exclude?: readonly (HolidayCalendar | Trigger)[] | undefined;
  /** A run begins up to this much after its scheduled instant (exclusive): up to 24 hours, drawn from `seed` and the instant. */
  readonly jitter?: DurationInput | undefined;
  /** What spreads jitter and `H`: the name or id of the task. Default: the one given to `resolve`. */
  readonly seed?: string | undefined;
}

export interface Limits {
  /** Canonical; only what was given. */
  readonly json: LimitsJson;
  /** Nothing in it waits for the creation. */
  readonly resolved: boolean;
  readonly jitterMs: ((atMs: number) => number) | undefined;
  /**
   * The members within the limits.
   * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) when none is left
   * @throws TriggerTooSparseError (`ERR_CRON_TOO_SPARSE`) when it takes too many steps to find one
   */
  limit(timeline: Timeline): Timeline;
  /** The options as of creation. */
  resolve(nowMs: number, seed: string | undefined): LimitOptions;
}

const MOST_RUNS = 100_000;
const LONGEST_JITTER_MS = 86_400_000;
const LONGEST_SEED = 200;

/**
 * @param zone where local times and days are read; undefined for kinds without a time zone
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`)
 */
export function readLimits(options: LimitOptions, zone?: TimeZone): Limits {
  const { maxRuns, seed } = options;
  const start = readMoment('startAt', options.startAt, zone);
  const end = readMoment('endAt', options.endAt, zone);
  if (start && end && end.ms < start.ms) throw new TriggerSyntaxError('endAt', options.endAt, `is before startAt ${start.text}`);
  if (maxRuns !== undefined && (!Number.isInteger(maxRuns) || maxRuns < 1 || maxRuns > MOST_RUNS)) {
    throw new TriggerSyntaxError('maxRuns', maxRuns, `is not a whole number from 1 to ${MOST_RUNS}`);
  }
  const exclusions = readExclusions(options.exclude, zone);
  const jitter = options.jitter === undefined ? undefined : readDuration('jitter', options.jitter, 1, LONGEST_JITTER_MS);
  if (seed !== undefined && (typeof seed !== 'string' || seed === '' || seed.length > LONGEST_SEED)) {
    throw new TriggerSyntaxError('seed', seed, `is not text of 1 to ${LONGEST_SEED} characters`);
  }

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
    resolved: (maxRuns === undefined || start !== undefined) && (jitter === undefined || seed !== undefined) && exclusions.every(({ resolved }) => resolved),
    jitterMs: jitter !== undefined && seed !== undefined ? (atMs) => seededChoice(seed, atMs, jitter) : undefined,
    limit: (timeline) => limited(timeline, { start, end, maxRuns, exclusions }),
    resolve: (nowMs, newSeed) => ({
      ...options,
      // The creation itself is no time of a trigger that begins with it: `next(nowMs)` looks strictly ahead.
      startAt: options.startAt ?? (maxRuns === undefined ? undefined : formatInstant(nowMs + 1)),
      exclude: options.exclude?.map((excluded) => ('resolve' in excluded ? excluded.resolve(nowMs, { seed: newSeed }) : excluded)),
      seed: seed ?? newSeed,
    }),
  };
}

function readExclusions(exclude: LimitOptions['exclude'], zone: TimeZone | undefined): readonly Exclusion[] {
  if (exclude === undefined) return [];
  if (!Array.isArray(exclude)) throw new TriggerSyntaxError('exclude', exclude, 'is not a list of holiday calendars and triggers');
  return (exclude as readonly (HolidayCalendar | Trigger)[]).map((excluded) => exclusionOf(excluded, zone));
}

interface LimitsOfTimeline {
  readonly start: Moment | undefined;
  readonly end: Moment | undefined;
  readonly maxRuns: number | undefined;
  readonly exclusions: readonly Exclusion[];
}

function limited(timeline: Timeline, { start, end, maxRuns, exclusions }: LimitsOfTimeline): Timeline {
  if (!start && !end && exclusions.length === 0) return timeline;
  const kept = exclusions.length === 0 ? timeline : excluding(timeline, exclusions);
  const firstMs = start?.ms ?? 0;
  const endMs = end?.ms ?? LATEST_MS;
  const first = kept.next(firstMs - 1);
  if (first === undefined || first > endMs) throw new TriggerSyntaxError(undefined, undefined, 'never comes: no time is left within its limits');

  // Counting takes as long as there are runs, so it waits until someone asks.
  let lastMs = maxRuns === undefined ? endMs : undefined;
  const last = (): number => (lastMs ??= Math.min(endMs, nth(kept, firstMs, maxRuns!)));
  return {
    next: (afterMs) => {
      const at = kept.next(Math.max(afterMs, firstMs - 1));
      return at !== undefined && at <= last() ? at : undefined;
    },
    prev: (beforeMs) => {
      const at = kept.prev(Math.min(beforeMs, last() + 1));
      return at !== undefined && at >= firstMs ? at : undefined;
    },
  };
}

/** The instant of the `count`-th member from `fromMs` on, or of the last one when there are fewer. */
function nth(timeline: Timeline, fromMs: number, count: number): number {
  return bounded(() => {
    let last = fromMs - 1;
    for (let left = count; left > 0; left--) {
      countStep();
      const at = timeline.next(last);
      if (at === undefined) break;
      last = at;
    }
    return last;
  });
}
