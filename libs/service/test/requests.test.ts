import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';

import { recordingLogger } from '@staddle/testing';
import { NotFoundError, type ServiceApp } from '@staddle/service';
import { StaddleError } from '@staddle/kernel';
import { expect, it } from 'vitest';
import { z } from 'zod';

import { as, build, call, post, problemIn, serve } from './serve.ts';

const taskBody = z.strictObject({
  title: z.string().max(10),
  trigger: z.strictObject({ kind: z.string(), expr: z.string().optional() }),
  tags: z.array(z.string()).optional(),
});

function taskRoutes(app: ServiceApp): void {
  app.post('/v1/tasks', { config: { public: true }, schema: { body: taskBody, response: { 201: z.object({ title: z.string() }) } } }, async (request, reply) =>
    reply.code(201).send({ title: request.body.title }),
  );
  app.get('/v1/tasks/:uid', { config: { public: true } }, (request) => {
    throw new NotFoundError('task', (request.params as { uid: string }).uid);
  });
}

it('answers a body that fits its schema', async () => {
  const service = await serve({ routes: taskRoutes });
  const { status, headers, body } = await call(service, '/v1/tasks', post({ title: 'backup', trigger: { kind: 'cron', expr: '* * * * *' } }));
  expect({ status, body }).toEqual({ status: 201, body: { title: 'backup' } });
  expect(headers.get('content-type')).toContain('application/json');
});

it('names every field that does not fit, unknown keys too, as a 422 problem', async () => {
  const service = await serve({ routes: taskRoutes });
  const answer = await call(service, '/v1/tasks', post({ title: 5, trigger: { kind: 'cron', exprr: '* * * * *' }, tags: ['a', 1] }));
  expect(answer.status).toBe(422);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.body).toEqual({
    type: 'about:blank',
    title: 'Unprocessable Entity',
    status: 422,
    code: 'ERR_SERVICE_VALIDATION',
    detail: 'title: Invalid input: expected string, received number (and 2 more)',
    field: 'title',
    errors: [
      { field: 'title', in: 'body', rule: 'invalid_type', message: 'Invalid input: expected string, received number' },
      { field: 'trigger.exprr', in: 'body', rule: 'unrecognized_keys', message: 'is not a known key' },
      { field: 'tags.1', in: 'body', rule: 'invalid_type', message: 'Invalid input: expected string, received number' },
    ],
    requestId: answer.headers.get('x-request-id'),
  });
});

it('shows no more errors than a caller can use', async () => {
  const service = await serve({ routes: taskRoutes });
  const unknown = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`${'k'.repeat(500)}${index}`, 1]));
  const { status, body } = await call(service, '/v1/tasks', post({ title: 't', trigger: { kind: 'date' }, ...unknown }));
  expect(status).toBe(422);
  expect((body as { errors: unknown[] }).errors).toHaveLength(20);
  expect(JSON.stringify(body).length).toBeLessThan(10_000);
});

