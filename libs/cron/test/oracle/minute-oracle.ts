import type { Reading } from './reading.ts';
import { DAY, HOUR, MINUTE, type Window } from './clocks.ts';

/*
 * The times of a cron expression by the book: look at every minute, see whether what the clocks show is meant, then put right
 * the hours where clocks change, by the rules as they are written:
 *
 * Fixed times, clocks move by at most three hours at T.
 * - forward by G. `fire_at_end`: T is a time when any skipped local time is meant. `shift`: so is every t in [T, T + G) whose
 *   local time by the old offset is meant. `skip`: nothing.
 * - back by G. `first`: no t in [T, T + G) is a time. `second`: no t in [T - G, T) is. `both`: all are.
 * Anything else: every minute at which the clocks show what is meant, and no other.
 */

export interface Policy {
  readonly gap: 'fire_at_end' | 'shift' | 'skip';
  readonly overlap: 'first' | 'second' | 'both';
}

export const POLICIES: readonly Policy[] = (['fire_at_end', 'shift', 'skip'] as const).flatMap((gap) =>
  (['first', 'second', 'both'] as const).map((overlap) => ({ gap, overlap })),
);

export const DEFAULT_POLICY: Policy = POLICIES[0]!;

const LONGEST_CLOCK_CHANGE = 3 * HOUR;

/** All times in a window, which has to reach three hours beyond every change of clocks in it. */
export function timesIn(reading: Reading, window: Window, policies: readonly Policy[] = [DEFAULT_POLICY]): number[][] {
  const meant = meantMinutes(reading, window);
  return policies.map((policy) => (reading.fixed ? aroundChanges(meant, reading, window, policy) : times(meant, new Set(), reading, window)));
}

/** For each minute of the window whether its local time is meant. */
function meantMinutes(reading: Reading, { shown }: Window): Uint8Array {
  const minuteOfDay = new Uint8Array(1_440);
  for (const hour of reading.hours) for (const minute of reading.minutes) minuteOfDay[hour * 60 + minute] = 1;
  const meant = new Uint8Array(shown.length);
  let midnight = -Infinity;
  let todayIsMeant = false;
  for (let index = 0; index < shown.length; index += 1) {
    const local = shown[index]!;
    if (local < midnight || local >= midnight + DAY) {
      midnight = Math.floor(local / DAY) * DAY;
      todayIsMeant = reading.day(new Date(midnight));
    }
    if (todayIsMeant) meant[index] = minuteOfDay[(local - midnight) / MINUTE]!;
  }
  return meant;
}

function aroundChanges(regular: Uint8Array, reading: Reading, window: Window, { gap, overlap }: Policy): number[] {
  const { shown, jumps } = window;
  const meant = regular.slice();
  const moments = new Set<number>();
  for (const index of jumps) {
    const change = shown[index]! - shown[index - 1]! - MINUTE;
    if (Math.abs(change) > LONGEST_CLOCK_CHANGE) continue;
    const minutes = Math.abs(change) / MINUTE;
    if (change > 0) {
      for (let minute = 0; minute < minutes; minute += 1) {
        const skipped = shown[index - 1]! + (minute + 1) * MINUTE;
        if (!isMeant(reading, skipped)) continue;
        if (gap === 'fire_at_end') moments.add(window.from + index * MINUTE);
        if (gap === 'shift') meant[index + minute] = 1;
      }
    } else {
      if (overlap === 'first') meant.fill(0, index, index + minutes);
      if (overlap === 'second') meant.fill(0, index - minutes, index);
    }
  }
  return times(meant, moments, reading, window);
}

function isMeant(reading: Reading, local: number): boolean {
  const shown = new Date(local);
  return reading.minutes.has(shown.getUTCMinutes()) && reading.hours.has(shown.getUTCHours()) && reading.day(shown);
}

/** The seconds of the minutes, and single moments beside them. */
function times(meant: Uint8Array, moments: Set<number>, { seconds }: Reading, { from }: Window): number[] {
  const all = new Set(moments);
  for (let index = meant.indexOf(1); index !== -1; index = meant.indexOf(1, index + 1)) {
    for (const second of seconds) all.add(from + index * MINUTE + second * 1_000);
  }
  return [...all].toSorted((a, b) => a - b);
}
