import { DAY_MS } from './civil-date.ts';

/*
 * Offsets of an IANA time zone from UTC, taken from Intl and kept as periods of constant offset.
 *
 * Invariants
 * 1. `periodAt(ms)` holds `ms` and has its offset, and `periodAt(period.endAt)` is the next one: walking so skips no instant.
 * 2. A period begins and ends at an offset change or at a block boundary, where the offset beyond is its own. But a change
 *    within two days before a block begins, or after it ends, is an edge of its first or last period, so that whoever looks
 *    for a skipped or repeated hour finds it on the period itself. Around a boundary, periods of both blocks may overlap.
 * 3. Everything is a pure function of the tzdata inside Node. Blocks are filled on demand: a zone in use costs one small array
 *    a year, for the years that were looked at. A few centuries of them are kept, so that no question can fill the memory.
 */

/** A stretch of time with one offset. */
export interface OffsetPeriod {
  /** First instant. */
  readonly startAt: number;
  /** First instant after it. */
  readonly endAt: number;
  /** Local time minus UTC. */
  readonly offsetMs: number;
  /** The offset up to `startAt`. */
  readonly previousOffsetMs: number;
  /** The offset from `endAt` on. */
  readonly nextOffsetMs: number;
}

export interface TimeZone {
  periodAt(ms: number): OffsetPeriod;
  /**
   * The instant at which clocks show a local time (`localMs`: its epoch milliseconds if it were UTC). A time that is
   * skipped gives the instant at which the clocks jump over it. Of a time that comes twice `fold` 0 gives the first, 1 the second.
   */
  instantOf(localMs: number, fold?: 0 | 1): number;
}

/**
 * Up to here a change of the offset is one of the clocks, for daylight saving or a new base offset: in tzdata since 1970 at most
 * 3 hours (Antarctica/Casey). Larger ones crossed the date line or opened and closed a station; no policy applies to them.
 */
export const LARGEST_CLOCK_CHANGE_MS: number = 3 * 3_600_000;

const BLOCK_MS = 366 * DAY_MS;
const MOST_BLOCKS = 500;
// In tzdata 2026c no offset lasts less than 7 days (America/Noronha in 2000, Asia/Gaza in 2040). A step of more than that
// could jump over a period; a smaller one only costs time.
const STEP_MS = 2 * DAY_MS;
// Offsets of tzdata since 1970 reach from -12 to +14 hours.
const LARGEST_OFFSET_MS = DAY_MS;

const zones = new Map<string, TimeZone>();

/** The zone with an IANA name such as `Europe/Paris` or `UTC`; undefined when Node does not know it. */
export function tryTimeZone(name: string): TimeZone | undefined {
  return zones.get(name) ?? tryNewSpelling(name);
}

// Intl also takes offsets, and abbreviations of which it knows one meaning of several: IST is India, BST is Bangladesh. Letters
// beyond ASCII would pass for those whose small forms they share: the Kelvin sign for a k.
const NAME = /^(?:UTC|GMT|[\w+-]+(?:\/[\w+-]+){1,2})$/i;

function tryNewSpelling(name: string): TimeZone | undefined {
  if (!NAME.test(name)) return undefined;
  // Intl ignores case, so the number of keys is bounded by tzdata and not by what users write.
  const key = name.toLowerCase();
  const known = zones.get(key);
  if (known !== undefined) return known;
  const offsetAt = tryOffsets(name);
  if (offsetAt === undefined) return undefined;
  const zone = createTimeZone(offsetAt);
  zones.set(key, zone);
  zones.set(name, zone); // the spelling that the process uses
  return zone;
}

/** Offset from UTC in ms at an instant. */
export type OffsetAt = (ms: number) => number;

const OFFSET_TEXT = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

function tryOffsets(name: string): OffsetAt | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: name, year: 'numeric', timeZoneName: 'longOffset' });
  } catch {
    return undefined; // RangeError: the only way to ask Intl whether it knows a zone
  }
  return (ms) => {
    const [, sign, hours = '0', minutes = '0', seconds = '0'] = OFFSET_TEXT.exec(format.format(ms))!;
    const offsetMs = (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
    return sign === '-' ? -offsetMs : offsetMs;
  };
}

/** A zone over any source of offsets that changes at whole seconds, and keeps each offset for longer than {@link STEP_MS}. */
export function createTimeZone(offsetAt: OffsetAt): TimeZone {
  const blocks = new Map<number, readonly OffsetPeriod[]>();
  function periodAt(ms: number): OffsetPeriod {
    const index = Math.floor(ms / BLOCK_MS);
    let block = blocks.get(index);
    if (block === undefined) {
      if (blocks.size === MOST_BLOCKS) blocks.clear();
      block = periodsBetween(index * BLOCK_MS, (index + 1) * BLOCK_MS, offsetAt);
      blocks.set(index, block);
    }
    let at = 0;
    while (ms >= block[at]!.endAt) at++;
    return block[at]!;
  }

  function instantOf(localMs: number, fold: 0 | 1 = 0): number {
    const latest = localMs + LARGEST_OFFSET_MS;
    let first: number | undefined;
    for (let period = periodAt(localMs - LARGEST_OFFSET_MS); ; period = periodAt(period.endAt)) {
      const ms = localMs - period.offsetMs;
      if (first === undefined && ms < period.startAt) return period.startAt;
      if (ms >= period.startAt && ms < period.endAt) {
        if (fold === 0 || (first !== undefined && ms > first)) return ms;
        first = ms;
      }
      if (first !== undefined && period.endAt > latest) return first;
    }
  }

  return { periodAt, instantOf };
}

/** The periods that cover [from, to), the first and the last of them reaching to a change shortly beyond. */
function periodsBetween(from: number, to: number, offsetAt: OffsetAt): OffsetPeriod[] {
  const periods: OffsetPeriod[] = [];
  let startAt = from;
  let offsetMs = offsetAt(from - STEP_MS);
  let previousOffsetMs = offsetMs;
  for (let at = from - STEP_MS; at < to + STEP_MS; at += STEP_MS) {
    const nextOffsetMs = offsetAt(at + STEP_MS);
    if (nextOffsetMs === offsetMs) continue;
    const changeAt = firstSecondAfterChange(at, at + STEP_MS, offsetMs, offsetAt);
    if (changeAt > from) periods.push({ startAt, endAt: changeAt, offsetMs, previousOffsetMs, nextOffsetMs });
    if (changeAt >= to) return periods;
    startAt = changeAt;
    previousOffsetMs = offsetMs;
    offsetMs = nextOffsetMs;
  }
  periods.push({ startAt, endAt: to, offsetMs, previousOffsetMs, nextOffsetMs: offsetMs });
  return periods;
}

/** Bisects to the second at which the offset stops being `offsetMs`. */
function firstSecondAfterChange(before: number, after: number, offsetMs: number, offsetAt: OffsetAt): number {
  let low = before / 1_000;
  let high = after / 1_000;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * 1_000) === offsetMs) low = middle;
    else high = middle;
  }
  return high * 1_000;
}
