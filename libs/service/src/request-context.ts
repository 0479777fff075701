import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { runInContext, type ContextFields } from '@staddle/kernel';
import type { FastifyInstance, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** The log context of this request, for code that runs outside of it (socket events). */
    contextFields: ContextFields;
  }
}

// Printable, no spaces, no quotes: safe in a header and in a log. Long enough for UUIDs and for what proxies send.
const SANE_REQUEST_ID = /^[\w.:/+=@-]{1,128}$/;

// W3C Trace Context, version 00 (https://www.w3.org/TR/trace-context/#traceparent-header); an all-zero id means "none".
const TRACEPARENT = /^[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:$|-)/;

/** The caller's `x-request-id` when it is sane, else 126 random bits in nanoid's alphabet and length. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && SANE_REQUEST_ID.test(given) ? given : randomBytes(16).toString('base64url').slice(0, 21);
}

/** Log fields of a request: `request_id`, method, route pattern, and `trace.id` when the caller sent a trace. */
function requestFields(request: FastifyRequest): ContextFields {
  const route = request.routeOptions.url;
  const traceparent = request.headers['traceparent'];
  const trace = typeof traceparent === 'string' && !traceparent.startsWith('ff') ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
  return Object.freeze({
    request_id: request.id,
    'http.request.method': request.method,
    ...(route === undefined ? {} : { 'http.route': route }),
    ...(trace === undefined ? {} : { 'trace.id': trace }),
  });
}

/** Runs every later hook and the handler of each request in its log context, and answers with `x-request-id`. Must be the first hook. */
export function trackContext(app: FastifyInstance): void {
  app.decorateRequest('contextFields');
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    request.contextFields = requestFields(request);
    runInContext(request.contextFields, done);
  });
}
