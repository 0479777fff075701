import { defineFlags, FlagsMachineError, machineOf, type FlagsOf } from '@staddle/flags';
import { describe, expect, it } from 'vitest';

const Download = defineFlags('download', {
  bits: { Queued: 0, Running: 1, Paused: 2, Done: 3, Failed: 4, Cancelled: 5, PushPending: 8, PushSent: 9, Archived: 20 },
  groups: {
    run: { of: ['Queued', 'Running', 'Paused', 'Done', 'Failed', 'Cancelled'], arity: 'exactly-one' },
    push: { of: ['PushPending', 'PushSent'], arity: 'at-most-one' },
  },
  masks: { Terminal: ['Done', 'Failed', 'Cancelled'] },
});
type Download = FlagsOf<typeof Download>;

const machine = machineOf(Download)<{ attempts: number }>()(
  {
    start: { from: { all: ['Queued'] }, set: ['Running', 'PushPending'] },
    pause: { from: { all: ['Running'] }, set: ['Paused'] },
    resume: { from: { all: ['Paused'] }, set: ['Running'] },
    finish: { from: { all: ['Running'] }, set: ['Done'] },
    fail: { from: { all: ['Running'] }, set: ['Failed'], guard: ({ attempts }) => attempts > 3 },
    cancel: { from: { none: ['Done', 'Failed'] }, set: ['Cancelled'] },
    pushed: { from: { all: ['PushPending'] }, set: ['PushSent'] },
    acknowledge: { from: {}, clear: ['PushPending', 'PushSent'] },
    archive: { from: [{ all: ['Done'] }, { all: ['Failed'] }, { all: ['Cancelled'] }], set: ['Archived'] },
    retry: { from: [{ all: ['Failed'], none: ['Archived'] }], set: ['Queued'], reopen: true },
    inspect: { from: { none: ['Queued'] } },
  },
  { initial: ['Queued'], terminal: 'Terminal' },
);

describe('compiled masks', () => {
  it('look at the whole group of a wanted state, and clear the siblings of what is set', () => {
    expect(machine.transitions.start).toEqual({ event: 'start', sources: [{ care: 63, want: 1 }], clear: 573, set: 258, results: [{ care: 831, want: 258 }], guarded: false });
    expect(machine.transitions.fail.guarded).toBe(true);
  });

  it('look at nothing but what the event names otherwise', () => {
    expect(machine.transitions.cancel.sources).toEqual([{ care: 24, want: 0 }]);
    expect(machine.transitions.pushed.sources).toEqual([{ care: 256, want: 256 }]);
    expect(machine.transitions.acknowledge).toMatchObject({ sources: [{ care: 0, want: 0 }], clear: 768, set: 0 });
  });

  it('have one source for each condition', () => {
    const wants = [8, 16, 32];
    expect(machine.transitions.archive.sources).toEqual(wants.map((want) => ({ care: 63, want })));
    expect(machine.transitions.retry.sources).toEqual([{ care: 63 + 2 ** 20, want: 16 }]);
  });

  it('cannot be changed', () => {
    const { archive } = machine.transitions;
    for (const value of [machine, machine.events, machine.transitions, archive, archive.sources, archive.sources[0], archive.results]) expect(Object.isFrozen(value)).toBe(true);
  });

  it('are the same on bigints', () => {
    const wide = defineFlags('wide', { backend: 'bigint', bits: { Off: 0, On: 61, Seen: 62 }, groups: { power: { of: ['Off', 'On'], arity: 'exactly-one' } } });
    const power = machineOf(wide)()({ on: { from: { all: ['Off'] }, set: ['On', 'Seen'] }, off: { from: { all: ['On'] }, set: ['Off'] } });
    expect(power.transitions.on).toMatchObject({ sources: [{ care: 2n ** 61n + 1n, want: 1n }], clear: 1n, set: 2n ** 62n + 2n ** 61n });
    expect(power.can(wide.of('Off'), 'on')).toBe(true);
    expect(power.next(wide.of('Off'), 'on')).toBe(wide.of('On', 'Seen'));
    expect(power.next(wide.of('Off'), 'off')).toBeUndefined();
    expect(power.enabled(wide.of('On', 'Seen'))).toEqual(['off']);
    expect(power.apply(wide.of('On', 'Seen'), 'on')).toEqual({ ok: true, changed: false, value: wide.of('On', 'Seen') });
    expect(power.apply(wide.none, 'on')).toEqual({ ok: false, reason: 'precondition', current: 0n });
  });
});

