import type { Lifecycle } from '@staddle/kernel';
import { createPushHub, isOriginPattern, parseChannel, tryChannel, type PushLimits } from '@staddle/push';
import { memoryBroker } from '@staddle/push/memory';
import { redisBroker, redisClientOptions } from '@staddle/push/redis';
import { serveWebSocket, type WebSocketOptions } from '@staddle/push/websocket';
import { Redis } from 'ioredis';
import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { authenticate } from './peer.ts';

describe('limits', () => {
  it.each<[Partial<PushLimits>, keyof PushLimits]>([
    [{ pingIntervalMs: 0 }, 'pingIntervalMs'],
    [{ pingIntervalMs: 25_500 }, 'pingIntervalMs'],
    [{ pongTimeoutMs: 25_000 }, 'pongTimeoutMs'],
    [{ maxChannels: -1 }, 'maxChannels'],
    [{ maxPendingCommands: 1.5 }, 'maxPendingCommands'],
    [{ commandTimeoutMs: Number.NaN }, 'commandTimeoutMs'],
    [{ drainMs: Number.POSITIVE_INFINITY }, 'drainMs'],
    [{ maxQueuedBytes: '1 MiB' as unknown as number }, 'maxQueuedBytes'],
    [{ maxPublicationBytes: 600 * 1024 }, 'maxPublicationBytes'],
  ])('refuses %j', (limits, field) => {
    const create = (): unknown => createPushHub({ broker: memoryBroker(), authenticate, authorize: () => true, ...limits });
    expect(create).toThrow(expect.objectContaining({ code: 'ERR_PUSH_OPTION', field }) as Error);
  });
});

describe('channel names', () => {
  it.each([
    ['runs:demo', 'runs', 'demo'],
    ['user:#42', 'user', '#42'],
    ['a.b-c_1:x:y', 'a.b-c_1', 'x:y'],
    ['mail:anna@example.org', 'mail', 'anna@example.org'],
    [`enc:${encodeURIComponent('zażółć/gęślą ?').replaceAll('*', '%2A')}`, 'enc', 'za%C5%BC%C3%B3%C5%82%C4%87%2Fg%C4%99%C5%9Bl%C4%85%20%3F'],
  ])('splits %s', (text, namespace, rest) => {
    expect(parseChannel(text)).toEqual({ namespace, rest });
    expect(tryChannel(text)).toEqual({ namespace, rest });
  });

  it.each(['', 'runs', ':demo', 'runs:', 'runs: demo', 'rüns:demo', 'runs:démo', '$runs:demo', 'runs:de#mo', 'runs:##', 'runs:#', 'runs:*', 'runs:a/b', 'a&b:c', 'runs:a\nb', 'runs:a\u0000', `runs:${'x'.repeat(251)}`, 42, null, undefined])(
    'refuses %j',
    (text) => {
      expect(() => parseChannel(text)).toThrow(expect.objectContaining({ code: 'ERR_PUSH_CHANNEL' }) as Error);
      expect(tryChannel(text)).toBeUndefined();
    },
  );
});

describe('redis clients', () => {
  const offline = (options = {}): Redis => new Redis({ lazyConnect: true, ...redisClientOptions, ...options });

  it('must be two, with options that keep publications from being sent twice', () => {
    const one = offline();
    expect(() => redisBroker({ publisher: one, subscriber: one })).toThrow(expect.objectContaining({ code: 'ERR_PUSH_OPTION', field: 'subscriber' }) as Error);
    expect(() => redisBroker({ publisher: offline({ maxRetriesPerRequest: 20 }), subscriber: offline() })).toThrow(/publisher.maxRetriesPerRequest is 20; 0 is needed/);
    expect(() => redisBroker({ publisher: offline(), subscriber: offline({ autoResubscribe: true }) })).toThrow(/subscriber.autoResubscribe is true; false is needed/);
    for (const pingIntervalMs of [0, -1, 1.5, Number.NaN]) {
      expect(() => redisBroker({ publisher: offline(), subscriber: offline(), pingIntervalMs })).toThrow(expect.objectContaining({ code: 'ERR_PUSH_OPTION', field: 'pingIntervalMs' }) as Error);
    }
  });
});

describe('origins', () => {
  it.each(['app.example', 'https://', 'https://app.example/', 'https://a*.example', 'https://*', 'ftp://app.example', 'null', '', 'https://app.example:99999', 'https://[:::]', 'https://1.2.3.4.5'])('refuses the entry %j', (origin) => {
    expect(() => serve({ origins: [origin] })).toThrow(expect.objectContaining({ code: 'ERR_PUSH_OPTION', field: 'origins' }) as Error);
    expect(isOriginPattern(origin)).toBe(false);
  });

  it.each(['https://app.example', 'http://*.app.example:8080', 'https://[::1]', '*'])('takes the entry %j', (origin) => {
    expect(serve({ origins: [origin] }).name).toBe('push-websocket');
    expect(isOriginPattern(origin)).toBe(true);
  });
});

describe('the endpoint', () => {
  it.each<[Partial<WebSocketOptions>, keyof WebSocketOptions]>([
    [{ maxFrameBytes: 0 }, 'maxFrameBytes'],
    [{ maxFrameBytes: Number.NaN }, 'maxFrameBytes'],
    [{ closeTimeoutMs: 0 }, 'closeTimeoutMs'],
    [{ closeTimeoutMs: 1.5 }, 'closeTimeoutMs'],
    [{ path: 'socket' }, 'path'],
    [{ path: '/socket?x=1' }, 'path'],
  ])('refuses %j', (options, field) => {
    expect(() => serve(options)).toThrow(expect.objectContaining({ code: 'ERR_PUSH_OPTION', field }) as Error);
  });
});

function serve(options: Partial<WebSocketOptions>): Lifecycle {
  const hub = createPushHub({ broker: memoryBroker(), authenticate, authorize: () => true });
  return serveWebSocket({ server: createServer(), hub, ...options });
}
