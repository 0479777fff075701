import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { request, type IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { createPushHub } from '@staddle/push';
import { memoryBroker } from '@staddle/push/memory';
import { serveWebSocket } from '@staddle/push/websocket';
import { stressLifecycle, waitFor } from '@staddle/testing';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { authenticate } from './peer.ts';
import { serveHub, type SocketHub } from './socket-hub.ts';

const CONNECT = JSON.stringify({ id: 1, connect: { token: 'alice' } });

/** An open socket and how it ended. */
async function open(served: SocketHub): Promise<{ socket: WebSocket; closed: Promise<number>; frames: string[] }> {
  const socket = new WebSocket(served.url);
  const frames: string[] = [];
  socket.on('message', (data) => void frames.push(String(data)));
  socket.on('error', () => {});
  const closed = new Promise<number>((resolve) => void socket.on('close', resolve));
  await once(socket, 'open');
  return { socket, closed, frames };
}

interface Handshake {
  readonly headers?: Record<string, string>;
  readonly path?: string;
}

/** The HTTP status of an upgrade request; 101 when it was granted. */
async function handshake({ port }: SocketHub, { headers = {}, path = '/connection/websocket' }: Handshake = {}): Promise<{ status: number; headers: IncomingMessage['headers'] }> {
  const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' };
  const sent = request({ port, host: '127.0.0.1', path, headers: { ...upgrade, ...headers } }).end();
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.resume();
      resolve({ status: response.statusCode!, headers: response.headers });
    });
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode!, headers: response.headers });
    });
  });
}

