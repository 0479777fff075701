import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { RequestRefusedError } from './errors.ts';
import { translated } from './foreign-errors.ts';
import { PROBLEM_CACHING, PROBLEM_TYPE, problemOf } from './problem.ts';

/** A connection's answers that are still to come. */
interface Debt {
  readonly responses: Set<ServerResponse>;
  /** Nothing that still arrives can be understood: close after the last answer. */
  doomed: boolean;
}

const debts = new WeakMap<Socket, Debt>();

/** Keeps track of which connections owe an answer, for {@link refuseBrokenHttp}. */
export function trackAnswers(server: Server): void {
  server.on('request', ({ socket }, response) => {
    const debt = debts.get(socket) ?? { responses: new Set(), doomed: false };
    debts.set(socket, debt);
    debt.responses.add(response);
    response.once('close', () => {
      debt.responses.delete(response);
      if (debt.doomed && debt.responses.size === 0) socket.end();
    });
  });
}

/** Answers what never became a request: broken HTTP, huge headers, a request that did not arrive in time. */
export function refuseBrokenHttp(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const debt = debts.get(socket);
  // The client would take what we write now for the answer to its earlier request, or for a part of it. Not so when
  // that request itself is what broke off.
  if (debt && [...debt.responses].some((response) => response.headersSent || response.req.complete)) {
    debt.doomed = true;
    return;
  }
  const refusal = problemOf(translated(error)) ?? problemOf(new RequestRefusedError(400, 'the request is not valid HTTP'))!;
  const body = JSON.stringify(refusal);
  const fields = [`Content-Type: ${PROBLEM_TYPE}`, `Cache-Control: ${PROBLEM_CACHING}`, `Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close'];
  socket.end([`HTTP/1.1 ${refusal.status} ${refusal.title}`, ...fields, '', body].join('\r\n'));
}
