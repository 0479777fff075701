import { describe, expect, it } from 'vitest';
import { errorCode, settled, startHub } from './peer.ts';

const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

describe('a fault of ours', () => {
  it('closes the one client with 3004, and no error escapes', async () => {
    const { peer, connected, logger } = await startHub();
    const witness = await connected();
    const client = peer();
    client.send = () => {
      throw new Error('no such transport');
    };
    client.tell({ connect: { token: 'alice' } });
    await settled();
    expect(client.closedWith?.code).toBe(3004);
    expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    expect(await witness.ask({ unsubscribe: { channel: 'news:a' } })).toEqual([{ id: 2, unsubscribe: {} }]);
  });
});

describe('frames that break the protocol', () => {
  it.each([
    ['nothing', ''],
    ['line feeds only', '\n\n'],
    ['not JSON', 'GET / HTTP/1.1'],
    ['half a command', '{"id":2,"subscribe":{"channel":'],
    ['null', 'null'],
    ['a number', '42'],
    ['a text', '"connect"'],
    ['an array', '[{"id":2}]'],
    ['no method', '{"id":2}'],
    ['two methods', '{"id":2,"subscribe":{"channel":"news:a"},"unsubscribe":{"channel":"news:a"}}'],
    ['parameters that are null', '{"id":2,"subscribe":null}'],
    ['parameters that are an array', '{"id":2,"subscribe":[]}'],
    ['parameters that are a text', '{"id":2,"subscribe":"news:a"}'],
    ['no id', '{"subscribe":{"channel":"news:a"}}'],
    ['id 0', '{"id":0,"subscribe":{"channel":"news:a"}}'],
    ['a negative id', '{"id":-1,"subscribe":{"channel":"news:a"}}'],
    ['a broken id', '{"id":1.5,"subscribe":{"channel":"news:a"}}'],
    ['an id of 2^32', '{"id":4294967296,"subscribe":{"channel":"news:a"}}'],
    ['an id beyond all numbers', '{"id":1e400,"subscribe":{"channel":"news:a"}}'],
    ['an id that is a text', '{"id":"2","subscribe":{"channel":"news:a"}}'],
    ['an id that is null', '{"id":null,"subscribe":{"channel":"news:a"}}'],
    ['parameters nested too deeply', `{"id":2,"publish":{"channel":"news:a","data":${deep(63)}}}`],
    ['parameters nested beyond any stack', `{"id":2,"publish":{"channel":"news:a","data":${deep(30_000)}}}`],
    ['brackets without an end', '['.repeat(60_000)],
    ['a good line and a bad one', '{"id":2,"unsubscribe":{"channel":"news:a"}}\nx'],
  ])('closes %s with 3501 and leaves nothing behind', async (_what, frame) => {
    const { connected, hub, clock } = await startHub();
    const client = await connected();
    const { length } = client.frames;
    client.connection.receive(frame);
    await settled();
    expect(client.closedWith).toEqual({ code: 3501, reason: 'bad request' });
    expect(client.frames).toHaveLength(length);
    expect(hub.stats).toEqual({ connections: 0, channels: 0, subscriptions: 0 });
    expect(clock.pendingTimers).toBe(0);
  });

  it('takes the largest id, a trailing line feed, and text that looks like brackets', async () => {
    const { connected } = await startHub();
    const client = await connected();
    client.connection.receive(`{"id":4294967295,"publish":{"channel":"news:a","data":"${'[{\\"'.repeat(1_000)}"}}\n`);
    await settled();
    expect(client.lines.at(-1)).toEqual({ id: 4294967295, publish: {} });
  });

  it('takes data nested as deeply as allowed', async () => {
    const { connected } = await startHub();
    const client = await connected();
    client.connection.receive(`{"id":2,"publish":{"channel":"news:a","data":${deep(62)}}}`);
    await settled();
    expect(client.lines.at(-1)).toEqual({ id: 2, publish: {} });
  });

  it('is not moved by keys with a meaning in JavaScript', async () => {
    const { connected, hub } = await startHub();
    const client = await connected();
    client.connection.receive('{"id":2,"subscribe":{"channel":"news:a","__proto__":{"recover":true}}}\n{"id":3,"__proto__":{"channel":"news:b"}}\n{"id":4,"constructor":{}}');
    await settled();
    expect(client.lines.slice(1).map((line) => [line.id, errorCode(line)])).toEqual([[2, undefined], [3, 104], [4, 104]]);
    await hub.publish('news:a', 1);
    expect(({} as Record<string, unknown>).recover).toBeUndefined();
  });

  it('answers a thousand commands of one frame in order', async () => {
    const { connected } = await startHub();
    const client = await connected();
    const ids = client.tell(...Array.from({ length: 1_024 }, (_, n) => (n % 2 ? { subscribe: { channel: `news:${n}` } } : { unsubscribe: { channel: `news:${n - 1}` } })));
    await settled();
    expect(client.lines.slice(1).map(({ id }) => id)).toEqual(ids);
  });

  it('closes with 3013 a client that sends far more commands than it waits for', async () => {
    const { connected, hub } = await startHub({ authorize: () => new Promise(() => {}) });
    const client = await connected();
    for (let frame = 0; frame < 10 && !client.closedWith; frame++) {
      client.tell(...Array.from({ length: 1_000 }, (_, n) => ({ subscribe: { channel: `news:${frame}.${n}` } })));
    }
    expect(client.closedWith).toEqual({ code: 3013, reason: 'too many requests' });
    expect(hub.stats).toEqual({ connections: 0, channels: 0, subscriptions: 0 });
  });

  it('ignores what still arrives after the close', async () => {
    const { connected, hub } = await startHub();
    const client = await connected();
    client.connection.receive('garbage');
    const { length } = client.frames;
    client.tell({ subscribe: { channel: 'news:a' } });
    client.connection.receive('more garbage');
    client.connection.closed();
    await settled();
    expect(client.frames).toHaveLength(length);
    expect(hub.stats.subscriptions).toBe(0);
  });
});
