import { defineFlags, FlagsDefinitionError } from '@staddle/flags';
import { describe, expect, it } from 'vitest';

function errorOf(name: string, spec: unknown): unknown {
  try {
    return defineFlags(name, spec as never);
  } catch (error) {
    return error;
  }
}

function faultsOf(name: string, spec: unknown): string[] {
  const error = errorOf(name, spec);
  return error instanceof FlagsDefinitionError ? error.faults.map(({ path, rule }) => `${path} ${rule}`) : [];
}

describe('defineFlags', () => {
  it('gives each flag the bit of its index, and each mask and group the union of its members', () => {
    const set = defineFlags('s', {
      bits: { Low: 0, Mid: 7, High: 30 },
      groups: { ends: { of: ['Low', 'High'], arity: 'at-most-one' } },
      masks: { Upper: ['Mid', 'High'] },
    });
    expect(set.bit).toMatchObject({ Low: 1, Mid: 128, High: 2 ** 30 });
    expect(set.mask).toMatchObject({ ends: 2 ** 30 + 1, Upper: 2 ** 30 + 128 });
    expect(set.all).toBe(2 ** 30 + 129);
  });

  it('does the same with words of bigint, up to bit 62', () => {
    const set = defineFlags('s', { backend: 'bigint', bits: { Low: 0, High: 62 }, masks: { Ends: ['High', 'Low'] } });
    expect(set.bit).toEqual({ Low: 1n, High: 2n ** 62n });
    expect([set.all, set.mask.Ends, set.none]).toEqual([2n ** 62n + 1n, 2n ** 62n + 1n, 0n]);
    expect([set.backend, defineFlags('s', { bits: { A: 0 } }).backend]).toEqual(['bigint', 'number']);
  });

  it('shows what it was given, complete and in bit order', () => {
    const bits = { B: 1, A: 0 };
    const set = defineFlags('s', { bits, groups: { g: { of: ['B', 'A'], arity: 'at-most-one' } }, retired: { 6: 'Old' } });
    bits.B = 7;
    expect(set.definition).toEqual({ bits: { A: 0, B: 1 }, groups: { g: { of: ['B', 'A'], arity: 'at-most-one' } }, masks: {}, retired: { 6: 'Old' } });
    expect(Object.keys(set.definition.bits)).toEqual(['A', 'B']);
  });

  it('freezes what it hands out', () => {
    const set = defineFlags('s', { bits: { A: 0 }, groups: { g: { of: ['A'], arity: 'at-most-one' } }, masks: { m: ['A'] } });
    const { definition } = set;
    for (const value of [set, set.bit, set.mask, set.json, definition, definition.bits, definition.groups.g, definition.groups.g.of, definition.masks.m, definition.retired]) {
      expect(Object.isFrozen(value)).toBe(true);
    }
  });

  it.each<[string, unknown, string]>([
    ['an index above 30', { bits: { A: 31 } }, 'bits.A is not a bit index, a whole number from 0 to 30'],
    ['an index above 62 of a bigint', { backend: 'bigint', bits: { A: 63 } }, 'bits.A is not a bit index, a whole number from 0 to 62'],
    ['a backend that does not exist', { backend: 'float', bits: { A: 0 } }, "backend is neither 'number' nor 'bigint'"],
    ['an inherited backend', { backend: 'toString', bits: { A: 0 } }, "backend is neither 'number' nor 'bigint'"],
    ['a negative index', { bits: { A: -1 } }, 'bits.A is not a bit index, a whole number from 0 to 30'],
    ['a fractional index', { bits: { A: 1.5 } }, 'bits.A is not a bit index, a whole number from 0 to 30'],
    ['an index that is no number', { bits: { A: '1' } }, 'bits.A is not a bit index, a whole number from 0 to 30'],
    ['two flags on one bit', { bits: { A: 1, B: 1 } }, 'bits.B is already the bit of A'],
    ['a flag on a retired bit', { bits: { A: 6 }, retired: { 6: 'Old' } }, 'bits.A is already the bit of the retired flag Old'],
    ['the name of a retired flag', { bits: { Old: 1 }, retired: { 6: 'Old' } }, 'bits.Old is already the name of retired.6'],
    ['a retired bit that is no index', { bits: { A: 0 }, retired: { x: 'Old' } }, 'retired.x is not a bit index, a whole number from 0 to 30'],
    ['a retired bit written oddly', { bits: { A: 0 }, retired: { '06': 'Old' } }, 'retired.06 is not a bit index, a whole number from 0 to 30'],
    ['a name with a blank', { bits: { 'A B': 0 } }, 'bits.A B is not a name: a letter or _, then letters, digits, _ . -'],
    ['a name with a comma', { bits: { 'A,B': 0 } }, 'bits.A,B is not a name: a letter or _, then letters, digits, _ . -'],
    ['the empty name', { bits: { '': 0 } }, 'bits. is not a name: a letter or _, then letters, digits, _ . -'],
    ['no flag', { bits: {} }, 'bits has no flag'],
    ['a name with a separator', { bits: { 'A|B': 0 } }, 'bits.A|B is not a name: a letter or _, then letters, digits, _ . -'],
    ['a name that reads as hexadecimal', { bits: { '0x1': 0 } }, 'bits.0x1 is not a name: a letter or _, then letters, digits, _ . -'],
    ['a name that is an array index', { bits: { 3: 0 } }, 'bits.3 is not a name: a letter or _, then letters, digits, _ . -'],
    ['__proto__ from parsed JSON', { bits: JSON.parse('{"__proto__":0}') }, 'bits.__proto__ is not a name: a letter or _, then letters, digits, _ . -'],
    ['an empty group', { bits: { A: 0 }, groups: { g: { of: [], arity: 'at-most-one' } } }, 'groups.g.of has no member'],
    ['an unknown member', { bits: { A: 0 }, groups: { g: { of: ['B'], arity: 'at-most-one' } } }, 'groups.g.of.0 is not a flag of this set'],
    ['an inherited name as member', { bits: { A: 0 }, masks: { m: ['toString'] } }, 'masks.m.0 is not a flag of this set'],
    ['a member listed twice', { bits: { A: 0 }, masks: { m: ['A', 'A'] } }, 'masks.m.1 is listed twice'],
    ['an empty mask', { bits: { A: 0 }, masks: { m: [] } }, 'masks.m has no member'],
    ['an unknown arity', { bits: { A: 0 }, groups: { g: { of: ['A'], arity: 'one' } } }, "groups.g.arity is neither 'exactly-one' nor 'at-most-one'"],
    ['a mask named as a group', { bits: { A: 0 }, groups: { x: { of: ['A'], arity: 'at-most-one' } }, masks: { x: ['A'] } }, 'masks.x is already the name of groups.x'],
    ['a mask named as a flag', { bits: { A: 0 }, masks: { A: ['A'] } }, 'masks.A is already the name of bits.A'],
    ['no definition', undefined, 'spec is no object'],
    ['no bits', {}, 'bits is no object'],
    ['bits in an array', { bits: ['A'] }, 'bits is no object'],
    ['a misspelt part', { bits: { A: 0 }, retire: { 1: 'Old' } }, 'retire is none of the parts backend, bits, groups, masks, retired'],
    ['groups that are none', { bits: { A: 0 }, groups: null }, 'groups is no object'],
    ['a group that is none', { bits: { A: 0 }, groups: { g: null } }, 'groups.g is no object'],
    ['a group without members', { bits: { A: 0 }, groups: { g: { arity: 'exactly-one' } } }, 'groups.g.of is no list of names'],
    ['a mask that is a name', { bits: { A: 0 }, masks: { m: 'A' } }, 'masks.m is no list of names'],
    ['a mask with a hole', { bits: { A: 0 }, masks: { m: Array.from({ length: 1 }) } }, 'masks.m has a hole'],
    [
      'a flag in two groups',
      { bits: { A: 0, B: 1 }, groups: { g: { of: ['A'], arity: 'at-most-one' }, h: { of: ['B', 'A'], arity: 'exactly-one' } } },
      'groups.h.of.1 is already a member of group g',
    ],
  ])('refuses %s', (_, spec, expected) => {
    expect(faultsOf('s', spec)).toEqual([expected]);
  });

  it('refuses a numeric TypeScript enum, whose reverse mapping has names for values, with one fault', () => {
    expect(faultsOf('s', { bits: { A: 0, B: 1, 0: 'A', 1: 'B' } })).toEqual([
      'bits is a numeric enum with its reverse mapping; bits are an object from name to bit index',
    ]);
  });

  it('reports every fault at once, with the value', () => {
    const error = errorOf('my set', { bits: { A: 31, B: 2, C: 2 }, masks: { m: [] } });
    expect(error).toMatchObject({
      name: 'FlagsDefinitionError',
      code: 'ERR_FLAGS_DEFINITION',
      set: 'my set',
      retryable: false,
      faults: [{ path: 'name' }, { path: 'bits.A', value: 31 }, { path: 'bits.C', value: 2 }, { path: 'masks.m' }],
      message: expect.stringContaining('bits.A 31 is not a bit index'),
    });
  });
});
