import type { Trigger, TriggerJson } from '../trigger.ts';
import type { TimeZone } from '../zone/time-zone.ts';
import type { HolidayCalendar } from './holiday-calendar.ts';
import type { Timeline } from './timeline.ts';

/** Instants that a trigger leaves out. */
export interface Exclusion {
  readonly json: string | TriggerJson;
  readonly resolved: boolean;
  /** Undefined when `atMs` is not left out; else the last instant of the stretch around it that is surely left out, `atMs` at least. */
  excludedUntil(atMs: number): number | undefined;
  /** As `excludedUntil`, in the other direction: the first instant of that stretch. */
  excludedSince(atMs: number): number | undefined;
}

export function exclusionOf(excluded: HolidayCalendar | Trigger, zone: TimeZone | undefined): Exclusion {
  return { json: 'name' in excluded ? excluded.name : excluded.toJSON(), resolved: zone !== undefined, excludedUntil: () => undefined, excludedSince: () => undefined };
}
export function excluding(timeline: Timeline, exclusions: readonly Exclusion[]): Timeline {
  return exclusions.length === 0 ? timeline : timeline;
}
