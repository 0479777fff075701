import { createPushHub, type Broker, type BrokerEvents, type PushHub } from '@staddle/push';
import { redisBroker, redisClientOptions } from '@staddle/push/redis';
import { createFaultProxy, recordingLogger, startRedis, testRedis, waitFor, type FaultProxy, type RecordingLogger, type TestRedis, type TestServer } from '@staddle/testing';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { authenticate, Peer } from './peer.ts';
import { serveHub } from './socket-hub.ts';

// Quick enough that a test does not wait, slow enough to see the link down.
const retry = { retryStrategy: () => 50 };

describe('two hubs on one Redis', () => {
  let redis: TestRedis;

  beforeEach(async () => {
    redis = await testRedis();
  });
  afterEach(() => redis.close());

  const broker = (): Broker => redisBroker({ publisher: redis.client(redisClientOptions), subscriber: redis.client(redisClientOptions), prefix: redis.prefix });

  it('bring a publication of one to SDK clients of both, in one order', async () => {
    await using one = await serveHub({ broker: broker() });
    await using two = await serveHub({ broker: broker() });
    const received = await Promise.all(
      [one, two].map(async (served) => {
        const data: unknown[] = [];
        const subscription = served.client().newSubscription('news:a');
        subscription.on('publication', (context) => void data.push(context.data));
        subscription.subscribe();
        await subscription.ready(10_000);
        return data;
      }),
    );
    await Promise.all(Array.from({ length: 100 }, (_, n) => (n % 2 ? one : two).hub.publish('news:a', n)));
    await waitFor(() => received.every((data) => data.length === 100), { what: 'all publications on both hubs' });
    expect(received[0]).toEqual(received[1]);
    expect(received[0]!.filter((n) => (n as number) % 2 === 0)).toEqual(Array.from({ length: 50 }, (_, n) => n * 2));
  });

  it('need a channel on the server only while one of their clients listens', async () => {
    await using served = await serveHub({ broker: broker() });
    const admin = redis.client();
    const channels = async (): Promise<string[]> => (await admin.pubsub('CHANNELS', `${redis.prefix}*`)) as string[];
    const clients = [served.client(), served.client()];
    const subscriptions = clients.map((client) => client.newSubscription('news:a'));
    for (const subscription of subscriptions) subscription.subscribe();
    await Promise.all(subscriptions.map((subscription) => subscription.ready(10_000)));
    expect(await channels()).toEqual([`${redis.prefix}news:a`]);
    subscriptions[0]!.unsubscribe();
    clients[1]!.disconnect();
    await waitFor(async () => (await channels()).length === 0, { what: 'Redis to forget the channel' });
  });

  it('do not hear the channels of another prefix', async () => {
    const events: string[] = [];
    const listener: BrokerEvents = { publication: (channel) => void events.push(channel), disrupted() {}, restored() {} };
    const mine = broker();
    const other = redisBroker({ publisher: redis.client(redisClientOptions), subscriber: redis.client(redisClientOptions), prefix: `${redis.prefix}other:` });
    await Promise.all([mine.start(listener), other.start(listener)]);
    await mine.subscribe('news:a');
    await other.publish('news:a', '{"data":1}');
    await mine.publish('news:a', '{"data":2}');
    await waitFor(() => events.length > 0, { what: 'the publication' });
    expect(events).toEqual(['news:a']);
    await Promise.all([mine.stop(), other.stop()]);
  });
});

