import { defineFlags, legacyText, type LegacyShape } from '@staddle/flags';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Task } from './task.ts';

const Right = defineFlags('right', { bits: { Read: 0, Write: 1, Share: 2, Admin: 30 } });
const readers = {
  sum: legacyText(Right, { shape: 'sum', positions: { 0: 'Read', 1: 'Write', 6: 'Admin' } }),
  binary: legacyText(Right, { shape: 'binary', positions: { 0: 'Read', 1: 'Write', 6: 'Admin' } }),
  list: legacyText(Right, { shape: 'list', positions: { 1: 'Read', 2: 'Write', 7: 'Admin' } }),
};

describe('a text that holds several flags', () => {
  it('means the same in each shape', () => {
    const word = Right.of('Read', 'Write', 'Admin');
    expect(readers.sum('67')).toBe(word);
    expect(readers.binary('01000011')).toBe(word);
    expect(readers.list('1,2,7')).toBe(word);
    expect(readers.list('7,1,2')).toBe(word);
  });

  it('may hold none, where the shape can say so', () => {
    expect(readers.sum('0')).toBe(0);
    expect(readers.binary('000')).toBe(0);
  });

  it.each<[LegacyShape, unknown[]]>([
    ['sum', ['', ' 67', '67 ', '067', '+67', '-1', '6.7e1', '67.0', '0x43', '1,2', 67, null, undefined]],
    ['binary', ['', ' 1', '2', '0b1', '1 1', '1,1', 1, null, '1'.repeat(64)]],
    ['list', ['', ',', '1,', ',1', '1,,2', '1, 2', '1;2', '01', '1,1', '+1', '1.0', 1, null]],
  ])('%s is refused when it is not exact', (shape, texts) => {
    for (const text of texts) expect(() => readers[shape](text), String(text)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT', value: text }));
  });

  it('is refused when a position has no flag', () => {
    for (const [shape, text] of [['sum', '4'], ['sum', '9223372036854775807'], ['binary', '100'], ['list', '0'], ['list', '1,99999999999999999999']] as const) {
      expect(() => readers[shape](text)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: text }));
    }
  });

  it('is refused when it makes no sound word', () => {
    const state = legacyText(Task, { shape: 'list', positions: { 1: 'Queued', 2: 'Running', 3: 'Archived' } });
    expect(state('2,3')).toBe(Task.of('Running', 'Archived'));
    for (const text of ['1,2', '3']) expect(() => state(text)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_GROUP', group: 'run' }));
  });

  it('of 63 positions is read without loss', () => {
    const names = Array.from({ length: 63 }, (_, at) => `F${at}`);
    const Wide = defineFlags('wide', { backend: 'bigint', bits: Object.fromEntries(names.map((name, at) => [name, at])) });
    const positions = Object.fromEntries(names.map((name, at) => [at, name]));
    const [sum, binary] = (['sum', 'binary'] as const).map((shape) => legacyText(Wide, { shape, positions }));
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (bits) => {
        expect(sum!(bits.toString())).toBe(bits);
        expect(binary!(bits.toString(2).padStart(63, '0'))).toBe(bits);
      }),
    );
  });

  it('is told all faults of its positions at once', () => {
    const define = (): unknown => legacyText(Right, { shape: 'octal', positions: { 0: 'Read', 1: 'Reed', 2: 'Read', '-1': 'Write' } } as never);
    expect(define).toThrow(
      expect.objectContaining({ code: 'ERR_FLAGS_LEGACY', faults: [{ path: 'shape' }, { path: 'positions.1' }, { path: 'positions.2' }, { path: 'positions.-1' }].map((fault) => expect.objectContaining(fault)) }),
    );
  });
});
