import { expect, it } from 'vitest';
import { describeBoth, Download, WideDownload } from './download.ts';

const POLICIES = ['strict', 'retain', 'truncate'] as const;

describeBoth('parse', ({ parse, tryParse, fromBits }) => {
  it.each([
    ['Queued', 1],
    ['Queued | Late', 17],
    ['  Late|Queued ', 17],
    ['Queued\t|\nLate', 17],
    ['Queued | Queued', 1],
    ['Queued | 0x10', 17],
    ['0x0000000000000011', 17],
    ['0x1F', 31],
    ['0x0', 0],
  ])('reads %o', (text, bits) => {
    expect(parse(text, 'retain')).toBe(fromBits(bits, 'retain'));
  });

  it.each(['', ' ', '|', 'Queued |', '| Queued', 'Queued || Late'])('refuses %o, where a flag is missing', (text) => {
    for (const policy of POLICIES) expect(() => parse(text, policy)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
  });

  it.each(['queued', 'Queued, Late', 'constructor', '1', '0x', '0X1', '0xg', '-0x1', '0x12345678901234567'])('refuses %o, which names no flag, under every policy', (text) => {
    for (const policy of POLICIES) expect(() => parse(text, policy)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: text }));
    expect(tryParse(text)).toEqual({ ok: false, error: expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN' }) });
  });

  it.each<[unknown]>([[undefined], [null], [1], [1n], [['Queued']]])('refuses %o, which is not text', (value) => {
    expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT', value }));
  });

  it('applies the policy to hexadecimal as to any bits', () => {
    expect(parse('Queued | 0x200000', 'retain')).toBe(fromBits(0x200001, 'retain'));
    expect(parse('Queued | 0x200000', 'truncate')).toBe(fromBits(1));
    expect(tryParse('Queued | 0x200000', 'truncate')).toEqual({ ok: true, value: fromBits(1) });
    expect(() => parse('Queued | 0x200000')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN' }));
    expect(parse('Queued | 0x10')).toBe(fromBits(17));
    expect(() => parse('Queued | Done')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_GROUP' }));
  });
});

it.each([
  [Download, '0x80000000'],
  [WideDownload, '0x8000000000000000'],
] as const)('parse refuses hexadecimal beyond the highest bit: %#', (flags, text) => {
  expect(() => flags.parse(text, 'retain')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT', value: text }));
});
