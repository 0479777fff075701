import { hasCode } from '@staddle/kernel';
import { createPushHub } from '@staddle/push';
import { createMemoryBus, memoryBroker } from '@staddle/push/memory';
import { waitFor } from '@staddle/testing';
import { describe, expect, it, vi } from 'vitest';
import { authenticate, errorCode, settled, startHub, type Peer } from './peer.ts';

async function subscribed(client: Promise<Peer>, channel = 'news:a'): Promise<Peer> {
  const peer = await client;
  await peer.ask({ subscribe: { channel } });
  return peer;
}

describe('publishing by the server', () => {
  it.each([
    ['null', null],
    ['false', false],
    ['an empty text', ''],
    ['nested data', { a: [1, { b: 'c' }], 'd e': null }],
    ['line breaks inside of text', { text: 'one\ntwo\r\nthree\u2028four' }],
    ['text outside the basic plane', 'zażółć 🦊'],
    ['a lone surrogate', '\ud800'],
    ['keys with a meaning in JavaScript', JSON.parse('{"__proto__":{"a":1},"constructor":2}') as unknown],
    ['64 KiB', 'x'.repeat(65_534)],
  ])('delivers %s unchanged, on one line', async (_what, data) => {
    const { connected, hub } = await startHub();
    const client = await subscribed(connected());
    await hub.publish('news:a', data);
    expect(client.frames.at(-1)!.toString()).not.toMatch(/[\r\n]/);
    expect(client.lines.at(-1)).toEqual({ push: { channel: 'news:a', pub: { data } } });
  });

  it('encodes once and hands every subscriber the same frame', async () => {
    const { connected, hub } = await startHub();
    const clients = await Promise.all([subscribed(connected()), subscribed(connected()), subscribed(connected())]);
    await hub.publish('news:a', { n: 1 });
    expect(new Set(clients.map((client) => client.frames.at(-1)))).toHaveProperty('size', 1);
  });

  it('keeps the order of one publisher within a channel', async () => {
    const { connected, hub } = await startHub();
    const client = await subscribed(connected());
    const sent = Array.from({ length: 200 }, (_, index) => index);
    await Promise.all(sent.map((n) => hub.publish('news:a', n)));
    expect(client.publications).toEqual(sent);
  });

  it('reaches the clients of other hubs', async () => {
    const bus = createMemoryBus();
    const here = await startHub({ broker: memoryBroker({ bus }) });
    const there = await startHub({ broker: memoryBroker({ bus }) });
    const client = await subscribed(there.connected());
    await here.hub.publish('news:a', 1);
    expect(client.publications).toEqual([1]);
  });

  it.each([
    [undefined, 'ERR_PUSH_DATA'],
    [() => 1, 'ERR_PUSH_DATA'],
    [1n, 'ERR_PUSH_DATA'],
    [{ toJSON: () => { throw new Error('no'); } }, 'ERR_PUSH_DATA'],
    [nested(65), 'ERR_PUSH_DATA'],
    [nested(20_000), 'ERR_PUSH_DATA'],
    ['x'.repeat(65_535), 'ERR_PUSH_TOO_LARGE'],
    ['ż'.repeat(40_000), 'ERR_PUSH_TOO_LARGE'],
  ])('refuses data that it cannot deliver (%#)', async (data, code) => {
    const { hub } = await startHub();
    await expect(hub.publish('news:a', data)).rejects.toMatchObject({ code, field: 'data' });
  });

  it('refuses what is not a channel', async () => {
    const { hub } = await startHub();
    for (const channel of ['news', '', 'news:a b', 'n:'.padEnd(300, 'x')]) {
      await expect(hub.publish(channel, 1)).rejects.toMatchObject({ code: 'ERR_PUSH_CHANNEL', field: 'channel' });
    }
  });

  it('refuses before start and after stop, with an error that says to try later', async () => {
    const hub = createPushHub({ broker: memoryBroker(), authenticate, authorize: () => true });
    await expect(hub.publish('news:a', 1)).rejects.toMatchObject({ code: 'ERR_PUSH_NOT_RUNNING', retryable: true });
    await hub.start();
    await hub.publish('news:a', 1);
    await hub.stop();
    await expect(hub.publish('news:a', 1)).rejects.toMatchObject({ code: 'ERR_PUSH_NOT_RUNNING' });
  });

  it('turns what the broker throws into a retryable error with its cause', async () => {
    const broker = memoryBroker();
    const cause = new Error('connection reset');
    vi.spyOn(broker, 'publish').mockRejectedValueOnce(cause);
    const { hub } = await startHub({ broker });
    await expect(hub.publish('news:a', 1)).rejects.toMatchObject({ code: 'ERR_PUSH_BROKER_UNAVAILABLE', retryable: true, broker: 'memory', cause });
  });

  it('does not wait for a silent broker', async () => {
    const broker = memoryBroker();
    vi.spyOn(broker, 'publish').mockReturnValueOnce(new Promise(() => {}));
    const { hub, clock } = await startHub({ broker });
    const outcome = hub.publish('news:a', 1).catch((error: unknown) => error);
    await clock.advance(4_000);
    expect(hasCode(await outcome, 'ERR_PUSH_BROKER_UNAVAILABLE')).toBe(true);
  });
});

