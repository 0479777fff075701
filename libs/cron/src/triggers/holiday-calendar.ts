/** A named set of days, given to triggers that leave them out. Immutable. */
export interface HolidayCalendar {
  readonly name: string;
  /** IANA zone whose days these are. Default: the zone of the trigger. */
  readonly tz: string | undefined;
  /** Whether a day (`2026-10-01`, or days since 1970-01-01) is left out. */
  excludes(day: string | number): boolean;
}