describe('a hub whose Redis goes away', () => {
  let server: TestServer;
  let proxy: FaultProxy;
  let hub: PushHub;
  let logger: RecordingLogger;
  let clients: Redis[];
  let admin: Redis;

  beforeEach(async () => {
    server = await startRedis();
    proxy = await createFaultProxy({ target: server.url });
    clients = [0, 1].map(() => new Redis(proxy.url(), { ...redisClientOptions, ...retry }));
    admin = new Redis(server.url, retry);
    admin.on('error', () => {});
    logger = recordingLogger();
    hub = createPushHub({ broker: redisBroker({ publisher: clients[0]!, subscriber: clients[1]! }), authenticate, authorize: () => true, logger, commandTimeoutMs: 2_000, drainMs: 0 });
  });

  afterEach(async () => {
    await hub.stop();
    for (const client of [...clients, admin]) client.disconnect();
    await proxy.close();
    await server.stop();
  });

  async function listener(...channels: string[]): Promise<Peer> {
    const peer = new Peer(hub);
    peer.tell({ connect: { token: 'alice' } }, ...channels.map((channel) => ({ subscribe: { channel } })));
    await waitFor(() => peer.lines.length === channels.length + 1, { what: 'the subscriptions' });
    return peer;
  }

  const linkLines = (): string[] => logger.lines.filter(({ message }) => message.startsWith('the link')).map(({ level }) => level);
  const publishes = (): Promise<boolean> => hub.publish('news:probe', 0).then(() => true);

  it('keeps its clients, refuses to publish at once, says so once, and goes on when Redis is back', async () => {
    await hub.start();
    const peer = await listener('news:a', 'news:b');
    proxy.cut();
    await waitFor(() => linkLines().length === 1, { what: 'the broken link to be noticed' });
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(hub.publish('news:a', 'lost')).rejects.toMatchObject({ code: 'ERR_PUSH_BROKER_UNAVAILABLE', retryable: true, cause: expect.any(Error) as Error });
    }
    peer.tell({ subscribe: { channel: 'news:c' } });
    await waitFor(() => peer.lines.at(-1)?.error, { what: 'the temporary error' });
    expect(peer.lines.at(-1)).toMatchObject({ error: { code: 100, temporary: true } });
    // A channel that is dropped meanwhile must not come back with the others.
    peer.tell({ unsubscribe: { channel: 'news:b' } });
    expect(peer.closedWith).toBeUndefined();
    proxy.restore();
    await waitFor(() => linkLines().length === 2, { what: 'the link to be back' });
    expect(linkLines()).toEqual(['error', 'info']);
    await hub.publish('news:a', 'back');
    await waitFor(() => peer.publications.length > 0, { what: 'the publication' });
    expect(peer.publications).toEqual(['back']);
    expect(await admin.pubsub('CHANNELS')).toEqual(['push:news:a']);
  });

  it('subscribes again when the server dropped only its subscriber connection', async () => {
    await hub.start();
    const peer = await listener('news:a');
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await waitFor(() => linkLines().length === 2, { what: 'the link to break and be back' });
    await hub.publish('news:a', 'back');
    await waitFor(() => peer.publications.length > 0, { what: 'the publication' });
    expect(peer.publications).toEqual(['back']);
  });

  it('tries until Redis lets it subscribe again', async () => {
    await hub.start();
    const peer = await listener('news:a');
    await admin.call('ACL', 'SETUSER', 'default', 'resetchannels');
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await waitFor(async () => /cmdstat_subscribe:.*rejected_calls=[1-9]/.test(await admin.info('commandstats')), { what: 'Redis to refuse' });
    await admin.call('ACL', 'SETUSER', 'default', 'allchannels');
    await waitFor(() => linkLines().length === 2, { what: 'the link to be back' });
    await hub.publish('news:a', 'back');
    await waitFor(() => peer.publications.length > 0, { what: 'the publication' });
    expect(peer.publications).toEqual(['back']);
  });

  it('survives a server that was killed and started again, with a thousand channels', async () => {
    await hub.start();
    const channels = Array.from({ length: 1_000 }, (_, n) => `news:${n}`);
    const peers = await Promise.all(Array.from({ length: 10 }, (_, n) => listener(...channels.slice(n * 100, n * 100 + 100))));
    await server.kill();
    await waitFor(() => linkLines().length === 1, { what: 'the broken link to be noticed' });
    await server.restart();
    await waitFor(() => linkLines().length === 2, { what: 'the link to be back' });
    await Promise.all(channels.map((channel) => hub.publish(channel, channel)));
    await waitFor(() => peers.every((peer) => peer.publications.length === 100), { what: 'a publication on every channel' });
    expect(peers.map((peer) => peer.closedWith)).toEqual(peers.map(() => undefined));
  });

  it('does not wait for a network that swallows everything, and delivers nothing twice', async () => {
    await hub.start();
    const peer = await listener('news:a');
    proxy.blackhole();
    await expect(hub.publish('news:a', 'once at most')).rejects.toMatchObject({ code: 'ERR_PUSH_BROKER_UNAVAILABLE', message: /did not answer publish within 2000 ms/ });
    proxy.restore();
    await waitFor(publishes, { what: 'the link' });
    await hub.publish('news:a', 'end');
    await waitFor(() => peer.publications.at(-1) === 'end', { what: 'the last publication' });
    expect(peer.publications.length).toBeLessThanOrEqual(2);
  });

  it.each(['publisher', 'subscriber'] as const)('notices that its %s has gone silent, and opens it anew', async (role) => {
    const direct = new Redis(server.url, { ...redisClientOptions, ...retry });
    const silent = new Redis(proxy.url(), { ...redisClientOptions, ...retry, disconnectTimeout: 50 });
    clients.push(direct, silent);
    const [publisher, subscriber] = role === 'publisher' ? [silent, direct] : [direct, silent];
    hub = createPushHub({ broker: redisBroker({ publisher, subscriber, pingIntervalMs: 100 }), authenticate, authorize: () => true, logger, drainMs: 0 });
    await hub.start();
    const peer = await listener('news:a');
    // As after a firewall has forgotten an idle connection: nothing arrives any more, and nobody says so.
    proxy.blackhole();
    await waitFor(() => linkLines().length === 1, { what: 'the silence to be noticed' });
    expect(logger.lines.find(({ level }) => level === 'error')?.fields.err).toMatchObject({ message: `the ${role} connection to Redis did not answer PING within 100 ms` });
    proxy.restore();
    await waitFor(() => linkLines().length === 2, { what: 'the link to be back' });
    await hub.publish('news:a', 'back');
    await waitFor(() => peer.publications.length > 0, { what: 'the publication' });
    expect(peer.publications).toEqual(['back']);
  });

  it.each([2, 3] as const)('keeps a connection whose answer waits behind work of our own (RESP%i)', async (protocol) => {
    // Not through the proxy, which lives in this process and is held up with us.
    const [publisher, subscriber] = [0, 1].map(() => new Redis(server.url, { ...redisClientOptions, ...retry, protocol })) as [Redis, Redis];
    clients.push(publisher, subscriber);
    hub = createPushHub({ broker: redisBroker({ publisher, subscriber, pingIntervalMs: 50 }), authenticate, authorize: () => true, logger, drainMs: 0 });
    await hub.start();
    await listener('news:a');
    const pings = async (): Promise<number> => Number(/cmdstat_ping:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1]);
    for (let round = 0; round < 3; round++) {
      const before = await pings();
      await waitFor(async () => (await pings()) > before, { what: 'a ping' });
      // Both the answer and the next ping are due when the event loop goes on.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
    }
    await hub.publish('news:a', 1);
    expect(linkLines()).toEqual([]);
  });

  it('delivers once a publication whose answer was lost with the connection', async () => {
    await hub.start();
    const peer = await listener('news:a');
    proxy.blackhole('answers');
    const lost = hub.publish('news:a', 'answer lost').catch((error: unknown) => error);
    await waitFor(async () => /calls=1,/.test(String(/cmdstat_publish:\S+/.exec(await admin.info('commandstats')))), { what: 'Redis to take the publication' });
    proxy.cut();
    expect(await lost).toMatchObject({ code: 'ERR_PUSH_BROKER_UNAVAILABLE' });
    proxy.restore();
    await waitFor(publishes, { what: 'the link' });
    const stats = String(/cmdstat_publish:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1]);
    // The lost one and the probes that went through: never the lost one again.
    expect(Number(stats)).toBeLessThanOrEqual(2);
    expect(peer.publications.filter((data) => data === 'answer lost').length).toBeLessThanOrEqual(1);
  });

  it('starts when Redis comes, after starts that failed and left nothing running', async () => {
    for (const client of clients) client.on('error', () => {});
    proxy.cut();
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(hub.start()).rejects.toMatchObject({ code: 'ERR_PUSH_BROKER_UNAVAILABLE', retryable: true });
    }
    expect(hub.accepting).toBe(false);
    proxy.restore();
    await waitFor(() => hub.start().then(() => true), { what: 'the start' });
    const peer = await listener('news:a');
    await hub.publish('news:a', 1);
    await waitFor(() => peer.publications.length === 1, { what: 'the publication' });
    expect(clients.map((client) => client.listenerCount('ready'))).toEqual([1, 1]);
  });

  it('leaves no listener on the clients after stop', async () => {
    const count = (): number[] => clients.map((client) => ['message', 'ready', 'close', 'error'].reduce((sum, event) => sum + client.listenerCount(event), 0));
    const before = count();
    await hub.start();
    await hub.stop();
    expect(count()).toEqual(before);
    expect(clients.every((client) => client.status === 'ready')).toBe(true);
  });
});