describe('can', () => {
  it('asks the flags, and the guard when there is a context for it', () => {
    const running = Download.of('Running');
    expect(machine.can(running, 'fail')).toBe(true);
    expect(machine.can(running, 'fail', { attempts: 3 })).toBe(false);
    expect(machine.can(running, 'fail', { attempts: 4 })).toBe(true);
    expect(machine.can(Download.of('Queued'), 'fail', { attempts: 4 })).toBe(false);
    expect(machine.can(running, 'finish', { attempts: 0 })).toBe(true);
  });

  it('refuses every event that wants a state for a word with two or none', () => {
    const damaged = Download.fromBits(3, 'retain');
    expect(machine.enabled(damaged)).toEqual(['cancel', 'acknowledge']);
    expect(machine.enabled(Download.none)).toEqual(['cancel', 'acknowledge', 'inspect']);
  });

  it('throws for an event that does not exist', () => {
    const queued = Download.of('Queued');
    for (const event of ['stop', '', 'constructor', '__proto__'] as string[] as 'start'[]) {
      const asked = [() => machine.can(queued, event), () => machine.next(queued, event), () => machine.allows(event, { attempts: 0 }), () => machine.apply(queued, event, { attempts: 0 })];
      for (const ask of asked) expect(ask).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: event }));
    }
  });
});

describe('next', () => {
  it('keeps what the event does not name, known or not', () => {
    const word = Download.fromBits(1 + 2 ** 20 + 2 ** 29, 'retain');
    expect(machine.next(word, 'start')).toBe(2 + 256 + 2 ** 20 + 2 ** 29);
  });

  it('is undefined when the event is not enabled', () => {
    expect(machine.next(Download.of('Done'), 'start')).toBeUndefined();
  });
});

describe('enabled', () => {
  it('lists the events in the order of definition', () => {
    expect(machine.enabled(Download.of('Running', 'PushPending'))).toEqual(['pause', 'finish', 'fail', 'cancel', 'pushed', 'acknowledge', 'inspect']);
    expect(machine.enabled(Download.of('Failed', 'Archived'))).toEqual(['acknowledge', 'archive', 'inspect']);
  });
});

describe('apply', () => {
  const calm = { attempts: 0 };

  it('gives the word after the event', () => {
    expect(machine.apply(Download.of('Queued', 'PushSent'), 'start', calm)).toEqual({ ok: true, changed: true, value: Download.of('Running', 'PushPending') });
  });

  it('says what was missing: the flags, or the guard', () => {
    const queued = Download.of('Queued');
    const running = Download.of('Running');
    expect(machine.apply(queued, 'finish', calm)).toEqual({ ok: false, reason: 'precondition', current: queued });
    expect(machine.apply(running, 'fail', calm)).toEqual({ ok: false, reason: 'guard', current: running });
    expect(machine.apply(queued, 'fail', calm)).toEqual({ ok: false, reason: 'precondition', current: queued });
  });

  it('changes nothing when it is repeated, and asks no guard again', () => {
    const failed = Download.of('Failed', 'Archived');
    expect(machine.apply(failed, 'fail', calm)).toEqual({ ok: true, changed: false, value: failed });
    const started = Download.of('Running', 'PushPending');
    expect(machine.apply(started, 'start', calm)).toEqual({ ok: true, changed: false, value: started });
    expect(machine.apply(Download.of('Running', 'PushSent'), 'start', calm)).toMatchObject({ ok: false, reason: 'precondition' });
  });

  it('does not take a flag that another way has set for a repetition', () => {
    // The event wants a state that the word has not, whatever the flag says that it sets.
    const word = Download.of('Queued', 'Archived');
    expect(machine.apply(word, 'archive', calm)).toEqual({ ok: false, reason: 'precondition', current: word });
  });

  it('does not take every word for the result of an event without effect', () => {
    expect(machine.apply(Download.of('Queued'), 'inspect', calm)).toMatchObject({ ok: false, reason: 'precondition' });
    expect(machine.apply(Download.of('Done'), 'inspect', calm)).toMatchObject({ ok: true, changed: false });
  });

  it('says that nothing changed when the flags were set before', () => {
    const archived = Download.of('Done', 'Archived');
    expect(machine.apply(archived, 'archive', calm)).toEqual({ ok: true, changed: false, value: archived });
  });

  it('never takes a guard for a yes that has not answered yes or no', () => {
    const from = {};
    const odd = machineOf(Download)<string>()({
      later: { from, set: ['Archived'], guard: (async () => false) as never },
      text: { from, set: ['Archived'], guard: (() => 'no') as never },
      nothing: { from, set: ['Archived'], guard: (() => undefined) as never },
    });
    const word = Download.of('Done');
    for (const event of odd.events) {
      const refused = expect.objectContaining({ code: 'ERR_FLAGS_MACHINE', faults: [expect.objectContaining({ path: `${event}.guard` })] });
      expect(() => odd.apply(word, event, '')).toThrow(refused);
      expect(() => odd.can(word, event, '')).toThrow(refused);
      expect(() => odd.allows(event, '')).toThrow(refused);
    }
  });

  it('needs no context for a machine without guards', () => {
    const light = defineFlags('light', { bits: { Red: 0, Green: 1 }, groups: { colour: { of: ['Red', 'Green'], arity: 'exactly-one' } } });
    const lights = machineOf(light)()({ go: { from: { all: ['Red'] }, set: ['Green'] } });
    expect(lights.apply(light.of('Red'), 'go')).toEqual({ ok: true, changed: true, value: 2 });
    expect(lights.allows('go')).toBe(true);
  });
});

