import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Download } from './download.ts';

const POLICIES = ['strict', 'retain', 'truncate'] as const;
const unknown = 1 << 21;
const retired = 1 << 6;

function acceptsStrictly(raw: number): boolean {
  try {
    return Download.fromBits(raw) === raw;
  } catch {
    return false; // which error it is has tests of its own
  }
}

describe('fromBits', () => {
  it.each([5, 5n, '5'])('reads %o exactly', (raw) => {
    expect(Download.fromBits(raw, 'retain')).toBe(5);
  });

  it('reads every bit from 0 to 30 in each form', () => {
    for (let index = 0; index <= 30; index++) {
      const bits = 2 ** index;
      for (const raw of [bits, BigInt(bits), String(bits)]) expect(Download.fromBits(raw, 'retain')).toBe(bits);
    }
  });

  it.each<[unknown]>([
    [''], [' 1'], ['1 '], ['01'], ['+1'], ['-1'], ['1e3'], ['0x1'], ['1.0'], ['1_0'], ['١'], ['Queued'], ['9'.repeat(400)],
    [-1], [-1n], [1.5], [NaN], [Infinity], [-Infinity], [2 ** 31], [2n ** 31n], [String(2 ** 31)], [2n ** 64n + 1n], [1n << 40n],
    [null], [undefined], [true], [[]], [['Queued']], [{}], [new Number(1)], [Symbol('s')], [() => 1],
  ])('refuses %o under every policy', (raw) => {
    for (const policy of POLICIES) expect(() => Download.fromBits(raw, policy)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT', value: raw }));
  });

  it('gives zero for minus zero', () => {
    expect(Object.is(Download.fromBits(-0, 'retain'), 0)).toBe(true);
  });

  it('is strict about unknown and retired bits unless told otherwise', () => {
    for (const extra of [unknown, retired]) {
      const raw = Download.of('Running') | extra;
      expect(() => Download.fromBits(raw)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: raw }));
      expect(Download.fromBits(raw, 'retain')).toBe(raw);
      expect(Download.fromBits(raw, 'truncate')).toBe(Download.of('Running'));
    }
  });

  it('is strict about groups, and reads a damaged row when asked to', () => {
    expect(() => Download.fromBits(0)).toThrow('group "phase" of flags "download" has exactly-one member, not none');
    expect(() => Download.fromBits(3)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_GROUP', members: ['Queued', 'Running'] }));
    expect(() => Download.fromBits(1 | (3 << 8))).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_GROUP', group: 'push' }));
    expect(Download.fromBits(3, 'retain')).toBe(3);
    expect(Download.fromBits(3, 'truncate')).toBe(3);
  });

  it('refuses a policy that does not exist', () => {
    expect(() => Download.fromBits(1, 'lenient' as never)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT', value: 'lenient' }));
  });

  it('accepts under strict exactly the words without issues', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (raw) => {
        expect(acceptsStrictly(raw)).toBe(Download.issues(Download.fromBits(raw, 'retain')).length === 0);
      }),
    );
  });
});

describe('text', () => {
  it.each<[string, number]>([
    ['Queued', 1],
    ['Queued | Late', 17],
    ['  Late|Queued ', 17],
    ['Queued | Queued', 1],
    ['Queued | 0x10', 17],
    ['0x00000011', 17],
    ['0x1F', 31],
  ])('reads %o', (text, bits) => {
    expect(Download.parse(text, 'retain')).toBe(bits);
  });

  it.each(['', ' ', '|', 'Queued |', '| Queued', 'Queued || Late'])('refuses %o, where a flag is missing', (text) => {
    for (const policy of POLICIES) expect(() => Download.parse(text, policy)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
  });

  it.each(['queued', 'Queued, Late', 'constructor', '1', '0x', '0xg', '-0x1', '0x1234567890abcdef0'])('refuses %o, which names no flag, under every policy', (text) => {
    for (const policy of POLICIES) expect(() => Download.parse(text, policy)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: text }));
  });

  it('says so when a name is retired', () => {
    expect(() => Download.parse('Stuck', 'retain')).toThrow('"Stuck" is not known to flags "download": this flag is retired');
  });

  it('refuses hexadecimal beyond bit 30', () => {
    expect(() => Download.parse('0x80000000', 'retain')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
  });

  it('refuses what is not text', () => {
    for (const value of [undefined, null, 1, ['Queued']]) {
      expect(() => Download.parse(value as never)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
    }
  });

  it('applies the policy to hexadecimal as to any bits', () => {
    expect(Download.parse('Queued | 0x200000', 'retain')).toBe(1 | unknown);
    expect(Download.parse('Queued | 0x200000', 'truncate')).toBe(1);
    expect(() => Download.parse('Queued | 0x200000')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN' }));
    expect(Download.parse('Queued | 0x10')).toBe(17);
    expect(() => Download.parse('Queued | Done')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_GROUP' }));
  });

  it('writes names in bit order, the rest in hexadecimal and the empty word as 0x0', () => {
    expect(Download.format(Download.fromBits(unknown | retired | 17, 'retain'))).toBe('Queued | Late | 0x200040');
    expect(Download.format(Download.none)).toBe('0x0');
  });

  it('reads back every word it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (raw) => {
        const word = Download.fromBits(raw, 'retain');
        expect(Download.parse(Download.format(word), 'retain')).toBe(word);
        expect(Download.parse(Download.format(word), 'truncate')).toBe(Download.truncate(word));
      }),
    );
  });
});

describe('json', () => {
  it('is the array of names in bit order, with what is left in hexadecimal', () => {
    expect(Download.json.encode(Download.of('Late', 'Running'))).toEqual(['Running', 'Late']);
    expect(Download.json.encode(Download.fromBits(unknown | 2, 'retain'))).toEqual(['Running', '0x200000']);
    expect(Download.json.encode(Download.none)).toEqual([]);
  });

  it('is strict by default', () => {
    expect(Download.json.decode(['Running', 'Late'])).toBe(18);
    expect(() => Download.json.decode([])).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_GROUP' }));
    expect(() => Download.json.decode(['Running', '0x200000'])).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN' }));
    expect(() => Download.json.decode(['Runing'])).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: 'Runing' }));
  });

  it.each<[unknown]>([['Running'], [2], [null], [{}], [[2]], [[null]], [['']], [[['Running']]]])('refuses %o', (json) => {
    for (const policy of POLICIES) expect(() => Download.json.decode(json, policy)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
  });

  it('survives a round trip through JSON text', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (raw) => {
        const word = Download.fromBits(raw, 'retain');
        expect(Download.json.decode(JSON.parse(JSON.stringify(Download.json.encode(word))), 'retain')).toBe(word);
      }),
    );
  });

  it('shows a value that has no JSON form in the message', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => Download.json.decode(cycle)).toThrow('[object Array] is not a value of flags "download"');
    expect(() => Download.fromBits(-1n)).toThrow('-1n is not a value');
  });
});