describe('the handshake', () => {
  it('is granted on its path, with a query or without', async () => {
    await using served = await serveHub();
    expect((await handshake(served)).status).toBe(101);
    expect((await handshake(served, { path: '/connection/websocket?cf_ws_frame_ping_pong=true' })).status).toBe(101);
  });

  it('is refused with 404 elsewhere', async () => {
    await using served = await serveHub();
    for (const path of ['/', '/connection/websocket/', '/connection/WebSocket', '//connection/websocket']) expect((await handshake(served, { path })).status).toBe(404);
  });

  it('leaves other paths to other handlers of the server', async () => {
    await using served = await serveHub();
    served.server.on('upgrade', (incoming, socket) => {
      if (incoming.url === '/other') socket.end('HTTP/1.1 418 Teapot\r\nConnection: close\r\n\r\n');
    });
    expect((await handshake(served, { path: '/other' })).status).toBe(418);
    expect((await handshake(served)).status).toBe(101);
  });

  it('is refused with 400 for the Protobuf variant of the protocol, and granted for the JSON one by name', async () => {
    await using served = await serveHub();
    expect((await handshake(served, { headers: { 'Sec-WebSocket-Protocol': 'centrifuge-protobuf' } })).status).toBe(400);
    const granted = await handshake(served, { headers: { 'Sec-WebSocket-Protocol': 'other, centrifuge-json' } });
    expect(granted).toMatchObject({ status: 101, headers: { 'sec-websocket-protocol': 'centrifuge-json' } });
  });

  it('is refused with 503 and Retry-After while the hub does not run', async () => {
    await using served = await serveHub();
    await served.hub.stop();
    expect(await handshake(served)).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  });

  it('never compresses', async () => {
    await using served = await serveHub();
    const granted = await handshake(served, { headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate' } });
    expect(granted.headers['sec-websocket-extensions']).toBeUndefined();
  });
});

describe('the origin of a page', () => {
  it.each([
    ['https://app.example', 'app.example', 101],
    ['https://app.example', 'app.example:443', 101],
    ['http://app.example:4200', 'app.example:4200', 101],
    ['http://[::1]:4200', '[::1]:4200', 101],
    ['https://evil.example', 'app.example', 403],
    ['https://app.example.evil.example', 'app.example', 403],
    ['https://evilapp.example', 'app.example', 403],
    ['https://app.example:8443', 'app.example', 403],
    ['http://app.example', 'app.example:4200', 403],
    ['null', 'app.example', 403],
    ['file://', 'app.example', 403],
    ['', 'app.example', 403],
  ])('%j may by default open a socket to %s only when it is the same host: %i', async (origin, host, status) => {
    await using served = await serveHub();
    expect((await handshake(served, { headers: { Origin: origin, Host: host } })).status).toBe(status);
  });

  it.each([
    ['https://app.example', 101],
    ['https://APP.example', 101],
    ['https://a.wide.example', 101],
    ['https://a.b.wide.example', 101],
    ['https://wide.example', 403],
    ['https://evil-wide.example', 403],
    ['http://a.wide.example', 403],
    ['https://a.wide.example:8443', 403],
    ['https://a.wide.example.evil.example', 403],
    ['https://app.example:8443', 403],
    ['http://app.example', 403],
    ['https://served.example', 403],
    ['null', 403],
  ])('%j is held against the list when there is one: %i', async (origin, status) => {
    await using served = await serveHub({}, { origins: ['https://app.example', 'https://*.wide.example'] });
    expect((await handshake(served, { headers: { Origin: origin, Host: 'served.example' } })).status).toBe(status);
  });

  it('does not matter with *, nor to programs that are no browsers', async () => {
    await using served = await serveHub({}, { origins: ['*'] });
    expect((await handshake(served, { headers: { Origin: 'null' } })).status).toBe(101);
    await using strict = await serveHub({}, { origins: [] });
    expect((await handshake(strict, { headers: { Origin: 'https://app.example' } })).status).toBe(403);
    expect((await handshake(strict)).status).toBe(101);
  });
});

describe('a hostile peer', () => {
  const mask = Buffer.from([1, 2, 3, 4]);
  /** A client frame by hand; lengths as RFC 6455 5.2 says. */
  const frame = (opcode: number, payload: Buffer, { fin = true, masked = true } = {}): Buffer => {
    const length = payload.length < 126 ? Buffer.from([payload.length]) : Buffer.from([126, payload.length >> 8, payload.length & 255]);
    length[0]! |= masked ? 128 : 0;
    return Buffer.concat([Buffer.from([(fin ? 128 : 0) | opcode]), length, ...(masked ? [mask, payload.map((byte, index) => byte ^ mask[index % 4]!)] : [payload])]);
  };
  /** A raw TCP connection after the handshake, and the close code it is sent (1006: cut off without one). */
  const raw = async (served: SocketHub): Promise<{ socket: Socket; code: Promise<number> }> => {
    const socket = connect(served.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET /connection/websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
    await once(socket, 'data');
    const code = new Promise<number>((resolve) => {
      let received = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        if (received[0] === 0x88 && received.length >= 4) resolve(received.readUInt16BE(2));
      });
      socket.on('close', () => resolve(1006));
    });
    return { socket, code };
  };

  it.each([
    ['an unmasked frame', frame(1, Buffer.from(CONNECT), { masked: false }), 1002],
    ['bad UTF-8', frame(1, Buffer.from([0xc3, 0x28])), 1007],
    ['a binary frame', frame(2, Buffer.from(CONNECT)), 3506],
    ['a reserved opcode', frame(3, Buffer.from('x')), 1002],
    ['a continuation of nothing', frame(0, Buffer.from('x')), 1002],
    ['text that is no command', frame(1, Buffer.from('hello')), 3501],
    ['a command before connect', frame(1, Buffer.from('{"id":1,"subscribe":{"channel":"news:a"}}')), 3501],
    ['a message in a thousand pieces', Buffer.concat([frame(1, Buffer.from('{'), { fin: false }), ...Array.from({ length: 1_000 }, () => frame(0, Buffer.from(' '), { fin: false }))]), 1008],
  ])('that sends %s is closed for the right reason', async (_what, bytes, expected) => {
    await using served = await serveHub();
    const { socket, code } = await raw(served);
    socket.write(bytes);
    expect(await code).toBe(expected);
    socket.destroy();
    await waitFor(() => served.hub.stats.connections === 0, { what: 'the hub to forget it' });
  });

  it('that sends a frame of more than 64 KiB is closed with 1009; one of 64 KiB is read', async () => {
    await using served = await serveHub();
    const within = await open(served);
    within.socket.send(CONNECT.padEnd(65_536));
    await waitFor(() => within.frames.length === 1, { what: 'the reply' });
    const beyond = await open(served);
    beyond.socket.send(CONNECT.padEnd(65_537));
    expect(await beyond.closed).toBe(1009);
    within.socket.terminate();
  });

  it('that sends ten thousand commands gets them answered in order, or is closed for it', async () => {
    await using served = await serveHub();
    const { socket, frames, closed } = await open(served);
    socket.send(CONNECT);
    for (let from = 2; from < 10_002; from += 500) {
      socket.send(Array.from({ length: 500 }, (_, n) => JSON.stringify({ id: from + n, unsubscribe: { channel: 'news:a' } })).join('\n'));
    }
    const ids = (): number[] => frames.flatMap((each) => each.split('\n')).map((line) => (JSON.parse(line) as { id: number }).id);
    const ended = await Promise.race([closed, waitFor(() => ids().length === 10_001, { what: 'all replies', timeoutMs: 30_000 })]);
    expect([3013, true]).toContain(ended);
    expect(ids()).toEqual(ids().map((_, index) => index + 1));
    socket.terminate();
  });

  it('that half-opens, resets or vanishes leaves nothing behind, and others are served', async () => {
    await using served = await serveHub();
    const witness = served.client();
    await witness.ready();
    for (let round = 0; round < 20; round++) {
      const { socket } = await raw(served);
      socket.write(frame(1, Buffer.from(CONNECT)));
      socket.write(frame(1, Buffer.from('{"id":2,"subscribe":{"channel":"news:a"}}')));
      if (round % 3 === 0) socket.end();
      else if (round % 3 === 1) socket.resetAndDestroy();
      else socket.write(frame(8, Buffer.from([3, 232])));
    }
    await waitFor(() => served.hub.stats.connections === 1, { what: 'the hub to forget them' });
    expect(served.hub.stats.subscriptions).toBe(0);
    await witness.publish('news:a', 1);
  });

  it('that is refused and keeps its half of the connection open is dropped', async () => {
    await using served = await serveHub();
    const socket = connect({ port: served.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.write('GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.resume();
    await once(socket, 'end');
    await expect.poll(() => promisify(served.server.getConnections.bind(served.server))()).toBe(0);
    socket.destroy();
  });

  it('that stops reading is closed with 3008 and costs a bounded amount of memory, while others receive everything', async () => {
    await using served = await serveHub({ maxQueuedBytes: 256 * 1024, maxPublicationBytes: 64 * 1024 });
    const { socket: slow } = await raw(served);
    slow.write(frame(1, Buffer.from(CONNECT)));
    slow.write(frame(1, Buffer.from('{"id":2,"subscribe":{"channel":"news:a"}}')));
    const reader = served.client();
    const subscription = reader.newSubscription('news:a');
    let received = 0;
    subscription.on('publication', () => void received++);
    subscription.subscribe();
    await subscription.ready();
    await waitFor(() => served.hub.stats.subscriptions === 2, { what: 'both to listen' });
    slow.pause();
    const data = 'x'.repeat(32 * 1024);
    let sent = 0;
    // The kernel's buffers take some megabytes before our queue grows. The reader is waited for: it is not the slow one.
    while (served.hub.stats.connections === 2) {
      expect(sent).toBeLessThan(2_000);
      await served.hub.publish('news:a', data);
      sent++;
      await waitFor(() => received === sent, { what: 'the reader' });
    }
    expect(received).toBe(sent);
    expect(served.logger.lines.filter(({ message }) => message === 'client gone').map(({ fields }) => fields.code)).toEqual([3008]);
    slow.destroy();
  });
});

describe('stop', () => {
  it('ends although a peer does not answer its close frame', async () => {
    const served = await serveHub({}, { closeTimeoutMs: 100 });
    const { socket } = await open(served);
    socket.pause();
    await served.stop();
    expect(served.server.listening).toBe(false);
    socket.terminate();
  });

  it('destroys what is left at once when its signal aborts', async () => {
    const served = await serveHub({}, { closeTimeoutMs: 600_000 });
    const { socket } = await open(served);
    socket.pause();
    await served.stop(AbortSignal.abort());
    expect(served.server.listening).toBe(false);
    socket.terminate();
  });

  it('closes the sockets of a hub that was not stopped', async () => {
    const hub = createPushHub({ broker: memoryBroker(), authenticate, authorize: () => true });
    await hub.start();
    const server = createServer();
    const endpoint = serveWebSocket({ server, hub });
    await endpoint.start();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as { port: number };
    const socket = new WebSocket(`ws://127.0.0.1:${port}/connection/websocket`);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    await endpoint.stop();
    expect((await closed)[0]).toBe(3001);
    expect(hub.stats.connections).toBe(0);
    expect(server.listenerCount('upgrade')).toBe(0);
    await hub.stop();
    server.close();
  });

  it('bears starts and stops from everywhere', async () => {
    const hub = createPushHub({ broker: memoryBroker(), authenticate, authorize: () => true });
    const server = createServer();
    await stressLifecycle(() => serveWebSocket({ server, hub }));
    expect(server.listenerCount('upgrade')).toBe(0);
  });
});
