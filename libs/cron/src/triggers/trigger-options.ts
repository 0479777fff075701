import { parseDuration, type DurationInput } from '@staddle/kernel';
import { TriggerSyntaxError } from '../errors.ts';
import type { DstPolicy } from '../trigger.ts';
import { formatInstant, isInstant } from '../zone/instant.ts';
import { formatLocalTime, tryParseDateTime } from '../zone/local-time.ts';
import { tryTimeZone, type TimeZone } from '../zone/time-zone.ts';

// A century. It keeps `now + delay` before the year 9999 for as long as anyone will run this.
const LONGEST_MS = 36_500 * 86_400_000;

/** The options that every kind which repeats takes, in the order of the canonical JSON. */
export const LIMIT_OPTIONS = ['startAt', 'endAt', 'maxRuns', 'exclude', 'jitter', 'seed'] as const;

/**
 * Nobody is told of a misspelt option by its effect before the schedule has gone wrong.
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) for an option that does not exist, and for what is no object
 */
export function checkOptions(builder: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) throw new TriggerSyntaxError(undefined, options, `is no object with the options of ${builder}: ${known.join(', ')}`);
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw new TriggerSyntaxError(key, (options as Record<string, unknown>)[key], `is not an option of ${builder}: ${known.join(', ')}`);
  }
}

/** @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) for no duration, and for one outside [minMs, maxMs]; default: up to 100 years */
export function readDuration(field: string, input: DurationInput, minMs: number, maxMs: number = LONGEST_MS): number {
  let ms: number;
  try {
    ms = parseDuration(input);
  } catch (cause) {
    throw new TriggerSyntaxError(field, input, "is not a duration such as 'PT15M', '15m' or a whole number of milliseconds", { cause });
  }
  if (ms < minMs) throw new TriggerSyntaxError(field, input, `is shorter than ${minMs} ms`);
  if (ms > maxMs) throw new TriggerSyntaxError(field, input, `is longer than ${maxMs % 86_400_000 === 0 && maxMs > 86_400_000 ? `${maxMs / 86_400_000} days` : `${maxMs} ms`}`);
  return ms;
}

/** @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) */
export function readTimeZone(tz: unknown, field: string = 'tz'): TimeZone {
  if (tz === undefined) throw new TriggerSyntaxError(field, tz, 'is missing: an IANA time zone such as Europe/Paris, or UTC');
  const zone = typeof tz === 'string' ? tryTimeZone(tz) : undefined;
  if (zone === undefined) throw new TriggerSyntaxError(field, tz, 'is not an IANA time zone such as Europe/Paris, or UTC');
  return zone;
}

/** An instant as people give it: epoch ms, a `Date`, or ISO 8601 text. */
export type InstantInput = number | Date | string;

/** NaN for what is neither a number nor a `Date`. */
export function epochMsOf(input: unknown): number {
  if (input instanceof Date) return input.getTime();
  return typeof input === 'number' ? input : Number.NaN;
}

/** An instant and its canonical text. */
export interface Moment {
  readonly ms: number;
  readonly text: string;
}

/**
 * Reads epoch ms, a `Date`, ISO 8601 with `Z` or offset, or, with a zone, a local time. One that clocks skip is the instant of the jump;
 * of one that comes twice `fold` picks the first (0, default) or the second (1).
 * @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`)
 */
export function readMoment(field: string, input: InstantInput | undefined, zone?: TimeZone, fold: 0 | 1 = 0): Moment | undefined {
  if (input === undefined) return undefined;
  const parsed = typeof input === 'string' ? tryParseDateTime(input) : { localMs: epochMsOf(input), offsetMs: 0 };
  const local = parsed !== undefined && parsed.offsetMs === undefined;
  if (parsed === undefined || (local && zone === undefined)) {
    throw new TriggerSyntaxError(field, input, `is not an ISO 8601 instant with Z or offset such as 2026-01-01T00:00:00Z${zone ? ', nor a local time such as 2026-01-01T00:00:00' : ''}`);
  }
  const ms = local ? zone!.instantOf(parsed.localMs, fold) : parsed.localMs - parsed.offsetMs!;
  if (!isInstant(ms)) throw new TriggerSyntaxError(field, input, 'is not an instant between 1970 and 9999');
  return { ms, text: local ? formatLocalTime(parsed.localMs) : formatInstant(ms) };
}

const GAPS: readonly DstPolicy['gap'][] = ['fire_at_end', 'shift', 'skip'];
const OVERLAPS: readonly DstPolicy['overlap'][] = ['first', 'second', 'both'];

/** @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) */
export function readDstPolicy(dst: Partial<DstPolicy> | undefined): DstPolicy {
  if (dst !== undefined && (typeof dst !== 'object' || dst === null || Array.isArray(dst))) throw new TriggerSyntaxError('dst', dst, 'is not an object with gap and overlap');
  for (const [key, value] of Object.entries(dst ?? {})) {
    if (key !== 'gap' && key !== 'overlap') throw new TriggerSyntaxError(`dst.${key}`, value, 'is not a key of a policy for clock changes: gap, overlap');
  }
  const { gap = GAPS[0]!, overlap = OVERLAPS[0]! } = dst ?? {};
  if (!GAPS.includes(gap)) throw new TriggerSyntaxError('dst.gap', gap, `is none of ${GAPS.join(', ')}`);
  if (!OVERLAPS.includes(overlap)) throw new TriggerSyntaxError('dst.overlap', overlap, `is none of ${OVERLAPS.join(', ')}`);
  return { gap, overlap };
}

/** The canonical form: only what differs from the default, `{}` for nothing. */
export function dstJson({ gap, overlap }: DstPolicy): { dst?: Partial<DstPolicy> } {
  const dst: Partial<DstPolicy> = { ...(gap !== GAPS[0] && { gap }), ...(overlap !== OVERLAPS[0] && { overlap }) };
  return Object.keys(dst).length === 0 ? {} : { dst: Object.freeze(dst) };
}
