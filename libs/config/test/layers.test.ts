import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { faultsOf, faultOf, load } from './load.ts';

const schema = z.object({
  name: z.string().default('from schema'),
  limits: z.record(z.string(), z.number()).default({}),
  hosts: z.array(z.string()).default([]),
  server: z.object({ host: z.string().default('localhost'), port: z.int().default(80), tags: z.array(z.string()).optional() }),
  cache: z.object({ sizeBytes: z.int(), ttlMs: z.int().default(5) }).optional(),
});

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'staddle-config-'));
});
afterAll(() => rmSync(cwd, { recursive: true }));

let files = 0;
function yaml(text: string): string {
  const path = join(cwd, `${files++}.yaml`);
  writeFileSync(path, text);
  return path;
}

describe('layers', () => {
  it('lets flags win over variables, variables over the file, the file over defaults, defaults over the schema', () => {
    const all = {
      schema,
      defaults: { name: 'from defaults', server: { host: 'd', port: 1, tags: ['d'] } },
      file: yaml('name: from file\nserver: { host: f, port: 2 }'),
      env: { STADDLE_NAME: 'from env', STADDLE_SERVER__PORT: '3' },
      argv: ['--name=from flag'],
    };
    expect(load(all).current).toEqual({ name: 'from flag', limits: {}, hosts: [], server: { host: 'f', port: 3, tags: ['d'] } });
    expect(load({ ...all, argv: [] }).current.name).toBe('from env');
    expect(load({ ...all, argv: [], env: {} }).current.name).toBe('from file');
    expect(load({ schema, defaults: all.defaults }).current.name).toBe('from defaults');
    expect(load({ schema }).current.name).toBe('from schema');
  });

  it('merges objects, also inside one setting, and replaces arrays', () => {
    const { current } = load({
      schema,
      defaults: { limits: { a: 1, b: 2, toString: 3 }, hosts: ['a', 'b'], server: { tags: ['x', 'y'] } },
      file: yaml('limits: { b: 3, c: 4 }\nhosts: [c]'),
      env: { STADDLE_LIMITS: '{"d":5}', STADDLE_SERVER__TAGS: 'z' },
    });
    expect(current.limits).toEqual({ a: 1, b: 3, c: 4, d: 5, toString: 3 });
    expect(current.hosts).toEqual(['c']);
    expect(current.server.tags).toEqual(['z']);
  });

  it('removes with null what lower layers said about a setting, a section or a part of a record', () => {
    const { current } = load({
      schema,
      defaults: { name: 'x', limits: { a: 1, b: 2 }, server: { host: 'x', port: 1 }, cache: { sizeBytes: 1 } },
      file: yaml('name: null\nlimits: { a: null }\nserver:\ncache: ~'),
      env: { STADDLE_SERVER__PORT: '9' },
    });
    expect(current).toEqual({ name: 'from schema', limits: { b: 2 }, hosts: [], server: { host: 'localhost', port: 9 } });
  });

  it('makes an optional section only when a layer mentions it', () => {
    expect(load({ schema }).current.cache).toBeUndefined();
    expect(load({ schema, env: { STADDLE_CACHE__SIZE_BYTES: '7' } }).current.cache).toEqual({ sizeBytes: 7, ttlMs: 5 });
    expect(faultOf(() => load({ schema, file: yaml('cache: {}') }))).toMatchObject({ path: 'cache.sizeBytes', rule: expect.stringContaining('is required') as string });
  });

  it('keeps the types of the file: a quoted number is not a number', () => {
    expect(faultOf(() => load({ schema, file: yaml('server:\n  port: "80"\n') }))).toMatchObject({ path: 'server.port', value: '80', origin: expect.stringMatching(/\.yaml:2$/) as string });
  });

  it('freezes the result to its last leaf', () => {
    const { current } = load({ schema, defaults: { limits: { a: 1 }, server: { tags: ['x'] } } });
    for (const object of [current, current.server, current.server.tags!, current.limits]) expect(Object.isFrozen(object)).toBe(true);
  });

  it('leaves the objects of the caller alone', () => {
    const defaults = { limits: { a: 1 }, hosts: ['a'] };
    load({ schema, defaults, env: { STADDLE_LIMITS: '{"b":2}' } });
    expect(defaults).toEqual({ limits: { a: 1 }, hosts: ['a'] });
    expect(Object.isFrozen(defaults.hosts)).toBe(false);
  });
});

