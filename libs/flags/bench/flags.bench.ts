/**
 * Nanoseconds per operation of words against what else a state can be kept in: raw bit operators, strings, Set<string>.
 *
 * Every contestant has a loop of its own, because a loop that called what it is given would measure the calling. Words of
 * numbers and of bigints take turns in one process, so that neither profits from being the only one the engine has seen.
 */
import { defineFlags, machineOf, type FlagsSpec } from '@staddle/flags';
import { measure, printMachine } from '@staddle/testing';

const DEFINITION = {
  bits: { Queued: 0, Running: 1, Paused: 2, Done: 3, Failed: 4, Cancelled: 5, PushPending: 8, PushSent: 9, Archived: 20 },
  groups: {
    run: { of: ['Queued', 'Running', 'Paused', 'Done', 'Failed', 'Cancelled'], arity: 'exactly-one' },
    push: { of: ['PushPending', 'PushSent'], arity: 'at-most-one' },
  },
  masks: { Terminal: ['Done', 'Failed', 'Cancelled'] },
} as const satisfies FlagsSpec<unknown, unknown, unknown>;
const State = defineFlags('state', DEFINITION);
const WideState = defineFlags('wide', { backend: 'bigint', ...DEFINITION, bits: { ...DEFINITION.bits, Archived: 60 } });
const START = { start: { from: { all: ['Queued'] }, set: ['Running', 'PushPending'] } } as const;
const machine = machineOf(State)()(START);
const wideMachine = machineOf(WideState)()(START);

// The same masks by hand, as literals in the loops below: Running = 2, Queued = 1, run = 63, push = 768.
const RUNNING_WIDE = 2n;

const COUNT = 1024; // a power of two, to walk round with a mask
const LAST = COUNT - 1;
const OPERATIONS = 4_000_000;

const PHASES = ['Queued', 'Running', 'Paused', 'Done', 'Failed', 'Cancelled'] as const;
const states = Array.from({ length: COUNT }, (_, at) => PHASES[(at * 7) % PHASES.length]!);
const words = states.map((state, at) => State.of(state, ...(at % 3 === 0 ? (['Archived'] as const) : []), ...(at % 2 === 0 ? (['PushSent'] as const) : [])));
const wideWords = words.map((word) => WideState.of(...State.names(word)));
const sets = words.map((word) => new Set<string>(State.names(word)));

let sink = 0;
/** One round: a loop that does `count` operations and returns something that depends on all of them. */
function round(loop: (count: number) => number, count: number = OPERATIONS): () => Promise<number> {
  return async () => {
    const start = process.hrtime.bigint();
    sink += loop(count);
    return Number(process.hrtime.bigint() - start) / count;
  };
}

const OPTIONS = { bench: 'flags', metric: 'time', unit: 'ns/op', better: 'lower' } as const;

