import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { lineOf, recordingLogger } from './recording.ts';

const LIMIT = 65_536;

function cyclic(): object {
  const a: Record<string, unknown> = { name: 'a' };
  a['self'] = a;
  a['list'] = [a, new Map([['a', a]]), new Set([a])];
  return a;
}

function cyclicError(): Error {
  const error = new Error('outer');
  const cause = new AggregateError([error], 'inner', { cause: error });
  error.cause = cause;
  return error;
}

const fail = (): never => {
  throw new Error('trap');
};
const traps: ProxyHandler<object> = { get: fail, has: fail, ownKeys: fail, getPrototypeOf: fail, getOwnPropertyDescriptor: fail };

const HOSTILE: Record<string, () => unknown> = {
  'a cycle': cyclic,
  'a cycle of causes': () => ({ err: cyclicError() }),
  'a chain of 10000 causes': () => ({ err: Array.from({ length: 10_000 }).reduce<Error>((cause) => new Error('link', { cause }), new Error('first')) }),
  'a text of 50 MB': () => ({ text: 'x'.repeat(50_000_000) }),
  'a text of 50 MB in an error': () => ({ err: new Error('x'.repeat(50_000_000)) }),
  'control characters': () => ({ text: '\u0000'.repeat(100_000), more: '\n\u2028"\\'.repeat(10_000), err: new Error('\u0001'.repeat(100_000)) }),
  'a lone surrogate': () => ({ text: '\ud800', key: { '\udc00': 1 } }),
  'a million items': () => ({ list: Array.from({ length: 1_000_000 }, (_, i) => i) }),
  'a sparse array': () => ({ list: Object.assign([], { length: 4_000_000_000 }) }),
  '100000 keys': () => Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`key${i}`, 'x'.repeat(100)])),
  'a tree of 10^7 nodes': () => {
    const leaf = Array.from({ length: 10 }, () => 'leaf');
    return { tree: Array.from({ length: 6 }).reduce<unknown>((node) => Array.from({ length: 10 }, () => node), leaf) };
  },
  'a depth of 10000': () => Array.from({ length: 10_000 }).reduce<object>((inner) => ({ inner }), {}),
  'long keys': () => ({ ['k'.repeat(1_000_000)]: 1 }),
  'a throwing getter': () => ({ get boom() { return fail(); }, ok: 1 }),
  'a throwing getter called err': () => ({ get err() { return fail(); } }),
  'a throwing toJSON': () => ({ value: { toJSON: fail } }),
  'an endless toJSON': () => {
    class Again { toJSON(): unknown { return new Again(); } }
    return { value: new Again() };
  },
  'a toJSON that gives itself': () => ({ value: { toJSON() { return this; } } }),
  'an endless iterator': () => {
    class Endless extends Array<number> { override *[Symbol.iterator](): ArrayIterator<number> { for (;;) yield 1; } }
    return { value: new Endless() };
  },
  'BigInt, symbols and functions': () => ({ big: 10n ** 30n, symbol: Symbol('s'), fn: fail, [Symbol('key')]: 1, nan: NaN, inf: -Infinity, undef: undefined }),
  'a Proxy that throws': () => ({ value: new Proxy({}, traps) }),
  'a Proxy as the fields': () => new Proxy({}, traps),
  'a Proxy as the prototype': () => ({ value: Object.create(new Proxy({}, traps)) as unknown }),
  'a Proxy as the error': () => ({ err: new Proxy(new Error('x'), traps) }),
  'a revoked Proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return { value: proxy, err: proxy };
  },
  'an error whose properties throw': () => ({ err: Object.defineProperties(new Error('x'), Object.fromEntries(['name', 'message', 'stack', 'code', 'cause', 'errors'].map((key) => [key, { get: fail }]))) }),
  'an error with wrong types': () => ({ err: Object.assign(new Error('x'), { name: 5, message: {}, stack: [], code: {}, cause: null, errors: 'no' }) }),
  'a frozen error': () => ({ err: Object.freeze(new Error('x')) }),
  'an object without prototype': () => Object.assign(Object.create(null) as object, { a: 1 }),
  'invalid and forged dates': () => ({ a: new Date(NaN), b: Object.create(Date.prototype) as unknown, c: Object.assign(new Date(0), { toISOString: fail }) }),
  'binary data': () => ({ a: Buffer.alloc(1_000_000), b: new Float64Array(10), c: new DataView(new ArrayBuffer(5)), d: new SharedArrayBuffer(3) }),
  'collections and boxes': () => ({ a: new WeakMap(), b: Promise.resolve(1), c: Object(1), d: /x/g, e: new Map([[{ k: 1 }, 1]]), f: (function* () { yield 1; })() }),
  'the keys of Object.prototype': () => JSON.parse('{"__proto__":1,"constructor":2,"toString":3,"hasOwnProperty":4}') as unknown,
};

