import type { Chance } from './chance.ts';
import { SOUND, type LineFaults } from './line-faults.ts';

/** What one seed does to its machines. Rates are per second and machine; 0 is never. */
export interface Plan {
  readonly machines: number;
  /** Tasks that ask for locks, in each process. */
  readonly tasks: number;
  /** That all of them want; fewer meet more often. */
  readonly mutexes: readonly [string, ...string[]];
  readonly maxLocalHandoffs: number;
  readonly commandTimeoutMs: number;
  /** Of leases. */
  readonly ttls: readonly [number, ...number[]];
  /** How long the faults go on. */
  readonly troubleMs: number;
  readonly line: LineFaults;
  readonly breaks: number;
  readonly messageBreaks: number;
  readonly pauses: number;
  readonly suspends: number;
  /** Pauses in the middle of something: share of the looks at a clock. */
  readonly midway: number;
  readonly wallJumps: number;
  readonly deaths: number;
  readonly closes: number;
  /** Of the store, per second. */
  readonly stalls: number;
  /** By how much the clocks of machines go wrong at most. */
  readonly drift: number;
  /** The store loses its data or its clock jumps; operators free locks by force. Then two may be in a section for a while. */
  readonly upheavals: number;
  /** Nothing goes wrong. */
  readonly isCalm: boolean;
}

/**
 * Each seed has a few kinds of trouble and not the others: all of them at once would hide from each other what they do.
 * Source: A. Groce et al., "Swarm Testing", ISSTA 2012.
 */
export function planOf(chance: Chance): Plan {
  const sometimes = (least: number, most: number): number => (chance.is(0.4) ? chance.spread(least, most) : 0);
  const isCalm = chance.is(0.08);
  const isSuspending = chance.is(0.3);
  const plan: Plan = {
    machines: chance.whole(2, 4),
    tasks: chance.whole(1, 4),
    mutexes: chance.of([['a'], ['a', 'b', 'c']]),
    maxLocalHandoffs: chance.of([0, 1, 16, 16]),
    commandTimeoutMs: chance.of([1_000, 1_000, 200]),
    ttls: chance.of([[100, 400], [400, 1_500], [1_500, 5_000], [300, 1_000, 5_000]]),
    troubleMs: 8_000,
    line: {
      ...SOUND,
      latencyMs: chance.spread(0.5, 30),
      stalled: sometimes(0.002, 0.1),
      stallMs: chance.spread(50, 4_000),
      failed: sometimes(0.005, 0.2),
      unanswered: sometimes(0.005, 0.1),
      twice: sometimes(0.02, 0.5),
      lostMessages: sometimes(0.02, 1),
      slowMessages: sometimes(0.02, 0.5),
      shuffled: chance.is(0.2),
      resends: chance.is(0.5),
      stragglers: chance.is(0.3),
    },
    breaks: sometimes(0.1, 2),
    messageBreaks: sometimes(0.1, 2),
    pauses: sometimes(0.1, 1),
    // A monotonic clock that stands still and a wall clock that is set back at once leave no clock to go by.
    suspends: isSuspending ? sometimes(0.1, 1) : 0,
    midway: sometimes(0.0003, 0.005),
    wallJumps: isSuspending ? 0 : sometimes(0.1, 1),
    deaths: sometimes(0.02, 0.2),
    closes: sometimes(0.02, 0.2),
    stalls: sometimes(0.1, 0.5),
    drift: chance.of([0, 0.001, 0.0099]),
    upheavals: chance.is(0.1) ? chance.spread(0.05, 0.5) : 0,
    isCalm,
  };
  if (!isCalm) return plan;
  return { ...plan, line: SOUND, breaks: 0, messageBreaks: 0, pauses: 0, suspends: 0, midway: 0, wallJumps: 0, deaths: 0, closes: 0, stalls: 0, upheavals: 0 };
}
