/**
 * The WebSocket transport of a hub, on `ws`. Everything before the upgrade is refused in plain HTTP; everything after it
 * is the hub's business.
 *
 * 1. A browser page of a foreign origin gets 403 before the upgrade.
 * 2. While the hub does not accept, a peer gets 503, which its SDK answers with backoff.
 * 3. A peer that does not answer its close frame within `closeTimeoutMs` is destroyed, so `stop` ends in that time.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Lifecycle } from '@staddle/kernel';
import { WebSocketServer, type RawData, type ServerOptions, type WebSocket } from 'ws';
import { closeCodes } from '../close-codes.ts';
import { InvalidOptionError } from '../errors.ts';
import type { PushHub } from '../hub.ts';
import type { Transport } from '../transport.ts';
import { originCheck, type OriginCheck } from '../origins.ts';

export interface WebSocketOptions {
  /** Its `upgrade` events are handled between `start` and `stop`. The caller listens and closes. */
  readonly server: Server | TlsServer;
  readonly hub: PushHub;
  /** Default `'/connection/websocket'`. */
  readonly path?: string;
  /** Origins whose pages may connect; see the README. Default: only the host that is connected to. */
  readonly origins?: readonly string[] | undefined;
  /** Largest frame a client may send; more closes it with 1009. Default 64 KiB. */
  readonly maxFrameBytes?: number;
  /** How long a peer may take to answer a close frame, in ms. Default 3000. */
  readonly closeTimeoutMs?: number;
}

/**
 * Serves a hub's clients on an HTTP server.
 * @throws InvalidOptionError (`ERR_PUSH_OPTION`)
 */
export function serveWebSocket(options: WebSocketOptions): Lifecycle {
  return new WebSocketEndpoint(options);
}

// A message in more pieces than these is an attempt to exhaust memory with the bookkeeping of tiny fragments.
const MAX_FRAGMENTS = 64;
const MAX_BUFFERED_CHUNKS = 1024;

class WebSocketEndpoint implements Lifecycle {
  readonly name = 'push-websocket';
  readonly #server: Server | TlsServer;
  readonly #hub: PushHub;
  readonly #path: string;
  readonly #isAllowed: OriginCheck;
  readonly #upgrader: WebSocketServer;
  readonly #sockets = new Set<WebSocket>();
  #empty: PromiseWithResolvers<void> | undefined;

  constructor({ server, hub, path = '/connection/websocket', origins, maxFrameBytes = 64 * 1024, closeTimeoutMs = 3_000 }: WebSocketOptions) {
    for (const [field, value] of Object.entries({ maxFrameBytes, closeTimeoutMs })) {
      // For ws 0 bytes mean no limit.
      if (!Number.isSafeInteger(value) || value < 1) throw new InvalidOptionError(field, value, 'a whole number from 1 on is needed');
    }
    if (!/^\/[^?#]*$/.test(path)) throw new InvalidOptionError('path', path, "a path is needed: '/' and what follows, without a query");
    this.#server = server;
    this.#hub = hub;
    this.#path = path;
    this.#isAllowed = originCheck(origins);
    // `closeTimeout` is missing in @types/ws 8.18.
    const wsOptions: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      // A compressor per socket costs hundreds of kilobytes each and fragments the heap.
      perMessageDeflate: false,
      maxPayload: maxFrameBytes,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
      closeTimeout: closeTimeoutMs,
      handleProtocols: (offered) => (offered.has('centrifuge-json') ? 'centrifuge-json' : false),
    };
    this.#upgrader = new WebSocketServer(wsOptions);
  }

  async start(): Promise<void> {
    this.#server.off('upgrade', this.#onUpgrade).on('upgrade', this.#onUpgrade);
  }

  /** Stop the hub first: it tells the clients to go, spread over time. Those it did not tell are told now. */
  async stop(signal?: AbortSignal): Promise<void> {
    this.#server.off('upgrade', this.#onUpgrade);
    if (this.#sockets.size === 0) return;
    this.#empty ??= Promise.withResolvers();
    for (const socket of this.#sockets) socket.close(closeCodes.shutdown.code, closeCodes.shutdown.reason);
    signal?.addEventListener('abort', this.#destroyAll);
    if (signal?.aborted) this.#destroyAll();
    await this.#empty.promise;
    signal?.removeEventListener('abort', this.#destroyAll);
  }

  readonly #destroyAll = (): void => {
    for (const socket of this.#sockets) socket.terminate();
  };

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const [path] = (request.url ?? '').split('?', 1);
    if (path !== this.#path) {
      // Unless another handler of this server knows it.
      if (this.#server.listenerCount('upgrade') === 1) refuse(socket, 404, 'Not Found');
      return;
    }
    const { origin, host, 'sec-websocket-protocol': protocols = '' } = request.headers;
    if (origin !== undefined && !this.#isAllowed(origin, host)) refuse(socket, 403, 'Forbidden');
    else if (/\bcentrifuge-protobuf\b/.test(protocols)) refuse(socket, 400, 'Bad Request');
    else if (!this.#hub.accepting) refuse(socket, 503, 'Service Unavailable');
    else this.#upgrader.handleUpgrade(request, socket, head, this.#onSocket);
  };

  readonly #onSocket = (socket: WebSocket): void => {
    this.#sockets.add(socket);
    const connection = this.#hub.connect(new SocketTransport(socket));
    socket.on('message', (data: RawData, isBinary: boolean) => {
      // Text arrives as one Buffer, its UTF-8 checked.
      if (isBinary) connection.disconnect(closeCodes.inappropriateProtocol);
      else connection.receive((data as Buffer).toString());
    });
    // A frame that breaks RFC 6455 or a limit: ws sends the close code itself, 'close' follows.
    socket.on('error', () => {});
    socket.on('close', () => {
      connection.closed();
      this.#sockets.delete(socket);
      if (this.#sockets.size > 0) return;
      this.#empty?.resolve();
      this.#empty = undefined;
    });
  };
}

class SocketTransport implements Transport {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  send(frame: Buffer): void {
    // A socket that is closing drops it.
    this.#socket.send(frame, AS_TEXT);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }
}

const AS_TEXT = { binary: false } as const;

/** Answers an upgrade request in plain HTTP. */
function refuse(socket: Duplex, status: number, title: string): void {
  const body = JSON.stringify({ title, status });
  const retry = status === 503 ? 'Retry-After: 1\r\n' : '';
  // The peer may be gone already.
  socket.on('error', () => socket.destroy());
  // Sockets of an HTTP server may be half open: a peer that keeps its half would hold this one, and a stop, for ever.
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n${retry}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
