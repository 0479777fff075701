import { TriggerSyntaxError } from '../errors.ts';
import type { Timeline } from '../timeline.ts';
import type { Trigger, TriggerJson } from '../trigger.ts';
import { DAY_MS } from '../zone/civil-date.ts';
import type { TimeZone } from '../zone/time-zone.ts';
import { timelineOf } from './create-trigger.ts';
import { isHolidayCalendar, type HolidayCalendar } from './holiday-calendar.ts';
import { checkMember } from './member.ts';
import { bounded, countStep } from './steps.ts';
import { readTimeZone } from './trigger-options.ts';

/** Instants that a trigger leaves out. */
export interface Exclusion {
  readonly json: string | TriggerJson;
  readonly resolved: boolean;
  /** Undefined when `atMs` is not left out; else the last instant of a stretch around it that is left out, `atMs` at least. */
  excludedUntil(atMs: number): number | undefined;
  /** As `excludedUntil`, in the other direction: the first instant of that stretch. */
  excludedSince(atMs: number): number | undefined;
}

export const MOST_EXCLUSIONS = 32;

/**
 * @param zone whose days a calendar without zone means
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`)
 */
export function readExclusions(exclude: readonly (HolidayCalendar | Trigger)[] | undefined, zone: TimeZone | undefined): readonly Exclusion[] {
  if (exclude === undefined) return [];
  if (!Array.isArray(exclude)) throw new TriggerSyntaxError('exclude', exclude, 'is not a list of holiday calendars and triggers');
  if (exclude.length > MOST_EXCLUSIONS) throw new TriggerSyntaxError('exclude', undefined, `has ${exclude.length} items, more than ${MOST_EXCLUSIONS}`);
  const names = new Set<string>();
  return Array.from(exclude as readonly (HolidayCalendar | Trigger)[], (excluded, index) => {
    const field = `exclude.${index}`;
    if (!isHolidayCalendar(excluded)) return timesOf(field, excluded);
    if (names.has(excluded.name)) throw new TriggerSyntaxError(field, excluded.name, 'is there twice');
    names.add(excluded.name);
    return daysOf(field, excluded, zone);
  });
}

function timesOf(field: string, excluded: Trigger): Exclusion {
  checkMember(field, excluded, 'is neither a holiday calendar nor a trigger');
  const timeline = timelineOf(excluded);
  const excludes = (atMs: number): number | undefined => (timeline!.next(atMs - 1) === atMs ? atMs : undefined);
  return { json: excluded.toJSON(), resolved: timeline !== undefined, excludedUntil: excludes, excludedSince: excludes };
}

function daysOf(field: string, calendar: HolidayCalendar, zoneOfTrigger: TimeZone | undefined): Exclusion {
  const zone = calendar.tz === undefined ? zoneOfTrigger : readTimeZone(calendar.tz, `${field}.tz`);
  if (zone === undefined) throw new TriggerSyntaxError(field, calendar.name, 'is a holiday calendar without tz, and the trigger has none either: whose days are meant');

  // The part of the local day that has one offset: clocks may change within it, even back over midnight.
  function stretchAround(atMs: number): { readonly firstMs: number; readonly lastMs: number } | undefined {
    const { startAt, endAt, offsetMs } = zone!.periodAt(atMs);
    const day = Math.floor((atMs + offsetMs) / DAY_MS);
    if (!calendar.excludes(day)) return undefined;
    const midnight = day * DAY_MS - offsetMs;
    return { firstMs: Math.max(midnight, startAt), lastMs: Math.min(midnight + DAY_MS, endAt) - 1 };
  }
  return {
    json: calendar.name,
    resolved: true,
    excludedUntil: (atMs) => stretchAround(atMs)?.lastMs,
    excludedSince: (atMs) => stretchAround(atMs)?.firstMs,
  };
}

/** The members of `timeline` that no exclusion leaves out. */
export function excluding(timeline: Timeline, exclusions: readonly Exclusion[]): Timeline {
  if (exclusions.length === 0) return timeline;

  function next(afterMs: number): number | undefined {
    let at = timeline.next(afterMs);
    while (at !== undefined) {
      const until = furthest(exclusions, (exclusion) => exclusion.excludedUntil(at!), Math.max);
      if (until === undefined) return at;
      const following = timeline.next(until);
      if (following !== undefined) countStep(following - at);
      at = following;
    }
    return undefined;
  }

  function prev(beforeMs: number): number | undefined {
    let at = timeline.prev(beforeMs);
    while (at !== undefined) {
      const since = furthest(exclusions, (exclusion) => exclusion.excludedSince(at!), Math.min);
      if (since === undefined) return at;
      const previous = timeline.prev(since);
      if (previous !== undefined) countStep(at - previous);
      at = previous;
    }
    return undefined;
  }

  return {
    next: (afterMs) => bounded(() => next(afterMs)),
    prev: (beforeMs) => bounded(() => prev(beforeMs)),
  };
}

/** How far the exclusions of an instant reach; undefined when there is none. */
function furthest(exclusions: readonly Exclusion[], reach: (exclusion: Exclusion) => number | undefined, further: (a: number, b: number) => number): number | undefined {
  let found: number | undefined;
  for (const exclusion of exclusions) {
    countStep();
    const end = reach(exclusion);
    if (end !== undefined) found = found === undefined ? end : further(found, end);
  }
  return found;
}
