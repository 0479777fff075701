import { cron } from '@staddle/cron';
import { changesOf, clocksOf, DAY, MINUTE, type Change } from '../oracle/clocks.ts';
import { historyOf, type History } from '../oracle/day-oracle.ts';
import { EXPRESSIONS } from './expressions.ts';
import { PEERS, REFUSED, type Answer, type Ask, type Peer } from './peers.ts';

/** A question that the library and a peer answer differently. */
export interface Difference {
  readonly peer: Peer;
  readonly expr: string;
  readonly zone: Zone;
  /** The first time after it is asked for. */
  readonly after: number;
  readonly ours: Answer;
  readonly theirs: Answer;
}

export interface Zone {
  readonly tz: string;
  readonly history: History;
  /** In the year and a half that questions are about. */
  readonly changes: readonly Change[];
  /** Before and inside what clocks skip and repeat, and on an ordinary day late in February. */
  readonly starts: readonly number[];
}

// By an hour at one, two, three o'clock and at midnight, both ways; for Ramadan; by half an hour, two, three and twenty-four hours;
// on three quarters; never.
const ZONES: readonly (readonly [tz: string, year?: number])[] = [
  ['America/New_York'],
  ['America/Havana'],
  ['America/Santiago'],
  ['America/Asuncion', 2023],
  ['America/St_Johns'],
  ['America/Sao_Paulo', 2018],
  ['Europe/London'],
  ['Atlantic/Azores'],
  ['Africa/Cairo'],
  ['Africa/Casablanca'],
  ['Asia/Beirut'],
  ['Asia/Gaza'],
  ['Asia/Jerusalem'],
  ['Australia/Sydney'],
  ['Australia/Lord_Howe'],
  ['Pacific/Chatham'],
  ['Pacific/Apia', 2011],
  ['Antarctica/Troll'],
  ['Antarctica/Casey', 2020],
  ['Asia/Kolkata'],
  ['UTC'],
];

export function zoneOf(tz: string, year = 2025): Zone {
  const clocks = clocksOf(tz);
  const [from, to] = [Date.UTC(year, 0, 1), Date.UTC(year + 1, 6, 1)];
  const changes = changesOf(clocks, from, to);
  // The most peculiar ones: of Samoa's the move over the date line.
  const forward = changes.filter(({ before, after }) => after > before).toSorted((a, b) => b.after - b.before - (a.after - a.before))[0];
  const back = changes.find(({ before, after }) => after < before);
  const length = back === undefined ? 0 : back.before - back.after;
  return {
    tz,
    history: historyOf(clocks, from, Date.UTC(year + 20, 0, 1)),
    changes,
    starts: [
      Date.UTC(year, 1, 22, 3),
      ...(forward === undefined ? [Date.UTC(year, 6, 10, 3)] : [forward.at - MINUTE]),
      ...(back === undefined ? [] : [back.at - length - MINUTE, back.at - MINUTE, back.at + length / 2]),
    ].toSorted((a, b) => a - b),
  };
}

const FAR = 20 * DAY;

export interface Comparison {
  readonly questions: number;
  readonly differences: readonly Difference[];
}

export function compare(): Comparison {
  const differences: Difference[] = [];
  let questions = 0;
  for (const [tz, year] of ZONES) {
    const zone = zoneOf(tz, year);
    for (const expr of EXPRESSIONS) {
      const ask = askLibrary(expr, tz);
      for (const peer of Object.keys(PEERS) as Peer[]) {
        const askPeer = PEERS[peer](expr, tz);
        let known = -Infinity;
        for (const after of zone.starts) {
          if (after < known) continue;
          const [ours, theirs] = [ask(after), askPeer(after)];
          questions += 1;
          if (ours !== theirs) differences.push({ peer, expr, zone, after, ours, theirs });
          if (ours === REFUSED || theirs === REFUSED) break;
          // Months away, and some peers take milliseconds to get there: no use in asking again from days before it.
          if (ours === theirs && ours !== undefined && ours > after + FAR) known = ours - FAR;
        }
      }
    }
  }
  return { questions, differences };
}

export function askLibrary(expr: string, tz: string): Ask {
  try {
    const trigger = cron(expr, { tz });
    return (after) => trigger.next(after);
  } catch {
    return () => REFUSED;
  }
}

/** Changes of clocks around an instant: from so much before it to so much after it. */
export function changesNear({ zone, after }: Difference, beforeMs: number, afterMs: number): Change[] {
  return zone.changes.filter(({ at }) => at >= after - beforeMs && at <= after + afterMs);
}

