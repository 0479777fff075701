import { defineFlags, FlagsMachineError, machineOf, type Condition, type EventSpec, type FlagName, type FlagsOf } from '@staddle/flags';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';

const State = defineFlags('state', {
  bits: { A: 0, B: 1, C: 2, D: 3, E: 4, P: 5, Q: 6, F: 7 },
  groups: {
    letter: { of: ['A', 'B', 'C'], arity: 'exactly-one' },
    other: { of: ['D', 'E'], arity: 'exactly-one' },
    push: { of: ['P', 'Q'], arity: 'at-most-one' },
  },
});
type State = FlagsOf<typeof State>;
type Name = FlagName<typeof State>;
type Events = Readonly<Record<string, EventSpec<Name, void> & { readonly from: readonly Condition<Name>[] }>>;

const NAMES = State.names(State.all);
const STATES = State.names(State.union(State.mask.letter, State.mask.other));
const SOUND = Array.from({ length: State.all + 1 }, (_, bits) => State.fromBits(bits, 'retain')).filter((word) => State.issues(word).length === 0);

/** What the words of `from`, `set` and `clear` say, without a mask. */
function nextByName(word: State, { from, set = [], clear = [] }: Events[string]): State | undefined {
  const starts = from.some(({ all = [], none = [] }) => all.every((name) => State.has(word, name)) && !none.some((name) => State.has(word, name)));
  return starts ? State.add(State.remove(word, ...clear), ...set) : undefined;
}

function faultsOf(events: Events, options: object): { path: string; value: unknown; rule: string }[] {
  try {
    machineOf(State)()(events, options);
    return [];
  } catch (error) {
    if (!(error instanceof FlagsMachineError)) throw error;
    return [...error.faults];
  }
}

const few = (names: readonly Name[], maxLength: number) => fc.uniqueArray(fc.constantFrom(...names), { maxLength });
const condition = fc.record({ all: few(NAMES, 2), none: few(NAMES, 2) });
const event = fc.record({ from: fc.array(condition, { minLength: 1, maxLength: 2 }), set: few(NAMES, 2), clear: few(['P', 'Q', 'F'], 1) });
/** Events that are sound one by one. */
const machines = fc.dictionary(fc.constantFrom('e1', 'e2', 'e3'), event, { minKeys: 1, maxKeys: 3 }).filter((events) => faultsOf(events, {}).length === 0);

it('a machine does what its events say by name, and leaves every word sound', () => {
  fc.assert(
    fc.property(machines, fc.constantFrom(...SOUND), (events, word) => {
      const machine = machineOf(State)()(events);
      const nexts = machine.events.map((name) => machine.next(word, name));
      expect(nexts).toEqual(machine.events.map((name) => nextByName(word, events[name]!)));
      expect(nexts.filter((next) => next !== undefined).flatMap(State.issues)).toEqual([]);
    }),
  );
});

it('is refused as ambiguous when, and only when, a sound word shows it', () => {
  fc.assert(
    fc.property(machines, (events) => {
      const ambiguous = SOUND.some((word) => new Set(Object.values(events).map((each) => nextByName(word, each)).filter((next) => next !== undefined)).size > 1);
      expect(faultsOf(events, { deterministic: true }).length > 0).toBe(ambiguous);
    }),
  );
});

it('is refused for an exit from a terminal state when, and only when, a sound word takes it', () => {
  fc.assert(
    fc.property(machines, few(STATES, 3), (events, terminal) => {
      const leaves = (word: State, next: State | undefined): boolean => next !== undefined && terminal.some((name) => State.has(word, name) && !State.has(next, name));
      const exits = Object.keys(events).filter((name) => SOUND.some((word) => leaves(word, nextByName(word, events[name]!))));
      expect(faultsOf(events, { terminal }).map(({ path }) => path)).toEqual(exits);
    }),
  );
});

it('is never told that a state is not reached which a walk over all words reaches', () => {
  fc.assert(
    fc.property(machines, (events) => {
      const initial = ['A', 'D'] as const;
      const states = (word: State): number => State.intersection(word, State.union(State.mask.letter, State.mask.other));
      // Flags beside the states are set from outside.
      const reached = new Set<number>([State.of(...initial)]);
      for (const from of reached) {
        for (const word of SOUND.filter((each) => states(each) === from)) {
          for (const each of Object.values(events)) {
            const next = nextByName(word, each);
            if (next !== undefined) reached.add(states(next));
          }
        }
      }
      const missing = faultsOf(events, { initial }).map(({ value }) => value as Name);
      expect(missing.filter((name) => [...reached].some((word) => State.has(word as State, name)))).toEqual([]);
    }),
  );
});
