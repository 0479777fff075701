import type { ServerResponse } from 'node:http';

import { runInContext, type Clock, type Logger, type Metrics } from '@staddle/kernel';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export interface ObserveOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** Requests that are not answered yet. */
export interface InFlight {
  /** Resolves as soon as there are none. */
  idle(): Promise<void>;
  /** Cuts off those whose body has not arrived. */
  dropUnfinished(): void;
  /** `2 requests in flight (GET /v1/tasks, POST /v1/tasks)`. */
  describe(): string;
}

// Seconds. From a cache hit to the point where callers give up.
const DURATION_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counts, times and logs every request that reaches the app, and knows which are still open. */
export function observeRequests(app: FastifyInstance, { logger, metrics, clock }: ObserveOptions): InFlight {
  const duration = metrics.histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request head to the end of the response, by route pattern',
    labels: ['method', 'route', 'status'],
    buckets: DURATION_BUCKETS,
  });
  const open = metrics.gauge({ name: 'http_requests_in_flight', help: 'Requests that are not answered yet' });
  const inFlight = new Set<FastifyRequest>();
  let waiting: (() => void)[] = [];

  app.addHook('onRequest', (request, reply, done) => {
    const startedAt = clock.monotonic();
    open.set(inFlight.add(request).size);
    const end = (): void => {
      if (!inFlight.delete(request)) return;
      open.set(inFlight.size);
      const ms = clock.monotonic() - startedAt;
      // The raw URL is never a label: callers choose it.
      duration.observe(ms / 1_000, { method: request.method, route: request.routeOptions.url ?? 'unmatched', status: statusClass(reply.raw) });
      // Socket events come in the context of whoever touched the socket last.
      runInContext(request.contextFields, () => logRequest(logger, request, reply, ms));
      if (inFlight.size > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    };
    // 'finish' alone would miss the clients that hang up.
    reply.raw.once('finish', end);
    reply.raw.once('close', end);
    done();
  });

  return {
    idle: () => (inFlight.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    dropUnfinished() {
      for (const { raw } of inFlight) if (!raw.complete) raw.destroy();
    },
    describe() {
      const routes = new Set([...inFlight].map(({ method, routeOptions }) => `${method} ${routeOptions.url ?? 'unmatched'}`));
      return `${inFlight.size} ${inFlight.size === 1 ? 'request' : 'requests'} in flight (${[...routes].join(', ')})`;
    },
  };
}

function statusClass({ writableFinished, statusCode }: ServerResponse): string {
  return writableFinished ? `${Math.floor(statusCode / 100)}xx` : 'aborted';
}

function logRequest(logger: Logger, request: FastifyRequest, reply: FastifyReply, ms: number): void {
  const { statusCode, writableFinished } = reply.raw;
  const fields = {
    'event.duration': Math.round(ms * 1e6),
    'http.response.status_code': statusCode,
    // Without the query, which may hold what nobody wants in a log.
    'url.path': request.url.split('?', 1)[0],
    ...(request.identity ? { 'user.id': request.identity.sub } : {}),
    ...(reply.problemCode ? { 'error.code': reply.problemCode } : {}),
  };
  if (!writableFinished) logger.info(fields, 'request aborted by the client');
  else if (request.routeOptions.config.beforeReady) logger.debug(fields, 'request answered');
  else if (statusCode >= 500) logger.warn(fields, 'request answered');
  else logger.info(fields, 'request answered');
}