it.each([
  ['malformed JSON', { method: 'POST', body: '{"title":', headers: { 'content-type': 'application/json' } }, 400, 'ERR_SERVICE_MALFORMED'],
  ['a foreign content type', { method: 'POST', body: 'title=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415, 'ERR_SERVICE_MEDIA_TYPE'],
  ['plain text', { method: 'POST', body: 'title', headers: { 'content-type': 'text/plain' } }, 415, 'ERR_SERVICE_MEDIA_TYPE'],
  ['a body over the limit', post({ title: 'x'.repeat(2_000) }), 413, 'ERR_SERVICE_BODY_LIMIT'],
  ['a missing body', { method: 'POST' }, 422, 'ERR_SERVICE_VALIDATION'],
  ['an empty body', { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': '0' } }, 422, 'ERR_SERVICE_VALIDATION'],
  ['a known path with another method', { method: 'PUT' }, 405, 'ERR_SERVICE_METHOD'],
] as const)('answers %s with a problem', async (_what, init, status, code) => {
  const service = await serve({ routes: taskRoutes, bodyLimitBytes: 1_000 });
  const answer = await call(service, '/v1/tasks', init);
  expect(answer.body).toMatchObject({ status, code, type: 'about:blank', requestId: answer.headers.get('x-request-id') });
  expect(answer.status).toBe(status);
});

it('lets no cache keep a refusal, whatever the handler had said of its answer', async () => {
  const service = await serve({
    routes: (app) => {
      taskRoutes(app);
      app.get('/v1/reports/:uid', { config: { public: true } }, (_request, reply) => {
        reply.header('cache-control', 'public, max-age=3600');
        throw new NotFoundError('report', 'x');
      });
    },
  });
  const paths = ['/v1/nothing', '/v1/tasks/x', '/v1/reports/x', '/v1/tasks/%zz', '/openapi.json'];
  for (const path of paths) expect((await call(service, path)).headers.get('cache-control'), path).toBe('no-store');
  expect((await call(service, '/v1/tasks', { method: 'PUT' })).headers.get('cache-control')).toBe('no-store');
  expect((await call(service, '/livez')).headers.get('cache-control')).toBeNull();
});

it('answers 500, without a word, for an error that throws when it is looked at', async () => {
  const logger = recordingLogger();
  const hostile = (name: string): Error => Object.defineProperty(Object.assign(new Error(), { code: 'ERR_DEMO_X', statusCode: 404 }), name, { get: () => { throw new Error('hunter2'); } });
  const cyclic = Object.assign(new Error('x'), { code: 'ERR_SERVICE_VALIDATION', statusCode: 422, errors: [] as unknown[] });
  cyclic.errors.push(cyclic.errors);
  const errors: Record<string, unknown> = { code: hostile('code'), message: hostile('message'), status: hostile('statusCode'), cyclic };
  const service = await serve({ logger, routes: (app) => void app.get('/throw/:name', { config: { public: true } }, ({ params }) => { throw errors[(params as { name: string }).name]; }) });
  for (const name of Object.keys(errors)) {
    const { status, headers, body } = await call(service, `/throw/${name}`);
    expect({ status, type: headers.get('content-type'), body }, name).toMatchObject({ status: 500, type: expect.stringContaining('problem+json') as string, body: { code: 'ERR_SERVICE_INTERNAL' } });
    expect(JSON.stringify(body)).not.toContain('hunter2');
  }
  expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(4);
});

it('leaves out what the handler had said of the answer that it did not give', async () => {
  const service = await serve({
    routes(app) {
      app.get('/v1/reports', { config: { public: true } }, (_request, reply) => {
        reply.headers({ 'content-length': '3', 'content-encoding': 'gzip', 'content-disposition': 'attachment', etag: '"1"', 'last-modified': 'today', location: '/elsewhere', 'x-kept': 'yes' });
        throw new NotFoundError('report', 'x');
      });
      app.get('/v1/bad', { config: { public: true } }, async (_request, reply) => reply.header('x-title', 'a\nb: hunter2').send('text'));
    },
  });
  const { status, headers, body } = await call(service, '/v1/reports');
  expect({ status, body }).toMatchObject({ status: 404, body: { code: 'ERR_SERVICE_NOT_FOUND' } });
  for (const name of ['content-encoding', 'content-disposition', 'etag', 'last-modified', 'location']) expect(headers.has(name), name).toBe(false);
  expect(headers.get('x-kept')).toBe('yes');
  // A header that cannot be sent would fail the problem, too.
  expect(await call(service, '/v1/bad')).toMatchObject({ status: 500, body: { code: 'ERR_SERVICE_INTERNAL' } });
});

it('says which methods a path takes', async () => {
  const service = await serve({ routes: taskRoutes });
  const { headers } = await call(service, '/v1/tasks/x?verbose=1', { method: 'DELETE' });
  expect(headers.get('allow')).toBe('GET, HEAD');
});

it('answers an unknown path with 404, identity or not', async () => {
  const service = await serve({ routes: taskRoutes });
  expect(problemIn(await call(service, '/v1/nothing'))).toMatchObject({ status: 404, code: 'ERR_SERVICE_ROUTE', detail: 'there is no route GET /v1/nothing' });
});

it('shows the errors of handlers that name a client status', async () => {
  const service = await serve({ routes: taskRoutes });
  expect(problemIn(await call(service, '/v1/tasks/abc'))).toMatchObject({ status: 404, code: 'ERR_SERVICE_NOT_FOUND', detail: 'task "abc" does not exist' });
});

class SlugTakenError extends StaddleError {
  override readonly code = 'ERR_SHORTLINK_SLUG_TAKEN';
  override readonly field = 'slug';
}

class DatabaseAwayError extends StaddleError {
  override readonly code = 'ERR_DATABASE_UNAVAILABLE';
}

class UpstreamError extends Error {
  readonly code = 'UND_ERR_RESPONSE';
  readonly statusCode = 404;
}

it('shows library errors by the rules of the service', async () => {
  const service = await serve({
    problems: { ERR_SHORTLINK_SLUG_TAKEN: { status: 409, title: 'Slug taken' } },
    routes: (app) => {
      app.get('/taken', { config: { public: true } }, () => {
        throw new SlugTakenError('slug "a" is taken');
      });
    },
  });
  expect(problemIn(await call(service, '/taken'))).toMatchObject({
    status: 409,
    title: 'Slug taken',
    code: 'ERR_SHORTLINK_SLUG_TAKEN',
    detail: 'slug "a" is taken',
    field: 'slug',
  });
});

it('asks the caller to come back when the database is away, and does not say where it is', async () => {
  const service = await serve({
    routes: (app) => {
      app.get('/rows', { config: { public: true } }, () => {
        throw new DatabaseAwayError('database at 10.0.0.7:3306 is away');
      });
    },
  });
  const { status, headers, body } = await call(service, '/rows');
  expect({ status, retryAfter: headers.get('retry-after') }).toEqual({ status: 503, retryAfter: '1' });
  expect(JSON.stringify(body)).not.toContain('10.0.0.7');
});

it('hides every other error behind a bare 500, and logs it once', async () => {
  const logger = recordingLogger();
  const thrown: unknown[] = [new Error('secret detail'), new UpstreamError('secret upstream'), new TypeError('secret fault'), 'secret text', null];
  const service = await serve({
    logger,
    routes: (app) => {
      app.get('/fail/:index', { config: { public: true } }, (request) => Promise.reject(thrown[Number((request.params as { index: string }).index)]));
    },
  });
  for (const index of thrown.keys()) {
    const answer = await call(service, `/fail/${index}`);
    expect(answer.body).toEqual({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      code: 'ERR_SERVICE_INTERNAL',
      requestId: answer.headers.get('x-request-id'),
    });
  }
  expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(thrown.length);
  expect(logger.lines.find(({ level }) => level === 'error')).toMatchObject({ message: 'request failed unexpectedly', fields: { err: thrown[0] } });
});

it('never sends a response that breaks its own schema', async () => {
  const logger = recordingLogger();
  const service = await serve({
    logger,
    routes: (app) => {
      app.get('/wrong', { config: { public: true }, schema: { response: { 200: z.object({ count: z.int() }) } } }, () => ({ count: 'secret' }) as unknown as { count: number });
    },
  });
  const { status, body } = await call(service, '/wrong');
  expect(status).toBe(500);
  expect(JSON.stringify(body)).not.toContain('secret');
  expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
});

it.each([
  ['the body', { body: z.object({ a: z.string() }) }, 'body'],
  ['the query', { querystring: z.object({ a: z.string() }) }, 'querystring'],
  ['a nested object', { body: z.strictObject({ trigger: z.union([z.string(), z.array(z.object({ a: z.string() }).optional())]) }) }, 'body.trigger.[]'],
])('refuses a route whose schema would drop unknown keys in %s', async (_what, schema, where) => {
  const routes = (app: ServiceApp): void => void app.post('/loose', { schema }, () => 'never');
  await expect(build({ routes })).rejects.toMatchObject({ code: 'ERR_SERVICE_SCHEMA', message: expect.stringContaining(` at ${where},`) });
});

it('takes a schema that keeps unknown keys on purpose', async () => {
  const node = z.strictObject({ get children() { return z.array(node); } });
  await expect(build({ routes: (app) => void app.post('/tree', { schema: { body: z.looseObject({ node }) } }, () => 'ok') })).resolves.toBeDefined();
});

it('describes its routes as OpenAPI 3.1 to whoever has an identity', async () => {
  z.string().meta({ id: 'OfAnotherServiceInThisProcess' });
  const service = await serve({
    routes: (app) => {
      taskRoutes(app);
      app.delete('/v1/tasks/:uid', () => 'gone');
    },
  });
  expect((await call(service, '/openapi.json')).status).toBe(401);
  const { body } = await call(service, '/openapi.json', { headers: await as('alice') });
  expect(body).toMatchObject({
    openapi: '3.1.0',
    info: { title: 'demo', version: '1.2.3' },
    security: [{ bearer: [] }],
    components: { securitySchemes: { bearer: { scheme: 'bearer' } }, schemas: { Problem: { type: 'object' } } },
    paths: {
      '/v1/tasks': {
        post: {
          security: [],
          requestBody: { content: { 'application/json': { schema: { additionalProperties: false, required: ['title', 'trigger'] } } } },
          responses: { 201: {}, default: { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } } },
        },
      },
    },
  });
  const { paths, components } = body as { paths: Record<string, Record<string, object>>; components: { schemas: object } };
  expect(Object.keys(components.schemas)).toEqual(['Problem']);
  expect(Object.keys(paths)).toEqual(['/v1/tasks', '/v1/tasks/{uid}']);
  expect(paths['/v1/tasks/{uid}']!.delete).not.toHaveProperty('security');
});

it.each(['h2c', 'TLS/1.0', 'websockets'])('serves a request that offers %s as if it did not, also while somebody takes WebSockets', async (offer) => {
  const service = await serve({ routes: taskRoutes });
  service.app.server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n'));
  const sent = httpRequest(`${service.url}/v1/tasks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'Upgrade, HTTP2-Settings', upgrade: offer, 'http2-settings': 'AAMAAABkAAQAAP__' },
  });
  sent.end(JSON.stringify({ title: 'backup', trigger: { kind: 'cron' } }));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  expect(response.statusCode).toBe(201);
});