describe('hostile values', () => {
  it.each(Object.entries(HOSTILE))('%s: one line of JSON under 64 KB', (_name, make) => {
    const { logger, to } = recordingLogger();
    const value = make() as Record<string, unknown>;
    logger.info(value, 'a message');
    logger.info({ value }, 'a message');
    logger.child(value).info({ own: 1 }, 'a message');
    expect(to.texts).toHaveLength(3);
    for (const text of to.texts) {
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(LIMIT);
      expect(text.indexOf('\n')).toBe(text.length - 1);
      expect(JSON.parse(text)).toMatchObject({ message: 'a message' });
    }
  });

  it('stay one line under 64 KB when everything comes at once', () => {
    const { logger, to } = recordingLogger();
    const wide = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`http.k${i}`, '\u0000'.repeat(300)]));
    logger.child(wide).child({ more: '\u0000'.repeat(9_000) }).error({ ...wide, err: new Error('\u0000'.repeat(90_000), { cause: '\u0000'.repeat(90_000) }), more: HOSTILE['100000 keys']!() }, '\u0000'.repeat(90_000));
    expect(to.texts).toHaveLength(1);
    expect(Buffer.byteLength(to.texts[0]!)).toBeLessThanOrEqual(LIMIT);
    expect(to.lines[0]!['message']).toBeTypeOf('string');
  });

  it('are shown as far as that is possible', () => {
    expect(lineOf({ value: cyclic() }).data).toEqual({ value: { name: 'a', self: '[circular]', list: ['[circular]', { a: '[circular]' }, ['[circular]']] } });
    expect(lineOf(HOSTILE['BigInt, symbols and functions']!()).data).toEqual({ big: '1000000000000000000000000000000', symbol: 'Symbol(s)', fn: '[function]', nan: 'NaN', inf: '-Infinity' });
    expect(lineOf(HOSTILE['a throwing getter']!()).data).toEqual({ boom: '[getter]', ok: 1 });
    expect(lineOf(HOSTILE['invalid and forged dates']!()).data).toEqual({ a: 'Invalid Date', b: '[unreadable]', c: '1970-01-01T00:00:00.000Z' });
    expect(lineOf(HOSTILE['binary data']!()).data).toEqual({ a: '[binary 1000000 bytes]', b: '[binary 80 bytes]', c: '[binary 5 bytes]', d: '[binary 3 bytes]' });
    expect(lineOf({ a: { b: { c: { d: { e: { f: { g: 1 } } } } } } }).data).toEqual({ a: { b: { c: { d: { e: { f: '[object]' } } } } } });
    expect(lineOf({ list: Array.from({ length: 300 }, () => 1) }).data!['list']).toHaveLength(201);
    expect(lineOf({ when: new Date(5), url: new URL('http://a/b'), set: new Set([1]) }).data).toEqual({ when: '1970-01-01T00:00:00.005Z', url: 'http://a/b', set: [1] });
  });

  it('cost linear time in the patterns that look for secrets', () => {
    // Texts that make careless expressions try every split: each would take minutes if it were quadratic in all of its 8192 characters.
    for (const part of ['://', ':a', 'eyJ-', 'eyJa.', 'password', 'password="', 'a'.repeat(50), 'bearer ', 'authorization:"', '-----BEGIN PRIVATE KEY-----', 'secret-', "token:'"]) {
      expect(lineOf({}, part.repeat(20_000))['message']).toBeTypeOf('string');
    }
  });
});
