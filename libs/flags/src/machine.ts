import type { AnyFlagSet, MaskName, ValueOf } from './any-flag-set.ts';
import { BITS, type Arithmetic } from './bits.ts';
import { FlagsMachineError, UnknownFlagError, type DefinitionFault } from './errors.ts';
import type { FlagName, FlagsOf } from './flags.ts';
import { checkMachine } from './machine-checks.ts';
import { checkEvents, compileEvents, setBitsOf, type EventSpec, type MachineOptions } from './machine-definition.ts';
import type { Fault } from './shape.ts';
import { TRANSITION_BITS, type Transition, type TransitionBits } from './transition.ts';

/*
 * A state machine over the words of a set: named events, each compiled to four masks.
 *
 *   enabled  (word & care) === want      one compare for each source of the event
 *   next     (word & ~clear) | set
 *
 * Invariants
 * 1. The masks are the machine. JavaScript, SQL (sql.ts, drivers/kysely.ts) and Lua (lua.ts) are written from the same four,
 *    so an event is enabled in all of them or in none.
 * 2. An event keeps every exactly-one group at one member and every at-most-one group at one at most: setting a member
 *    clears its siblings, and nothing empties an exactly-one group.
 * 3. A source that names a member of an exactly-one group looks at the whole group. A damaged word with two states matches
 *    no such source.
 * 4. Bits that the event does not name, known or not, stay as they are.
 * 5. A repeated event is recognised by its result: when the event is not enabled and the word looks as the event leaves
 *    words, `apply` says `ok` and `changed: false`.
 * 6. The flags of `from` are decided together with the write. A `guard` is not: it runs before it, on what its caller knew.
 */

/** What became of an event. */
export type TransitionResult<W> =
  | { readonly ok: true; readonly changed: boolean; readonly value: W }
  /** `precondition`: no source of the event matches. `guard`: the guard said no. */
  | { readonly ok: false; readonly reason: 'precondition' | 'guard'; readonly current: W };

/** Events of the words of `Flags`: made by {@link machineOf}. Its functions do not use `this`. */
export interface Machine<Flags extends AnyFlagSet, Event extends string, Context = void> {
  readonly flags: Flags;
  /** In the order of definition. */
  readonly events: readonly Event[];
  /** The compiled masks of each event. */
  readonly transitions: { readonly [E in Event]: Transition<E, ValueOf<Flags>> };
  /** The members of exactly-one groups declared as such; empty when none are. */
  readonly initial: readonly FlagName<Flags>[];
  /** The members of exactly-one groups declared as such; empty when none are. */
  readonly terminal: readonly FlagName<Flags>[];

  /**
   * Whether the flags allow the event and, when a context is given, its guard does.
   * @throws UnknownFlagError (`ERR_FLAGS_UNKNOWN`) for an event that does not exist, as do all functions that take one
   */
  can(word: FlagsOf<Flags>, event: Event, context?: Context): boolean;
  /** The word after the event; undefined when the flags do not allow it. */
  next(word: FlagsOf<Flags>, event: Event): FlagsOf<Flags> | undefined;
  /** The events that the flags allow, in the order of definition. */
  enabled(word: FlagsOf<Flags>): Event[];
  /** What the guard of the event says; true without one. @throws FlagsMachineError (`ERR_FLAGS_MACHINE`) for a guard that answers anything but true or false, as do `can` and `apply` */
  allows(event: Event, context: Context): boolean;
  /** The event in memory. A repeated event is `ok` and changes nothing, and its guard is not asked again. */
  apply(word: FlagsOf<Flags>, event: Event, context: Context): TransitionResult<FlagsOf<Flags>>;
}

/** The last step of {@link machineOf}. */
export type DefineMachine<Flags extends AnyFlagSet, Context> = <Event extends string>(
  events: Readonly<Record<Event, EventSpec<FlagName<Flags>, Context>>>,
  options?: MachineOptions<FlagName<Flags>, MaskName<Flags>>,
) => Machine<Flags, Event, Context>;

/**
 * Defines the events of a set: `machineOf(State)<Context>()({ start: { from: { all: ['Ready'] }, set: ['Running'] } })`.
 * The calls are three because the context of the guards is given while the events are inferred, and TypeScript does
 * either for all type parameters of a call or for none.
 * @throws FlagsMachineError (`ERR_FLAGS_MACHINE`) with every fault of the events
 */
export function machineOf<Flags extends AnyFlagSet>(flags: Flags): <Context = void>() => DefineMachine<Flags, Context> {
  return () => (events, options = {}) =>
    // The names are typed here, once; inside `build` a name is a string.
    (flags.backend === 'bigint' ? build(flags, BITS.bigint, TRANSITION_BITS.bigint, events, options) : build(flags, BITS.number, TRANSITION_BITS.number, events, options)) as never;
}

function build<Value extends number | bigint>(
  flags: AnyFlagSet,
  bits: Arithmetic<Value>,
  questions: TransitionBits<Value>,
  events: Readonly<Record<string, EventSpec>>,
  options: MachineOptions,
) {
  const faults: DefinitionFault[] = [];
  const fault: Fault = (path, value, rule) => void faults.push({ path, value, rule });
  const refuseFaults = (): void => {
    if (faults.length > 0) throw new FlagsMachineError(flags.name, faults);
  };
  checkEvents(fault, events, options);
  refuseFaults();
  const set = setBitsOf(flags, bits, fault);
  const compiled = compileEvents(set, events);
  const { initial, terminal } = checkMachine(set, { events, transitions: compiled, options, masks: flags.definition.masks });
  refuseFaults();

  const transitions = Object.freeze(Object.fromEntries<Transition<string, Value>>(compiled.map((transition) => [transition.event, transition] as const)));
  const guards = new Map(Object.entries(events).map(([event, { guard = () => true }]) => [event, guard]));
  const names = Object.freeze(Object.keys(events));
  const unknownEvent = (event: string): never => {
    throw new UnknownFlagError(flags.name, event, 'no event has this name');
  };
  // The same with plain arrays: V8 reads the elements of frozen ones in a slow way, which made an event three times as slow.
  const table = Object.fromEntries<Transition<string, Value>>(
    compiled.map((transition) => [transition.event, { ...transition, sources: [...transition.sources] }]),
  );
  const canByFlags = questions.canIn(table, unknownEvent);
  const next = questions.nextIn(table, unknownEvent);
  const allows = (event: string, context: unknown): boolean => {
    const answer: unknown = (guards.get(event) ?? unknownEvent(event))(context as never);
    if (typeof answer === 'boolean') return answer;
    // A promise of an answer counts as true in an `if`.
    throw new FlagsMachineError(flags.name, [{ path: `${event}.guard`, value: answer, rule: 'is no answer of a guard, which is true or false at once' }]);
  };

  return Object.freeze({
    flags,
    events: names,
    transitions,
    initial: Object.freeze(initial),
    terminal: Object.freeze(terminal),
    can: (word: Value, event: string, context?: unknown) => canByFlags(word, event) && (context === undefined || allows(event, context)),
    next,
    enabled: (word: Value) => names.filter((event) => canByFlags(word, event)),
    allows,
    apply: (word: Value, event: string, context: unknown): TransitionResult<Value> => {
      const value = next(word, event);
      if (value === undefined) {
        const repeated = transitions[event]!.results.some(({ care, want }) => bits.equals(bits.intersection(word, care), want));
        return repeated ? { ok: true, changed: false, value: word } : { ok: false, reason: 'precondition', current: word };
      }
      if (!allows(event, context)) return { ok: false, reason: 'guard', current: word };
      return { ok: true, changed: value !== word, value };
    },
  });
}
