import { InvalidPayloadError, type Handler } from '@staddle/dispatch';
import { parseDuration, systemClock, type Clock } from '@staddle/kernel';
import { Agent, buildConnector, request, type Dispatcher } from 'undici';
import * as z from 'zod';
import { HttpDeadlineError, HttpStatusError } from '../errors.ts';
import { portOf, type TargetList } from './http-targets.ts';
import { readPayload } from './payload.ts';

// Enough to see what a server said; what a task works with belongs into a handler of its own. A byte can take six in JSON,
// and the result of a run has room for 64 KiB.
const RESPONSE_LIMIT_BYTES = 10_240;
const EXCERPT_LENGTH = 200;
const LONGEST_DEADLINE_MS = 3_600_000;
const CONNECT_TIMEOUT_MS = 10_000;

// Names of RFC 9110, section 5.1; values without control characters. Undici sets the framing itself, and `host` would let a
// task name another site than the one that was checked.
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const FRAMING = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'upgrade', 'expect', 'te', 'trailer']);

const payloadSchema = z.strictObject({
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
  url: z.string().max(2_048),
  headers: z
    .record(
      z
        .string()
        .regex(HEADER_NAME, 'is not a header name')
        .refine((name) => !FRAMING.has(name.toLowerCase()), 'is set by the scheduler'),
      z.string().max(8_192).regex(HEADER_VALUE, 'is not a header value'),
    )
    .default({}),
  body: z.unknown().optional(),
  deadline: z.union([z.string(), z.number()]).optional(),
});

interface HttpCall {
  readonly method: Dispatcher.HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Text as it is sent. */
  readonly body: string | undefined;
  readonly deadlineMs: number;
}

interface HttpAnswer {
  readonly status: number;
  /** The first 10 KiB, as text. */
  readonly body: string;
  readonly truncated: boolean;
}

export interface HttpHandlerOptions {
  readonly targets: TargetList;
  /** For tasks that give none. */
  readonly deadlineMs: number;
  readonly clock?: Clock;
}

/** The handler, and the connections it keeps. */
export interface HttpHandler {
  readonly handler: Handler<HttpCall>;
  close(): Promise<void>;
}

/**
 * `http`: sends one request. Success is a 2xx within the deadline; redirects are not followed, because each would be another
 * target. A body that is not text is sent as JSON. The uid of the run is the `Idempotency-Key`: it is the same when
 * the run is started again after a crash.
 */
export function createHttpHandler({ targets, deadlineMs, clock = systemClock }: HttpHandlerOptions): HttpHandler {
  const agent = new Agent({
    // The deadline of the call is the only one: undici's own, of five minutes, would come before one of an hour.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (options, callback) => {
      const port = options.port === '' ? (options.protocol === 'https:' ? 443 : 80) : Number(options.port);
      buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup: targets.lookupFor(port) })(options, callback);
    },
  });
  const handler: Handler<HttpCall> = {
    parsePayload: (payload) => readCall(payload, targets, deadlineMs),
    async run({ payload, run, signal }) {
      const deadline = new AbortController();
      const timer = clock.setTimer(() => deadline.abort(new HttpDeadlineError(nameOf(payload), payload.deadlineMs)), payload.deadlineMs);
      try {
        return await send(payload, run.uid, agent, AbortSignal.any([signal, deadline.signal]));
      } catch (error) {
        // Whatever undici made of the abort, the reason for it is the one to show.
        throw deadline.signal.reason ?? signal.reason ?? error;
      } finally {
        timer.cancel();
      }
    },
  };
  return { handler, close: () => agent.destroy() };
}

function readCall(payload: unknown, targets: TargetList, defaultDeadlineMs: number): HttpCall {
  const { method, url: text, headers, body, deadline } = readPayload(payloadSchema, payload);
  const url = URL.parse(text);
  if (!url) throw new InvalidPayloadError('payload.url', `${JSON.stringify(text)} is not an absolute URL`);
  const objection = targets.objection(url);
  if (objection) throw new InvalidPayloadError('payload.url', objection);
  if (body !== undefined && (method === 'GET' || method === 'HEAD')) throw new InvalidPayloadError('payload.body', `has no meaning for ${method}`);
  const isJson = body !== undefined && typeof body !== 'string';
  const named = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
  return {
    method,
    url,
    headers: isJson && !named ? { ...headers, 'content-type': 'application/json' } : headers,
    body: isJson ? JSON.stringify(body) : (body as string | undefined),
    deadlineMs: deadline === undefined ? defaultDeadlineMs : readDeadline(deadline),
  };
}

function readDeadline(input: string | number): number {
  try {
    const ms = parseDuration(input);
    if (ms >= 1 && ms <= LONGEST_DEADLINE_MS) return ms;
  } catch {
    // One message for all that is wrong with it.
  }
  throw new InvalidPayloadError('payload.deadline', `${JSON.stringify(input)} is not a duration from 1 ms to 1 h, such as '30s'`);
}

async function send(call: HttpCall, runUid: string, dispatcher: Dispatcher, signal: AbortSignal): Promise<HttpAnswer> {
  const { method, url, headers, body } = call;
  const sent = { 'user-agent': 'staddle-scheduler', 'idempotency-key': runUid, ...lowerKeys(headers) };
  const response = await request(url, { method, headers: sent, body: body ?? null, dispatcher, signal });
  const answer = { status: response.statusCode, ...(await readStart(response.body)) };
  if (answer.status < 200 || answer.status > 299) throw new HttpStatusError(nameOf(call), answer.status, answer.body.slice(0, EXCERPT_LENGTH));
  return answer;
}

async function readStart(body: Dispatcher.ResponseData['body']): Promise<{ body: string; truncated: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop destroys the body, and with it the connection: the rest is not transferred.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > RESPONSE_LIMIT_BYTES) break;
  }
  return { body: Buffer.concat(chunks).subarray(0, RESPONSE_LIMIT_BYTES).toString('utf8'), truncated: length > RESPONSE_LIMIT_BYTES };
}

/** Without the query: it may hold a token. */
function nameOf({ method, url }: HttpCall): string {
  return `${method} ${url.protocol}//${url.hostname}:${portOf(url)}${url.pathname}`;
}

function lowerKeys(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
