import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { connect } from 'node:net';

import { contextFields, type Metrics } from '@staddle/kernel';
import { recordingLogger, waitFor } from '@staddle/testing';
import { expect, it } from 'vitest';
import { z } from 'zod';

import { as, call, post, serve } from './serve.ts';

interface Sample {
  readonly name: string;
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

function recordingMetrics(): Metrics & { readonly samples: Sample[] } {
  const samples: Sample[] = [];
  const note =
    (name: string) =>
    (value = 1, labels: Readonly<Record<string, string>> = {}): void =>
      void samples.push({ name, value, labels });
  return {
    samples,
    counter: ({ name }) => ({ add: note(name) }),
    gauge: ({ name }) => ({ set: note(name) }),
    histogram: ({ name }) => ({ observe: note(name) }),
  };
}

it('carries the context of its request through hooks, body, validation and handler', async () => {
  const seen: unknown[] = [];
  const service = await serve({
    plugins: (app) => void app.addHook('preHandler', async () => void seen.push(contextFields())),
    routes: (app) => {
      app.post('/v1/tasks/:uid', { config: { public: true }, schema: { body: z.strictObject({ size: z.int() }) } }, async () => {
        await turn();
        return contextFields();
      });
    },
  });
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const size = { size: 1 };
  const { headers, body } = await call(service, '/v1/tasks/abc?secret=1', post(size, { 'x-request-id': 'req-1', traceparent: `00-${trace}-00f067aa0ba902b7-01` }));
  const fields = { request_id: 'req-1', 'http.request.method': 'POST', 'http.route': '/v1/tasks/:uid', 'trace.id': trace };
  expect(body).toEqual(fields);
  expect(seen).toEqual([fields]);
  expect(headers.get('x-request-id')).toBe('req-1');
});

it('keeps the contexts of requests apart that run at the same time on one connection pool', async () => {
  const service = await serve({
    routes: (app) => {
      app.post('/echo', { config: { public: true } }, async () => {
        for (let hop = 0; hop < 5; hop++) await turn();
        return contextFields();
      });
    },
  });
  const ids = Array.from({ length: 200 }, (_, index) => `req-${index}`);
  const answers = await Promise.all(ids.map((id) => call(service, '/echo', post({ id, filler: 'x'.repeat(5_000) }, { 'x-request-id': id }))));
  expect(answers.map(({ body }) => (body as { request_id: string }).request_id)).toEqual(ids);
});

it.each(['', 'with space', 'x'.repeat(129), '<script>', 'a"b'])('replaces the request id %j', async (id) => {
  const service = await serve();
  const { headers } = await call(service, '/livez', { headers: { 'x-request-id': id } });
  expect(headers.get('x-request-id')).toMatch(/^[\w-]{21}$/);
});

it.each(['00-00000000000000000000000000000000-00f067aa0ba902b7-01', 'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', '00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01', 'nonsense'])(
  'ignores the traceparent %s',
  async (traceparent) => {
    const service = await serve({ routes: (app) => void app.get('/context', { config: { public: true } }, () => contextFields()) });
    expect((await call(service, '/context', { headers: { traceparent } })).body).not.toHaveProperty('trace.id');
  },
);

it('logs one line for each request, by its importance, with context and without the query', async () => {
  const logger = recordingLogger();
  const contexts: unknown[] = [];
  const service = await serve({
    logger: { ...logger, info: (fields, message) => (contexts.push(contextFields()), logger.info(fields, message)) },
    routes: (app) => {
      app.get('/v1/tasks/:uid', () => 'task');
      app.get('/broken', { config: { public: true } }, () => Promise.reject(new Error('fault')));
    },
  });
  const since = logger.lines.length;
  const sinceContext = contexts.length;
  await call(service, '/v1/tasks/abc?token=secret', { headers: await as('alice') });
  await call(service, '/v1/tasks/abc');
  await call(service, '/broken');
  await call(service, '/livez');
  await waitFor(() => logger.lines.length >= since + 5, { what: 'the request lines' });
  const lines = logger.lines.slice(since);
  expect(lines.map(({ level, message, fields }) => [level, message, fields['http.response.status_code'], fields['url.path'], fields['user.id'], fields['error.code']])).toEqual([
    ['info', 'request answered', 200, '/v1/tasks/abc', 'alice', undefined],
    ['info', 'request answered', 401, '/v1/tasks/abc', undefined, 'ERR_SERVICE_AUTH_MISSING'],
    ['error', 'request failed unexpectedly', undefined, undefined, undefined, undefined],
    ['warn', 'request answered', 500, '/broken', undefined, 'ERR_SERVICE_INTERNAL'],
    ['debug', 'request answered', 200, '/livez', undefined, undefined],
  ]);
  expect(lines[0]!.fields['event.duration']).toBeGreaterThan(0);
  expect(contexts[sinceContext]).toMatchObject({ request_id: expect.any(String), 'http.route': '/v1/tasks/:uid' });
  expect(JSON.stringify(lines)).not.toContain('secret');
});

it('measures requests by route pattern and counts those in flight, also when the client hangs up', async () => {
  const metrics = recordingMetrics();
  const logger = recordingLogger();
  const service = await serve({
    logger,
    metrics: { metrics, text: async () => 'up 1\n', contentType: 'text/plain; version=0.0.4; charset=utf-8' },
    routes: (app) => {
      app.get('/v1/tasks/:uid', { config: { public: true } }, () => 'task');
      app.get('/hang', { config: { public: true } }, () => new Promise(() => {}));
    },
  });
  await call(service, '/v1/tasks/abc');
  await call(service, '/v1/tasks/def');
  await call(service, '/some/thing/else');
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
  socket.write('GET /hang HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const inFlight = (): number | undefined => metrics.samples.findLast(({ name }) => name === 'http_requests_in_flight')?.value;
  await waitFor(() => inFlight() === 1, { what: 'the request to arrive' });
  socket.destroy();
  await once(socket, 'close');
  await waitFor(() => inFlight() === 0, { what: 'the request to be given up' });
  const durations = metrics.samples.filter(({ name }) => name === 'http_request_duration_seconds');
  expect(durations.map(({ labels }) => labels)).toEqual([
    { method: 'GET', route: '/v1/tasks/:uid', status: '2xx' },
    { method: 'GET', route: '/v1/tasks/:uid', status: '2xx' },
    { method: 'GET', route: 'unmatched', status: '4xx' },
    { method: 'GET', route: '/hang', status: 'aborted' },
  ]);
  expect(logger.lines.at(-1)).toMatchObject({ level: 'info', message: 'request aborted by the client' });
});

it('serves metrics to whoever has an identity', async () => {
  const service = await serve({ metrics: { metrics: recordingMetrics(), text: async () => 'up 1\n', contentType: 'text/plain; version=0.0.4; charset=utf-8' } });
  expect((await call(service, '/metrics')).status).toBe(401);
  const { status, headers, body } = await call(service, '/metrics', { headers: await as('prometheus') });
  expect({ status, type: headers.get('content-type'), body }).toEqual({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: 'up 1\n' });
});

it('gives handlers a request.log that goes to the logger of the service', async () => {
  const logger = recordingLogger();
  const service = await serve({
    logger,
    routes: (app) => {
      app.get('/talk', { config: { public: true } }, (request) => {
        request.log.warn({ size: 3 }, 'with fields');
        request.log.error(new Error('alone'));
        request.log.child({ part: 'x' }).debug('bare');
        return 'ok';
      });
    },
  });
  await call(service, '/talk');
  expect(logger.lines).toContainEqual({ level: 'warn', fields: { size: 3 }, message: 'with fields' });
  expect(logger.lines).toContainEqual({ level: 'error', fields: { err: new Error('alone') }, message: 'alone' });
  expect(logger.lines).toContainEqual({ level: 'debug', fields: { part: 'x' }, message: 'bare' });
});
