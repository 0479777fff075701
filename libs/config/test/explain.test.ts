import { inspect } from 'node:util';
import { derived, duration, secret, sharedParts, type LoadedConfig, type Secret } from '@staddle/config';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as z from 'zod';
import { load } from './load.ts';

const schema = z.object({ ...sharedParts, waitMs: duration().default(1_000), old: z.string().optional().meta({ deprecated: true, description: 'use waitMs' }) });
const KEY = 'correct-horse-battery-staple-0123456789';

describe('explain', () => {
  it('tells value, layer and origin, and what is shadowed, strongest first', () => {
    const config = load({ schema, defaults: { waitMs: 5 }, env: { STADDLE_WAIT_MS: '2s' }, argv: ['--waitMs=3s', '--waitMs=4s'] });
    expect(config.explain('waitMs')).toEqual({
      key: 'waitMs',
      value: 4_000,
      layer: 'flag',
      origin: '--waitMs',
      shadowed: [
        { value: '3s', layer: 'flag', origin: '--waitMs' },
        { value: '2s', layer: 'environment', origin: 'STADDLE_WAIT_MS' },
        { value: 5, layer: 'default', origin: 'defaults' },
      ],
    });
    expect(config.explain('log.level')).toEqual({ key: 'log.level', value: 'info', layer: 'default', origin: 'schema', shadowed: [] });
    expect(config.explain('redis.url')).toMatchObject({ value: undefined, layer: 'default' });
  });

  it('shows a removal as a shadowed null', () => {
    const config = load({ schema, defaults: { waitMs: null } });
    expect(config.explain('waitMs')).toMatchObject({ value: 1_000, origin: 'schema', shadowed: [{ value: null, origin: 'defaults' }] });
  });

  it('names the nearest setting for a key that does not exist', () => {
    const config = load({ schema });
    expect(() => config.explain('databse.url')).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_UNKNOWN_SETTING', key: 'databse.url', message: 'there is no setting "databse.url", the nearest is database.url' }));
    expect(() => config.explain('__proto__')).toThrow('there is no setting "__proto__"');
    expect(() => config.explain('database')).toThrow('there is no setting "database"');
  });
});

describe('describe()', () => {
  it('lists all settings in the order of the schema without a secret', () => {
    const config = load({
      schema,
      defaults: { auth: { secret: KEY }, database: { url: `mysql://u:${KEY}@a/d` } },
      env: { STADDLE_AUTH__SECRET: KEY, STADDLE_DATABASE__URL: `mysql://u:${KEY}@b/d` },
    });
    const rows = config.describe();
    const keys = 'dataDir database.url database.pool.max database.pool.acquireTimeoutMs database.statementTimeoutMs redis.url auth.secret log.level stop.drainDelayMs stop.timeoutMs waitMs old';
    expect(rows.map(({ key }) => key).join(' ')).toBe(keys);
    expect(rows[1]).toEqual({ key: 'database.url', value: 'mysql://[redacted]@b/d', layer: 'environment', origin: 'STADDLE_DATABASE__URL' });
    expect(rows.find(({ key }) => key === 'auth.secret')).toMatchObject({ key: 'auth.secret', value: '[redacted]' });
    const printed = [rows, config, config.explain('auth.secret'), config.explain('database.url')].map((value) => JSON.stringify(value) + inspect(value, { depth: null, showHidden: true }));
    expect(printed.join()).not.toContain(KEY);
  });

  it('masks a secret whose text looks like a URL', () => {
    const config = load({ schema: z.object({ key: secret(z.string()) }), env: { STADDLE_KEY: 'abc:hunter2' } });
    expect(JSON.stringify([config.describe(), config.explain('key')])).not.toContain('hunter2');
  });
});

describe('derived defaults', () => {
  it('follow the setting that they are made from', () => {
    const plain = load({ schema });
    expect(plain.current.database.url.reveal()).toBe('sqlite:.staddle/staddle.db');
    expect(plain.explain('database.url')).toMatchObject({ value: 'sqlite:.staddle/staddle.db', layer: 'default', origin: 'derived from dataDir' });
    expect(load({ schema, env: { STADDLE_DATA_DIR: '/var/lib/staddle' } }).current.database.url.reveal()).toBe('sqlite:/var/lib/staddle/staddle.db');
    expect(load({ schema, env: { STADDLE_DATA_DIR: '/x', STADDLE_DATABASE__URL: 'sqlite::memory:' } }).current.database.url.reveal()).toBe('sqlite::memory:');
  });

  it('do not call an optional section into being', () => {
    const optional = z.object({ base: z.string().default('b'), part: z.object({ name: derived(z.string(), { from: 'base', text: '<base>!', value: (base: string) => `${base}!` }), on: z.boolean().default(true) }).optional() });
    expect(load({ schema: optional }).current.part).toBeUndefined();
    expect(load({ schema: optional, env: { STADDLE_PART__ON: 'no' } }).current.part).toEqual({ name: 'b!', on: false });
  });
});

describe('warnings', () => {
  it('name the deprecated settings that are in use', () => {
    expect(load({ schema }).warnings).toEqual([]);
    expect(load({ schema, env: { STADDLE_OLD: 'x' } }).warnings).toEqual(['old (STADDLE_OLD) is deprecated: use waitMs']);
  });
});

describe('types', () => {
  it('follow the schema and are read-only all the way down', () => {
    const config = load({ schema });
    expectTypeOf(config).toExtend<LoadedConfig<unknown>>();
    expectTypeOf(config.current.stop.timeoutMs).toEqualTypeOf<number>();
    expectTypeOf(config.current.auth.secret).toEqualTypeOf<Secret | undefined>();
    expectTypeOf(config.current.log.level).toEqualTypeOf<'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'>();
    // @ts-expect-error the snapshot cannot be changed
    expect(() => (config.current.stop.timeoutMs = 1)).toThrow(TypeError);
  });
});
