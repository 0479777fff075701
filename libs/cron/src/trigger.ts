/*
 * A trigger says when: it is a set of instants, each a whole epoch millisecond from 1970 to 9999.
 *
 * 1. The set is a pure function of the canonical JSON, the holiday calendars it names and the tzdata inside Node. Nothing is
 *    remembered between questions and nothing is computed from the present time, so that a restart alters nothing.
 * 2. `next(t)` is later than `t` and `prev(t)` earlier, and neither skips a member: walking visits every member once and ends.
 * 3. `parseTrigger(trigger.toJSON())` has the same members, the same JSON down to the order of its keys, and the same hash.
 * 4. A trigger that depends on its creation (a delay, an interval without anchor, `H` or jitter without seed, `maxRuns` without
 *    start) has no members until `resolve` has tied it to an instant and a name.
 * 5. Every question ends: what takes more than a fixed number of steps is refused, when it is built where that can be seen.
 */

/** When: once, at intervals, by a cron expression, by the calendar, or any combination. Immutable. */
export interface Trigger {
  readonly kind: TriggerKind;
  /** SHA-256 of the canonical JSON, in hex. Triggers with one hash have the same times, given the same holiday calendars. */
  readonly hash: string;
  /**
   * For an interval with a fixed delay, the ms from the end of a run to the start of the next; whoever runs it honours it. Its
   * times are then a plan with runs that take no time. Undefined for every other trigger.
   */
  readonly fixedDelayMs: number | undefined;
  /**
   * The first time strictly after `afterMs`; undefined when there is none. `-Infinity` asks for the first time of all.
   * @throws TriggerUnresolvedError (`ERR_CRON_UNRESOLVED`) before `resolve` where that is needed; so do all questions for times
   * @throws TriggerTooSparseError (`ERR_CRON_TOO_SPARSE`) when it takes too many steps to find; so do all questions for times
   * @throws InvalidInstantError (`ERR_CRON_INSTANT`) for NaN
   */
  next(afterMs: number): number | undefined;
  /** The last time strictly before `beforeMs`; undefined when there is none. `Infinity` asks for the last time of all. */
  prev(beforeMs: number): number | undefined;
  /**
   * The times in [fromMs, toMs), the first `limit` of them.
   * @throws InvalidInstantError (`ERR_CRON_INSTANT`) for NaN, and for a limit that is no whole number from 1 to 100 000
   * @throws TriggerTooSparseError (`ERR_CRON_TOO_SPARSE`) when all of them together take more than ten times the steps of one
   */
  between(fromMs: number, toMs: number, limit: number): number[];
  /** Whether `atMs` is one of the times. */
  matches(atMs: number): boolean;
  /**
   * How long after its scheduled instant a run should begin, in ms: the jitter of that instant, the same in every process and
   * after every restart. 0 without `jitter`. The scheduled instant itself is never moved.
   * @throws TriggerUnresolvedError (`ERR_CRON_UNRESOLVED`), InvalidInstantError (`ERR_CRON_INSTANT`) as `next`
   */
  jitterMs(atMs: number): number;
  /**
   * The trigger as of its creation at `nowMs`: `after` becomes a `date`, an `interval` or `calendar` without anchor gets one,
   * `maxRuns` without start counts from here, `H` and `jitter` without seed take `seed`; so do the triggers that it is made of.
   * Anything else is returned as it is.
   * @throws InvalidInstantError (`ERR_CRON_INSTANT`)
   * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) when by then no time is left within its limits, and for a seed that is needed
   *   and is not text of 1 to 200 characters
   * @throws CronSyntaxError (`ERR_CRON_SYNTAX`) when the seed makes of `H` a day that never comes: the 31st, of November
   */
  resolve(nowMs: number, options?: ResolveOptions): Trigger;
  /**
   * In words, in English by default: `at 02:30 every day (Europe/Paris)`.
   * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) for a language that it does not speak
   */
  describe(language?: Language): string;
  /** The same times as a cron expression; undefined where there is none. */
  toCron(): CronTriggerJson | undefined;
  /** Canonical form: ISO 8601 durations, instants in UTC with milliseconds, keys in a fixed order, defaults left out. */
  toJSON(): TriggerJson;
}

