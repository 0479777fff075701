import type { UnknownPolicy } from '@staddle/flags';
import { describe, expect, it } from 'vitest';
import { describeBoth, Download, WideDownload, type EitherDownload } from './download.ts';

const POLICIES: readonly UnknownPolicy[] = ['strict', 'retain', 'truncate'];

/** The errors of every policy: thrown ones and those of results. */
function refusals({ fromBits, tryFromBits }: EitherDownload, raw: unknown): unknown[] {
  return POLICIES.flatMap((policy) => {
    const result = tryFromBits(raw, policy);
    try {
      return [fromBits(raw, policy), result];
    } catch (error) {
      return [error, result.ok ? result.value : result.error];
    }
  });
}

/** The same error six times. */
function refused(raw: unknown): unknown[] {
  return Array.from({ length: 6 }, () => expect.objectContaining({ code: 'ERR_FLAGS_INPUT', value: raw }));
}

describeBoth('fromBits', (flags, word) => {
  const { fromBits, tryFromBits, all, unknownBits, union } = flags;

  it.each([5, 5n, '5'])('reads %o exactly', (raw) => {
    expect(fromBits(raw, 'retain')).toBe(word('Queued | Done'));
  });

  it('gives zero for minus zero', () => {
    expect(Object.is(fromBits(-0, 'retain'), flags.none)).toBe(true);
  });

  it.each<[unknown]>([
    [''], [' 1'], ['1 '], ['01'], ['+1'], ['-1'], ['1e3'], ['0x1'], ['1.0'], ['1_0'], ['1n'], ['١'], ['Queued'], ['9'.repeat(400)],
    [-1], [-1n], [1.5], [NaN], [Infinity], [-Infinity], [2 ** 64], [2n ** 63n], [2n ** 64n + 1n], [String(2n ** 63n)],
    [null], [undefined], [true], [[]], [['Queued']], [{}], [new Number(1)], [Symbol('s')], [() => 1],
  ])('refuses %o under every policy', (raw) => {
    expect(refusals(flags, raw)).toEqual(refused(raw));
  });

  it.each(['0x200000', '0x40'])('is strict about the unknown bit %s unless told otherwise', (text) => {
    const raw = union(word('Running'), word(text));
    const refusal = expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: raw, unknownBits: word(text) });
    expect(() => fromBits(raw)).toThrow(refusal);
    expect(tryFromBits(raw)).toEqual({ ok: false, error: refusal });
    expect(fromBits(raw, 'retain')).toBe(raw);
    expect(fromBits(raw, 'truncate')).toBe(word('Running'));
    expect(tryFromBits(raw, 'truncate')).toEqual({ ok: true, value: word('Running') });
  });

  it('is strict about groups, and reads a damaged row when asked to', () => {
    expect(() => fromBits(0)).toThrow('group "phase" of flags "download" has exactly-one member, not none');
    expect(tryFromBits('3')).toEqual({ ok: false, error: expect.objectContaining({ code: 'ERR_FLAGS_GROUP', value: '3', members: ['Queued', 'Running'] }) });
    const damaged = word('Queued | PushPending | PushSent');
    expect(() => fromBits(damaged)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_GROUP', group: 'push' }));
    for (const policy of ['retain', 'truncate'] as const) expect(fromBits(damaged, policy)).toBe(damaged);
  });

  it('lets every known bit in', () => {
    expect(fromBits(all, 'retain')).toBe(all);
    expect(unknownBits(all)).toBe(flags.none);
  });

  it('refuses a policy that does not exist', () => {
    expect(() => fromBits(1, 'lenient' as never)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT', value: 'lenient' }));
  });
});

describe('fromBits of numbers', () => {
  it('reads every bit from 0 to 30 in each form', () => {
    for (let index = 0; index <= 30; index++) {
      const bits = 2 ** index;
      for (const raw of [bits, BigInt(bits), String(bits)]) expect(Download.fromBits(raw, 'retain')).toBe(bits);
    }
  });

  it.each([2 ** 31, 2n ** 31n, String(2 ** 31), 1n << 40n, 2 ** 53 - 1])('refuses %o, which has bits above 30', (raw) => {
    expect(refusals(Download, raw)).toEqual(refused(raw));
  });
});

describe('fromBits of bigints', () => {
  it('reads every bit from 0 to 62 in each exact form', () => {
    for (let index = 0n; index <= 62n; index++) {
      const bits = 1n << index;
      for (const raw of [bits, String(bits), ...(index < 53n ? [Number(bits)] : [])]) expect(WideDownload.fromBits(raw, 'retain')).toBe(bits);
    }
    expect(WideDownload.fromBits(2 ** 53 - 1, 'retain')).toBe(2n ** 53n - 1n);
    expect(WideDownload.fromBits('9223372036854775807', 'retain')).toBe(2n ** 63n - 1n);
  });

  it.each([2 ** 53, 2 ** 53 + 2, 2 ** 62])('refuses the number %o, which a driver may have rounded', (raw) => {
    expect(refusals(WideDownload, raw)).toEqual(refused(raw));
    expect(() => WideDownload.fromBits(raw)).toThrow('may have been rounded before it came here; give a bigint or decimal text');
  });
});
