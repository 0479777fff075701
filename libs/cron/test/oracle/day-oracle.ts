import { changesOf, DAY, HOUR, type Clocks } from './clocks.ts';
import type { Policy } from './minute-oracle.ts';
import type { Reading } from './reading.ts';

/*
 * The times nearest to an instant, for questions too many to look at every minute: walks local days, takes what is meant of
 * each, and asks which instants show it. The rules for clock changes are told from the local time here: one that is shown
 * twice is taken the first time, the second or both; one that is skipped fires when the gap ends, late, or not at all.
 */

/** A stretch of time with one offset: [from, to). */
interface Period {
  readonly from: number;
  readonly to: number;
  readonly offset: number;
}

/** The offsets of a zone from one instant to another; before and after it the nearest one is taken to hold for ever. */
export type History = readonly Period[];

export function historyOf(clocks: Clocks, from: number, to: number): History {
  const changes = changesOf(clocks, from, to);
  const starts = [-Infinity, ...changes.map(({ at }) => at)];
  return starts.map((start, index) => ({ from: start, to: starts[index + 1] ?? Infinity, offset: changes[index]?.before ?? clocks(to) - to }));
}

export interface Question {
  readonly reading: Reading;
  readonly history: History;
  readonly policy: Policy;
  readonly start: number;
  readonly count: number;
  /** How far to look, in ms. */
  readonly horizon: number;
}

const LONGEST_CLOCK_CHANGE = 3 * HOUR;

/** The nearest `count` times, after the start (direction 1) or before it (-1); fewer when there are no more within the horizon. */
export function timesFrom({ reading, history, policy, start, count, horizon }: Question, direction: 1 | -1): number[] {
  const found = new Set<number>();
  let enough = Infinity;
  // Where clocks change, what is later by the clock can be earlier: begin before the start, and go on after the last.
  const slack = (at: number): number => (history.some(({ from }) => Math.abs(at - from) < DAY) ? LONGEST_CLOCK_CHANGE : 0);
  const first = start + history.find(({ to }) => to > start)!.offset - direction * slack(start);
  for (const local of localTimes(reading, first, direction)) {
    const distance = (local - first) * direction;
    if (distance > Math.min(enough, horizon + 2 * DAY)) break;
    for (const at of instantsOf(local, reading.fixed, history, policy)) {
      if ((at - start) * direction > 0 && (at - start) * direction <= horizon) found.add(at);
      if (found.size >= count && enough === Infinity) enough = distance + slack(at);
    }
  }
  return [...found].toSorted((a, b) => (a - b) * direction).slice(0, count);
}

/** Every local time that is meant, up or down from one, itself included; for about thirty years. */
function* localTimes(reading: Reading, from: number, direction: 1 | -1): Generator<number> {
  const inOrder = (values: ReadonlySet<number>): number[] => [...values].toSorted((a, b) => (a - b) * direction);
  const [hours, minutes, seconds] = [inOrder(reading.hours), inOrder(reading.minutes), inOrder(reading.seconds)];
  const isPast = (start: number, length: number): boolean => (direction === 1 ? start + length <= from : start > from);
  const today = Math.floor(from / DAY) * DAY;
  for (let days = 0; days < 11_000; days += 1) {
    const day = today + direction * days * DAY;
    if (!reading.day(new Date(day))) continue;
    for (const hour of hours) {
      if (isPast(day + hour * HOUR, HOUR)) continue;
      for (const minute of minutes) {
        const start = day + hour * HOUR + minute * 60_000;
        if (isPast(start, 60_000)) continue;
        for (const second of seconds) {
          if (!isPast(start + second * 1_000, 1)) yield start + second * 1_000;
        }
      }
    }
  }
}

function instantsOf(local: number, fixed: boolean, history: History, { gap, overlap }: Policy): number[] {
  const candidates = history.slice(Math.max(history.findIndex(({ to }) => to > local - DAY), 0)).slice(0, 3);
  const shown = candidates.filter(({ from, to, offset }) => local - offset >= from && local - offset < to).map(({ offset }) => local - offset);
  if (shown.length === 1) return shown;
  if (shown.length === 2) {
    const [first, second] = shown as [number, number];
    if (!fixed || overlap === 'both' || second - first > LONGEST_CLOCK_CHANGE) return shown;
    return [overlap === 'first' ? first : second];
  }
  const next = candidates.findIndex(({ from, offset }) => local - offset < from);
  const [old, young] = [candidates[next - 1]!, candidates[next]!];
  if (!fixed || gap === 'skip' || young.offset - old.offset > LONGEST_CLOCK_CHANGE) return [];
  return [gap === 'shift' ? local - old.offset : young.from];
}
