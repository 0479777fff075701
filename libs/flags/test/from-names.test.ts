import { expect, it } from 'vitest';
import { describeBoth, NO_NAMES } from './download.ts';

describeBoth('fromNames', ({ fromNames, tryFromNames }, word) => {
  it.each([
    [[], '0x0'],
    [['Running', 'Late'], 'Running | Late'],
    [['Late', 'Running', 'Late'], 'Running | Late'],
    [['Running', '0x200040'], 'Running | 0x200040'],
    [['0x12'], 'Running | Late'],
  ])('of %j is %s', (list, expected) => {
    expect(fromNames(list, 'retain')).toBe(word(expected));
    expect(tryFromNames(list, 'retain')).toEqual({ ok: true, value: word(expected) });
  });

  it('is strict by default', () => {
    expect(fromNames(['Running', 'Late'])).toBe(word('Running | Late'));
    expect(() => fromNames([])).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_GROUP' }));
    expect(() => fromNames(['Running', 'Done'])).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_GROUP', value: ['Running', 'Done'] }));
    expect(() => fromNames(['Running', '0x200000'])).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', unknownBits: word('0x200000') }));
    expect(fromNames(['Running', '0x200000'], 'truncate')).toBe(word('Running'));
  });

  it.each(NO_NAMES.filter((name) => typeof name === 'string' && name !== ''))('refuses the name %o under every policy, and says where it stands', (name) => {
    const refusal = expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: name, field: '1' });
    for (const policy of ['strict', 'retain', 'truncate'] as const) expect(() => fromNames(['Late', name], policy)).toThrow(refusal);
    expect(tryFromNames(['Late', name])).toEqual({ ok: false, error: refusal });
  });

  it('says where a number stands that is too large', () => {
    expect(() => fromNames(['Late', 'Running', '0xffffffffffffffff'], 'retain')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT', field: '2' }));
  });

  it('says so when a name is retired', () => {
    expect(() => fromNames(['Stuck'], 'retain')).toThrow('"Stuck" is not known to flags "download": this flag is retired');
  });

  it.each<[unknown]>([['Running'], [2], [null], [undefined], [{}], [[2]], [[null]], [['']], [[['Running']]], [Array.from({ length: 1 })], [{ length: 0 }], [new Set(['Running'])]])('refuses %o', (list) => {
    for (const policy of ['strict', 'retain', 'truncate'] as const) expect(() => fromNames(list, policy)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
  });

  it('shows the beginning of a long value, which it hands out whole', () => {
    const long = 'x'.repeat(100_000);
    expect(tryFromNames([long])).toMatchObject({ error: { value: long, message: expect.stringMatching(/^"x{150,200}… is not known to flags "download": no flag has this name$/) } });
  });

  it('shows a value that has no JSON form', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => fromNames(cycle)).toThrow('[object Array] is not a value of flags "download"');
    expect(() => fromNames([1n])).toThrow('1n is not a value of flags "download"');
  });
});
