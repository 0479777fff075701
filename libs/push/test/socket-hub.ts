import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPushHub, type PushHub, type PushHubOptions } from '@staddle/push';
import { memoryBroker } from '@staddle/push/memory';
import { serveWebSocket, type WebSocketOptions } from '@staddle/push/websocket';
import { recordingLogger, waitFor, type RecordingLogger } from '@staddle/testing';
import { Centrifuge, type Options } from 'centrifuge';
import { WebSocket } from 'ws';
import { authenticate } from './peer.ts';

/** A hub behind a real HTTP server on a free port. `await using` stops hub, endpoint and server, in this order. */
export interface SocketHub extends AsyncDisposable {
  readonly hub: PushHub;
  readonly server: Server;
  readonly logger: RecordingLogger;
  readonly port: number;
  readonly url: string;
  /** A client of the unmodified SDK, connecting. */
  client(options?: Partial<Options>): Centrifuge;
  stop(signal?: AbortSignal): Promise<void>;
}

export async function serveHub(hubOptions: Partial<PushHubOptions> = {}, socketOptions: Partial<WebSocketOptions> = {}, port = 0): Promise<SocketHub> {
  const logger = recordingLogger();
  const hub = createPushHub({
    broker: memoryBroker(), authenticate, authorize: (_identity, channel) => !channel.startsWith('secret:'), logger, drainMs: 0, ...hubOptions,
  });
  const server = createServer((_request, response) => response.writeHead(404).end());
  const endpoint = serveWebSocket({ server, hub, closeTimeoutMs: 500, ...socketOptions });
  await hub.start();
  await endpoint.start();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  const clients: Centrifuge[] = [];
  let stopped: Promise<void> | undefined;
  const stop = (signal?: AbortSignal): Promise<void> =>
    (stopped ??= (async () => {
      await hub.stop(signal);
      await endpoint.stop(signal);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    })());
  const url = `ws://127.0.0.1:${address.port}/connection/websocket`;
  return {
    hub,
    server,
    logger,
    port: address.port,
    url,
    client(options = {}) {
      const client = new Centrifuge(url, { websocket: WebSocket, token: 'alice', minReconnectDelay: 20, maxReconnectDelay: 100, ...options });
      clients.push(client);
      client.connect();
      return client;
    },
    stop,
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.disconnect();
      await waitFor(() => hub.stats.connections === 0, { what: 'the hub to forget its clients' });
      await stop();
    },
  };
}
