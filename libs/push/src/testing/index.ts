import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker, BrokerEvents } from '../broker.ts';

/** Two brokers that reach each other and share nothing with other tests. */
export interface BrokerPair {
  readonly nodes: readonly [Broker, Broker];
  close(): Promise<void>;
}

interface Received {
  readonly channel: string;
  readonly payload: string;
}

/** One broker with what it delivered. */
class Node implements BrokerEvents {
  readonly broker: Broker;
  readonly received: Received[] = [];
  readonly breaks: Error[] = [];
  #awaited: { readonly until: () => boolean; readonly resolve: () => void } | undefined;

  constructor(broker: Broker) {
    this.broker = broker;
  }

  publication(channel: string, payload: string): void {
    this.received.push({ channel, payload });
    if (this.#awaited?.until()) this.#awaited.resolve();
  }

  disrupted(error: Error): void {
    this.breaks.push(error);
  }

  restored(): void {}

  payloads(channel: string): string[] {
    return this.received.filter((each) => each.channel === channel).map(({ payload }) => payload);
  }

  /** Resolves when the channel has delivered `count` payloads. */
  async got(channel: string, count: number): Promise<string[]> {
    const until = (): boolean => this.payloads(channel).length >= count;
    if (!until()) await new Promise<void>((resolve) => (this.#awaited = { until, resolve }));
    return this.payloads(channel);
  }
}

/**
 * The contract of {@link Broker} as tests, one per sentence. `make` is called for every test.
 * "Nothing arrives" is shown by a later publication that does: brokers keep the order of one node's publications.
 */
export function describeBroker(name: string, make: () => Promise<BrokerPair>): void {
  describe(`${name} broker`, () => {
    let pair: BrokerPair;
    let near: Node;
    let far: Node;

    beforeEach(async () => {
      pair = await make();
      [near, far] = [new Node(pair.nodes[0]), new Node(pair.nodes[1])];
      await Promise.all([near, far].map((node) => node.broker.start(node)));
    });

    afterEach(async () => {
      await Promise.all([near, far].map((node) => node.broker.stop()));
      await pair.close();
      expect([...near.breaks, ...far.breaks], 'a broker reported a broken link').toEqual([]);
    });

    it('delivers to every node that subscribed, the publishing one included', async () => {
      await Promise.all([near.broker.subscribe('news:a'), far.broker.subscribe('news:a')]);
      await near.broker.publish('news:a', '{"data":1}');
      expect(await near.got('news:a', 1)).toEqual(['{"data":1}']);
      expect(await far.got('news:a', 1)).toEqual(['{"data":1}']);
    });

    it.each([
      ['an empty text', ''],
      ['quotes, backslashes and control characters', '{"data":"\\"\\\\\u0000\u001f"}'],
      ['text outside the basic plane and line separators', '{"data":"zażółć 🦊 \u2028\u2029"}'],
      ['raw line breaks', '{\n"data":\r\n1}'],
      ['64 KiB', JSON.stringify({ data: 'x'.repeat(65_536) })],
    ])('carries %s unchanged', async (_what, payload) => {
      await far.broker.subscribe('news:a');
      await near.broker.publish('news:a', payload);
      expect(await far.got('news:a', 1)).toEqual([payload]);
    });

    it('delivers what is published after subscribe has resolved, on whichever node', async () => {
      for (let round = 0; round < 50; round++) {
        const channel = `news:${round}`;
        await far.broker.subscribe(channel);
        await near.broker.publish(channel, 'first');
        expect(await far.got(channel, 1)).toEqual(['first']);
      }
    });

    it('gives a node nothing of channels that it did not subscribe to', async () => {
      await far.broker.subscribe('news:b');
      await near.broker.publish('news:a', 'other');
      await near.broker.publish('news:b', 'mine');
      await far.got('news:b', 1);
      expect(far.received).toEqual([{ channel: 'news:b', payload: 'mine' }]);
      expect(near.received).toEqual([]);
    });

    it.each(['news:*', 'news:?', 'news:[ab]', 'news:', 'news', 'news:a:b', 'NEWS:a', ' news:a'])('does not take %j for news:a', async (other) => {
      await Promise.all([far.broker.subscribe(other), far.broker.subscribe('news:end')]);
      await near.broker.publish('news:a', 'x');
      await near.broker.publish('news:end', 'end');
      await far.got('news:end', 1);
      expect(far.payloads(other)).toEqual([]);
    });

    it('keeps the order of one node within a channel, awaited or not', async () => {
      const sent = Array.from({ length: 500 }, (_, index) => String(index));
      await Promise.all([near.broker.subscribe('news:a'), far.broker.subscribe('news:a')]);
      await Promise.all(sent.map((payload) => near.broker.publish('news:a', payload)));
      expect(await far.got('news:a', sent.length)).toEqual(sent);
      expect(await near.got('news:a', sent.length)).toEqual(sent);
    });

    it('shows all nodes the same order when several publish to one channel', async () => {
      await Promise.all([near.broker.subscribe('news:a'), far.broker.subscribe('news:a')]);
      const sent = Array.from({ length: 100 }, (_, index) => [near.broker.publish('news:a', `near ${index}`), far.broker.publish('news:a', `far ${index}`)]);
      await Promise.all(sent.flat());
      expect(await near.got('news:a', 200)).toEqual(await far.got('news:a', 200));
    });

    it('delivers once to a node that subscribed twice', async () => {
      await Promise.all([far.broker.subscribe('news:a'), far.broker.subscribe('news:a')]);
      await far.broker.subscribe('news:a');
      await near.broker.publish('news:a', 'once');
      await near.broker.publish('news:a', 'end');
      expect(await far.got('news:a', 2)).toEqual(['once', 'end']);
    });

    it('delivers nothing that is published after unsubscribe has resolved', async () => {
      await Promise.all([far.broker.subscribe('news:a'), far.broker.subscribe('news:b')]);
      await far.broker.unsubscribe('news:a');
      await near.broker.publish('news:a', 'late');
      await near.broker.publish('news:b', 'end');
      await far.got('news:b', 1);
      expect(far.payloads('news:a')).toEqual([]);
    });

    it('takes an unsubscribe of what was never subscribed', async () => {
      await expect(far.broker.unsubscribe('news:a')).resolves.toBeUndefined();
    });

    it('applies calls for one channel in the order they were made, without waiting between them', async () => {
      const { broker } = far;
      const calls = [
        broker.subscribe('news:on'), broker.unsubscribe('news:on'), broker.subscribe('news:on'),
        broker.subscribe('news:off'), broker.subscribe('news:end'), broker.unsubscribe('news:off'),
      ];
      await Promise.all(calls);
      for (const channel of ['news:on', 'news:off', 'news:end']) await near.broker.publish(channel, 'x');
      await far.got('news:end', 1);
      expect(far.received.map(({ channel }) => channel)).toEqual(['news:on', 'news:end']);
    });

    it('subscribes to two thousand channels at once', async () => {
      const channels = Array.from({ length: 2_000 }, (_, index) => `news:${index}`);
      await Promise.all(channels.map((channel) => far.broker.subscribe(channel)));
      await Promise.all(channels.map((channel) => near.broker.publish(channel, channel)));
      for (const channel of channels) expect(await far.got(channel, 1)).toEqual([channel]);
    });

    it('delivers nothing after stop, and can be started again without its old channels', async () => {
      await Promise.all([near.broker.subscribe('news:a'), far.broker.subscribe('news:a')]);
      await far.broker.stop();
      await near.broker.publish('news:a', 'while stopped');
      await near.got('news:a', 1);
      await far.broker.start(far);
      await near.broker.publish('news:a', 'not subscribed');
      await far.broker.subscribe('news:b');
      await near.broker.publish('news:b', 'end');
      await far.got('news:b', 1);
      expect(far.received).toEqual([{ channel: 'news:b', payload: 'end' }]);
    });

    it('can be stopped twice, and before it was started', async () => {
      await far.broker.stop();
      await expect(far.broker.stop()).resolves.toBeUndefined();
    });
  });
}
