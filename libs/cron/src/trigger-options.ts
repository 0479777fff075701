import { parseDuration, type DurationInput } from '@staddle/kernel';
import { TriggerSyntaxError } from './errors.ts';
import { tryTimeZone, type TimeZone } from './time-zone.ts';

// A century. It keeps `now + delay` before the year 9999 for as long as anyone will run this.
const LONGEST_MS = 36_500 * 86_400_000;

/** @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) for no duration, and for one outside [minMs, 100 years] */
export function readDuration(field: string, input: DurationInput, minMs: number): number {
  let ms: number;
  try {
    ms = parseDuration(input);
  } catch (cause) {
    throw new TriggerSyntaxError(field, input, "is not a duration such as 'PT15M', '15m' or a whole number of milliseconds", { cause });
  }
  if (ms < minMs) throw new TriggerSyntaxError(field, input, `is shorter than ${minMs} ms`);
  if (ms > LONGEST_MS) throw new TriggerSyntaxError(field, input, 'is longer than 36500 days');
  return ms;
}

/** @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) */
export function readTimeZone(tz: unknown): TimeZone {
  if (tz === undefined) throw new TriggerSyntaxError('tz', tz, 'is missing: an IANA time zone such as Europe/Paris, or UTC');
  const zone = typeof tz === 'string' ? tryTimeZone(tz) : undefined;
  if (zone === undefined) throw new TriggerSyntaxError('tz', tz, 'is not an IANA time zone such as Europe/Paris, or UTC');
  return zone;
}
