import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';

import { StaddleError, type Lifecycle } from '@staddle/kernel';
import { createTestClock, recordingLogger, stressLifecycle, waitFor } from '@staddle/testing';
import type { Service } from '@staddle/service';
import { expect, it, onTestFinished } from 'vitest';

import { build, call, serve } from './serve.ts';

class AwayError extends StaddleError {
  override readonly code = 'ERR_TEST_AWAY';
  override readonly retryable = true;
}

/** A component that notes its calls in `journal`. */
function component(name: string, journal: string[], parts: Partial<Lifecycle> = {}): Lifecycle {
  return {
    name,
    start: async () => {
      journal.push(`start ${name}`);
      await parts.start?.();
    },
    stop: async (signal) => {
      journal.push(`stop ${name}`);
      await parts.stop?.(signal);
    },
  };
}

/** Resolves when the service takes no connections any more. */
async function portClosed(service: Service): Promise<void> {
  await waitFor(() => fetch(`${service.url}/livez`).then(() => false, () => true), { what: 'the port to close' });
}

it('starts components in order once the port listens, and stops them in reverse', async () => {
  const journal: string[] = [];
  const service = await build({ components: ['database', 'cache', 'workers'].map((name) => component(name, journal)) });
  expect(service.url).toBe('http://127.0.0.1:0');
  await service.start();
  expect(service.url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
  await service.ready;
  await service.stop();
  expect(journal).toEqual(['start database', 'start cache', 'start workers', 'stop workers', 'stop cache', 'stop database']);
  await expect(fetch(service.url)).rejects.toThrow('fetch failed');
});

it('may be started and stopped by everybody at any time', async () => {
  const journal: string[] = [];
  await stressLifecycle(() => build({ components: [component('a', journal), component('b', journal)] }), {
    allowStartError: (error) => (error as StaddleError).code === 'ERR_SERVICE_STOPPED',
  });
  const of = (line: string): number => journal.filter((entry) => entry === line).length;
  expect(of('stop a')).toBeGreaterThanOrEqual(of('start a'));
});

it('starts again no more once it is stopped', async () => {
  const service = await build();
  await service.stop();
  await expect(service.start()).rejects.toMatchObject({ code: 'ERR_SERVICE_STOPPED' });
  await expect(service.ready).rejects.toMatchObject({ code: 'ERR_SERVICE_STOPPED' });
});

it('waits for a component that is away, saying so once for each way in which it fails', async () => {
  const clock = createTestClock();
  const logger = recordingLogger();
  const journal: string[] = [];
  const failures = [new AwayError('refused'), new AwayError('refused'), new AwayError('no such host'), new AwayError('refused')];
  const start = async (): Promise<void> => {
    const failure = failures.shift();
    if (failure) throw failure;
  };
  const service = await build({ clock, logger, components: [component('database', journal, { start }), component('workers', journal)] });
  await service.start();
  // Longer than any delay between two attempts.
  for (let attempt = 0; attempt < 4; attempt++) await clock.advance(10_000);
  await service.ready;
  expect(journal).toEqual([...Array.from({ length: 5 }, () => 'start database'), 'start workers']);
  const said = logger.lines.filter(({ fields }) => fields.component === 'database').map(({ level, message, fields }) => [level, message, (fields.err as Error | undefined)?.message]);
  expect(said).toEqual([
    ['warn', 'component database cannot start yet: trying again', 'refused'],
    ['warn', 'component database cannot start yet: trying again', 'no such host'],
    ['warn', 'component database cannot start yet: trying again', 'refused'],
    ['info', 'component database has started at last', undefined],
  ]);
});

it('ends when a component can never start', async () => {
  const journal: string[] = [];
  const fault = new TypeError('no such table');
  const service = await build({ components: [component('database', journal), component('workers', journal, { start: () => Promise.reject(fault) })] });
  await service.start();
  await expect(service.ready).rejects.toMatchObject({ code: 'ERR_SERVICE_COMPONENT', component: 'workers', message: 'component workers cannot start: no such table', cause: fault });
  await service.stop();
  expect(journal).toEqual(['start database', 'start workers', 'stop database']);
});

it('stops while it waits for a component that is away', async () => {
  const journal: string[] = [];
  const service = await build({ clock: createTestClock(), components: [component('cache', journal), component('database', journal, { start: () => Promise.reject(new AwayError('away')) })] });
  await service.start();
  await waitFor(() => journal.includes('start database'), { what: 'the first attempt' });
  await service.stop();
  expect(journal).toEqual(['start cache', 'start database', 'stop cache']);
  await expect(service.ready).rejects.toMatchObject({ code: 'ERR_SERVICE_STOPPED' });
});

it('stops a component in the middle of its start, and what that start leaves running', async () => {
  const journal: string[] = [];
  const starting = Promise.withResolvers<void>();
  const service = await build({
    components: [component('database', journal, { start: () => starting.promise, stop: async () => starting.resolve() }), component('workers', journal)],
  });
  await service.start();
  await waitFor(() => journal.includes('start database'), { what: 'the start' });
  await service.stop();
  expect(journal).toEqual(['start database', 'stop database', 'stop database']);
});

it('serves with a red readiness while it drains, and sends keep-alive clients away', async () => {
  const clock = createTestClock();
  const journal: string[] = [];
  const service = await serve({
    clock,
    drainDelayMs: 5_000,
    components: [component('workers', journal)],
    routes: (app) => void app.get('/work', { config: { public: true } }, () => 'done'),
  });
  expect((await call(service, '/work')).headers.get('connection')).toBe('keep-alive');
  const stopped = service.stop();
  expect(await call(service, '/readyz')).toMatchObject({ status: 503, body: { status: 'draining' } });
  const { status, headers } = await call(service, '/work');
  expect({ status, connection: headers.get('connection') }).toEqual({ status: 200, connection: 'close' });
  expect((await call(service, '/livez')).status).toBe(200);
  expect(journal).toEqual(['start workers']);
  await clock.advance(5_000);
  await stopped;
  expect(journal).toEqual(['start workers', 'stop workers']);
});

it('answers the requests in flight before it stops the components they use', async () => {
  const journal: string[] = [];
  const arrived = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const service = await serve({
    components: [component('database', journal)],
    routes: (app) => {
      app.get('/slow', { config: { public: true } }, async () => {
        arrived.resolve();
        await answer.promise;
        journal.push('answer');
        return 'done';
      });
    },
  });
  const slow = call(service, '/slow');
  await arrived.promise;
  const stopped = service.stop();
  await portClosed(service);
  answer.resolve();
  const { status, headers } = await slow;
  expect({ status, connection: headers.get('connection') }).toEqual({ status: 200, connection: 'close' });
  await stopped;
  expect(journal).toEqual(['start database', 'answer', 'stop database']);
});

it('does not wait for a keep-alive connection whose response began before the stop', async () => {
  const finish = Promise.withResolvers<void>();
  const service = await serve({
    routes: (app) => {
      app.get('/stream', { config: { public: true } }, (_request, reply) => {
        reply.hijack();
        reply.raw.writeHead(200, { 'content-length': '2', connection: 'keep-alive' });
        reply.raw.write('a');
        void finish.promise.then(() => reply.raw.end('b'));
      });
    },
  });
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  const [response] = (await once(httpRequest(`${service.url}/stream`, { agent }).end(), 'response')) as [IncomingMessage];
  const stopped = service.stop();
  await portClosed(service);
  finish.resolve();
  expect(await text(response)).toBe('ab');
  await stopped;
});

it('does not wait for connections that never sent a request, and answers 503 on them once components stop', async () => {
  const stopping = Promise.withResolvers<void>();
  const hold = Promise.withResolvers<void>();
  const stop = async (): Promise<void> => {
    stopping.resolve();
    await hold.promise;
  };
  const service = await serve({
    components: [component('workers', [], { stop })],
    routes: (app) => void app.get('/work', { config: { public: true } }, () => 'done'),
  });
  const { hostname, port } = new URL(service.url);
  const [silent, late] = [connect(Number(port), hostname), connect(Number(port), hostname)];
  await Promise.all([once(silent, 'connect'), once(late, 'connect')]);
  await call(service, '/livez'); // By now the server has accepted both.
  const stopped = service.stop();
  await stopping.promise;
  late.write('GET /work HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect(await text(late)).toMatch(/^HTTP\/1\.1 503 [^]*connection: close[^]*"detail":"the service is stopping"/i);
  hold.resolve();
  await stopped;
  await once(silent.resume(), 'close');
});

it('cuts off a request whose body does not arrive, and waits for one whose body is there', async () => {
  const clock = createTestClock();
  const answer = Promise.withResolvers<string>();
  const service = await serve({ clock, stopTimeoutMs: 20_000, routes: (app) => void app.post('/work', { config: { public: true } }, () => answer.promise) });
  const { hostname, port } = new URL(service.url);
  const head = 'POST /work HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n';
  const [dead, alive] = [connect(Number(port), hostname), connect(Number(port), hostname)];
  dead.write(`${head}{`);
  alive.write(`${head}{}`);
  const { server } = service.app;
  await waitFor(async () => (await promisify(server.getConnections.bind(server))()) === 2, { what: 'both connections' });
  await call(service, '/livez'); // By now the server has read both.
  const stopped = service.stop();
  await portClosed(service);
  const cut = once(dead.resume(), 'close');
  await clock.advance(5_000);
  await cut;
  answer.resolve('done');
  expect(await text(alive)).toMatch(/^HTTP\/1\.1 200 [^]*done$/);
  await stopped;
});

it('stops the component that owns upgraded connections while these are open', async () => {
  const sockets: { destroy(): void }[] = [];
  const service = await serve({ components: [{ name: 'hub', start: async () => {}, stop: async () => sockets.forEach((socket) => void socket.destroy()) }] });
  service.app.server.on('upgrade', (_request, socket) => {
    sockets.push(socket);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
  });
  const client = httpRequest(service.url, { headers: { connection: 'Upgrade', upgrade: 'websocket' } }).end();
  const [, socket] = await once(client, 'upgrade');
  await service.stop();
  await expect.poll(() => socket.destroyed || socket.readableEnded).toBe(true);
});

it('names the component that hangs when the deadline comes, and still tells the others to stop', async () => {
  const clock = createTestClock();
  const journal: string[] = [];
  let signalled: AbortSignal | undefined;
  const hang = (signal?: AbortSignal): Promise<void> => {
    signalled = signal;
    return new Promise(() => {});
  };
  const service = await serve({ clock, stopTimeoutMs: 3_000, components: [component('database', journal), component('workers', journal, { stop: hang })] });
  const stopped = service.stop();
  const failure = expect(stopped).rejects.toMatchObject({
    code: 'ERR_SERVICE_STOP_TIMEOUT',
    waitingFor: 'component workers',
    message: 'service demo did not stop by its deadline: still waiting for component workers',
  });
  await waitFor(() => signalled, { what: 'the stop of the workers' });
  expect(signalled!.aborted).toBe(false);
  await clock.advance(3_000);
  await failure;
  expect(signalled!.aborted).toBe(true);
  expect(journal).toEqual(['start database', 'start workers', 'stop workers', 'stop database']);
});

it('names the requests that hang when the deadline comes', async () => {
  const clock = createTestClock();
  const arrived = Promise.withResolvers<void>();
  const service = await serve({
    clock,
    routes: (app) => {
      app.get('/v1/:what', { config: { public: true } }, () => {
        arrived.resolve();
        return new Promise(() => {});
      });
    },
  });
  const hanging = call(service, '/v1/x');
  const cut = expect(hanging).rejects.toThrow('fetch failed');
  await arrived.promise;
  const failure = expect(service.stop()).rejects.toMatchObject({ waitingFor: '1 request in flight (GET /v1/:what)' });
  await clock.advance(25_000);
  await failure;
  await cut;
});

it('takes a deadline of its caller', async () => {
  const abort = new AbortController();
  const service = await serve({ clock: createTestClock(), components: [component('workers', [], { stop: () => new Promise(() => {}) })] });
  const failure = expect(service.stop(abort.signal)).rejects.toMatchObject({ code: 'ERR_SERVICE_STOP_TIMEOUT', waitingFor: 'component workers' });
  abort.abort();
  await failure;
});

it('stops everything although a component fails to, and says which', async () => {
  const journal: string[] = [];
  const fault = new Error('lock lost');
  const service = await serve({ components: [component('database', journal), component('workers', journal, { stop: () => Promise.reject(fault) })] });
  await expect(service.stop()).rejects.toMatchObject({ code: 'ERR_SERVICE_STOP', components: ['workers'], cause: fault });
  expect(journal.slice(2)).toEqual(['stop workers', 'stop database']);
});

it('names port, host and setting when the port is taken, and starts when it is free', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const service = await build({ port, portSetting: 'STADDLE_DEMO__PORT' });
  await expect(service.start()).rejects.toMatchObject({
    code: 'ERR_SERVICE_PORT_TAKEN',
    host: '127.0.0.1',
    port,
    message: `port ${port} on 127.0.0.1 is taken by another process; stop that one or choose a port with STADDLE_DEMO__PORT`,
  });
  other.close();
  await once(other, 'close');
  await service.start();
  await service.ready;
  expect((await call(service, '/readyz')).status).toBe(200);
});

it('says why it cannot listen', async () => {
  const service = await build({ host: '192.0.2.1' }); // TEST-NET-1: never ours.
  await expect(service.start()).rejects.toMatchObject({ code: 'ERR_SERVICE_LISTEN', message: expect.stringMatching(/^cannot listen on 192\.0\.2\.1 port 0: .*EADDRNOTAVAIL/) });
});

it('shows a wildcard host as an address that can be called', async () => {
  const service = await serve({ host: '0.0.0.0' });
  expect((await call(service, '/livez')).status).toBe(200);
  expect(service.url).toContain('http://127.0.0.1:');
});

it('rejects with what plugins and routes throw, and leaves nothing behind', async () => {
  await expect(build({ routes: () => Promise.reject(new Error('undeclared route')) })).rejects.toThrow('undeclared route');
  const failing = build({ plugins: (app) => void app.addHook('onReady', async () => Promise.reject(new Error('guard'))) });
  await expect(failing).rejects.toThrow('guard');
});

it("keeps the plugins of a service away from the chassis' own routes", async () => {
  const service = await serve({
    plugins: async (app) => {
      await app.register(async () => {});
      app.addHook('onRequest', async () => Promise.reject(Object.assign(new Error('denied'), { statusCode: 403, code: 'ERR_PERMISSION_DENIED' })));
    },
    routes: (app) => void app.get('/work', { config: { public: true } }, () => 'done'),
  });
  expect(await call(service, '/work')).toMatchObject({ status: 403, body: { code: 'ERR_PERMISSION_DENIED', detail: 'denied' } });
  expect((await call(service, '/livez')).status).toBe(200);
});
