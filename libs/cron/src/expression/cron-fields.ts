import type { CronPart } from '../errors.ts';

/** A field of a cron expression as it was written: for words, warnings and conversions. */
export interface CronField {
  readonly part: CronPart;
  /** In capitals. */
  readonly text: string;
  /** Index in the expression as it was given, of `@daily` and its like in what that stands for. */
  readonly position: number;
  readonly items: readonly CronItem[];
  /** Day of week with a `+` in front: day of month and day of week must both match. */
  readonly plus: boolean;
}

interface CronItemText {
  /** In capitals. */
  readonly text: string;
  readonly position: number;
}

export type CronItem = CronItemText &
  (
    | { readonly kind: 'every'; /** `*` and `?`: 1. */ readonly step: number }
    /** A single value has `first === last` and step 1. Wraps around where `first > last`. `open`: `5/15`, which runs to the end of the field. */
    | { readonly kind: 'range'; readonly first: number; readonly last: number; readonly step: number; readonly open: boolean }
    /** `H`, `H(0-29)`, `H/15`: the values that the seed picked; without a seed all that it could pick. */
    | { readonly kind: 'hashed'; readonly values: readonly number[]; readonly step: number | undefined }
    /** Day of month. `L`: offset 0. `L-3`: offset 3. `LW`: on the nearest working day. */
    | { readonly kind: 'last-day'; readonly offset: number; readonly workday: boolean }
    /** Day of month. `15W`: the working day nearest to the 15th, within the month. */
    | { readonly kind: 'workday'; readonly day: number }
    /** Day of week. `MON#2`: the second Monday of the month. Weekdays are 0 (Sunday) to 6 here. */
    | { readonly kind: 'nth-weekday'; readonly weekday: number; readonly nth: number }
    /** Day of week. `5L` or `FRI#L`: the last Friday of the month. */
    | { readonly kind: 'last-weekday'; readonly weekday: number }
  );
