import { once } from 'node:events';
import { connect } from 'node:net';

import { recordingLogger, type RecordingLogger } from '@staddle/testing';
import type { Service } from '@staddle/service';
import { expect, it } from 'vitest';
import { z } from 'zod';

import { serve } from './serve.ts';

const open = { config: { public: true } };

/** Routes that do with input what real ones do: validate, echo, and reach into it. */
function start(logger: RecordingLogger): Promise<Service> {
  return serve({
    logger,
    bodyLimitBytes: 100_000,
    routes: (app) => {
      const nonsense = Promise.withResolvers<void>();
      app.server.once('clientError', () => nonsense.resolve());
      app.post('/strict', { ...open, schema: { body: z.strictObject({ a: z.int().optional(), payload: z.json().optional() }) } }, ({ body }) => ({ echo: body }));
      app.post('/free', { ...open, schema: { body: z.record(z.string(), z.unknown()) } }, ({ body }) => ({ echo: body }));
      app.post('/raw', open, ({ body }) => ({ echo: body ?? null }));
      app.get('/list', { ...open, schema: { querystring: z.strictObject({ q: z.string().optional() }) } }, ({ query }) => query);
      app.get('/thing/:id', { ...open, schema: { params: z.strictObject({ id: z.string() }) } }, ({ params }) => params);
      app.get('/:slug', open, ({ params }) => params as object);
      app.get('/stream', open, (_request, reply) => {
        reply.hijack();
        reply.raw.writeHead(200, { 'content-length': '10' });
        reply.raw.write('hello');
        void nonsense.promise.then(() => reply.raw.end('world'));
      });
    },
  });
}

/** Sends raw bytes, half-closes, and returns all that came back. */
async function exchange(service: Service, bytes: string | Buffer, { keepOpen = false } = {}): Promise<string> {
  const { port, hostname } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
  socket.on('error', () => {}); // A reset is an answer, too.
  if (keepOpen) socket.write(bytes);
  else socket.end(bytes);
  await once(socket, 'close');
  return answer;
}