const loops = {
  nothing: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) hits += words[at & LAST]!;
    return hits;
  }),
  has: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if (State.has(words[at & LAST]!, 'Running')) hits++;
    return hits;
  }),
  hasBit: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if ((words[at & LAST]! & State.bit.Running) !== 0) hits++;
    return hits;
  }),
  hasWide: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if (WideState.has(wideWords[at & LAST]!, 'Running')) hits++;
    return hits;
  }),
  rawHas: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if ((words[at & LAST]! & 2) !== 0) hits++;
    return hits;
  }),
  rawHasWide: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if ((wideWords[at & LAST]! & RUNNING_WIDE) !== 0n) hits++;
    return hits;
  }),
  isState: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if (states[at & LAST] === 'Running') hits++;
    return hits;
  }),
  setHas: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if (sets[at & LAST]!.has('Running')) hits++;
    return hits;
  }),

  hasVarying: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if (State.has(words[at & LAST]!, states[(at >> 3) & LAST]!)) hits++;
    return hits;
  }),
  setHasVarying: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if (sets[at & LAST]!.has(states[(at >> 3) & LAST]!)) hits++;
    return hits;
  }),
  isStateVarying: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if (states[at & LAST] === states[(at >> 3) & LAST]) hits++;
    return hits;
  }),

  hasAny: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if (State.hasAny(words[at & LAST]!, 'Done', 'Failed', 'Cancelled')) hits++;
    return hits;
  }),
  maskAny: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if (!State.isDisjointFrom(words[at & LAST]!, State.mask.Terminal)) hits++;
    return hits;
  }),
  rawHasAny: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if ((words[at & LAST]! & 56) !== 0) hits++;
    return hits;
  }),
  switchState: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) {
      switch (states[at & LAST]) {
        case 'Done':
        case 'Failed':
        case 'Cancelled':
          hits++;
      }
    }
    return hits;
  }),

  names: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) hits += State.names(words[at & LAST]!).length;
    return hits;
  }, OPERATIONS / 10),
  namesWide: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) hits += WideState.names(wideWords[at & LAST]!).length;
    return hits;
  }, OPERATIONS / 10),
  rawNames: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) {
      const word = words[at & LAST]!;
      const found: string[] = [];
      if ((word & 1) !== 0) found.push('Queued');
      if ((word & 2) !== 0) found.push('Running');
      if ((word & 4) !== 0) found.push('Paused');
      if ((word & 8) !== 0) found.push('Done');
      if ((word & 16) !== 0) found.push('Failed');
      if ((word & 32) !== 0) found.push('Cancelled');
      if ((word & 256) !== 0) found.push('PushPending');
      if ((word & 512) !== 0) found.push('PushSent');
      if ((word & 1048576) !== 0) found.push('Archived');
      hits += found.length;
    }
    return hits;
  }, OPERATIONS / 10),
  setNames: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) hits += [...sets[at & LAST]!].length;
    return hits;
  }, OPERATIONS / 10),

  next: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) hits += machine.next(words[at & LAST]!, 'start') ?? 0;
    return hits;
  }),
  apply: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if (machine.apply(words[at & LAST]!, 'start', undefined).ok) hits++;
    return hits;
  }),
  nextWide: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) if (wideMachine.next(wideWords[at & LAST]!, 'start') !== undefined) hits++;
    return hits;
  }),
  rawNext: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) {
      const word = words[at & LAST]!;
      hits += (word & 63) === 1 ? (word & ~573) | 258 : 0;
    }
    return hits;
  }),
  rawNextWide: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) {
      const word = wideWords[at & LAST]!;
      if ((word & 63n) === 1n && ((word & ~573n) | 258n) !== 0n) hits++;
    }
    return hits;
  }),
  switchNext: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) {
      // What a union of strings can hold of it: the phase, and none of the facts beside it.
      let next: string | undefined;
      switch (states[at & LAST]) {
        case 'Queued':
          next = 'Running';
          break;
        default:
          next = undefined;
      }
      if (next !== undefined) hits++;
    }
    return hits;
  }),
  setNext: round((count) => {
    let hits = 0;
    for (let at = 0; at < count; at++) {
      const set = sets[at & LAST]!;
      if (!set.has('Queued')) continue;
      const next = new Set(set);
      next.delete('Queued');
      next.delete('PushSent');
      hits += next.add('Running').add('PushPending').size;
    }
    return hits;
  }, OPERATIONS / 10),
};

printMachine();
await measure({ ...OPTIONS, case: 'the loop alone', ours: loops.nothing });
await measure({
  ...OPTIONS,
  case: 'has, one name',
  ours: loops.has,
  peers: { 'word & bit.Running': loops.hasBit, 'word & 2': loops.rawHas, 'string ===': loops.isState, 'Set.has': loops.setHas },
});
await measure({ ...OPTIONS, case: 'has, one name, bigint', ours: loops.hasWide, peers: { 'word & 2n': loops.rawHasWide } });
await measure({ ...OPTIONS, case: 'has, name varies', ours: loops.hasVarying, peers: { 'string ===': loops.isStateVarying, 'Set.has': loops.setHasVarying } });
await measure({ ...OPTIONS, case: 'hasAny of three', ours: loops.hasAny, peers: { isDisjointFrom: loops.maskAny, 'word & 56': loops.rawHasAny, 'switch on strings': loops.switchState } });
await measure({ ...OPTIONS, case: 'names()', ours: loops.names, peers: { 'bit tests by hand': loops.rawNames, '[...Set]': loops.setNames } });
await measure({ ...OPTIONS, case: 'names(), bigint', ours: loops.namesWide });
await measure({
  ...OPTIONS,
  case: 'transition, next()',
  ours: loops.next,
  peers: { 'masks by hand': loops.rawNext, 'switch on strings': loops.switchNext, 'copy of a Set': loops.setNext },
});
await measure({ ...OPTIONS, case: 'transition, apply()', ours: loops.apply, peers: { 'masks by hand': loops.rawNext, 'switch on strings': loops.switchNext } });
await measure({ ...OPTIONS, case: 'transition, next(), bigint', ours: loops.nextWide, peers: { 'masks by hand': loops.rawNextWide } });
if (!Number.isFinite(sink)) throw new Error('the loops were optimised away');
