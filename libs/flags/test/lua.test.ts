import { defineFlags, luaOf, machineOf } from '@staddle/flags';
import { testRedis } from '@staddle/testing';
import { describe, expect, it } from 'vitest';

const State = defineFlags('state', { bits: { Ready: 0, Running: 1, Late: 30 }, groups: { phase: { of: ['Ready', 'Running'], arity: 'exactly-one' } } });
const machine = machineOf(State)()({ start: { from: { all: ['Ready'] }, set: ['Running'] }, late: { from: [{ all: ['Ready'] }, { all: ['Running'] }], set: ['Late'] } });

describe('luaOf', () => {
  it('writes a function from the masks', () => {
    expect(luaOf(machine, { name: 'next_state' })).toBe(`local function next_state(word, event)
  word = assert(tonumber(word), 'not a word of flags "state"')
  if event == 'start' then
    if bit.band(word, 3) == 1 then return bit.bor(bit.band(word, bit.bnot(1)), 2) end
  elseif event == 'late' then
    if bit.band(word, 3) == 1 or bit.band(word, 3) == 2 then return bit.bor(bit.band(word, bit.bnot(0)), 1073741824) end
  else
    error('flags "state" have no event named ' .. tostring(event))
  end
  return nil
end
`);
  });

  it('refuses a set of bigints', () => {
    const Wide = defineFlags('wide', { backend: 'bigint', bits: { A: 0 } });
    const wide = machineOf(Wide)()({ a: { from: {}, set: ['A'] } });
    expect(() => luaOf(wide as never)).toThrow(expect.objectContaining({ name: 'FlagsBackendError', code: 'ERR_FLAGS_BACKEND', set: 'wide', backend: 'bigint' }));
  });

  it('refuses a name that is none in Lua', () => {
    for (const name of ['', '1a', 'a-b', 'a.b', 'f() end --', 'end', 'and', 'bit', 'tonumber']) expect(() => luaOf(machine, { name })).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_IDENTIFIER', value: name }));
  });

  it('changes a word in Redis in one script, and fails where there is none', async () => {
    await using redis = await testRedis();
    const client = redis.client();
    const script = `${luaOf(machine)}
      local word = next_word(redis.call('get', KEYS[1]), ARGV[1])
      if word then redis.call('set', KEYS[1], string.format('%d', word)) end
      return word or -1`;
    const key = `${redis.prefix}state`;
    await client.set(key, State.of('Ready', 'Late'));
    expect(await client.eval(script, 1, key, 'start')).toBe(State.of('Running', 'Late'));
    expect(await client.eval(script, 1, key, 'start')).toBe(-1);
    expect(await client.get(key)).toBe(String(State.of('Running', 'Late')));
    await expect(client.eval(script, 1, key, 'stop')).rejects.toThrow('flags "state" have no event named stop');
    await expect(client.eval(script, 1, `${key}:none`, 'start')).rejects.toThrow('not a word of flags "state"');
  });
});
