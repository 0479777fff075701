import { InvalidInstantError } from '../errors.ts';

/** The end of the year 9999. Later instants have no four-digit ISO 8601 text, so no trigger fires after it. */
export const LATEST_MS = 253_402_300_799_999;

export function isInstant(ms: number): boolean {
  return Number.isInteger(ms) && ms >= 0 && ms <= LATEST_MS;
}

/**
 * The whole millisecond that a next time must be later than. Before 1970 there is nothing to be found.
 * @throws InvalidInstantError (`ERR_CRON_INSTANT`) for NaN and for what is no number
 */
export function startingPoint(afterMs: number): number {
  if (typeof afterMs !== 'number' || Number.isNaN(afterMs)) throw new InvalidInstantError(afterMs, 'is not a number of milliseconds');
  return Math.min(Math.max(Math.floor(afterMs), -1), LATEST_MS);
}

/**
 * The whole millisecond that a time must be earlier than.
 * @throws InvalidInstantError (`ERR_CRON_INSTANT`) for NaN and for what is no number
 */
export function endingPoint(beforeMs: number): number {
  if (typeof beforeMs !== 'number' || Number.isNaN(beforeMs)) throw new InvalidInstantError(beforeMs, 'is not a number of milliseconds');
  return Math.min(Math.max(Math.ceil(beforeMs), 0), LATEST_MS + 1);
}

const MOST_TIMES = 100_000;

/** @throws InvalidInstantError (`ERR_CRON_INSTANT`) */
export function readCount(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_TIMES) throw new InvalidInstantError(limit, `as a limit is not a whole number from 1 to ${MOST_TIMES}`);
  return limit;
}

/** @throws InvalidInstantError (`ERR_CRON_INSTANT`) */
export function creationInstant(nowMs: number): number {
  const wholeMs = typeof nowMs === 'number' ? Math.floor(nowMs) : Number.NaN;
  if (!isInstant(wholeMs)) throw new InvalidInstantError(nowMs, 'is not a number of milliseconds between 1970 and 9999');
  return wholeMs;
}

/** ISO 8601 in UTC with milliseconds. */
export function formatInstant(ms: number): string {
  return new Date(ms).toISOString();
}
