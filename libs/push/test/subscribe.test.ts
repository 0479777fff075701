import { replyErrors, type Broker } from '@staddle/push';
import { memoryBroker } from '@staddle/push/memory';
import { describe, expect, it, vi } from 'vitest';
import { errorCode, settled, startHub } from './peer.ts';

/** A memory broker whose subscribe calls wait for the test. */
function heldBroker(): { broker: Broker; calls: string[]; held: PromiseWithResolvers<void>[] } {
  const memory = memoryBroker();
  const calls: string[] = [];
  const held: PromiseWithResolvers<void>[] = [];
  const broker: Broker = {
    name: 'held',
    start: (events) => memory.start(events),
    stop: () => memory.stop(),
    publish: (channel, payload) => memory.publish(channel, payload),
    async subscribe(channel) {
      calls.push(`+${channel}`);
      const gate = Promise.withResolvers<void>();
      held.push(gate);
      await gate.promise;
      await memory.subscribe(channel);
    },
    async unsubscribe(channel) {
      calls.push(`-${channel}`);
      await memory.unsubscribe(channel);
    },
  };
  return { broker, calls, held };
}

describe('subscribe', () => {
  it('delivers what is published after the reply', async () => {
    const { connected, hub } = await startHub();
    const client = await connected();
    await hub.publish('news:a', 'before');
    const [reply] = await client.ask({ subscribe: { channel: 'news:a' } });
    expect(reply).toEqual({ id: 2, subscribe: { recoverable: false } });
    await hub.publish('news:a', 'after');
    expect(client.publications).toEqual(['after']);
  });

  it('says honestly that nothing was recovered', async () => {
    const { connected } = await startHub();
    const client = await connected();
    const [reply] = await client.ask({ subscribe: { channel: 'news:a', recover: true, offset: 5, epoch: 'e' } });
    expect(reply?.subscribe).toEqual({ recoverable: false, was_recovering: true, recovered: false });
  });

  it('denies with 103 what is not allowed, and leaves nothing behind', async () => {
    const { connected, hub } = await startHub();
    const client = await connected();
    const [reply] = await client.ask({ subscribe: { channel: 'secret:a' } });
    expect(reply?.error).toEqual({ code: 103, message: 'permission denied' });
    expect(hub.stats).toEqual({ connections: 1, channels: 0, subscriptions: 0 });
  });

  it.each([1, 'yes', {}, undefined, null])('takes nothing but true for a permission, not %j', async (verdict) => {
    const { connected } = await startHub({ authorize: () => verdict as unknown as boolean });
    const client = await connected();
    const replies = await client.ask({ subscribe: { channel: 'news:a' } }, { publish: { channel: 'news:a', data: 1 } });
    expect(replies.map(errorCode)).toEqual([103, 103]);
  });

  it('answers the temporary error 100 when the authorizer fails', async () => {
    const { connected, logger } = await startHub({ authorize: () => Promise.reject(new Error('the policy store is away')) });
    const client = await connected();
    const [reply] = await client.ask({ subscribe: { channel: 'news:a' } });
    expect(reply?.error).toEqual(replyErrors.internal);
    expect(logger.lines.some(({ level }) => level === 'warn')).toBe(true);
  });

  it.each(['', 'news', ':a', 'news:', 'news: a', 'news:é', 'news:*', 'news:a\n', '$x:a', `news:${'a'.repeat(251)}`, 42, null, ['news:a'], undefined])(
    'answers 107 to the channel %j',
    async (channel) => {
      const { connected } = await startHub();
      const client = await connected();
      const [reply] = await client.ask({ subscribe: { channel } });
      expect(errorCode(reply)).toBe(107);
    },
  );

  it('answers a second subscribe kindly and delivers one copy', async () => {
    const { connected, hub } = await startHub();
    const client = await connected();
    const replies = await client.ask({ subscribe: { channel: 'news:a' } }, { subscribe: { channel: 'news:a' } });
    expect(replies.map((reply) => reply?.subscribe)).toEqual([{ recoverable: false }, { recoverable: false }]);
    await hub.publish('news:a', 1);
    expect(client.publications).toEqual([1]);
    await client.ask({ unsubscribe: { channel: 'news:a' } });
    expect(hub.stats.subscriptions).toBe(0);
  });

  it('answers 106 beyond the channels that a connection may have, also within one frame, and again after an unsubscribe', async () => {
    const { connected } = await startHub({ maxChannels: 3 });
    const client = await connected();
    const replies = await client.ask(...['a', 'b', 'c', 'd'].map((name) => ({ subscribe: { channel: `news:${name}` } })));
    expect(replies.map(errorCode)).toEqual([undefined, undefined, undefined, 106]);
    const [, again] = await client.ask({ unsubscribe: { channel: 'news:a' } }, { subscribe: { channel: 'news:d' } });
    expect(again).toHaveProperty('subscribe');
  });

  it('asks the authorizer about neighbouring subscribe commands side by side and replies in their order', async () => {
    const gates = new Map<string, PromiseWithResolvers<boolean>>();
    const authorize = (_identity: unknown, channel: string): Promise<boolean> => {
      const gate = Promise.withResolvers<boolean>();
      gates.set(channel, gate);
      return gate.promise;
    };
    const { connected } = await startHub({ authorize });
    const client = await connected();
    client.tell({ subscribe: { channel: 'news:a' } }, { subscribe: { channel: 'news:b' } }, { unsubscribe: { channel: 'news:b' } });
    await settled();
    expect([...gates.keys()]).toEqual(['news:a', 'news:b']);
    gates.get('news:b')!.resolve(true);
    await settled();
    expect(client.lines).toHaveLength(1);
    gates.get('news:a')!.resolve(true);
    await settled();
    expect(client.lines.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
  });

  it('needs each channel from the broker once, however many clients share it, and lets it go with the last', async () => {
    const broker = memoryBroker();
    const subscribe = vi.spyOn(broker, 'subscribe');
    const unsubscribe = vi.spyOn(broker, 'unsubscribe');
    const { connected } = await startHub({ broker });
    const clients = await Promise.all([connected(), connected(), connected()]);
    await Promise.all(clients.map((client) => client.ask({ subscribe: { channel: 'news:a' } })));
    expect(subscribe).toHaveBeenCalledTimes(1);
    clients[0]!.connection.closed();
    await clients[1]!.ask({ unsubscribe: { channel: 'news:a' } });
    expect(unsubscribe).not.toHaveBeenCalled();
    clients[2]!.connection.disconnect({ code: 3503, reason: 'force disconnect' });
    expect(unsubscribe).toHaveBeenCalledTimes(1);
  });

  it('answers 100 when the broker refuses, to all who waited, and asks the broker again for the next', async () => {
    const { broker, held } = heldBroker();
    const { connected, hub, logger } = await startHub({ broker });
    const clients = await Promise.all([connected(), connected()]);
    for (const client of clients) client.tell({ subscribe: { channel: 'news:a' } });
    await settled();
    held[0]!.reject(new Error('the link is down'));
    await settled();
    expect(clients.map((client) => errorCode(client.lines.at(-1)))).toEqual([100, 100]);
    expect(hub.stats).toEqual({ connections: 2, channels: 0, subscriptions: 0 });
    // One line for all who fail in the same moment.
    expect(logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual(['a command of a client failed']);
    clients[0]!.tell({ subscribe: { channel: 'news:a' } });
    await settled();
    held[1]!.resolve();
    await settled();
    expect(clients[0]!.lines.at(-1)).toHaveProperty('subscribe');
  });

  it('answers 100 after 4 s of a silent broker, and gives back what comes late', async () => {
    const { broker, held, calls } = heldBroker();
    const { connected, hub, clock } = await startHub({ broker });
    const client = await connected();
    client.tell({ subscribe: { channel: 'news:a' } }, { unsubscribe: { channel: 'news:b' } });
    await clock.advance(3_999);
    expect(client.lines).toHaveLength(1);
    await clock.advance(1);
    expect(client.lines.slice(1).map((line) => [line.id, errorCode(line)])).toEqual([[2, 100], [3, undefined]]);
    expect(hub.stats).toEqual({ connections: 1, channels: 0, subscriptions: 0 });
    client.tell({ subscribe: { channel: 'news:a' } });
    await settled();
    for (const gate of held) gate.resolve();
    await settled();
    expect(client.lines.at(-1)).toHaveProperty('subscribe');
    expect(hub.stats).toEqual({ connections: 1, channels: 1, subscriptions: 1 });
    expect(calls).toEqual(['+news:a', '-news:a', '+news:a']);
    await hub.publish('news:a', 1);
    expect(client.publications).toEqual([1]);
  });

  it('gives the channel back when the client left while the broker was asked', async () => {
    const { broker, held, calls } = heldBroker();
    const { connected, hub } = await startHub({ broker });
    const client = await connected();
    client.tell({ subscribe: { channel: 'news:a' } });
    await settled();
    client.connection.closed();
    held[0]!.resolve();
    await settled();
    expect(calls).toEqual(['+news:a', '-news:a']);
    expect(hub.stats).toEqual({ connections: 0, channels: 0, subscriptions: 0 });
  });
});

describe('unsubscribe', () => {
  it('delivers nothing after the reply', async () => {
    const { connected, hub } = await startHub();
    const client = await connected();
    await client.ask({ subscribe: { channel: 'news:a' } });
    const [reply] = await client.ask({ unsubscribe: { channel: 'news:a' } });
    expect(reply).toEqual({ id: 3, unsubscribe: {} });
    await hub.publish('news:a', 1);
    expect(client.publications).toEqual([]);
  });

  it('takes a channel that was not subscribed to', async () => {
    const { connected } = await startHub();
    const [reply] = await (await connected()).ask({ unsubscribe: { channel: 'news:a' } });
    expect(reply).toHaveProperty('unsubscribe');
  });
});

describe('what this version does not have', () => {
  it('says so', async () => {
    const { connected } = await startHub();
    const client = await connected();
    const replies = await client.ask(
      { history: { channel: 'news:a' } }, { presence: { channel: 'news:a' } }, { presence_stats: { channel: 'news:a' } },
      { sub_refresh: { channel: 'news:a', token: 't' } }, { rpc: { method: 'x' } }, { toString: {} }, { invented: {} },
    );
    expect(replies.map(errorCode)).toEqual([108, 108, 108, 108, 104, 104, 104]);
    client.connection.receive('{"send":{"data":1}}');
    await settled();
    expect(client.lines).toHaveLength(8);
    expect(client.closedWith).toBeUndefined();
  });
});