function request(line: string, headers: Record<string, string> = {}, body: string | Buffer = ''): Buffer {
  const all = { Host: 'localhost', Connection: 'close', ...(body.length > 0 ? { 'Content-Type': 'application/json', 'Content-Length': String(body.length) } : {}), ...headers };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${line} HTTP/1.1\r\n${head.join('')}\r\n`, 'latin1'), Buffer.from(body)]);
}

const json = (path: string, body: string | Buffer): Buffer => request(`POST ${path}`, {}, Buffer.from(body));
const deep = (depth: number): string => `{"payload":${'['.repeat(depth)}${']'.repeat(depth)}}`;

const BODIES: readonly (readonly [string, string | Buffer])[] = [
  ['half an object', '{"a":1'],
  ['nothing but a bracket', '['],
  ['two documents', '{}{}'],
  ['a NUL byte', '\0'],
  ['a byte order mark', '\uFEFF{}'],
  ['an unpaired surrogate', '{"payload":"\\ud800"}'],
  ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  ['an overlong UTF-8 sequence', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
  ['deep nesting', deep(65)],
  ['absurd nesting', deep(49_000)],
  ['unclosed nesting', '['.repeat(90_000)],
  ['__proto__', '{"__proto__":{"admin":true}}'],
  ['a nested __proto__', '{"payload":{"__proto__":{"admin":true}}}'],
  ['an escaped __proto__', '{"\\u005f_proto__":{"admin":true}}'],
  ['constructor.prototype', '{"payload":{"constructor":{"prototype":{"admin":true}}}}'],
  ['constructor', '{"constructor":1}'],
  ['keys of Object.prototype', '{"toString":1,"hasOwnProperty":2,"valueOf":null}'],
  ['a number beyond doubles', '{"a":1e999}'],
  ['a number beyond safe integers', '{"a":9007199254740993}'],
  ['minus zero', '{"a":-0}'],
  ['a number of 90000 digits', `{"a":${'9'.repeat(90_000)}}`],
  ['NaN', '{"a":NaN}'],
  ['a bare null', 'null'],
  ['a bare array', '[]'],
  ['a bare text', '"x"'],
  ['an empty key', '{"":1}'],
  ['a key twice', '{"a":1,"a":"x"}'],
  ['10000 unknown keys', `{${Array.from({ length: 10_000 }, (_, index) => `"k${index}":1`).join(',')}}`],
  ['a body over the limit', `{"payload":"${'x'.repeat(100_000)}"}`],
];

const HEADS: readonly (readonly [string, string | Buffer])[] = [
  ['a broken percent-encoding', request('GET /%')],
  ['a percent-encoding that is not hexadecimal', request('GET /thing/%zz')],
  ['a percent-encoding that is not UTF-8', request('GET /thing/%ff%fe')],
  ['an encoded slash', request('GET /thing/a%2fb')],
  ['an encoded NUL', request('GET /thing/%00')],
  ['dots', request('GET /../../etc/passwd')],
  ['a long segment', request(`GET /thing/${'x'.repeat(4_000)}`)],
  ['a broken percent-encoding in the query', request('GET /list?q=%')],
  ['a query that is not UTF-8', request('GET /list?q=%ff')],
  ['__proto__ in the query', request('GET /list?__proto__=1&constructor=2')],
  ['a repeated key in the query', request('GET /list?q=1&q=2')],
  ['brackets in the query', request('GET /list?q[a]=1')],
  ['4000 keys in the query', request(`GET /list?${'a&'.repeat(4_000)}`)],
  ['an absolute URL', request('GET http://elsewhere.example/list')],
  ['a URL without a slash', request('GET list')],
  ['two slashes', request('GET //list')],
  ['a fragment', request('GET /list#x')],
  ['an asterisk', request('OPTIONS *')],
  ['raw bytes in the URL', request('GET /thing/\xff\xfe')],
  ['an unknown method', request('BREW /list')],
  ['a small method', request('get /list')],
  ['CONNECT', request('CONNECT elsewhere.example:443')],
  ['TRACE', request('TRACE /list')],
  ['oversized headers', request('GET /list', { 'X-Large': 'x'.repeat(20_000) })],
  ['3000 headers', request('GET /list', Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`X-${index}`, '1'])))],
  ['a header without a name', 'GET /list HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n'],
  ['a header with a control character', 'GET /list HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n'],
  ['no host', 'GET /list HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['a strange request id', request('GET /list', { 'X-Request-Id': '"><script>' })],
  ['a strange traceparent', request('GET /list', { traceparent: '00-xyz' })],
  ['a strange authorization', request('GET /list', { authorization: 'Bearer \xff\xfe' })],
  ['a strange content type', request('POST /strict', { 'Content-Type': ';;;=' }, '{}')],
  ['a content type with a foreign charset', request('POST /strict', { 'Content-Type': 'application/json; charset=utf-7' }, '{}')],
  ['a compressed body', request('POST /strict', { 'Content-Encoding': 'gzip' }, Buffer.from([0x1f, 0x8b, 0x08, 0x00]))],
  ['a content length that is too small', request('POST /strict', { 'Content-Length': '3' }, '{"a":1}')],
  ['a content length that is too large', request('POST /strict', { 'Content-Length': '300' }, '{"a":1}')],
  ['a content length that is no number', request('POST /strict', { 'Content-Length': 'x' }, '{}')],
  ['a negative content length', request('POST /strict', { 'Content-Length': '-1' }, '{}')],
  ['two content lengths', 'POST /strict HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}'],
  ['a content length beside chunks', 'POST /strict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n'],
  ['a broken chunk', 'POST /strict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n'],
  ['chunks over the limit', `POST /strict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${`2710\r\n${'x'.repeat(10_000)}\r\n`.repeat(12)}0\r\n\r\n`],
  ['an unknown transfer encoding', request('POST /strict', { 'Transfer-Encoding': 'gzip' }, '{}')],
  ['an expectation', request('POST /strict', { Expect: 'the unexpected' }, '{}')],
  ['an upgrade nobody asked for', request('GET /list', { Connection: 'Upgrade', Upgrade: 'websocket' })],
  ['HTTP 0.9', 'GET /list\r\n\r\n'],
  ['HTTP 2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a TLS handshake', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc])],
  ['random bytes', Buffer.from(Array.from({ length: 4_000 }, (_, index) => (index * 7_919) % 251))],
];

// Success; or a problem; or a refusal by Node itself, which has no body (no host, an unknown expectation); or nothing,
// when the client closed its half in the middle of a request.
const WELL_FORMED = /^$|^HTTP\/1\.1 2\d\d |^HTTP\/1\.1 4\d\d .*\r\n(?:.+\r\n)*content-type: application\/problem\+json|^HTTP\/1\.1 4\d\d .*\r\n(?:(?!content-).+\r\n)*\r\n/i;

const CASES = [
  ...HEADS,
  ...['/strict', '/free', '/raw'].flatMap((path) => BODIES.map(([what, body]) => [`${what} at ${path}`, json(path, body)] as const)),
];

it.each(CASES)('answers %s without a 500', async (_what, bytes) => {
  const logger = recordingLogger();
  const service = await start(logger);
  const answer = await exchange(service, bytes);
  expect(answer).toMatch(WELL_FORMED);
  // A cache may keep a 404, 405 or 414 that says nothing about it for as long as it likes.
  const cacheable = /^content-type: application\/problem\+json/im.test(answer) && !/^cache-control: no-store\r$/im.test(answer);
  expect(cacheable).toBe(false);
  expect(answer).not.toMatch(/\n\s+at |node_modules|node:internal|\.ts:\d/);
  expect(logger.lines.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  // Still alive, and its prototypes are clean.
  expect((await fetch(`${service.url}/livez`)).status).toBe(200);
  expect(({} as { admin?: unknown }).admin).toBeUndefined();
});

it('names the refusals below HTTP', async () => {
  const service = await start(recordingLogger());
  const refusal = async (bytes: string | Buffer): Promise<unknown> => JSON.parse((await exchange(service, bytes)).split('\r\n\r\n', 2)[1]!);
  expect(await refusal(request('GET /list', { 'X-Large': 'x'.repeat(20_000) }))).toMatchObject({ status: 431, code: 'ERR_SERVICE_HEADERS' });
  expect(await refusal('NONSENSE\r\n\r\n')).toMatchObject({ status: 400, code: 'ERR_SERVICE_REQUEST', detail: 'the request is not valid HTTP' });
  expect(await refusal(request('GET /thing/%zz'))).toMatchObject({ status: 400, code: 'ERR_SERVICE_URL' });
  expect(await refusal(request(`GET /thing/${'x'.repeat(4_000)}`))).toMatchObject({ status: 414, code: 'ERR_SERVICE_URL' });
});

it('refuses numbers that it would hand on changed, and takes all others', async () => {
  const service = await start(recordingLogger());
  const post = async (body: string): Promise<[number, { detail?: string; code?: string; field?: string; echo?: unknown }]> => {
    const response = await fetch(`${service.url}/raw`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    return [response.status, (await response.json()) as object];
  };
  for (const number of ['9007199254740993', '-9007199254740993', '18446744073709551615', '9'.repeat(400), '1e400', '-1E+999', '1234567890123456789.0e999']) {
    const [status, { code, field, detail }] = await post(`{"name":"12345678901234567890","orders":[{"id":1},{"id":${number}}]}`);
    expect([status, code, field]).toEqual([400, 'ERR_SERVICE_MALFORMED', 'orders.1.id']);
    expect(detail).toBe(`the body holds ${number.slice(0, 40)}, which would be rounded: send it as text`);
  }
  const exact = '{"max":9007199254740991,"min":-9007199254740991,"large":1e300,"tiny":1e-400,"third":0.33333333333333331483,"text":"9007199254740993 \\" 1e999"}';
  expect(await post(exact)).toEqual([200, { echo: JSON.parse(exact) }]);
});

it('answers a request that did not arrive in time', async () => {
  const service = await start(recordingLogger());
  const late = exchange(service, 'POST /strict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{', { keepOpen: true });
  const [{ socket }] = await once(service.app.server, 'request');
  // What Node does after 30 s.
  service.app.server.emit('clientError', Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
  expect(await late).toMatch(/^HTTP\/1\.1 408 Request Timeout[^]*"code":"ERR_SERVICE_REQUEST_TIMEOUT"/);
});

it('answers a request that is followed by nonsense, and nothing else, and hangs up', async () => {
  const service = await start(recordingLogger());
  const stream = request('GET /stream', { Connection: 'keep-alive' });
  const answer = await exchange(service, Buffer.concat([stream, Buffer.from('NONSENSE\r\n\r\n')]), { keepOpen: true });
  expect(answer).toMatch(/\r\n\r\nhelloworld$/);
  const tooShort = request('POST /strict', { Connection: 'keep-alive', 'Content-Length': '3' }, '{"a":1}');
  expect(await exchange(service, tooShort, { keepOpen: true })).toMatch(/"code":"ERR_SERVICE_MALFORMED".*\}$/);
});
