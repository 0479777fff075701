/**
 * Which connections of this node listen to which channel, and which channels this node needs from the broker.
 *
 * 1. The broker is subscribed to a channel exactly while at least one subscription of it exists here: the first one opens
 *    it, all others share that one call, the last one to end lets it go.
 * 2. A subscription receives nothing before `activate` and nothing after `end`; both may be called in any order and twice.
 * 3. When the broker refuses, every subscription that waited for that call fails, and the next one asks again.
 */
import type { Broker } from './broker.ts';

/** One listener of a channel. */
export interface Subscriber {
  deliver(frame: Buffer): void;
}

interface Channel {
  readonly name: string;
  readonly ready: Promise<void>;
  readonly active: Set<Subscriber>;
  /** Subscriptions that exist, active or not. */
  held: number;
}

/** The hold of one subscriber on one channel. */
export class Subscription {
  readonly #channel: Channel;
  readonly #subscriber: Subscriber;
  readonly #release: (channel: Channel) => void;
  #ended = false;

  constructor(channel: Channel, subscriber: Subscriber, release: (channel: Channel) => void) {
    this.#channel = channel;
    this.#subscriber = subscriber;
    this.#release = release;
  }

  /** From here on the subscriber receives. Separate from opening, so that the reply can go out first. */
  activate(): void {
    if (!this.#ended) this.#channel.active.add(this.#subscriber);
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#channel.active.delete(this.#subscriber);
    this.#release(this.#channel);
  }
}

export interface ChannelRegistryOptions {
  readonly broker: Pick<Broker, 'subscribe' | 'unsubscribe'>;
  /** The number of subscriptions changed. */
  readonly onChange: () => void;
  /** The broker did not let a channel go. */
  readonly onReleaseError: (channel: string, error: unknown) => void;
}

export class ChannelRegistry {
  readonly #options: ChannelRegistryOptions;
  readonly #channels = new Map<string, Channel>();
  #subscriptions = 0;

  constructor(options: ChannelRegistryOptions) {
    this.#options = options;
  }

  /** Channels with at least one subscription. */
  get channels(): number {
    return this.#channels.size;
  }

  get subscriptions(): number {
    return this.#subscriptions;
  }

  /** Resolves, with the subscription still silent, when the broker delivers the channel; rejects with the broker's error. */
  async open(name: string, subscriber: Subscriber): Promise<Subscription> {
    const channel = this.#hold(name);
    const subscription = new Subscription(channel, subscriber, this.#release);
    try {
      await channel.ready;
    } catch (error) {
      subscription.end();
      throw error;
    }
    return subscription;
  }

  /** The connections that receive publications of the channel now. */
  subscribers(name: string): ReadonlySet<Subscriber> | undefined {
    return this.#channels.get(name)?.active;
  }

  #hold(name: string): Channel {
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = { name, ready: this.#options.broker.subscribe(name), active: new Set(), held: 0 };
      this.#channels.set(name, channel);
      const opened = channel;
      // A subscription that comes now must ask the broker again. Let go, not only forgotten: a call that failed by its
      // deadline may still succeed in the broker.
      opened.ready.catch(() => this.#letGo(opened));
    }
    channel.held++;
    this.#count(1);
    return channel;
  }

  readonly #release = (channel: Channel): void => {
    this.#count(-1);
    if (--channel.held === 0) this.#letGo(channel);
  };

  #letGo(channel: Channel): void {
    // The name may belong to a later opening.
    if (this.#channels.get(channel.name) !== channel) return;
    this.#channels.delete(channel.name);
    this.#options.broker.unsubscribe(channel.name).catch((error: unknown) => this.#options.onReleaseError(channel.name, error));
  }

  #count(change: 1 | -1): void {
    this.#subscriptions += change;
    this.#options.onChange();
  }
}
