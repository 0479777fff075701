import { parseCronExpression } from '../expression/cron-expression.ts';
import type { DstPolicy, TriggerJson } from '../trigger.ts';
import { calendar } from '../triggers/calendar-trigger.ts';
import { tryParseDateTime } from '../zone/local-time.ts';
import { LARGEST_CLOCK_CHANGE_MS, type TimeZone } from '../zone/time-zone.ts';

/** An instant at which the clocks of a zone jump. */
export interface ClockChange {
  readonly at: number;
  readonly oldOffsetMs: number;
  readonly newOffsetMs: number;
}

/** The changes in (afterMs, toMs]. */
export function clockChanges(zone: TimeZone, afterMs: number, toMs: number): readonly ClockChange[] {
  const changes: ClockChange[] = [];
  for (let period = zone.periodAt(afterMs); period.startAt <= toMs; period = zone.periodAt(period.endAt)) {
    const { startAt: at, previousOffsetMs: oldOffsetMs, offsetMs: newOffsetMs } = period;
    if (at > afterMs && oldOffsetMs !== newOffsetMs && changes.at(-1)?.at !== at) changes.push({ at, oldOffsetMs, newOffsetMs });
  }
  return changes;
}

export function isDaylightSaving({ oldOffsetMs, newOffsetMs }: ClockChange): boolean {
  return Math.abs(newOffsetMs - oldOffsetMs) <= LARGEST_CLOCK_CHANGE_MS;
}

/** What a trigger asks of the clocks of its zone, whatever they do, and its policy for when they jump. */
export interface FixedTimes extends DstPolicy {
  /** The first local time from `localMs` on, Infinity for none. */
  next(localMs: number): number;
}

/** Undefined for what follows the clock, or has no clock, or is not resolved. */
export function fixedTimesOf(json: TriggerJson): FixedTimes | undefined {
  if (json.kind === 'date') {
    const { localMs, offsetMs } = tryParseDateTime(json.at)!;
    return offsetMs !== undefined ? undefined : { next: (from) => (from <= localMs ? localMs : Infinity), gap: 'fire_at_end', overlap: json.fold === 1 ? 'second' : 'first' };
  }
  if (json.kind !== 'cron' && json.kind !== 'calendar') return undefined;
  const { gap = 'fire_at_end', overlap = 'first' } = json.dst ?? {};
  if (json.kind === 'cron') {
    const { times, fixedTimes, resolved } = parseCronExpression(json.expr, json.seed);
    return fixedTimes && resolved ? { next: (localMs) => times.next(Math.ceil(localMs / 1_000) * 1_000), gap, overlap } : undefined;
  }
  if (json.anchor === undefined) return undefined;
  const { every, anchor, clamp } = json;
  // Clocks that never change. Those farthest to the west still showed 1969 when instants began.
  const [tz, offsetMs] = anchor < '1970' ? ['Etc/GMT+12', -12 * 3_600_000] : ['UTC', 0];
  const unchanged = calendar({ every, anchor, clamp, tz });
  return { next: (localMs) => (unchanged.next(localMs - offsetMs - 1) ?? Infinity) + offsetMs, gap, overlap };
}

/** The local times from `fromMs` on and before `toMs`, the first few of them. */
export function timesWithin({ next }: FixedTimes, fromMs: number, toMs: number): readonly number[] {
  const times: number[] = [];
  for (let at = next(fromMs); at < toMs && times.length <= MOST_NAMED; at = next(at + 1)) times.push(at);
  return times;
}

// Nobody reads on after these.
export const MOST_NAMED = 3;
