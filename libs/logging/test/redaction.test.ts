import { Buffer } from 'node:buffer';
import { runInContext } from '@staddle/kernel';
import { describe, expect, it } from 'vitest';
import { lineOf, recordingLogger } from './recording.ts';

// Not among the logger's known secrets: only names and shapes can give it away.
const HIDDEN = 'hunter2-unknown';
// Known: no name or shape gives it away.
const KNOWN = 'correct-horse/battery "staple"';

class Secret {
  readonly #value = HIDDEN;
  reveal(): string {
    return this.#value;
  }
}

class Account {
  readonly password = HIDDEN;
}

class Guarded {
  readonly raw = HIDDEN;
  toJSON(): unknown {
    return { shown: true };
  }
}

function nested(depth: number, value: unknown): unknown {
  return depth === 0 ? value : { inner: nested(depth - 1, value) };
}

const JWT = `eyJhbGciOiJIUzI1NiJ9.${Buffer.from(`{"sub":"${HIDDEN}"}`).toString('base64url')}.c2lnbmF0dXJl`;

const SHAPES: Record<string, () => unknown> = {
  ...Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`a password at depth ${i + 1}`, () => nested(i + 1, { password: HIDDEN })])),
  'the header in any case': () => ({ headers: { Authorization: HIDDEN, COOKIE: HIDDEN, 'Set-Cookie': [HIDDEN], 'X-API-Key': HIDDEN, 'proxy-authorization': HIDDEN } }),
  'names in any style': () => ({ accessToken: HIDDEN, refresh_token: HIDDEN, dbPassword: HIDDEN, client_secret: HIDDEN, apiKey: HIDDEN, 'private-key': HIDDEN, passwd: HIDDEN, pwd: HIDDEN, pin: 123456, jwt: HIDDEN }),
  'an object under a secret name': () => ({ credentials: { user: HIDDEN, anything: [HIDDEN] }, auth: { username: HIDDEN } }),
  'a Map': () => ({ map: new Map([['password', HIDDEN]]) }),
  'a Map in a Set in an array': () => [new Set([new Map([['token', HIDDEN]])])],
  'a Headers object': () => new Headers({ authorization: HIDDEN }),
  'raw headers': () => ({ rawHeaders: ['Host', 'x', 'Authorization', HIDDEN, 'Cookie', HIDDEN] }),
  'pairs of headers': () => ({ headers: [['authorization', HIDDEN]] }),
  'name and value': () => ({ headers: [{ name: 'Authorization', value: HIDDEN }, { key: 'api_key', value: HIDDEN }] }),
  'a class with a password': () => new Account(),
  'a class with toJSON': () => new Guarded(),
  'an object without prototype': () => Object.assign(Object.create(null) as object, { password: HIDDEN }),
  'a Secret': () => ({ config: { value: new Secret() } }),
  'a Secret in a list, a Map and as a key': () => [[new Secret()], new Map<unknown, unknown>([[new Secret(), new Secret()]])],
  'a Buffer': () => ({ key: Buffer.from(HIDDEN), bytes: new TextEncoder().encode(HIDDEN).buffer }),
  'the key __proto__': () => JSON.parse(`{"__proto__":{"password":"${HIDDEN}"}}`) as unknown,
  'an error with request options': () => ({ err: Object.assign(new Error('failed'), { config: { headers: { Authorization: `Bearer ${HIDDEN}` }, auth: HIDDEN }, response: { config: { headers: { cookie: HIDDEN } } } }) }),
  'the cause of an error': () => ({ err: new Error('outer', { cause: Object.assign(new Error(`mysql://app:${HIDDEN}@db/x`), { password: HIDDEN }) }) }),
  'a plain object as the cause of an error': () => ({ err: new Error('outer', { cause: { password: HIDDEN } }) }),
  'an AggregateError': () => ({ err: new AggregateError([new Error(`Authorization: Bearer ${HIDDEN}`)], `token=${HIDDEN}`) }),
  'an error that is not under err': () => ({ reason: Object.assign(new Error(`password=${HIDDEN}`), { token: HIDDEN }) }),
  'the stack of an error': () => ({ err: Object.assign(new Error('x'), { stack: `Error: password=${HIDDEN}\n at x` }) }),
  'a thrown object': () => ({ err: { password: HIDDEN } }),
  'a URL': () => ({ url: new URL(`https://user:${HIDDEN}@host/path?token=${HIDDEN}`), text: `redis://:${HIDDEN}@host:6379`, raw: `mysql://u:p/${HIDDEN}@host/x` }),
  'a user name that is the token': () => ({ url: `https://${HIDDEN}@github.com/x` }),
  'query parameters': () => new URLSearchParams({ access_token: HIDDEN }),
  'an authorization line': () => `Authorization: Bearer ${HIDDEN}\nhost: x`,
  'a bearer token in a text': () => `got Bearer ${HIDDEN} from x`,
  'a cookie line': () => `cookie: a=${HIDDEN}; b=${HIDDEN}`,
  'a JWT': () => `got ${JWT} from x`,
  'JSON in a text': () => `body was {"user":"x","password":"${HIDDEN}","token": "${HIDDEN}"}`,
  'JSON in JSON in a text': () => JSON.stringify({ body: JSON.stringify({ password: HIDDEN, authorization: HIDDEN }) }),
  'an inspected object in a text': () => `options { password: '${HIDDEN}', apiKey: "${HIDDEN}" }`,
  'an assignment in a text': () => `psql password=${HIDDEN} API_KEY=${HIDDEN} --token=${HIDDEN}`,
  'a private key': () => `-----BEGIN RSA PRIVATE KEY-----\n${HIDDEN}\n-----END RSA PRIVATE KEY-----`,
};

