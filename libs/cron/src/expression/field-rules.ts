import type { CronPart } from '../errors.ts';

/** What one of the seven fields takes. */
export interface FieldRule {
  readonly part: CronPart;
  /** The number of the draw for `H`. Stored triggers rely on it, so it must never change. */
  readonly index: number;
  readonly min: number;
  /** Highest value that may be written. */
  readonly max: number;
  /** Highest value that `*` and `n/step` reach: 6 for day of week, where 7 is Sunday again. */
  readonly end: number;
  /** Highest value that `H` without a range draws: 28 for day of month, so that every month has it. */
  readonly hashEnd: number;
  /** Of the values from `min` on, three capitals each. */
  readonly names: readonly string[];
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

export const SECOND: FieldRule = { part: 'second', index: 0, min: 0, max: 59, end: 59, hashEnd: 59, names: [] };
export const MINUTE: FieldRule = { part: 'minute', index: 1, min: 0, max: 59, end: 59, hashEnd: 59, names: [] };
export const HOUR: FieldRule = { part: 'hour', index: 2, min: 0, max: 23, end: 23, hashEnd: 23, names: [] };
export const DAY_OF_MONTH: FieldRule = { part: 'day of month', index: 3, min: 1, max: 31, end: 31, hashEnd: 28, names: [] };
export const MONTH: FieldRule = { part: 'month', index: 4, min: 1, max: 12, end: 12, hashEnd: 12, names: MONTHS };
export const DAY_OF_WEEK: FieldRule = { part: 'day of week', index: 5, min: 0, max: 7, end: 6, hashEnd: 6, names: WEEKDAYS };
export const YEAR: FieldRule = { part: 'year', index: 6, min: 1970, max: 9999, end: 9999, hashEnd: 9999, names: [] };

export const FIELD_RULES: Readonly<Record<CronPart, FieldRule>> = {
  second: SECOND,
  minute: MINUTE,
  hour: HOUR,
  'day of month': DAY_OF_MONTH,
  month: MONTH,
  'day of week': DAY_OF_WEEK,
  year: YEAR,
};
