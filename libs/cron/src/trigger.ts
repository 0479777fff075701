/*
 * A trigger says when: it maps an instant to the next one. Instants are epoch milliseconds from 1970 to 9999.
 *
 * 1. `next` is a pure function of the trigger and the tzdata inside Node. There is no state to store but the JSON.
 * 2. `next(t)` is later than `t`, so `t = next(t)` visits every time once and ends.
 * 3. `parseTrigger(trigger.toJSON())` has the same times and the same JSON, down to the order of its keys.
 * 4. A trigger that depends on when it is created has no times until `resolve` has tied it to an instant.
 */

/** When: once, at intervals, or by a cron expression. Immutable. */
export interface Trigger {
  readonly kind: TriggerKind;
  /**
   * The first time strictly after `afterMs`; undefined when there is none. `-Infinity` asks for the first time of all.
   * @throws TriggerUnresolvedError (`ERR_CRON_UNRESOLVED`) before `resolve` where that is needed
   * @throws InvalidInstantError (`ERR_CRON_INSTANT`) for NaN
   */
  next(afterMs: number): number | undefined;
  /**
   * The trigger as of its creation at `nowMs`: `after` becomes a `date`, an `interval` without anchor gets this one.
   * Any other trigger is returned as it is.
   * @throws InvalidInstantError (`ERR_CRON_INSTANT`)
   */
  resolve(nowMs: number): Trigger;
  /** Canonical form: ISO 8601 durations, instants in UTC with milliseconds, keys in a fixed order. */
  toJSON(): TriggerJson;
}

export interface DateTriggerJson {
  readonly kind: 'date';
  /** ISO 8601: an instant with `Z` or offset, or a local time, which needs `tz`. */
  readonly at: string;
  readonly tz?: string;
  /** Which one of a local time that comes twice. Default 0, the first. */
  readonly fold?: 0 | 1;
}

export interface AfterTriggerJson {
  readonly kind: 'after';
  readonly delay: string;
}

export interface IntervalTriggerJson {
  readonly kind: 'interval';
  readonly every: string;
  /** ISO 8601 with `Z` or offset: the first time. */
  readonly anchor?: string;
}

export interface CronTriggerJson {
  readonly kind: 'cron';
  readonly expr: string;
  readonly tz: string;
}

export type TriggerJson = DateTriggerJson | AfterTriggerJson | IntervalTriggerJson | CronTriggerJson;

export type TriggerKind = TriggerJson['kind'];
