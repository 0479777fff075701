import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFaultProxy, waitFor, type FaultProxy } from '@staddle/testing';

/** A server that answers what it hears, in the connection's order. */
let echo: Server;
let heard: string;
const accepted = new Set<Socket>();
let proxy: FaultProxy;
const clients: Client[] = [];

interface Client {
  readonly socket: Socket;
  received: string;
  closedWith?: string;
}

function client(): Client {
  const socket = connect(proxy.port, proxy.host);
  const state: Client = { socket, received: '' };
  socket.setEncoding('utf8').on('data', (text: string) => (state.received += text));
  socket.on('error', (error: NodeJS.ErrnoException) => (state.closedWith = error.code ?? error.message));
  socket.on('close', () => (state.closedWith ??= 'end'));
  clients.push(state);
  return state;
}

async function expectAnswer(to: Client, text: string): Promise<void> {
  await waitFor(() => to.received === text, { what: `the answer ${text}` });
}

beforeEach(async () => {
  heard = '';
  echo = createServer((socket) => {
    accepted.add(socket);
    socket.on('close', () => accepted.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      heard += String(chunk);
      socket.write(chunk);
    });
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await createFaultProxy({ target: { host: '127.0.0.1', port: (echo.address() as AddressInfo).port } });
});

afterEach(async () => {
  await proxy.close();
  for (const { socket } of clients.splice(0)) socket.destroy();
  await new Promise((resolve) => echo.close(resolve));
});

describe('createFaultProxy', () => {
  it('passes bytes in both directions, in order, also many of them', async () => {
    const one = client();
    const text = Array.from({ length: 200_000 }, (_, index) => `${index};`).join('');
    one.socket.write(text);
    await waitFor(() => one.received.length === text.length, { what: 'the whole answer' });
    expect(one.received).toBe(text);
    expect(proxy.connections).toBe(1);
  });

  it('passes the end of a connection on', async () => {
    const one = client();
    one.socket.end('last words');
    await waitFor(() => one.closedWith, { what: 'the end' });
    expect([one.received, one.closedWith]).toEqual(['last words', 'end']);
    await waitFor(() => proxy.connections === 0, { what: 'the proxy to forget the connection' });
  });

  it('resets open and new connections while it is cut', async () => {
    const open = client();
    open.socket.write('a');
    await expectAnswer(open, 'a');
    proxy.cut();
    const late = client();
    await waitFor(() => open.closedWith && late.closedWith, { what: 'both to be reset' });
    expect([open.closedWith, late.closedWith]).toEqual(['ECONNRESET', 'ECONNRESET']);

    proxy.restore();
    const again = client();
    again.socket.write('b');
    await expectAnswer(again, 'b');
  });

  it('holds everything in a black hole, and delivers it afterwards', async () => {
    const one = client();
    one.socket.write('a');
    await expectAnswer(one, 'a');
    proxy.blackhole();
    const other = client();
    one.socket.write('b');
    await waitFor(() => proxy.connections === 2, { what: 'the connection in the black hole' });
    expect([heard, one.received, one.closedWith]).toEqual(['a', 'a', undefined]);

    proxy.restore();
    await expectAnswer(one, 'ab');
    other.socket.write('c');
    await expectAnswer(other, 'c');
  });

  it('can hold the answers only: the server did it, and the client does not know', async () => {
    const one = client();
    proxy.blackhole('answers');
    one.socket.write('order');
    await waitFor(() => heard === 'order', { what: 'the request at the server' });
    expect(one.received).toBe('');
    proxy.restore();
    await expectAnswer(one, 'order');
  });

  it('can hold the requests only', async () => {
    const one = client();
    one.socket.write('a');
    await expectAnswer(one, 'a');
    proxy.blackhole('requests');
    one.socket.write('b');
    for (const socket of accepted) socket.write('pushed');
    await expectAnswer(one, 'apushed');
    expect(heard).toBe('a');
  });

  it('delays every chunk, without mixing them up', async () => {
    const one = client();
    proxy.delay(30);
    const startedAt = performance.now();
    for (const text of ['a', 'b', 'c']) one.socket.write(text);
    await expectAnswer(one, 'abc');
    // There and back; Node's timers may fire a fraction of a millisecond early.
    expect(performance.now() - startedAt).toBeGreaterThan(58);
  });

  it('frees clients of a black hole when it is closed', async () => {
    const one = client();
    proxy.blackhole();
    one.socket.write('a');
    await waitFor(() => proxy.connections === 1, { what: 'the connection' });
    await proxy.close();
    await waitFor(() => one.closedWith, { what: 'the reset' });
    expect(one.closedWith).toBe('ECONNRESET');
    await proxy.close();
  });

  it('resets the client when the server cannot be reached', async () => {
    await using dead = await createFaultProxy({ target: { host: '127.0.0.1', port: 1 } });
    const socket = connect(dead.port, dead.host);
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
  });

  it('gives the URL of the target with its own address', async () => {
    await using over = await createFaultProxy({ target: 'mysql://root:secret@127.0.0.1:3306/app' });
    expect(over.url()).toBe(`mysql://root:secret@127.0.0.1:${over.port}/app`);
    expect(proxy.url('redis')).toBe(`redis://127.0.0.1:${proxy.port}`);
  });

  it('refuses a target without a port', async () => {
    await expect(createFaultProxy({ target: 'redis://127.0.0.1' })).rejects.toThrow('target redis://127.0.0.1 has no port');
  });
});
