import { STATUS_CODES, validateHeaderValue } from 'node:http';

import type { Logger } from '@staddle/kernel';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { InternalError, MethodNotAllowedError, RequestRefusedError, RouteNotFoundError, type FieldError } from './errors.ts';
import { translated } from './foreign-errors.ts';

/** RFC 9457 problem details, with our stable `code` as the identifier that programs test. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  /** Dotted path of the offending input; the first of `errors` if there are several. */
  readonly field?: string;
  readonly errors?: readonly FieldError[];
  readonly requestId?: string;
}

/** How an error code of a library looks over HTTP. */
export interface ProblemRule {
  readonly status: number;
  /** Default: the standard phrase of the status. */
  readonly title?: string;
}

export type ProblemRules = Readonly<Record<string, ProblemRule>>;

export const PROBLEM_TYPE = 'application/problem+json';

// Codes of lower layers that every service meets. Services do not repeat them.
const BUILT_IN: ProblemRules = {
  ERR_DATABASE_UNAVAILABLE: { status: 503 },
  ERR_DATABASE_ACQUIRE_TIMEOUT: { status: 503 },
};

/**
 * Of every problem. A cache may keep a 404, 405, 410 or 414 that says nothing about it (RFC 9110, section 15.1), and the
 * thing may be there tomorrow.
 */
export const PROBLEM_CACHING = 'no-store';

// 503 says "come back": soon, because our own retries to a lost server take about this long.
const RETRY_AFTER_S = '1';

/** The errors of our house look like this, whichever copy of whichever library made them. */
interface HouseError {
  readonly code: string;
  readonly message: string;
  readonly statusCode?: unknown;
  readonly field?: unknown;
  readonly errors?: readonly FieldError[];
}

/**
 * How `error` looks to a caller: by a rule of the service, by a built-in rule, or by its own `statusCode` if that blames
 * the request or asks to come back. Undefined when nobody foresaw it.
 */
export function problemOf(error: unknown, rules: ProblemRules = {}): Problem | undefined {
  if (!isHouseError(error)) return undefined;
  const { code, statusCode } = error;
  const rule = ownEntry(rules, code) ?? ownEntry(BUILT_IN, code);
  if (rule) return describe(error, rule);
  const shows = typeof statusCode === 'number' && ((statusCode >= 400 && statusCode < 500) || statusCode === 503);
  return shows ? describe(error, { status: statusCode }) : undefined;
}

function describe(error: HouseError, { status, title }: ProblemRule): Problem {
  return {
    type: 'about:blank',
    title: title ?? STATUS_CODES[status] ?? 'Error',
    status,
    code: error.code,
    // What a lower layer says of a server may name hosts and tables.
    ...(status < 500 || error.code === 'ERR_SERVICE_NOT_READY' ? { detail: error.message } : {}),
    ...(typeof error.field === 'string' ? { field: error.field } : {}),
    ...(error.code === 'ERR_SERVICE_VALIDATION' && error.errors ? { errors: error.errors } : {}),
  };
}

function isHouseError(error: unknown): error is HouseError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^ERR_[A-Z]+_[A-Z0-9_]+$/.test(error.code);
}

// `rules['constructor']` is not a rule.
function ownEntry<T>(entries: Readonly<Record<string, T>>, code: string): T | undefined {
  return Object.hasOwn(entries, code) ? entries[code] : undefined;
}

declare module 'fastify' {
  interface FastifyReply {
    /** Code of the problem that this reply is; for the request log. */
    problemCode: string | undefined;
  }
}

/** Sends `error` as a problem; one that nobody foresaw is logged here, once, and shown without a word about it. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply, { logger, rules }: { logger: Logger; rules: ProblemRules }): void {
  let sent = foreseen(error, request, rules);
  if (!sent) {
    logger.error({ err: error }, 'request failed unexpectedly');
    sent = written(describe(new InternalError(error), { status: 500 }), request);
  }
  const { status, code } = sent.problem;
  reply.problemCode = code;
  dropHeadersOfTheAnswer(reply);
  // Also over what the handler had said of the answer that it did not give.
  reply.code(status).type(PROBLEM_TYPE).header('cache-control', PROBLEM_CACHING);
  if (status === 503) reply.header('retry-after', RETRY_AFTER_S);
  if (status === 401) reply.header('www-authenticate', challenge(code));
  if (error instanceof MethodNotAllowedError) reply.header('allow', error.allow.join(', '));
  // A string passes by the route's response schemas, which describe success.
  reply.send(sent.text);
}

/** Undefined for an error that nobody foresaw, such as one that throws when it is looked at. */
function foreseen(error: unknown, request: FastifyRequest, rules: ProblemRules): WrittenProblem | undefined {
  try {
    const reason = endedEarly(request) ? new RequestRefusedError(400, 'the request ended before its body was complete') : translated(error);
    const problem = problemOf(reason, rules);
    return problem && written(problem, request);
  } catch {
    return undefined;
  }
}

interface WrittenProblem {
  readonly problem: Problem;
  readonly text: string;
}

function written(problem: Problem, request: FastifyRequest): WrittenProblem {
  return { problem, text: JSON.stringify({ ...problem, requestId: request.id }) };
}

// Fields of a representation (RFC 9110, section 8), of its place and its age.
const OF_AN_ANSWER = /^(?:content-(?:length|encoding|language|location|range|disposition)|etag|last-modified|expires|location|accept-ranges)$/;

/** What the handler had already said of its answer is not true of the problem; and what cannot be sent would fail it, too. */
function dropHeadersOfTheAnswer(reply: FastifyReply): void {
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (OF_AN_ANSWER.test(name) || !isSendable(name, value)) reply.removeHeader(name);
  }
}

function isSendable(name: string, value: number | string | string[] | undefined): boolean {
  try {
    for (const one of [value].flat()) validateHeaderValue(name, String(one));
    return true;
  } catch {
    return false;
  }
}

// Whatever error that made on its way, it is the client's doing, and no line in the error log.
function endedEarly({ raw }: FastifyRequest): boolean {
  return raw.destroyed && !raw.complete;
}

// RFC 6750, section 3: no error attribute when the request held no token at all.
function challenge(code: string): string {
  return code === 'ERR_SERVICE_AUTH_MISSING' ? 'Bearer realm="staddle"' : 'Bearer realm="staddle", error="invalid_token"';
}

/** Makes every refusal of the app a problem: errors, unknown routes, known paths with the wrong method. */
export function answerWithProblems(app: FastifyInstance, options: { logger: Logger; rules: ProblemRules }): void {
  const routes: { readonly pattern: RegExp; readonly method: string }[] = [];
  app.decorateReply('problemCode', undefined);
  app.addHook('onRoute', ({ method, url }) => {
    const pattern = pathPattern(url);
    if (pattern) for (const name of [method].flat()) routes.push({ pattern, method: name });
  });
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, options));
  app.setNotFoundHandler((request) => {
    const path = request.url.split('?', 1)[0]!;
    const allow = new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method));
    throw allow.size > 0 ? new MethodNotAllowedError(request.method, path, [...allow]) : new RouteNotFoundError(request.method, path);
  });
}

// find-my-way does not tell which other methods a path has. Patterns with regular expressions or several
// parameters in a segment are left out: those paths answer 404 instead of 405.
function pathPattern(url: string): RegExp | undefined {
  if (/[()]|:[^/]*[:-]/.test(url)) return undefined;
  return new RegExp(`^${url.replace(/[.+?^${}|[\]\\]/g, '\\$&').replace(/\*/g, '.*').replace(/:[^/]+/g, '[^/]+')}$`);
}
