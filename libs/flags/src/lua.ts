import type { AnyFlagSet } from './any-flag-set.ts';
import { FlagsBackendError, FlagsIdentifierError } from './errors.ts';
import type { Machine } from './machine.ts';
import { transitionOf } from './transition.ts';

export interface LuaOptions {
  /** Name of the function. Default `next_word`. */
  readonly name?: string;
}

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
// Lua's own words, and what the function itself calls.
const TAKEN = new Set(
  'and break do else elseif end false for function goto if in local nil not or repeat return then true until while assert bit error tonumber tostring'.split(' '),
);

/**
 * The machine as a Lua function for Redis scripts: `local function next_word(word, event)` gives the word after the event,
 * or nil when the word does not allow it. It raises an error for an event that does not exist and for what is no number,
 * such as a key without value. Guards are not in it.
 * @throws FlagsBackendError (`ERR_FLAGS_BACKEND`) for a set of bigints: Redis's `bit` library has 32 bits, one of them the sign
 * @throws FlagsIdentifierError (`ERR_FLAGS_IDENTIFIER`) for a name that is none in Lua
 */
export function luaOf<Event extends string>(machine: Pick<Machine<AnyFlagSet, Event>, 'flags' | 'events' | 'transitions'>, { name = 'next_word' }: LuaOptions = {}): string {
  const { flags, events } = machine;
  if (flags.backend !== 'number') throw new FlagsBackendError(flags.name, flags.backend, "the bit library of Redis's Lua is right up to bit 30 only");
  if (!PLAIN_NAME.test(name) || TAKEN.has(name)) throw new FlagsIdentifierError(flags.name, name, 'a Lua function has a name of ASCII letters, digits and _ that means nothing else');

  const branches = events.flatMap((event, at) => {
    const { sources, clear, set } = transitionOf(machine, event);
    const enabled = sources.map(({ care, want }) => `bit.band(word, ${care}) == ${want}`).join(' or ');
    const next = `bit.bor(bit.band(word, bit.bnot(${clear})), ${set})`;
    return [`  ${at === 0 ? 'if' : 'elseif'} event == '${event}' then`, `    if ${enabled} then return ${next} end`];
  });
  return [
    `local function ${name}(word, event)`,
    `  word = assert(tonumber(word), 'not a word of flags "${flags.name}"')`,
    ...branches,
    '  else',
    `    error('flags "${flags.name}" have no event named ' .. tostring(event))`,
    '  end',
    '  return nil',
    'end',
    '',
  ].join('\n');
}
