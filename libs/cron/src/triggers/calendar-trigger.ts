import type { DstPolicy, Trigger } from '../trigger.ts';
import type { LimitOptions } from './limits.ts';

export interface CalendarOptions extends LimitOptions {
  /** ISO 8601 in whole years, months, weeks or days: `P1M`, `P1Y6M`, `P2W`, `P10D`. Not mixed with hours: that would be no calendar. */
  readonly every: string;
  /** The first time, as a local ISO 8601 time, from which all others are counted. Default: the creation, and then the first time is one step after it. */
  readonly anchor?: string | undefined;
  /** IANA time zone whose calendar and clocks count. */
  readonly tz: string;
  /** A day that the month does not have, the 31st of April: `last` (default) takes the last day of the month, `skip` leaves it out. */
  readonly clamp?: 'last' | 'skip' | undefined;
  /** As of `cron`. */
  readonly dst?: Partial<DstPolicy> | undefined;
}

export declare function calendar(options: CalendarOptions): Trigger;
