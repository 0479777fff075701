/**
 * The times of a cron expression by the book and without cleverness: look at every minute of a window, ask Intl what the
 * clocks show, match it against plain sets. Shares no code with the library.
 */

interface Local {
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  readonly weekday: number;
  /** Offset from UTC in ms. */
  readonly offset: number;
}

export interface Window {
  readonly from: number;
  readonly to: number;
  readonly minutes: readonly { readonly at: number; readonly local: Local }[];
}

/** What clocks show at an instant: the epoch milliseconds that it would be in UTC. */
export type Clocks = (at: number) => number;

const MINUTE = 60_000;
const LONGEST_CLOCK_CHANGE = 3 * 60 * MINUTE;

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

/** What clocks show at each minute of [from, to). */
export function observe(clocks: Clocks, from: number, to: number): Window {
  const minutes = [];
  for (let at = from; at < to; at += MINUTE) minutes.push({ at, local: localOf(clocks(at), clocks(at) - at) });
  return { from, to, minutes };
}

function localOf(shown: number, offset: number): Local {
  const date = new Date(shown);
  return {
    minute: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    day: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    weekday: date.getUTCDay(),
    offset,
  };
}

/** All times of a five-field expression (numbers only) in a window; the window has to begin well before its changeover. */
export function scan(expression: string, { minutes }: Window): number[] {
  const fields = expression.split(' ');
  const [minute, hour, day, month, weekday] = [
    setOf(fields[0]!, 0, 59),
    setOf(fields[1]!, 0, 23),
    setOf(fields[2]!, 1, 31),
    setOf(fields[3]!, 1, 12),
    setOf(fields[4]!, 0, 6),
  ];
  const eitherDay = !fields[2]!.startsWith('*') && !fields[4]!.startsWith('*');
  const fixed = !fields[0]!.includes('*') && !fields[1]!.includes('*');
  const matches = (local: Local): boolean => {
    if (!minute.has(local.minute) || !hour.has(local.hour) || !month.has(local.month)) return false;
    const [dayMatches, weekdayMatches] = [day.has(local.day), weekday.has(local.weekday) || (local.weekday === 0 && weekday.has(7))];
    return eitherDay ? dayMatches || weekdayMatches : dayMatches && weekdayMatches;
  };

  const times: number[] = [];
  const shownBefore = new Set<string>();
  minutes.forEach(({ at, local }, index) => {
    const offsetBefore = minutes[Math.max(index - 1, 0)]!.local.offset;
    const jump = local.offset - offsetBefore;
    let fires = matches(local);
    if (fixed) {
      const label = `${local.month}-${local.day} ${local.hour}:${local.minute}`;
      if (shownBefore.has(label)) fires = false;
      shownBefore.add(label);
      if (jump > 0 && jump <= LONGEST_CLOCK_CHANGE) {
        for (let shown = at + offsetBefore; shown < at + local.offset; shown += MINUTE) fires ||= matches(localOf(shown, offsetBefore));
      }
    }
    if (fires) times.push(at);
  });
  return times;
}

function setOf(field: string, min: number, max: number): Set<number> {
  const values = new Set<number>();
  for (const item of field.split(',')) {
    const [range, step = '1'] = item.split('/') as [string, string?];
    const [first, last = first] = range === '*' ? [min, max] : (range.split('-').map(Number) as [number, number?]);
    for (let value = first; value <= last; value += Number(step)) values.add(value);
  }
  return values;
}