function faultsOf(events: unknown, options?: unknown): string[] {
  try {
    machineOf(Download)()(events as never, options as never);
    return [];
  } catch (error) {
    if (!(error instanceof FlagsMachineError)) throw error;
    return error.faults.map(({ path, value, rule }) => `${path} ${JSON.stringify(value)} ${rule}`);
  }
}

describe('machineOf', () => {
  it.each<[string, unknown, string]>([
    ['no event', {}, 'events {} has no event'],
    ['a name that is none', { 'a b': { from: {}, set: ['Archived'] } }, 'a b "a b" is not a name: a letter or _, then letters, digits, _ . -'],
    ['an unknown flag in all', { e: { from: { all: ['Queued', 'Runing'] } } }, 'e.from.all.1 "Runing" is not a flag of this set'],
    ['an unknown flag in none', { e: { from: [{ none: ['Runing'] }] } }, 'e.from.0.none.0 "Runing" is not a flag of this set'],
    ['an unknown flag in set', { e: { from: {}, set: ['constructor'] } }, 'e.set.0 "constructor" is not a flag of this set'],
    ['an unknown flag in clear', { e: { from: {}, clear: ['X'] } }, 'e.clear.0 "X" is not a flag of this set'],
    ['no source', { e: { from: [], set: ['Archived'] } }, 'e.from [] names no word to start from, so the event could never happen'],
    ['a flag set and cleared', { e: { from: {}, set: ['Archived'], clear: ['Archived'] } }, 'e.clear ["Archived"] is set by the same event'],
    ['two states set', { e: { from: {}, set: ['Queued', 'Done'] } }, 'e.set ["Queued","Done"] are members of group run, of which only one can be set'],
    ['two siblings set', { e: { from: {}, set: ['PushPending', 'PushSent'] } }, 'e.set ["PushPending","PushSent"] are members of group push, of which only one can be set'],
    ['an emptied state', { e: { from: { all: ['Queued'] }, clear: ['Queued'] } }, 'e.clear ["Queued"] would leave group run empty; set the member that takes its place'],
    ['a flag wanted and excluded', { e: { from: { all: ['Archived'], none: ['Archived'] } } }, 'e.from ["Archived"] is wanted and excluded, so it can never be enabled'],
    ['two states wanted', { e: { from: { all: ['Queued', 'Done'] } } }, 'e.from.all ["Queued","Done"] are members of group run, which are never set together, so it can never be enabled'],
    ['two siblings wanted', { e: { from: [{}, { all: ['PushPending', 'PushSent'] }] } }, 'e.from.1.all ["PushPending","PushSent"] are members of group push, which are never set together, so it can never be enabled'],
    ['events that are none', null, 'events null is no object'],
    ['an event that is none', { e: null }, 'e null is no object'],
    ['an event without a source', { e: { set: ['Archived'] } }, 'e.from undefined is no object'],
    ['a source that is a name', { e: { from: 'Queued' } }, 'e.from "Queued" is no object'],
    ['a condition that is a name', { e: { from: [{ all: 'Queued' }] } }, 'e.from.0.all "Queued" is no list of names'],
    ['a condition with a hole', { e: { from: { none: Array.from({ length: 1 }) } } }, 'e.from.none [null] has a hole'],
    ['a misspelt condition, which would admit every word', { e: { from: { any: ['Queued'] } } }, 'e.from.any ["Queued"] is none of the parts all, none'],
    ['a misspelt effect', { e: { from: {}, sets: ['Archived'] } }, 'e.sets ["Archived"] is none of the parts from, set, clear, guard, reopen'],
    ['a guard that is none', { e: { from: {}, guard: true } }, 'e.guard true is no function'],
    [
      'every state excluded',
      { e: { from: { none: ['Queued', 'Running', 'Paused', 'Done', 'Failed', 'Cancelled'] } } },
      'e.from.none ["Queued","Running","Paused","Done","Failed","Cancelled"] are all members of group run, so it can never be enabled',
    ],
  ])('refuses %s', (_, events, expected) => {
    expect(faultsOf(events)).toEqual([expected]);
  });

  it('reports every fault at once', () => {
    const define = (): unknown => machineOf(Download)()({ a: { from: [] }, b: { from: {}, set: ['Queued', 'Done'], clear: ['Nope' as 'Archived'] } }, { terminal: ['Archived'] });
    expect(define).toThrow(FlagsMachineError);
    expect(define).toThrow(
      expect.objectContaining({ code: 'ERR_FLAGS_MACHINE', set: 'download', retryable: false, faults: [{ path: 'a.from' }, { path: 'b.clear.0', value: 'Nope' }, { path: 'b.set' }, { path: 'terminal' }].map((fault) => expect.objectContaining(fault)) }),
    );
  });

  describe('with initial states', () => {
    const events = { start: { from: { all: ['Queued'] }, set: ['Running'] }, cancel: { from: { all: ['Running'], none: ['Archived'] }, set: ['Cancelled'] } };

    it('refuses states that no event reaches', () => {
      expect(faultsOf(events, { initial: ['Queued'] })).toEqual(['Paused', 'Done', 'Failed'].map((name) => `groups.run "${name}" is neither initial nor reached by an event`));
      expect(faultsOf(events, { initial: ['Queued', 'Paused', 'Done', 'Failed'] })).toEqual([]);
      // Running is not initial: nothing leads to Cancelled either.
      expect(faultsOf({ cancel: events.cancel }, { initial: ['Queued', 'Paused', 'Done', 'Failed'] })).toHaveLength(2);
    });

    it('follows events through several groups', () => {
      const bits = { A: 0, B: 1, X: 2, Y: 3 };
      const set = defineFlags('two', { bits, groups: { g: { of: ['A', 'B'], arity: 'exactly-one' }, h: { of: ['X', 'Y'], arity: 'exactly-one' } } });
      const define = (from: 'A' | 'Y') => machineOf(set)()({ b: { from: { all: ['Y'] }, set: ['B'] }, y: { from: { all: [from] }, set: ['Y'] } }, { initial: ['A', 'X'] });
      expect(define('A').initial).toEqual(['A', 'X']);
      expect(() => define('Y')).toThrow(expect.objectContaining({ faults: [expect.objectContaining({ value: 'B' }), expect.objectContaining({ value: 'Y' })] }));
    });

    it('refuses what is no state, and a group without an initial one', () => {
      expect(faultsOf(events, { initial: ['Queued', 'Paused', 'Done', 'Failed', 'Archived', 'Nope'] })).toEqual([
        'initial.5 "Nope" is not a flag of this set',
        'initial "Archived" is no member of an exactly-one group',
      ]);
      expect(faultsOf(events, { initial: [] })).toEqual(['initial [] has no member of group run, without which no word is complete']);
    });
  });

  describe('with terminal states', () => {
    const leave = (from: unknown, more = {}) => ({ leave: { from, set: ['Queued'], ...more } });

    it('refuses an exit', () => {
      const exit = (names: string[]): string => `leave ${JSON.stringify(names)} is terminal and has an exit here; exclude it in \`from\`, or say \`reopen: true\``;
      expect(faultsOf(leave({ all: ['Done'] }), { terminal: ['Done'] })).toEqual([exit(['Done'])]);
      expect(faultsOf(leave({}), { terminal: 'Terminal' })).toEqual([exit(['Done', 'Failed', 'Cancelled'])]);
      expect(faultsOf(leave([{ all: ['Running'] }, { none: ['Done'] }]), { terminal: 'Terminal' })).toEqual([exit(['Failed', 'Cancelled'])]);
    });

    it('accepts one that says so, and nothing that says so without being one', () => {
      expect(faultsOf(leave({ all: ['Done'] }, { reopen: true }), { terminal: ['Done'] })).toEqual([]);
      expect(faultsOf(leave({ all: ['Running'] }, { reopen: true }), { terminal: ['Done'] })).toEqual(['leave.reopen true is said of an event that leaves no terminal state']);
    });

    it('accepts events that stay in the state', () => {
      expect(faultsOf({ archive: { from: {}, set: ['Archived'] }, done: { from: { none: ['Failed', 'Cancelled'] }, set: ['Done'] } }, { terminal: 'Terminal' })).toEqual([]);
    });

    it('refuses what is neither a mask nor a list, and what is misspelt', () => {
      const event = { e: { from: {}, set: ['Archived'] } };
      expect(faultsOf(event, { terminal: 7 } as never)).toEqual(['terminal 7 is no list of names']);
      expect(faultsOf(event, { initial: 'Queued' } as never)).toEqual(['initial "Queued" is no list of names']);
      expect(faultsOf(event, { determinstic: true } as never)).toEqual(['determinstic true is none of the parts initial, terminal, deterministic']);
    });

    it('refuses what is no state or mask', () => {
      expect(faultsOf(leave({}), { terminal: 'Over' })).toEqual(['terminal "Over" is not a mask of this set']);
      expect(faultsOf(leave({}), { terminal: ['PushSent'] })).toEqual(['terminal "PushSent" is no member of an exactly-one group']);
    });
  });

  describe('when it is to be deterministic', () => {
    const deterministic = { deterministic: true };
    const ambiguous = (one: string, other: string): string => `${other} "${one}" can be enabled in the same word and leads to another one`;

    it('refuses two events that lead from one word to two', () => {
      expect(faultsOf({ a: { from: { all: ['Queued'] }, set: ['Running'] }, b: { from: { all: ['Queued'] }, set: ['Paused'] } }, deterministic)).toEqual([ambiguous('a', 'b')]);
      expect(faultsOf({ a: { from: { all: ['Queued'] }, set: ['Archived'] }, b: { from: { none: ['Done'] } } }, deterministic)).toEqual([ambiguous('a', 'b')]);
    });

    it('accepts two events that are never enabled together, or lead to the same', () => {
      expect(faultsOf({ a: { from: { all: ['Queued'] }, set: ['Running'] }, b: { from: { all: ['Paused'] }, set: ['Done'] } }, deterministic)).toEqual([]);
      expect(faultsOf({ a: { from: { all: ['Queued', 'Archived'] }, set: ['Running'] }, b: { from: { all: ['Queued'], none: ['Archived'] }, set: ['Done'] } }, deterministic)).toEqual([]);
      expect(faultsOf({ a: { from: { all: ['Queued'] }, set: ['Running'] }, b: { from: { none: ['Done'] }, set: ['Running'] } }, deterministic)).toEqual([]);
      // Setting what is set, and clearing what is not, is no effect.
      expect(faultsOf({ a: { from: { all: ['Archived'] }, set: ['Archived'] }, b: { from: { all: ['Archived'] } } }, deterministic)).toEqual([]);
    });

    it('knows that no word is without a state', () => {
      const halves = { a: { from: { none: ['Queued', 'Running', 'Paused'] }, set: ['Archived'] }, b: { from: { none: ['Done', 'Failed', 'Cancelled'] }, clear: ['Archived'] } };
      expect(faultsOf(halves, deterministic)).toEqual([]);
    });
  });

  it('gives the names of events, initial and terminal states', () => {
    expect(machine.events.slice(0, 3)).toEqual(['start', 'pause', 'resume']);
    expect(machine.initial).toEqual(['Queued']);
    expect(machine.terminal).toEqual(['Done', 'Failed', 'Cancelled']);
    expect(machine.flags).toBe(Download);
  });
});
