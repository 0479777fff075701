import type { DstPolicy } from '../trigger.ts';
import type { CronSense } from './cron-sense.ts';

/** `P1Y6M` from an anchor, free of any language. */
export interface CalendarSense {
  readonly count: number;
  readonly unit: 'year' | 'month' | 'week' | 'day';
  /** On top of years or months. */
  readonly extraDays: number;
  /** Undefined: the creation. */
  readonly anchor: CalendarAnchor | undefined;
  /** What becomes of a day that some months do not have; undefined where there is no such day. */
  readonly clamp: 'last' | 'skip' | undefined;
}

interface CalendarAnchor {
  /** `2026-01-31`. */
  readonly date: string;
  /** `09:00`, with seconds and milliseconds only when there are some. */
  readonly time: string;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
}

/**
 * A language: every method gives a piece of a sentence. Moments come as `2026-01-01 00:00 UTC`, sentences of other triggers as
 * they are, and names with nothing in them that a terminal obeys.
 */
export interface Words {
  cron(sense: CronSense): string;
  calendar(sense: CalendarSense): string;
  once(moment: string, fold: 0 | 1): string;
  after(delayMs: number): string;
  /** At a fixed rate. Without anchor it is counted from the creation. */
  rate(everyMs: number, anchor: string | undefined): string;
  /** After the end of the last run. */
  delay(everyMs: number, anchor: string | undefined): string;
  or(sentences: readonly string[]): string;
  and(sentences: readonly string[], thresholdMs: number): string;
  quoted(sentence: string): string;
  zone(tz: string): string;
  from(moment: string): string;
  until(moment: string): string;
  atMost(runs: number): string;
  exceptCalendar(name: string): string;
  exceptTrigger(sentence: string): string;
  jitter(ms: number): string;
  gap(policy: DstPolicy['gap']): string;
  overlap(policy: DstPolicy['overlap']): string;
  /** Main clause, limits in the order above, then policies for clock changes. */
  sentence(main: string, limits: readonly string[], policies: readonly string[]): string;
}

/** `09:00`, with seconds when there are some in any of them. */
export function clocks(secondsOfDay: readonly number[]): readonly string[] {
  const onTheMinute = secondsOfDay.every((at) => at % 60 === 0);
  return secondsOfDay.map((at) =>
    [Math.floor(at / 3_600), Math.floor(at / 60) % 60, ...(onTheMinute ? [] : [at % 60])].map((value) => String(value).padStart(2, '0')).join(':'),
  );
}

/** What a duration is made of: `[[1, 'hour'], [30, 'minute']]`. */
export function unitsOf(ms: number): readonly (readonly [number, 'day' | 'hour' | 'minute' | 'second' | 'millisecond'])[] {
  const units = [
    [Math.floor(ms / 86_400_000), 'day'],
    [Math.floor(ms / 3_600_000) % 24, 'hour'],
    [Math.floor(ms / 60_000) % 60, 'minute'],
    [Math.floor(ms / 1_000) % 60, 'second'],
    [ms % 1_000, 'millisecond'],
  ] as const;
  const present = units.filter(([count]) => count > 0);
  return present.length > 0 ? present : [units[3]];
}

/** A step of a span in the largest unit that divides it. */
export function stepOf(seconds: number): readonly [number, 'hour' | 'minute' | 'second'] {
  if (seconds % 3_600 === 0) return [seconds / 3_600, 'hour'];
  return seconds % 60 === 0 ? [seconds / 60, 'minute'] : [seconds, 'second'];
}
