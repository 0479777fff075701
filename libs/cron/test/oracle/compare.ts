import { MINUTE } from './clocks.ts';

/** What a trigger is asked. */
export interface Times {
  next(afterMs: number): number | undefined;
  prev(beforeMs: number): number | undefined;
  between(fromMs: number, toMs: number, limit: number): number[];
}

export interface Span {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

const MOST = 100_000;

/** Walks a span forwards, backwards and at once, and tells the first place where it is not as expected; undefined if it is. */
export function faultIn(times: Times, expected: readonly number[], { from, to }: Span): string | undefined {
  let at: number | undefined = from - 1;
  for (const time of expected) {
    const after: number = at;
    at = times.next(after);
    if (at !== time) return `next(${show(after)}) is ${show(at)} instead of ${show(time)}`;
  }
  const beyond = times.next(at);
  if (beyond !== undefined && beyond < to) return `next(${show(at)}) is ${show(beyond)} instead of nothing before ${show(to)}`;

  at = to;
  for (const time of expected.toReversed()) {
    const before: number = at;
    at = times.prev(before);
    if (at !== time) return `prev(${show(before)}) is ${show(at)} instead of ${show(time)}`;
  }
  const below = times.prev(at);
  if (below !== undefined && below >= from) return `prev(${show(at)}) is ${show(below)} instead of nothing since ${show(from)}`;

  const between = times.between(from, to, MOST);
  const index = between.findIndex((time, position) => time !== expected[position]);
  if (index !== -1 || between.length !== expected.length) return `between(${show(from)}, ${show(to)}) differs at ${index}: ${show(between[index])} instead of ${show(expected[index])}`;
  return undefined;
}

/** Asks for the next time from every minute of a span, as a process does that starts there, and tells the first wrong answer. */
export function restartFaultIn(times: Times, expected: readonly number[], { from, to }: Span, beyond: number): string | undefined {
  let index = 0;
  for (let at = from; at < to; at += MINUTE) {
    while (index < expected.length && expected[index]! <= at) index += 1;
    const next = times.next(at);
    const right = index < expected.length ? next === expected[index] : next === undefined || next >= beyond;
    if (!right) return `next(${show(at)}) is ${show(next)} instead of ${show(expected[index])}`;
  }
  return undefined;
}

function show(at: number | undefined): string {
  return at === undefined ? 'nothing' : Number.isFinite(at) ? new Date(at).toISOString() : String(at);
}