describe('redaction', () => {
  it.each(Object.entries(SHAPES))('hides what nobody declared secret: %s', (_name, make) => {
    const value = make();
    const fields = typeof value === 'object' && value !== null && 'err' in value ? value : { value };
    const { logger, to } = recordingLogger();
    logger.info(fields as Record<string, unknown>, typeof value === 'string' ? value : 'x');
    logger.child(fields as Record<string, unknown>).info({}, 'x');
    expect(to.texts).toHaveLength(2);
    expect(to.texts.join('')).not.toMatch(/hunter2|c2lnbmF0dXJl|123456/);
  });

  it.each<[string, (secret: string) => [unknown, string]]>([
    ['a message', (s) => [{}, `it was ${s}!`]],
    ['a field', (s) => [{ note: `it was ${s}!` }, 'x']],
    ['a field name', (s) => [{ [s]: 1, nested: { [`x${s}`]: 1 } }, 'x']],
    ['a Map key', (s) => [{ map: new Map([[s, 1]]) }, 'x']],
    ['an error', (s) => [{ err: new Error(`it was ${s}`) }, 'x']],
    ['the cause of an error', (s) => [{ err: new Error('x', { cause: s }) }, 'x']],
    ['the code and name of an error', (s) => [{ err: Object.assign(new Error('x'), { code: s, name: s }) }, 'x']],
    ['a thrown text', (s) => [{ err: s }, 'x']],
    ['an encoded URL', (s) => [{ path: `/x/${encodeURIComponent(s)}` }, 'x']],
    ['a text of JSON', (s) => [{ body: JSON.stringify({ note: s }) }, 'x']],
    ['the place where a long text is cut', (s) => [{ long: 'x'.repeat(8_192 - 5) + s + 'y'.repeat(100) }, 'm'.repeat(8_192 - 7) + s]],
    ['an ECS field', (s) => [{ 'url.path': s }, 'x']],
    ['a boxed string', (s) => [{ boxed: Object(s) as unknown }, 'x']],
  ])('scrubs a known secret from %s', (_name, make) => {
    const [fields, message] = make(KNOWN);
    const text = JSON.stringify(lineOf(fields, message, { secrets: [KNOWN, { reveal: () => 'another-known-secret' }] }));
    expect(text).not.toMatch(/correct-hor|battery|staple/);
  });

  it('shows no half of a secret where a text is cut, though scrubbing made the text before it shorter', () => {
    const secret = 'abcdefghijklmnop';
    const before = secret.repeat(50);
    const text = `${before}${'.'.repeat(8_192 + secret.length - 10 - before.length)}${secret}${'.'.repeat(100)}`;
    expect(lineOf({}, text, { secrets: [secret] })['message']).not.toContain('abc');
  });

  it('scrubs known secrets from context and child fields too', () => {
    const { logger, to } = recordingLogger({ secrets: [KNOWN] });
    runInContext({ request_id: KNOWN, token: 'abc', other: `x${KNOWN}x` }, () => logger.child({ bound: KNOWN }).info({}, 'x'));
    expect(to.lines[0]).toMatchObject({ request_id: '[redacted]', token: '[redacted]', other: 'x[redacted]x', data: { bound: '[redacted]' } });
  });

  it('leaves short known values alone: scrubbing a word would tell it', () => {
    expect(lineOf({}, 'user admin logged in', { secrets: ['admin', '', { reveal: () => 42 }] })['message']).toBe('user admin logged in');
  });

  it('scrubs the longer of two secrets that overlap', () => {
    expect(lineOf({}, 'x long-secret-value-and-more x', { secrets: ['long-secret-value', 'long-secret-value-and-more'] })['message']).toBe('x [redacted] x');
  });

  it('keeps what is not secret readable', () => {
    const { data } = lineOf({ tokens: 512, fencingToken: 7n, hasPassword: true, password: null, secret: undefined, tokenExpiresAt: 5, author: 'x', compass: 'n', spinner: 'y', count: 0 });
    expect(data).toEqual({ tokens: 512, fencingToken: '7', hasPassword: true, password: null, tokenExpiresAt: 5, author: 'x', compass: 'n', spinner: 'y', count: 0 });
    for (const message of [
      "Access denied for user 'app'@'localhost' (using password: YES)",
      'basic authentication is off, bearer tokens only',
      'listening on http://127.0.0.1:4100/connection/websocket',
      'GET http://localhost:4873/@staddle/lock 200',
      'SyntaxError: Unexpected token } in JSON at position 3',
      'lock lost at 12:00:05: renew failed',
    ]) {
      expect(lineOf({}, message)['message']).toBe(message);
    }
  });
});
