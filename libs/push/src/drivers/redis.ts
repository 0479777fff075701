import { systemClock, type Clock, type Timer } from '@staddle/kernel';
import type { Redis } from 'ioredis';
import type { Broker, BrokerEvents } from '../broker.ts';
import { InvalidOptionError } from '../errors.ts';

/**
 * Options that both ioredis clients of a broker need; the broker checks them.
 * - `maxRetriesPerRequest: 0`: otherwise ioredis sends a PUBLISH again whose reply it lost, and subscribers see it twice.
 * - `autoResubscribe: false`: the broker subscribes again by itself. ioredis's way brings back channels that were dropped
 *   meanwhile, and leaves a rejection unhandled when it fails.
 */
export const redisClientOptions = { maxRetriesPerRequest: 0, autoResubscribe: false } as const;

export interface RedisBrokerOptions {
  /** For PUBLISH. May be shared with other code that does not block it: a connection that answers no PING is opened anew. */
  readonly publisher: Redis;
  /** For SUBSCRIBE only: a connection of its own. */
  readonly subscriber: Redis;
  /** Put before every channel name. Hubs with the same prefix on one server form one cluster. Default `'push:'`. */
  readonly prefix?: string;
  /**
   * How often both connections are asked for a sign of life, in ms. One that gave none until the next time is opened anew.
   * Default 10 000.
   */
  readonly pingIntervalMs?: number;
  readonly clock?: Clock;
}

// A connection that a firewall or a failover forgot looks like a quiet one: the subscriber only listens, so that without
// a question it would stay deaf until TCP's keep-alive, hours later. Redis may be busy with one command for seconds.
const PING_INTERVAL_MS = 10_000;

/**
 * A broker on Redis PUBLISH and SUBSCRIBE. The caller owns both clients, made with {@link redisClientOptions}.
 * @throws InvalidOptionError (`ERR_PUSH_OPTION`), also for clients with other options
 */
export function redisBroker({ publisher, subscriber, prefix = 'push:', pingIntervalMs = PING_INTERVAL_MS, clock = systemClock }: RedisBrokerOptions): Broker {
  if (!Number.isSafeInteger(pingIntervalMs) || pingIntervalMs < 1) throw new InvalidOptionError('pingIntervalMs', pingIntervalMs, 'a whole number from 1 on is needed');
  if (publisher === subscriber) throw new InvalidOptionError('subscriber', 'the publisher', 'a connection of its own is needed');
  for (const [field, client] of Object.entries({ publisher, subscriber })) {
    for (const [name, needed] of Object.entries(redisClientOptions)) {
      const value = client.options[name as keyof typeof redisClientOptions];
      if (value !== needed) throw new InvalidOptionError(`${field}.${name}`, value, `${String(needed)} is needed; create the client with redisClientOptions`);
    }
  }
  return new RedisBroker(publisher, subscriber, { prefix, pingIntervalMs, clock });
}

// Names in one SUBSCRIBE. Redis confirms each name by itself and works off a command at a stretch, so a reconnect with
// 50 000 channels in one command would hold up everybody else.
const NAMES_PER_COMMAND = 512;

type Verb = 'subscribe' | 'unsubscribe';

/** A subscribe or unsubscribe that waits for the end of the turn, so that a turn costs a few commands. */
interface Change {
  readonly verb: Verb;
  readonly channel: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

class RedisBroker implements Broker {
  readonly name = 'redis';
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  readonly #prefix: string;
  readonly #pingIntervalMs: number;
  readonly #clock: Clock;
  /** The channels this node wants, each with the call that asked for it. */
  readonly #wanted = new Map<string, Change>();
  #changes: Change[] = [];
  #events: BrokerEvents | undefined;
  #link: 'off' | 'up' | 'broken' = 'off';
  /** The subscriber connection has all wanted channels. */
  #subscribed = false;
  #lastError: Error | undefined;
  #pingTimer: Timer | undefined;
  /** Connections that owe an answer to the last PING. */
  readonly #silent = new Set<Redis>();

  constructor(publisher: Redis, subscriber: Redis, { prefix, pingIntervalMs, clock }: Required<Omit<RedisBrokerOptions, 'publisher' | 'subscriber'>>) {
    this.#publisher = publisher;
    this.#subscriber = subscriber;
    this.#prefix = prefix;
    this.#pingIntervalMs = pingIntervalMs;
    this.#clock = clock;
  }