describe('file', () => {
  it('is staddle.config.yaml of the working directory when it is there, and may be missing', () => {
    const folder = join(cwd, 'with-default-file');
    mkdirSync(folder);
    expect(load({ schema, cwd: folder }).current.name).toBe('from schema');
    writeFileSync(join(folder, 'staddle.config.yaml'), '# everything commented out\n');
    expect(load({ schema, cwd: folder }).current.name).toBe('from schema');
    writeFileSync(join(folder, 'staddle.config.yaml'), 'name: found\n');
    expect(load({ schema, cwd: folder }).current.name).toBe('found');
  });

  it('is named by --config before STADDLE_CONFIG before the option, and must then exist', () => {
    const [option, variable, flag] = ['option', 'variable', 'flag'].map((name) => yaml(`name: ${name}`));
    const base = { schema, file: option! };
    expect(load({ ...base }).current.name).toBe('option');
    expect(load({ ...base, env: { STADDLE_CONFIG: variable } }).current.name).toBe('variable');
    expect(load({ ...base, env: { STADDLE_CONFIG: variable }, argv: [`--config=${flag}`] }).current.name).toBe('flag');
    expect(faultOf(() => load({ schema, env: { STADDLE_CONFIG: '/nonexistent/a.yaml' } }))).toMatchObject({ path: 'config', origin: '/nonexistent/a.yaml', rule: expect.stringContaining('ENOENT') as string });
    expect(faultOf(() => load({ schema, file: cwd }))).toMatchObject({ path: 'config', rule: expect.stringContaining('EISDIR') as string });
  });

  it.each([
    ['an unclosed list', 'name: x\nhosts: [a, b\nserver: 1\n'],
    ['a tab as indentation', 'name: x\nserver:\n\tport: 1\n'],
    ['a key twice', 'name: x\nname: y\n'],
    ['an unknown alias', 'name: x\nhosts: *nowhere\n'],
    ['an unknown tag', 'name: x\nhosts: !secret hunter2hunter2\n'],
    ['two documents', 'name: x\n---\nname: y\n'],
    ['an open quote around a secret', 'name: "hunter2hunter2\n'],
  ])('reports %s with its line and without quoting the file', (_name, text) => {
    const faults = faultsOf(() => load({ schema, file: yaml(text) }));
    expect(faults[0]).toMatchObject({ path: 'config', origin: expect.stringMatching(/\.yaml:[123]$/) as string, rule: expect.stringMatching(/not valid YAML here \([A-Z_]+\)/) as string });
    expect(JSON.stringify(faults)).not.toContain('hunter2');
  });

  it('follows anchors, and refuses a flood of them', () => {
    expect(load({ schema, file: yaml('hosts: &h [a]\nserver: { tags: *h }\n') }).current.server.tags).toEqual(['a']);
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]', ...Array.from('bcdefgh', (letter, index) => `${letter}: &${letter} [${Array(10).fill(`*${'abcdefg'[index]}`).join(',')}]`)].join('\n');
    expect(faultsOf(() => load({ schema, file: yaml(bomb) }))[0]).toMatchObject({ rule: expect.stringContaining('anchors') as string });
  });

  it.each(['__proto__', 'constructor', 'prototype'])('refuses the key %s, at the top, in a section and in a record', (key) => {
    const faults = faultsOf(() => load({ schema, file: yaml(`${key}: { polluted: 1 }\nserver:\n  ${key}: 1\nlimits: { a: 1, ${key}: { polluted: 1 } }\n`) }));
    expect(faults.map(({ path, rule }) => [path, rule])).toEqual([
      [key, 'is a reserved key'],
      [`server.${key}`, 'is a reserved key'],
      ['limits', `has the reserved key ${key} inside`],
    ]);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('must hold a mapping, and a section must be one', () => {
    expect(faultOf(() => load({ schema, file: yaml('- a\n- b\n') }))).toMatchObject({ path: 'configuration', rule: expect.stringContaining('must be a section') as string });
    expect(faultOf(() => load({ schema, file: yaml('name: x\nserver: hunter2\n') }))).toMatchObject({ path: 'server', rule: 'must be a section with host, port, tags' });
  });
});

describe('flags', () => {
  it('take the last of several, a bare name for true, and the empty text literally', () => {
    const flags = z.object({ verbose: z.boolean().default(false), name: z.string().default('x'), port: z.int().optional() });
    expect(load({ schema: flags, argv: ['--verbose', '--name=a', '--name=b=c'] }).current).toEqual({ verbose: true, name: 'b=c' });
    expect(load({ schema: flags, argv: ['--name='] }).current.name).toBe('');
    expect(faultOf(() => load({ schema: flags, argv: ['--port='] }))).toMatchObject({ path: 'port', origin: '--port', value: '' });
    expect(faultOf(() => load({ schema: flags, argv: ['--port'] }))).toMatchObject({ path: 'port', origin: '--port', rule: 'needs a value: --port=value' });
  });

  it.each(['start', '-v', '--', '-', ''])('refuse %j without repeating it', (argument) => {
    expect(faultOf(() => load({ schema, argv: [argument] }))).toMatchObject({ path: 'argument', rule: 'is not a flag of the form --key=value' });
  });
});

describe('unknown keys', () => {
  it('are faults that name the nearest known one and never the value', () => {
    const faults = faultsOf(() =>
      load({
        schema,
        file: yaml('nmae: hunter2\nserver:\n  prot: hunter2\n'),
        env: { STADDLE_SERVER_PORT: 'hunter2', STADDLE_SERVER__HSOT: 'hunter2', STADDLE_name: 'hunter2', STADDLE_QUITE_ELSE: 'hunter2', OTHER_PORT: 'x', STADDLE_EMPTY: '' },
        argv: ['--server.prot=hunter2', '--__proto__.x=hunter2'],
      }),
    );
    expect(faults.map(({ path, origin, rule }) => [path, origin?.replace(/^.*\//, '').replace(/^\d+/, 'N'), rule])).toEqual([
      ['nmae', 'N.yaml:1', 'is not a setting; the nearest is name'],
      ['server.prot', 'N.yaml:3', 'is not a setting; the nearest is server.port'],
      ['serverPort', 'STADDLE_SERVER_PORT', 'is not a setting; the nearest is STADDLE_SERVER__PORT'],
      ['server.hsot', 'STADDLE_SERVER__HSOT', 'is not a setting; the nearest is STADDLE_SERVER__HOST'],
      ['name', 'STADDLE_name', 'is not a setting; the nearest is STADDLE_NAME'],
      ['quiteElse', 'STADDLE_QUITE_ELSE', 'is not a setting'],
      ['server.prot', '--server.prot', 'is not a setting; the nearest is --server.port'],
      ['__proto__.x', '--__proto__.x', 'is not a setting'],
    ]);
    expect(JSON.stringify(faults)).not.toContain('hunter2');
  });

  it('are ignored in the sections of siblings, in every layer', () => {
    const { current } = load({
      schema,
      siblings: ['push', 'linkShortener'],
      file: yaml('push: { port: x, deep: { er: 1 } }\nlinkShortener: 5\n'),
      env: { STADDLE_PUSH__PORT: '1', STADDLE_LINK_SHORTENER__A__B: '1' },
      argv: ['--push.port=1', '--linkShortener.a.b=1'],
    });
    expect(current).not.toHaveProperty('push');
    expect(faultOf(() => load({ schema, siblings: ['push'], file: yaml('server: { push: 1 }') }))).toMatchObject({ path: 'server.push' });
    expect(faultOf(() => load({ schema, siblings: ['push'], env: { STADDLE_PUSHER__PORT: '1' } }))).toMatchObject({ env: 'STADDLE_PUSHER__PORT' });
  });

  it('are looked for under another prefix when one is given', () => {
    expect(load({ schema, prefix: 'ACME_', env: { ACME_NAME: 'acme', STADDLE_NMAE: 'x' } }).current.name).toBe('acme');
  });
});