export interface ResolveOptions {
  /** What spreads `H` and jitter: a name or id that no other task has. Without it a trigger that needs one stays unresolved. */
  readonly seed?: string | undefined;
}

export type Language = 'en' | 'zh';

/** What becomes of fixed times where clocks change; expressions that follow the clock are not touched by it. */
export interface DstPolicy {
  /**
   * Times that clocks skip: `fire_at_end` (default) fires once when the gap ends, for all of them; `shift` moves each by the
   * length of the gap; `skip` drops them.
   */
  readonly gap: 'fire_at_end' | 'shift' | 'skip';
  /** Times that clocks show twice: `first` (default), `second` or `both`. */
  readonly overlap: 'first' | 'second' | 'both';
}

/** Common to the kinds that repeat. */
export interface LimitsJson {
  /** ISO 8601: no time before it. Itself allowed. A local time where the kind has a `tz`. */
  readonly startAt?: string;
  /** ISO 8601: no time after it. Itself allowed. */
  readonly endAt?: string;
  /** The first so many times from `startAt` on. */
  readonly maxRuns?: number;
  /** Names of holiday calendars whose days are left out, and triggers whose times are left out. */
  readonly exclude?: readonly (string | TriggerJson)[];
  /** ISO 8601 duration: a run begins up to this much later (exclusive). */
  readonly jitter?: string;
  /** Spreads `jitter` and `H`; left out where there is neither. */
  readonly seed?: string;
}

export interface DateTriggerJson {
  readonly v: 1;
  readonly kind: 'date';
  /** ISO 8601: an instant with `Z` or offset, or a local time, which needs `tz`. */
  readonly at: string;
  readonly tz?: string;
  /** Which one of a local time that comes twice. Default 0, the first. */
  readonly fold?: 0 | 1;
}

export interface AfterTriggerJson {
  readonly v: 1;
  readonly kind: 'after';
  readonly delay: string;
}

export interface IntervalTriggerJson extends LimitsJson {
  readonly v: 1;
  readonly kind: 'interval';
  readonly every: string;
  /** ISO 8601 with `Z` or offset: the first time. */
  readonly anchor?: string;
  /** `rate` (default, left out): at the anchor and every `every` after it. `delay`: that long after the end of the last run. */
  readonly mode?: 'delay';
}

export interface CronTriggerJson extends LimitsJson {
  readonly v: 1;
  readonly kind: 'cron';
  readonly expr: string;
  readonly tz: string;
  /** Only what differs from the default. */
  readonly dst?: Partial<DstPolicy>;
}

export interface CalendarTriggerJson extends LimitsJson {
  readonly v: 1;
  readonly kind: 'calendar';
  /** ISO 8601 in whole years, months, weeks or days: `P1M`, `P1Y6M`, `P2W`. */
  readonly every: string;
  /** Local ISO 8601: the first time, from which all others are counted. */
  readonly anchor?: string;
  readonly tz: string;
  /** A day that the month does not have: `last` (default, left out) takes the last day of the month, `skip` leaves it out. */
  readonly clamp?: 'skip';
  readonly dst?: Partial<DstPolicy>;
}

export interface OrTriggerJson extends LimitsJson {
  readonly v: 1;
  readonly kind: 'or';
  /** Every time of any of them. */
  readonly of: readonly TriggerJson[];
}

export interface AndTriggerJson extends LimitsJson {
  readonly v: 1;
  readonly kind: 'and';
  /** The times at which all of them agree: one of them comes, every other one at the same time or up to `threshold` later. */
  readonly of: readonly TriggerJson[];
  /** ISO 8601 duration: how far apart they may be; the earliest one counts. Default zero (left out), the same millisecond. */
  readonly threshold?: string;
}

export type TriggerJson = DateTriggerJson | AfterTriggerJson | IntervalTriggerJson | CronTriggerJson | CalendarTriggerJson | OrTriggerJson | AndTriggerJson;

export type TriggerKind = TriggerJson['kind'];
