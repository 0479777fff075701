import { decimalCodec, namesCodec, numberCodec, textCodec, type StandardSchema, type Word } from '@staddle/flags';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { describeBoth, Download, WideDownload } from './download.ts';

/** What a framework does with a schema of any make. */
function validate<Output>(schema: StandardSchema<unknown, Output> | z.ZodType<Output>, value: unknown): { value: Output } | { issues: { message: string; path: unknown[] }[] } {
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise) throw new TypeError('this schema is asynchronous');
  return result.issues ? { issues: result.issues.map(({ message, path = [] }) => ({ message, path: [...path] })) } : { value: result.value };
}

describeBoth('codecs', (flags, word) => {
  const text = textCodec(flags);
  const decimal = decimalCodec(flags);

  it('write names in bit order with what is left in hexadecimal, text, or decimal digits', () => {
    const late = word('Late | Running | 0x200000');
    expect(flags.json.encode(late)).toEqual(['Running', 'Late', '0x200000']);
    expect(text.encode(late)).toBe('Running | Late | 0x200000');
    expect(decimal.encode(late)).toBe('2097170');
    expect([flags.json.encode(flags.none), text.encode(flags.none), decimal.encode(flags.none)]).toEqual([[], '0x0', '0']);
  });

  it.each([
    ['names', flags.json, ['Running', 'Late'], ['Running', '0x200000'], ['Running', 'Done']],
    ['text', text, 'Running | Late', 'Running | 0x200000', 'Running | Done'],
    ['decimal', decimal, '18', '2097154', '6'],
  ] as const)('of %s are strict unless told otherwise', (_, codec, sound, unknown, damaged) => {
    expect(codec.decode(sound)).toBe(word('Running | Late'));
    expect(() => codec.decode(unknown)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN' }));
    expect(() => codec.decode(damaged)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_GROUP' }));
    expect(codec.decode(unknown, 'retain')).toBe(word('Running | 0x200000'));
    expect(codec.decode(unknown, 'truncate')).toBe(word('Running'));
  });

  it('keep the policy that they were made with', () => {
    expect(namesCodec(flags, { policy: 'retain' }).decode(['0x200000'])).toBe(word('0x200000'));
    expect(textCodec(flags, { policy: 'truncate' }).decode('Late | 0x200000')).toBe(word('Late'));
    expect(decimalCodec(flags, { policy: 'retain' }).decode('2097152')).toBe(word('0x200000'));
    expect(() => decimalCodec(flags, { policy: 'retain' }).decode('2097152', 'strict')).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN' }));
  });

  it('take one form each', () => {
    for (const json of [18, 18n, null, ['18'], '', '0x12']) expect(() => decimal.decode(json)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
    for (const json of [18, null, ['Running']]) expect(() => text.decode(json)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
    for (const json of [18, null, 'Running']) expect(() => flags.json.decode(json)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
  });

  it('are Standard Schemas that say what is wrong and where', () => {
    for (const codec of [flags.json, text, decimal]) expect(codec['~standard']).toMatchObject({ version: 1, vendor: 'staddle' });
    expect(validate(flags.json, ['Running', 'Late'])).toEqual({ value: word('Running | Late') });
    expect(validate(flags.json, ['Running', 'Runing'])).toEqual({ issues: [{ message: '"Runing" is not known to flags "download": no flag has this name', path: [1] }] });
    expect(validate(flags.json, ['Running', 7])).toEqual({ issues: [{ message: expect.stringContaining('7 is not a value of flags "download"'), path: [1] }] });
    expect(validate(flags.json, ['Late'])).toEqual({ issues: [{ message: 'group "phase" of flags "download" has exactly-one member, not none', path: [] }] });
    expect(validate(text, 'Running |')).toEqual({ issues: [{ message: expect.stringContaining('"" is not a value'), path: [] }] });
    expect(validate(decimal, '')).toEqual({ issues: [{ message: expect.stringContaining('"" is not a value'), path: [] }] });
  });

  it('answer every word that they wrote', () => {
    const raw: fc.Arbitrary<number | bigint> = flags.backend === 'number' ? fc.nat({ max: 2 ** 31 - 1 }) : fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(raw, (bits) => {
        const value = flags.fromBits(bits, 'retain');
        for (const codec of [flags.json, text, decimal]) expect(codec.decode(JSON.parse(JSON.stringify(codec.encode(value))), 'retain')).toBe(value);
      }),
    );
  });
});

describe('numberCodec', () => {
  const codec = numberCodec(Download);

  it('is the word itself', () => {
    expect(codec.encode(Download.of('Running', 'Late'))).toBe(18);
    expect(codec.decode(18)).toBe(18);
    expect(numberCodec(Download, { policy: 'retain' }).decode(2 ** 21)).toBe(2 ** 21);
  });

  it.each<[unknown]>([['18'], [18n], [null], [1.5], [-1], [2 ** 31], [NaN]])('refuses %o', (json) => {
    expect(() => codec.decode(json)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT', value: json }));
  });

  it('is not there for words of bigint', () => {
    // @ts-expect-error JSON readers would round such words
    expect(() => numberCodec(WideDownload).decode(2 ** 53)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
  });
});

describe('a codec where other libraries expect their schemas', () => {
  it('has the type that zod gives its own', () => {
    const standard: z.core.$ZodStandardSchema<z.ZodType<Word<'download'>, string[]>> = Download.json['~standard'];
    const wide: z.core.$ZodStandardSchema<z.ZodType<Word<'download', bigint>, string>> = decimalCodec(WideDownload)['~standard'];
    expect([standard.vendor, wide.vendor]).toEqual(['staddle', 'staddle']);
  });

  it('goes through the consumer that takes schemas of zod', () => {
    expect(validate(z.array(z.string()), ['a'])).toEqual({ value: ['a'] });
    expect(validate(z.array(z.string()), [1])).toMatchObject({ issues: [{ path: [0] }] });
    expect(validate(numberCodec(Download), 18)).toEqual({ value: 18 });
  });
});