describe('publishing by a client', () => {
  it('delivers with the name of the publisher, to itself as well when it listens', async () => {
    const { connected } = await startHub();
    const client = await subscribed(connected('alice'));
    const [reply] = await client.ask({ publish: { channel: 'news:a', data: { n: 1 } } });
    expect(reply).toEqual({ id: 3, publish: {} });
    const info = { user: 'alice', client: client.connection.id };
    expect(client.lines).toContainEqual({ push: { channel: 'news:a', pub: { data: { n: 1 }, info } } });
  });

  it('keeps the order of one client, however long each permission takes', async () => {
    let asked = 0;
    const authorize = async (): Promise<boolean> => {
      for (let turns = asked++ % 3; turns > 0; turns--) await settled();
      return true;
    };
    const { connected } = await startHub({ authorize });
    const client = await subscribed(connected());
    client.tell(...Array.from({ length: 30 }, (_, n) => ({ publish: { channel: 'news:a', data: n } })));
    await waitFor(() => client.publications.length === 30, { what: 'all publications' });
    expect(client.publications).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });

  it('asks for its own permission', async () => {
    const { connected } = await startHub({ authorize: (_identity, _channel, action) => action === 'subscribe' });
    const client = await subscribed(connected());
    const [reply] = await client.ask({ publish: { channel: 'news:a', data: 1 } });
    expect(errorCode(reply)).toBe(103);
    expect(client.publications).toEqual([]);
  });

  it('cannot claim to be somebody else', async () => {
    const { connected } = await startHub();
    const client = await subscribed(connected('alice'));
    await client.ask({ publish: { channel: 'news:a', data: 1, info: { user: 'root' } } });
    expect(client.lines.at(-1)).not.toHaveProperty('push.pub.info.user', 'root');
  });

  it('answers 107 to a bad channel, to no data and to data that is too large', async () => {
    const { connected } = await startHub({ maxPublicationBytes: 10 });
    const client = await connected();
    const replies = await client.ask(
      { publish: { channel: 'news', data: 1 } }, { publish: { channel: 'news:a' } }, { publish: { channel: 'news:a', data: 'x'.repeat(10) } },
    );
    expect(replies.map(errorCode)).toEqual([107, 107, 107]);
  });

  it('answers the temporary error 100 when the broker refuses', async () => {
    const broker = memoryBroker();
    vi.spyOn(broker, 'publish').mockRejectedValueOnce(new Error('no'));
    const { connected } = await startHub({ broker });
    const [reply] = await (await connected()).ask({ publish: { channel: 'news:a', data: 1 } });
    expect(reply?.error).toMatchObject({ code: 100, temporary: true });
  });
});

describe('payloads that other programs write to the broker', () => {
  it.each(['', 'hello', '[]', 'null', '{"data":1', '{"other":1}', '{"data":1}\n{"push":{}}'])('drops %j and says so', async (payload) => {
    const bus = createMemoryBus();
    const { connected, logger } = await startHub({ broker: memoryBroker({ bus }) });
    const client = await subscribed(connected());
    const before = client.frames.length;
    await memoryBroker({ bus }).publish('news:a', payload);
    await settled();
    expect(client.frames).toHaveLength(before);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('drops what no client could be sent, and closes nobody for it', async () => {
    const bus = createMemoryBus();
    const { connected, logger } = await startHub({ broker: memoryBroker({ bus }), maxPublicationBytes: 500, maxQueuedBytes: 1_000 });
    const client = await subscribed(connected());
    await memoryBroker({ bus }).publish('news:a', JSON.stringify({ data: 'x'.repeat(1_000) }));
    // Above our own limit: a node whose limit is being raised may send it.
    await memoryBroker({ bus }).publish('news:a', JSON.stringify({ data: 'x'.repeat(600) }));
    expect(client.closedWith).toBeUndefined();
    expect(client.publications).toEqual(['x'.repeat(600)]);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('takes the line breaks out of a publication that was written by hand', async () => {
    const bus = createMemoryBus();
    const { connected } = await startHub({ broker: memoryBroker({ bus }) });
    const client = await subscribed(connected());
    await memoryBroker({ bus }).publish('news:a', '{\r\n  "data": {\n    "text": "a\\nb"\n  }\n}');
    expect(client.publications).toEqual([{ text: 'a\nb' }]);
  });

  it('hands on fields of a later version', async () => {
    const bus = createMemoryBus();
    const { connected } = await startHub({ broker: memoryBroker({ bus }) });
    const client = await subscribed(connected());
    await memoryBroker({ bus }).publish('news:a', '{"data":1,"offset":7,"tags":{"a":"b"}}');
    expect(client.lines.at(-1)).toEqual({ push: { channel: 'news:a', pub: { data: 1, offset: 7, tags: { a: 'b' } } } });
  });
});

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}
