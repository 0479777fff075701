import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import { silentLogger, type Logger } from '@staddle/kernel';
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';

import { refuseBrokenHttp, trackAnswers } from './broken-http.ts';
import { sendProblem, type ProblemRules } from './problem.ts';
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
  const app: ServiceApp = Fastify({
    bodyLimit: bodyLimitBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    genReqId: requestId,
    // While we drain, whoever still reaches us is served: the load balancer may not have noticed yet.
    return503OnClosing: false,
    loggerInstance: fastifyLogger(logger),
    // observe.ts logs requests, problem.ts logs their errors.
    logController: new LogController({ disableRequestLogging: true }),
    http: {
      // Java's and curl's clients offer h2c with their first request, and RFC 9110, section 7.8, lets us ignore an offer. By
      // default Node hands every offer to whoever listens for upgrades, so that a plain request would end at a WebSocket endpoint.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket' && app.server.listenerCount('upgrade') > 0,
    },
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id);
      sendProblem(error, request, reply, { logger, rules });
    },
    clientErrorHandler: refuseBrokenHttp,
  }).withTypeProvider<ZodTypeProvider>();
  // The context carries the request id: a child per request would only cost.
  app.setChildLoggerFactory((parent) => parent);
  app.setValidatorCompiler(zodValidator);
  app.setSerializerCompiler(serializerCompiler);
  trackAnswers(app.server);
  parseJsonBodies(app);
  requireStrictSchemas(app);
  return app;
}

/** Fastify and its plugins log as pino does: message only, or fields and message. Ours always takes both. */
function fastifyLogger(logger: Logger): FastifyBaseLogger {
  const line =
    (level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal') =>
    (first: unknown, message?: unknown): void => {
      const fields = first instanceof Error ? { err: first } : typeof first === 'object' && first !== null ? { ...first } : {};
      logger[level](fields, String(typeof first === 'string' ? first : (message ?? (first instanceof Error ? first.message : level))));
    };
  return {
    level: 'info',
    silent: silentLogger.trace as FastifyBaseLogger['silent'],
    trace: line('trace'),
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    fatal: line('fatal'),
    child: (bindings) => fastifyLogger(logger.child(bindings)),
  };
}
