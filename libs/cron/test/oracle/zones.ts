import { changesOf, clocksOf, type Change, type Clocks } from './clocks.ts';

/** Zones whose clocks show the same at every instant of a span of time. */
export interface Series {
  /** The first of them. */
  readonly tz: string;
  readonly zones: readonly string[];
  readonly clocks: Clocks;
  readonly base: number;
  readonly changes: readonly Change[];
}

export const ALL_ZONES: readonly string[] = [...Intl.supportedValuesOf('timeZone'), 'UTC'];

export function seriesOf(zones: readonly string[], from: number, to: number): Series[] {
  const byHistory = new Map<string, Series & { zones: string[] }>();
  for (const tz of zones) {
    const clocks = clocksOf(tz);
    const [base, changes] = [clocks(from) - from, changesOf(clocks, from, to)];
    const history = JSON.stringify([base, changes]);
    const series = byHistory.get(history);
    if (series === undefined) byHistory.set(history, { tz, zones: [tz], clocks, base, changes });
    else series.zones.push(tz);
  }
  return [...byHistory.values()];
}
