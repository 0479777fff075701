import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { silentLogger, type Logger } from '@staddle/kernel';
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { createSerializerCompiler } from 'fastify-type-provider-zod';

import { REQUEST_CODE, REQUEST_PROBLEMS } from './errors.ts';
import { problem, PROBLEM_TYPE, sendProblem, type ProblemRules } from './problem.ts';
import { requestId } from './request-context.ts';
import { parseJsonBodies, requireStrictSchemas, zodValidator } from './validation.ts';

/** A Fastify instance whose route schemas are zod schemas. */
export type ServiceApp = FastifyInstance<Server, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypeProvider>;

export interface HttpAppOptions {
  readonly logger: Logger;
  readonly rules: ProblemRules;
  readonly bodyLimitBytes: number;
}

// A client that trickles its request in holds a socket; no honest one needs longer for a body under our limit.
const REQUEST_TIMEOUT_MS = 30_000;

// Slugs, ids and names are far shorter; a longer segment is answered 414 without being matched.
const MAX_PARAM_LENGTH = 512;

/** A Fastify app with our parsing, validation, log and refusals below Fastify's own level; no routes, no hooks. */
export function createHttpApp({ logger, rules, bodyLimitBytes }: HttpAppOptions): ServiceApp {
  const app = Fastify({
    bodyLimit: bodyLimitBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    genReqId: requestId,
    // While we drain, whoever still reaches us is served: the load balancer may not have noticed yet.
    return503OnClosing: false,
    loggerInstance: fastifyLogger(logger),
    // observe.ts logs requests, problem.ts logs their errors.
    logController: new LogController({ disableRequestLogging: true }),
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id);
      sendProblem(error, request, reply, { logger, rules });
    },
    clientErrorHandler: refuseBrokenHttp,
  }).withTypeProvider<ZodTypeProvider>();
  // The context carries the request id, so a child per request would only cost.
  app.setChildLoggerFactory((parent) => parent);
  app.setValidatorCompiler(zodValidator);
  app.setSerializerCompiler(createSerializerCompiler());
  parseJsonBodies(app);
  requireStrictSchemas(app);
  return app;
}

/** Answers what never became a request: broken HTTP, huge headers, a head that did not arrive in time. */
function refuseBrokenHttp(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const condition = REQUEST_PROBLEMS[error.code ?? ''] ?? { status: 400, code: REQUEST_CODE, detail: 'the request is not valid HTTP' };
  const { title, status, ...rest } = problem(condition.status, condition.code, { detail: condition.detail });
  const body = JSON.stringify({ ...rest, title, status });
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** Fastify and its plugins log as pino does: message only, or fields and message. Ours always takes both. */
function fastifyLogger(logger: Logger): FastifyBaseLogger {
  const line =
    (level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal') =>
    (first: unknown, message?: unknown): void => {
      const fields = first instanceof Error ? { err: first } : typeof first === 'object' && first !== null ? { ...first } : {};
      logger[level](fields, String(typeof first === 'string' ? first : (message ?? (first instanceof Error ? first.message : level))));
    };
  const adapter: FastifyBaseLogger = {
    level: 'info',
    silent: silentLogger.trace as FastifyBaseLogger['silent'],
    trace: line('trace'),
    debug: line('debug'),
    // Fastify's own info lines ("Server listening at") say what ours say.
    info: line('debug'),
    warn: line('warn'),
    error: line('error'),
    fatal: line('fatal'),
    child: () => adapter,
  };
  return adapter;
}
