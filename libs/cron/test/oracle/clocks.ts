/** What the clocks of a zone show, asked of Intl field by field. Whole minutes only: no zone has had seconds since 1972. */

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** What clocks show at an instant, as the epoch milliseconds it would be in UTC. */
export type Clocks = (at: number) => number;

export function clocksOf(tz: string): Clocks {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: tz,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (at) => {
    const [, month, day, year, hour, minute, second] = /(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)/.exec(format.format(at))!.map(Number) as number[];
    return Date.UTC(year!, month! - 1, day!, hour!, minute!, second!);
  };
}

/** Clocks move at `at`, from one offset to the other. */
export interface Change {
  readonly at: number;
  readonly before: number;
  readonly after: number;
}

/** All changes in (from, to), found by asking once a day: no offset since 1972 has lasted for less than a week. */
export function changesOf(clocks: Clocks, from: number, to: number): Change[] {
  const changes: Change[] = [];
  let before = clocks(from) - from;
  for (let day = from; day < to; day += DAY) {
    const after = clocks(day + DAY) - (day + DAY);
    if (after === before) continue;
    let [low, high] = [day, day + DAY];
    while (high - low > MINUTE) {
      const middle = Math.floor((low + high) / 2 / MINUTE) * MINUTE;
      if (clocks(middle) - middle === before) low = middle;
      else high = middle;
    }
    if (high < to) changes.push({ at: high, before, after });
    before = after;
  }
  return changes;
}

export interface Window {
  readonly from: number;
  readonly to: number;
  /** What clocks show at `from` and at every minute after it, before `to`. */
  readonly shown: Float64Array;
  /** Where clocks do not show a minute more than at the place before. */
  readonly jumps: readonly number[];
}

/** Looks at every minute of [from, to); quicker where clocks show at both ends of a quarter of an hour that it has fifteen minutes. */
export function observe(clocks: Clocks, from: number, to: number, { everyMinute = false } = {}): Window {
  const shown = new Float64Array((to - from) / MINUTE);
  const span = everyMinute ? 1 : 15;
  let first = clocks(from);
  for (let start = 0; start < shown.length; start += span) {
    const next = clocks(from + (start + span) * MINUTE);
    const steady = next - first === span * MINUTE;
    for (let index = start; index < Math.min(start + span, shown.length); index += 1) {
      shown[index] = steady ? first + (index - start) * MINUTE : clocks(from + index * MINUTE);
    }
    first = next;
  }
  const jumps: number[] = [];
  for (let index = 1; index < shown.length; index += 1) if (shown[index]! - shown[index - 1]! !== MINUTE) jumps.push(index);
  return { from, to, shown, jumps };
}