  async start(events: BrokerEvents): Promise<void> {
    this.#events = events;
    this.#listen('on');
    await Promise.all([reach(this.#publisher), reach(this.#subscriber)]);
    assertReady(this.#publisher, 'publisher');
    assertReady(this.#subscriber, 'subscriber');
    if (this.#events !== events) return; // Stopped meanwhile.
    this.#subscribed = true;
    this.#link = 'up';
    this.#planPing();
  }

  async stop(): Promise<void> {
    const channels = [...this.#wanted.keys()];
    this.#events = undefined;
    this.#link = 'off';
    this.#wanted.clear();
    this.#pingTimer?.cancel();
    this.#listen('off');
    for (const change of this.#changes.splice(0)) change.reject(new Error('the broker was stopped'));
    if (this.#subscriber.status !== 'ready') return; // The server forgot with the connection.
    await this.#send('unsubscribe', channels).catch(() => {
      // The connection broke just now: the same.
    });
  }

  async publish(channel: string, payload: string): Promise<void> {
    assertReady(this.#publisher, 'publisher');
    await this.#publisher.publish(this.#prefix + channel, payload);
  }

  async subscribe(channel: string): Promise<void> {
    assertReady(this.#subscriber, 'subscriber');
    await this.#change('subscribe', channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#wanted.delete(channel);
    if (this.#subscriber.status === 'ready') await this.#change('unsubscribe', channel);
  }

  #change(verb: Verb, channel: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const change = { verb, channel, resolve, reject };
      if (verb === 'subscribe') this.#wanted.set(channel, change);
      if (this.#changes.push(change) === 1) setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    const changes = this.#changes;
    this.#changes = [];
    while (changes.length > 0) {
      const { verb } = changes[0]!;
      // Runs of one verb, in order: the commands of one connection take effect in the order they are sent.
      const turn = changes.findIndex((change) => change.verb !== verb);
      const run = changes.splice(0, turn === -1 ? changes.length : turn);
      this.#send(verb, run.map(({ channel }) => channel)).then(
        () => run.forEach(({ resolve }) => resolve()),
        (error: unknown) => run.forEach((change) => this.#refuse(change, error)),
      );
    }
  }

  #refuse(change: Change, error: unknown): void {
    // Unless a later call wants the channel again.
    if (this.#wanted.get(change.channel) === change) this.#wanted.delete(change.channel);
    change.reject(error);
  }

  async #send(verb: Verb, channels: readonly string[]): Promise<void> {
    const commands: Promise<unknown>[] = [];
    for (let from = 0; from < channels.length; from += NAMES_PER_COMMAND) {
      const names = channels.slice(from, from + NAMES_PER_COMMAND).map((channel) => this.#prefix + channel);
      commands.push(this.#subscriber[verb](...names));
    }
    await Promise.all(commands);
  }

  #listen(how: 'on' | 'off'): void {
    for (const client of [this.#publisher, this.#subscriber]) {
      client[how]('close', this.#onClose);
      client[how]('error', this.#onError);
    }
    this.#publisher[how]('ready', this.#onPublisherReady);
    this.#subscriber[how]('ready', this.#onSubscriberReady);
    this.#subscriber[how]('message', this.#onMessage);
  }

  #planPing(): void {
    this.#pingTimer?.cancel();
    this.#pingTimer = this.#clock.setTimer(
      () => {
        // After a turn of input: when our own work held up the timer, the answer may lie there unread.
        setImmediate(() => {
          if (this.#link === 'off') return;
          this.#ping(this.#publisher, 'publisher');
          this.#ping(this.#subscriber, 'subscriber');
          this.#planPing();
        });
      },
      this.#pingIntervalMs,
      { keepAlive: false },
    );
  }

  #ping(client: Redis, role: string): void {
    if (client.status !== 'ready') return;
    if (this.#silent.has(client)) {
      this.#lastError = new Error(`the ${role} connection to Redis did not answer PING within ${this.#pingIntervalMs} ms`);
      client.disconnect(true);
      return;
    }
    const heard = (): boolean => this.#silent.delete(client);
    this.#silent.add(client);
    // A refusal is an answer as well, and a connection that closes is noticed without us.
    client.ping().then(heard, heard);
  }

  readonly #onMessage = (name: string, payload: string): void => {
    // A sign of life too: the answer to PING may lie behind many publications.
    this.#silent.delete(this.#subscriber);
    const channel = name.slice(this.#prefix.length);
    if (name.startsWith(this.#prefix) && this.#wanted.has(channel)) this.#events?.publication(channel, payload);
  };

  readonly #onError = (error: Error): void => {
    // Followed by 'close', which reports it; ioredis repeats it with every attempt to reconnect.
    this.#lastError = error;
  };

  readonly #onClose = (): void => {
    if (this.#subscriber.status !== 'ready') this.#subscribed = false;
    if (this.#link !== 'up') return;
    this.#link = 'broken';
    this.#events?.disrupted(this.#lastError ?? new Error('the connection to Redis was closed'));
  };

  readonly #onPublisherReady = (): void => this.#restore();

  readonly #onSubscriberReady = (): void => void this.#resubscribe();

  async #resubscribe(): Promise<void> {
    try {
      await this.#send('subscribe', [...this.#wanted.keys()]);
      this.#subscribed = true;
      this.#restore();
    } catch (error) {
      this.#lastError = error as Error;
      // Up but not subscribed would be silence. A new connection is a new attempt, at the pace of the client's retryStrategy.
      if (this.#events && this.#subscriber.status === 'ready') this.#subscriber.disconnect(true);
    }
  }

  #restore(): void {
    if (this.#link !== 'broken' || !this.#subscribed || this.#publisher.status !== 'ready') return;
    this.#link = 'up';
    this.#lastError = undefined;
    this.#events?.restored();
  }
}

/** A round trip. A client that gave up, or was made with lazyConnect, connects first. */
async function reach(client: Redis): Promise<void> {
  if (client.status === 'wait' || client.status === 'end') await client.connect();
  await client.ping();
}

// A command given to a client that is not ready would wait in its queue for an unknown time.
function assertReady(client: Redis, role: string): void {
  if (client.status !== 'ready') throw new Error(`the ${role} connection to Redis is ${client.status}`);
}
