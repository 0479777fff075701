import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ConfigError, EX_CONFIG, httpPart, loadConfig, secret, secretUrl, sharedParts } from '@staddle/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { faultsOf, faultOf, load } from './load.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'staddle-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const schema = z.object({ ...sharedParts, scheduler: httpPart({ port: 4100 }).extend({ workers: z.int().min(1) }) });

describe('ConfigError', () => {
  it('lists every fault of every layer, one a line, and has a stable code', () => {
    const path = file('bad.yaml', 'database:\n  pool:\n    max: 5000\n  pol: {}\n');
    let thrown: unknown;
    try {
      loadConfig({
        schema,
        file: path,
        env: { STADDLE_SCHEDULER__PORT: '0x10', STADDLE_DATABSE__URL: 'mysql://u:hunter2@h/d', STADDLE_AUTH__SECRET: 'hunter2', STADDLE_REDIS__URL: 'http://u:hunter2@h' },
        argv: ['--log.level=Debug\nfaked: line', '--stop.timeoutMs=soon'],
      });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigError);
    expect(thrown).toMatchObject({ code: 'ERR_CONFIG_INVALID', retryable: false, name: 'ConfigError' });
    expect((thrown as ConfigError).message.replaceAll(path, 'bad.yaml').split('\n')).toEqual([
      'configuration is invalid: 9 faults',
      '  database.pol (bad.yaml:4): is not a setting; the nearest is database.pool',
      '  scheduler.port = "0x10" (STADDLE_SCHEDULER__PORT): must be a plain decimal number',
      '  databse.url (STADDLE_DATABSE__URL): is not a setting; the nearest is STADDLE_DATABASE__URL',
      '  database.pool.max = 5000 (bad.yaml:3): too big: expected number to be <=1000',
      '  redis.url (STADDLE_REDIS__URL): must be a URL that starts with redis: or rediss:',
      '  auth.secret (STADDLE_AUTH__SECRET): must be at least 32 bytes long',
      '  log.level = "Debug\\nfaked: line" (--log.level): expected one of "trace"|"debug"|"info"|"warn"|"error"|"fatal"|"silent"',
      `  stop.timeoutMs = "soon" (--stop.timeoutMs): must be a duration: '30s', '15m', 'PT2S' or whole milliseconds`,
      '  scheduler.workers: is required: set STADDLE_SCHEDULER__WORKERS, --scheduler.workers or the file',
    ]);
    expect(inspect(thrown, { depth: null, showHidden: true })).not.toContain('hunter2');
    expect(JSON.stringify((thrown as ConfigError).faults)).not.toContain('hunter2');
  });

  it('says it in the singular for one fault, and cuts long values', () => {
    expect(() => load({ schema: z.object({ port: z.int() }), env: { STADDLE_PORT: 'x'.repeat(500) } })).toThrow(/1 fault\n {2}port = "x{79}… \(STADDLE_PORT\): must be/);
  });

  it('masks credentials of a URL even where the schema did not declare a secret', () => {
    const plain = z.object({ target: z.string().regex(/^https:/) });
    expect(() => load({ schema: plain, env: { STADDLE_TARGET: 'ftp://u:hunter2@h/' } })).toThrow(/target = "ftp:\/\/\[redacted\]@h\/"/);
  });

  it('points into a list or a record at the item', () => {
    const lists = z.object({ rules: z.array(z.object({ host: z.string() })), limits: z.record(z.string(), z.number()) });
    expect(faultsOf(() => load({ schema: lists, defaults: { rules: [{ host: 'a' }, { host: 5 }], limits: { a: 'x' } } }))).toMatchObject([
      { path: 'rules.1.host', value: 5, origin: 'defaults', env: 'STADDLE_RULES' },
      { path: 'limits.a', value: 'x', origin: 'defaults' },
    ]);
  });

  it('reports rules about several settings at once', () => {
    const range = z.object({ min: z.int().default(1), max: z.int().default(0) }).refine(({ min, max }) => min <= max, 'min must not be above max');
    expect(faultOf(() => load({ schema: range }))).toMatchObject({ path: 'configuration', rule: 'min must not be above max' });
    expect(faultOf(() => load({ schema: z.object({ range }) }))).toMatchObject({ path: 'range', rule: 'min must not be above max' });
  });

  it('does not complain twice about one setting', () => {
    const required = z.object({ port: z.int() });
    expect(faultOf(() => load({ schema: required, env: { STADDLE_PORT: 'x' } }))).toMatchObject({ rule: 'must be a plain decimal number' });
    expect(faultOf(() => load({ schema: z.object({ ...sharedParts }), defaults: { dataDir: 5 } }))).toMatchObject({ path: 'dataDir' });
  });

  it('comes with the exit code of sysexits.h', () => {
    expect(EX_CONFIG).toBe(78);
  });
});

describe('the message', () => {
  it('has one readable line for each fault, whatever a key is called', () => {
    const env = { 'STADDLE_\u001b[2J': 'x', 'STADDLE_A\nB': 'x', [`STADDLE_${'LONG'.repeat(10_000)}`]: 'x' };
    const keys = file('keys.yaml', '"\\e[31m\\nfake: line": 1\n? [a, hunter2]\n: 1\n');
    let message = '';
    try {
      load({ schema: z.object({ ...sharedParts }), env, file: keys });
    } catch (error) {
      message = (error as Error).message;
    }
    const lines = message.split('\n');
    expect(lines).toHaveLength(6);
    expect(message.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    for (const line of lines) expect(line.length).toBeLessThan(2_000);
  });

  it('says that a file is no text', () => {
    const path = join(folder, 'latin1.yaml');
    writeFileSync(path, Buffer.from('dataDir: "caf\xe9"\n', 'latin1'));
    expect(faultOf(() => load({ schema: z.object({ ...sharedParts }), file: path }))).toMatchObject({ path: 'config', origin: path, rule: 'is not UTF-8 text' });
  });
});

describe('the stop', () => {
  it('may not drain for as long as it has for everything', () => {
    const stopOf = (drain: string): unknown => load({ schema: z.object({ ...sharedParts }), env: { STADDLE_STOP__DRAIN_DELAY_MS: drain, STADDLE_STOP__TIMEOUT_MS: '25s' } }).current.stop;
    expect(faultOf(() => stopOf('25s'))).toMatchObject({ path: 'stop.drainDelayMs', origin: 'STADDLE_STOP__DRAIN_DELAY_MS', rule: 'must be shorter than stop.timeoutMs' });
    expect(stopOf('24s')).toEqual({ drainDelayMs: 24_000, timeoutMs: 25_000 });
  });
});

describe('the database URL', () => {
  it.each([
    ['postgres://u:hunter2@h/d', 'must be a URL that starts with sqlite:, mysql: or mariadb:'],
    ['sqlite:', 'must name one file after its scheme, by a relative or an absolute path, or be :memory:'],
    ['sqlite:a.db?mode=ro', 'must name one file after its scheme, by a relative or an absolute path, or be :memory:'],
    ['MYSQL://u:hunter2@h/d', 'must be mysql://USER:PASSWORD@HOST:PORT/NAME'],
    ['mysql://u:hunter2@h', 'must name one database after the host, as in mysql://HOST/NAME'],
    ['mysql://u:hunter2@h/d/e', 'must name one database after the host, as in mysql://HOST/NAME'],
    ['mysql://u:hunter2@h:0/d', 'names a host or port that cannot be'],
    ['mysql://u:hunter2%@h/d', 'has a % that is not followed by two hex digits'],
    ['mysql://h/d?password=hunter2', 'must not carry parameters'],
    ['mysql://u:hunter2@h/d\n', 'must not hold control characters'],
  ])('%j %s', (url, rule) => {
    const fault = faultOf(() => load({ schema: z.object({ ...sharedParts }), env: { STADDLE_DATABASE__URL: url } }));
    expect(fault).toMatchObject({ path: 'database.url', origin: 'STADDLE_DATABASE__URL', rule });
    expect(JSON.stringify(fault)).not.toContain('hunter2');
  });
});

describe('secrets', () => {
  const KEY = 'k'.repeat(40);

  it('come from the variable or from the file that the _FILE variable names, without its last line break', () => {
    expect(load({ schema: z.object({ ...sharedParts }), env: { STADDLE_AUTH__SECRET: KEY } }).current.auth.secret?.reveal()).toBe(KEY);
    for (const [name, text] of [['lf', `${KEY}\n`], ['crlf', `${KEY}\r\n`], ['bare', KEY]] as const) {
      expect(load({ schema: z.object({ ...sharedParts }), env: { STADDLE_AUTH__SECRET_FILE: file(name, text) } }).current.auth.secret?.reveal()).toBe(KEY);
    }
    expect(load({ schema: z.object({ ...sharedParts }), env: { STADDLE_AUTH__SECRET_FILE: file('two', `${KEY}\n\n`) } }).current.auth.secret?.reveal()).toBe(`${KEY}\n`);
    expect(load({ schema: z.object({ ...sharedParts }), env: { STADDLE_DATABASE__URL_FILE: file('url', 'mysql://u:p@h/d\n') } }).current.database.url.reveal()).toBe('mysql://u:p@h/d');
    expect(load({ schema: z.object({ ...sharedParts }), defaults: { auth: { secret: KEY } } }).current.auth.secret?.reveal()).toBe(KEY);
  });

  it('may not be given in both forms', () => {
    const both = { STADDLE_AUTH__SECRET: KEY, STADDLE_AUTH__SECRET_FILE: file('both', KEY) };
    expect(faultOf(() => load({ schema: z.object({ ...sharedParts }), env: both }))).toMatchObject({ path: 'auth.secret', rule: 'is set twice, by STADDLE_AUTH__SECRET and by STADDLE_AUTH__SECRET_FILE' });
    expect(load({ schema: z.object({ ...sharedParts }), env: { ...both, STADDLE_AUTH__SECRET: '' } }).current.auth.secret?.reveal()).toBe(KEY);
  });

  it('fail with the path, and never the content, of a file that cannot be used', () => {
    const secretFile = (path: string): (() => unknown) => () => load({ schema: z.object({ ...sharedParts }), env: { STADDLE_AUTH__SECRET_FILE: path } });
    const missing = join(folder, 'missing');
    expect(faultOf(secretFile(missing))).toMatchObject({ path: 'auth.secret', origin: 'STADDLE_AUTH__SECRET_FILE', rule: `names a file that cannot be read: ${missing} (ENOENT)` });
    expect(faultOf(secretFile(folder))).toMatchObject({ rule: `names ${folder}, which is not a regular file` });
    expect(faultOf(secretFile(file('empty', '\n')))).toMatchObject({ rule: `names the empty file ${join(folder, 'empty')}` });
    const short = file('short', 'hunter2');
    expect(faultsOf(secretFile(short))).toEqual([{ path: 'auth.secret', env: 'STADDLE_AUTH__SECRET', origin: `STADDLE_AUTH__SECRET_FILE=${short}`, rule: 'must be at least 32 bytes long' }]);
  });

  it('stay hidden where somebody wrote the secret itself into the _FILE variable', () => {
    for (const text of ['hunter2-hunter2-hunter2-hunter2-hunter2', '/hunter2+hunter2', 'hunter2/hunter2/hunter2', `hunter2\0`, 'hunter2'.repeat(1_000)]) {
      const [fault] = faultsOf(() => load({ schema: z.object({ ...sharedParts }), env: { STADDLE_AUTH__SECRET_FILE: text } }));
      expect(fault!.rule).toMatch(/^names a file that cannot be read \(E\w+\); its path is not shown, for it may be the secret itself$/);
      expect(JSON.stringify(fault)).not.toContain('hunter2');
    }
  });

  it('are read from regular files of a sane size only, so that no pipe and no device holds up the start', () => {
    const secretFile = (path: string): (() => unknown) => () => load({ schema: z.object({ ...sharedParts }), env: { STADDLE_AUTH__SECRET_FILE: path } });
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const path of [pipe, '/dev/zero']) expect(faultOf(secretFile(path))).toMatchObject({ rule: `names ${path}, which is not a regular file` });
    const large = file('large', 'x'.repeat(65_537));
    expect(faultOf(secretFile(large))).toMatchObject({ rule: `names ${large}, which has 65537 bytes, more than 65536` });
  });

  it('are text: bytes that are none would all become the same replacement character', () => {
    const binary = join(folder, 'binary');
    writeFileSync(binary, Buffer.from(Array.from({ length: 48 }, (_, index) => 128 + index)));
    const read = (path: string) => load({ schema: z.object({ ...sharedParts }), env: { STADDLE_AUTH__SECRET_FILE: path } });
    expect(faultOf(() => read(binary))).toMatchObject({ rule: `names ${binary}, which is not UTF-8 text` });
    expect(read(file('bom', `\ufeff${KEY}`)).current.auth.secret?.reveal()).toBe(KEY);
  });

  it('that are shorter than a word stay unknown to the reader of a rule', () => {
    for (const text of ['a', ' ', 'be', 'at']) {
      expect(faultOf(() => load({ schema: z.object({ ...sharedParts }), env: { STADDLE_AUTH__SECRET: text } })).rule).toBe('must be at least 32 bytes long');
    }
  });

  it('are the only settings with a _FILE variable', () => {
    expect(faultOf(() => load({ schema: z.object({ ...sharedParts }), env: { STADDLE_LOG__LEVEL_FILE: '/x' } }))).toMatchObject({ env: 'STADDLE_LOG__LEVEL_FILE', rule: 'is not a setting; the nearest is STADDLE_LOG__LEVEL' });
  });

  it('stay out of faults whatever their shape and however the rule was written', () => {
    const shapes = z.object({
      echo: secret(z.string().superRefine((text, context) => context.addIssue({ code: 'custom', message: `bad value ${text}` }))).optional(),
      list: z.array(secret(z.string().min(20))).optional(),
      named: z.record(z.string(), secret(z.string().min(20))).optional(),
      number: secret(z.int()).optional(),
      either: z.union([secret(z.string().min(20)), z.boolean()]).optional(),
      inner: z.object({ key: secret(z.string()).optional() }),
      url: secretUrl({ protocols: ['mysql:'] }).optional(),
      structure: z.array(z.object({ key: secret(z.string().min(20)) })).optional(),
    });
    const sources = [
      { env: { STADDLE_ECHO: 'hunter2', STADDLE_LIST: 'hunter2,hunter2', STADDLE_NAMED: '{"a":"hunter2"}', STADDLE_NUMBER: 'hunter2', STADDLE_EITHER: 'hunter2', STADDLE_URL: 'hunter2', STADDLE_STRUCTURE: '[{"key":"hunter2"' } },
      { argv: ['--echo=hunter2', '--list=["hunter2"', '--structure=[{"key":"hunter2"}]', 'hunter2', '--inner.kye=hunter2', '--number=hunter2'] },
      { file: file('shapes.yaml', 'echo: hunter2\nlist: hunter2\nnamed: hunter2\nnumber: hunter2\neither: hunter2\ninner: hunter2\nurl: hunter2\nstructure: hunter2\n') },
    ];
    for (const source of sources) {
      let error: unknown;
      try {
        load({ schema: shapes, ...source });
      } catch (thrown) {
        error = thrown;
      }
      expect((error as ConfigError).faults.length).toBeGreaterThan(5);
      expect(inspect(error, { depth: null, showHidden: true }) + JSON.stringify(error)).not.toContain('hunter2');
    }
  });

  it('are listed for the logger, with the passwords inside URLs', () => {
    const { secrets } = load({ schema: z.object({ ...sharedParts }), env: { STADDLE_AUTH__SECRET: KEY, STADDLE_DATABASE__URL: 'mysql://u:pass%20word@h/d', STADDLE_REDIS__URL: 'redis://h' } });
    expect(secrets.map((one) => one.reveal())).toEqual(['pass word', KEY]);
  });

  it('are warned about in flags, where every process of the machine sees them', () => {
    const { warnings } = load({ schema: z.object({ ...sharedParts }), argv: [`--auth.secret=${KEY}`] });
    expect(warnings).toEqual(['--auth.secret shows a secret to everyone who can list processes; use STADDLE_AUTH__SECRET or STADDLE_AUTH__SECRET_FILE']);
  });
});
