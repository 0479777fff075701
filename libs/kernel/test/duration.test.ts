import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '@staddle/kernel';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('parseDuration', () => {
  it.each<[string | number, number]>([
    [0, 0],
    [1, 1],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ['0s', 0],
    ['250ms', 250],
    ['30s', 30 * SECOND],
    ['15m', 15 * MINUTE],
    ['2h', 2 * HOUR],
    ['1d', DAY],
    ['2w', 14 * DAY],
    ['1.5s', 1_500],
    ['1.1s', 1_100],
    ['0.1m', 6_000],
    ['007s', 7_000],
    ['PT0S', 0],
    ['PT2S', 2 * SECOND],
    ['PT0.25S', 250],
    ['PT1.1S', 1_100],
    ['PT15M', 15 * MINUTE],
    ['PT1H30M', 90 * MINUTE],
    ['PT36H', 36 * HOUR],
    ['P1D', DAY],
    ['P2DT12H', 60 * HOUR],
    ['P1W', 7 * DAY],
    ['P1W2DT3H4M5.006S', 9 * DAY + 3 * HOUR + 4 * MINUTE + 5_006],
    ['P0.5D', 12 * HOUR],
  ])('reads %j as %d ms', (input, ms) => {
    expect(parseDuration(input)).toBe(ms);
  });

  it.each<[string, unknown]>([
    ['empty text', ''],
    ['blanks around it', ' 30s'],
    ['a blank inside', '30 s'],
    ['a missing unit', '30'],
    ['an unknown unit', '30y'],
    ['a sign', '-30s'],
    ['upper case', '30S'],
    ['an exponent', '1e3s'],
    ['a missing digit', '.5s'],
    ['a comma', '1,5s'],
    ['two units', '1h30m'],
    ['a line break', '30s\n'],
    ['foreign digits', '٣s'],
    ['P alone', 'P'],
    ['PT alone', 'PT'],
    ['a T without time', 'P1DT'],
    ['years, which have no fixed length', 'P1Y'],
    ['months, which have no fixed length', 'P1M'],
    ['wrong order', 'PT5S3M'],
    ['hours without T', 'P3H'],
    ['lower-case ISO', 'pt2s'],
    ['a signed ISO duration', '-PT2S'],
    ['nothing', undefined],
    ['null', null],
    ['an object', { ms: 5 }],
    ['a list', ['30s']],
    ['a bigint', 30n],
  ])('refuses %s', (_, input) => {
    expect(() => parseDuration(input as string)).toThrow(
      expect.objectContaining({ code: 'ERR_KERNEL_DURATION', value: input, message: expect.stringContaining("is not a number of milliseconds, '30s', '15m' or ISO 8601") }),
    );
  });

  it.each<[string, unknown]>([
    ['a negative number', -1],
    ['a fraction of a millisecond', 0.5],
    ['NaN', Number.NaN],
    ['infinity', Infinity],
    ['a number that is not exact', 2 ** 53],
    ['text with a fraction of a millisecond', '1.5ms'],
    ['ISO text with a fraction of a millisecond', 'PT0.0001S'],
    ['text beyond exact numbers', `${'9'.repeat(20)}w`],
    ['text beyond all numbers', `${'9'.repeat(400)}s`],
  ])('refuses %s', (_, input) => {
    expect(() => parseDuration(input as string)).toThrow(
      expect.objectContaining({ code: 'ERR_KERNEL_DURATION', value: input, message: expect.stringContaining('is not a whole, non-negative number of milliseconds') }),
    );
  });

  it.each<[unknown, string]>([
    ['30 s', "duration '30 s' is"],
    [Number.NaN, 'duration NaN is'],
    [30n, 'duration 30n is'],
    ['x'.repeat(10_000), `duration '${'x'.repeat(100)}'... 9900 more characters is`],
  ])('shows the value as it is, and shortens it', (input, start) => {
    expect(() => parseDuration(input as string)).toThrow(start);
  });
});

describe('formatDuration', () => {
  it.each<[number, string]>([
    [0, 'PT0S'],
    [1, 'PT0.001S'],
    [250, 'PT0.25S'],
    [2_000, 'PT2S'],
    [90_000, 'PT1M30S'],
    [HOUR, 'PT1H'],
    [DAY, 'P1D'],
    [7 * DAY, 'P7D'],
    [DAY + 1, 'P1DT0.001S'],
    [60 * HOUR, 'P2DT12H'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('is read back exactly, for every size', () => {
    const values = Array.from({ length: 54 }, (_, power) => 2 ** power).flatMap((size) => [size - 1, Math.floor(size * Math.random()), size]);
    for (const ms of values.filter(Number.isSafeInteger)) expect(parseDuration(formatDuration(ms)), `${ms} ms`).toBe(ms);
  });

  it('is read back exactly for every millisecond of a minute', () => {
    const wrong = Array.from({ length: MINUTE }, (_, ms) => ms).filter((ms) => parseDuration(formatDuration(ms)) !== ms);
    expect(wrong).toEqual([]);
  });

  it.each([-1, 0.5, Number.NaN, Infinity, 2 ** 53])('refuses %s', (ms) => {
    expect(() => formatDuration(ms)).toThrow(expect.objectContaining({ code: 'ERR_KERNEL_DURATION', value: ms }));
  });
});
