import { duration } from '@staddle/config';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { faultOf, load } from './load.ts';

const schema = z.object({
  text: z.string().optional(),
  port: z.int().optional(),
  ratio: z.number().optional(),
  big: z.bigint().optional(),
  on: z.boolean().optional(),
  timeoutMs: duration({ minMs: 10, maxMs: 86_400_000 }).optional(),
  level: z.enum(['debug', 'info']).optional(),
  version: z.literal([1, 2, 'next']).optional(),
  size: z.union([z.number(), z.literal('auto')]).optional(),
  hosts: z.array(z.string()).optional(),
  ports: z.array(z.int()).optional(),
  delays: z.array(duration()).optional(),
  rules: z.array(z.object({ host: z.string() })).optional(),
  limits: z.record(z.string(), z.number()).optional(),
  nullable: z.number().nullable().optional(),
  trimmed: z.string().transform((text) => text.trim()).optional(),
});

type Key = keyof z.output<typeof schema>;
const variable = (key: Key): string => `STADDLE_${key.replace(/[A-Z]/g, '_$&').toUpperCase()}`;

describe('text of a variable', () => {
  it.each<[Key, string, unknown]>([
    ['text', ' as it is ', ' as it is '],
    ['text', 'true', 'true'],
    ['text', '0x10', '0x10'],
    ['port', '4100', 4100],
    ['port', '0', 0],
    ['port', '-5', -5],
    ['ratio', '0.25', 0.25],
    ['ratio', '-1.50', -1.5],
    ['big', '12345678901234567890', 12345678901234567890n],
    ['on', 'true', true],
    ['on', 'FALSE', false],
    ['on', '1', true],
    ['on', '0', false],
    ['on', 'yes', true],
    ['on', 'No', false],
    ['on', 'on', true],
    ['on', 'off', false],
    ['timeoutMs', '30s', 30_000],
    ['timeoutMs', 'PT1M30S', 90_000],
    ['timeoutMs', '250', 250],
    ['level', 'debug', 'debug'],
    ['version', '2', 2],
    ['version', 'next', 'next'],
    ['size', '7', 7],
    ['size', 'auto', 'auto'],
    ['hosts', 'a, b ,c', ['a', 'b', 'c']],
    ['hosts', 'a', ['a']],
    ['hosts', '["a,b"]', ['a,b']],
    ['ports', '80,443', [80, 443]],
    ['delays', '1s,2s', [1000, 2000]],
    ['rules', '[{"host":"a"}]', [{ host: 'a' }]],
    ['limits', '{"a":1}', { a: 1 }],
    ['nullable', '3', 3],
    ['trimmed', ' a ', 'a'],
  ])('%s=%s is read as %o', (key, text, expected) => {
    const { current } = load({ schema, env: { [variable(key)]: text } });
    expect(current[key]).toEqual(expected);
  });

  it.each<[Key, string, RegExp]>([
    ['port', '0x10', /plain decimal/],
    ['port', '1e3', /plain decimal/],
    ['port', '010', /plain decimal/],
    ['port', '1_000', /plain decimal/],
    ['port', ' 1', /plain decimal/],
    ['port', '+1', /plain decimal/],
    ['port', '4100x', /plain decimal/],
    ['port', 'NaN', /plain decimal/],
    ['port', '9007199254740993', /2\^53/],
    ['port', '2.5', /expected int/],
    ['ratio', '.5', /plain decimal/],
    ['big', '1.0', /whole decimal/],
    ['on', 'maybe', /true, false/],
    ['on', 'truee', /true, false/],
    ['timeoutMs', '3', /at least 10 ms/],
    ['timeoutMs', '2d', /at most 86400000 ms/],
    ['timeoutMs', '30 s', /must be a duration/],
    ['timeoutMs', '-1s', /must be a duration/],
    ['level', 'Debug', /one of "debug"\|"info"/],
    ['version', '3', /one of 1\|2\|"next"/],
    ['size', 'big', /expected number, received string, or expected "auto"/],
    ['hosts', 'a,,b', /empty item at position 2/],
    ['hosts', 'a,', /empty item at position 2/],
    ['hosts', '[a]', /must be JSON/],
    ['ports', '80,x', /item 2 must be a plain decimal/],
    ['ports', '[80,"x"]', /expected number/],
    ['limits', 'a=1', /must be JSON/],
    ['limits', '{"__proto__":{"x":1}}', /reserved key __proto__/],
    ['rules', '[{"host":"a","constructor":1}]', /reserved key constructor/],
  ])('%s=%s is refused', (key, text, rule) => {
    expect(faultOf(() => load({ schema, env: { [variable(key)]: text } }))).toMatchObject({ env: variable(key), origin: variable(key), rule: expect.stringMatching(rule) as string });
  });

  it('counts as unset when it is empty, whatever the kind', () => {
    const env = Object.fromEntries(Object.keys(schema.shape).map((key) => [variable(key as Key), '']));
    expect(load({ schema, env, defaults: { port: 1, text: 'kept' } }).current).toEqual({ port: 1, text: 'kept' });
  });
});
