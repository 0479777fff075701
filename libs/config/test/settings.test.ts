import { ConfigSchemaError, derived, duration, httpPart, secret, settings, sharedParts } from '@staddle/config';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { load } from './load.ts';

describe('settings', () => {
  it('lists every setting with variable, type, default and text, for READMEs and .env files', () => {
    const schema = z.object({
      ...sharedParts,
      scheduler: httpPart({ port: 4100 }).extend({
        hosts: z.array(z.string()).default(['a', 'b']).describe('Allowed hosts'),
        ratio: z.number().describe('Share'),
        limits: z.record(z.string(), z.number()).default({ a: 1 }),
        mode: z.literal(['fast', 'slow']).default('fast'),
        size: z.union([z.int(), z.literal('auto')]).default('auto'),
      }),
    });
    const rows = settings(schema);
    expect(rows.map(({ key, env, type, default: fallback }) => [key, env, type, fallback])).toEqual([
      ['dataDir', 'STADDLE_DATA_DIR', 'string', '.staddle'],
      ['database.url', 'STADDLE_DATABASE__URL', 'string', 'sqlite:<dataDir>/staddle.db'],
      ['database.pool.max', 'STADDLE_DATABASE__POOL__MAX', 'integer', '10'],
      ['database.pool.acquireTimeoutMs', 'STADDLE_DATABASE__POOL__ACQUIRE_TIMEOUT_MS', 'duration', 'PT5S'],
      ['database.statementTimeoutMs', 'STADDLE_DATABASE__STATEMENT_TIMEOUT_MS', 'duration', 'PT8S'],
      ['redis.url', 'STADDLE_REDIS__URL', 'string', undefined],
      ['auth.secret', 'STADDLE_AUTH__SECRET', 'string', undefined],
      ['log.level', 'STADDLE_LOG__LEVEL', 'trace | debug | info | warn | error | fatal | silent', 'info'],
      ['stop.drainDelayMs', 'STADDLE_STOP__DRAIN_DELAY_MS', 'duration', 'PT0S'],
      ['stop.timeoutMs', 'STADDLE_STOP__TIMEOUT_MS', 'duration', 'PT25S'],
      ['scheduler.host', 'STADDLE_SCHEDULER__HOST', 'string', '127.0.0.1'],
      ['scheduler.port', 'STADDLE_SCHEDULER__PORT', 'integer', '4100'],
      ['scheduler.bodyLimitBytes', 'STADDLE_SCHEDULER__BODY_LIMIT_BYTES', 'integer', '1048576'],
      ['scheduler.hosts', 'STADDLE_SCHEDULER__HOSTS', 'list of string', 'a,b'],
      ['scheduler.ratio', 'STADDLE_SCHEDULER__RATIO', 'number', undefined],
      ['scheduler.limits', 'STADDLE_SCHEDULER__LIMITS', 'json', '{"a":1}'],
      ['scheduler.mode', 'STADDLE_SCHEDULER__MODE', 'fast | slow', 'fast'],
      ['scheduler.size', 'STADDLE_SCHEDULER__SIZE', 'integer | auto', 'auto'],
    ]);
    expect(rows.filter((row) => row.required).map((row) => row.key)).toEqual(['scheduler.ratio']);
    expect(rows.filter((row) => row.secret).map((row) => row.key)).toEqual(['database.url', 'redis.url', 'auth.secret']);
    expect(rows.find((row) => row.key === 'stop.timeoutMs')).toMatchObject({ unit: 'ms', doc: expect.stringContaining('Deadline') as string });
    expect(settings(schema, { prefix: 'ACME_' })[0]!.env).toBe('ACME_DATA_DIR');
  });

  it('gives every shared setting a text', () => {
    expect(settings(z.object({ ...sharedParts, http: httpPart({ port: 1 }) })).filter((row) => row.doc === '')).toEqual([]);
  });

  it('shows defaults that the program itself would accept', () => {
    const rows = settings(z.object({ ...sharedParts, http: httpPart({ port: 1 }) })).filter((row) => row.default !== undefined && !row.default.includes('<'));
    const env = Object.fromEntries(rows.map((row) => [row.env, row.default]));
    const schema = z.object({ ...sharedParts, http: httpPart({ port: 1 }) });
    expect(load({ schema, env }).current).toEqual(load({ schema }).current);
  });

  it('sees the default and the text that an outer wrapper gives', () => {
    const schema = z.object({ part: z.object({ port: z.int().default(1), host: z.string() }).default({ port: 2, host: 'h' }), name: z.string().describe('inner').optional().describe('outer') });
    expect(settings(schema).map((row) => [row.default, row.doc, row.required])).toEqual([
      ['2', '', false],
      ['h', '', false],
      [undefined, 'outer', false],
    ]);
  });
});

describe('a schema', () => {
  it.each<[string, z.ZodObject, string, RegExp]>([
    ['z.coerce', z.object({ a: z.object({ on: z.coerce.boolean() }) }), 'a.on', /reads 'false' as true/],
    ['.catch()', z.object({ port: z.int().catch(1) }), 'port', /hide a wrong value/],
    ['z.lazy', z.object({ tree: z.lazy(() => z.string()) }), 'tree', /recursive/],
    ['a key with an underscore', z.object({ data_dir: z.string() }), 'data_dir', /camelCase/],
    ['a key with a dot', z.object({ 'a.b': z.string() }), 'a.b', /camelCase/],
    ['two settings with one variable', z.object({ key: secret(z.string()), keyFile: z.string() }), 'keyFile', /share the variable STADDLE_KEY_FILE with key/],
    ['a setting named config', z.object({ config: z.string() }), 'config', /share the variable STADDLE_CONFIG with the path of the file/],
    ['a default made from nothing', z.object({ a: derived(z.string(), { from: 'b', text: '', value: String }) }), 'a', /derived from b, which does not exist/],
  ])('with %s is refused', (_name, schema, key, message) => {
    expect(() => load({ schema })).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_SCHEMA', key, message: expect.stringMatching(message) as string }));
    expect(() => settings(schema)).toThrow(ConfigSchemaError);
  });

  it('may use strict objects, refinements, wrappers and nested durations', () => {
    const schema = z.strictObject({ waitMs: z.readonly(duration().nullable().optional()), part: z.strictObject({ a: z.string().optional() }).refine(() => true) });
    expect(load({ schema, env: { STADDLE_WAIT_MS: '1s', STADDLE_PART__A: 'x' } }).current).toEqual({ waitMs: 1_000, part: { a: 'x' } });
  });
});
