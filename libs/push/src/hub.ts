/**
 * The hub of one node: it joins client connections with channels, and channels with the other nodes through a broker.
 * It knows no socket: a transport hands it frames and takes frames.
 *
 * Invariants
 * 1. A publication is validated and encoded once per node, and that one frame goes to all subscribers; what a subscriber
 *    costs is its socket's write.
 * 2. Every publication, also one from this node, comes back through the broker before it is delivered, so that all nodes
 *    see the order of the broker and none sees a publication that the broker did not take.
 * 3. Nothing that a client sends or a broker delivers can throw out of the hub.
 * 4. Identity and permission come from the options `authenticate` and `authorize` and from nowhere else; what they do not
 *    allow is denied.
 * 5. Losing the broker closes no connection: publishing fails with a retryable error until it is back.
 *
 * States: stopped --start--> running --stop--> draining --all connections told--> stopped. Starts and stops queue up.
 */
import { noMetrics, silentLogger, sleep, systemClock, type Clock, type Lifecycle, type LogFields, type Logger, type Metrics } from '@staddle/kernel';
import type { Broker, BrokerEvents } from './broker.ts';
import { parseChannel } from './channel-name.ts';
import { ChannelRegistry } from './channels.ts';
import { closeCodes, type CloseCode } from './close-codes.ts';
import { ClientConnection, type ChannelAction, type ConnectionHost, type PushIdentity } from './connection.ts';
import { withDeadline } from './deadline.ts';
import { BrokerUnavailableError, HubNotRunningError } from './errors.ts';
import { resolveLimits, type PushLimits } from './limits.ts';
import { hubMetrics, type HubMetrics } from './metrics.ts';
import { publicationFrame } from './protocol.ts';
import { encodePublication, tryPublication, type PublisherInfo } from './publication.ts';
import type { ReplyError } from './reply-errors.ts';
import type { Connection, Transport } from './transport.ts';

export interface PushHubOptions<Identity extends PushIdentity = PushIdentity> extends Partial<PushLimits> {
  readonly broker: Broker;
  /**
   * Verifies the token of a connect or refresh command. Throws TokenExpiredError or InvalidTokenError (told apart by code);
   * any other error is a fault of ours: the client is asked to come again.
   */
  readonly authenticate: (token: string) => Promise<Identity>;
  /** Decides each subscribe and each publish of a client. Only `true` allows; a throw is answered with "try again". */
  readonly authorize: (identity: Identity, channel: string, action: ChannelAction) => boolean | Promise<boolean>;
  readonly clock?: Clock | undefined;
  readonly logger?: Logger | undefined;
  readonly metrics?: Metrics | undefined;
  /** Source of randomness in [0, 1), for jitter. Default `Math.random`. */
  readonly random?: () => number;
}

export interface PushHub extends Lifecycle {
  /** False before `start`, from the beginning of `stop`, and after it: transports refuse new peers then. */
  readonly accepting: boolean;
  /** What the hub holds now. All zero after `stop`. */
  readonly stats: { readonly connections: number; readonly channels: number; readonly subscriptions: number };
  /**
   * Sends `data`, any JSON value, to all subscribers of the channel on all nodes. Resolves when the broker has taken it.
   * @throws InvalidChannelError (`ERR_PUSH_CHANNEL`), InvalidDataError (`ERR_PUSH_DATA`), PublicationTooLargeError
   *   (`ERR_PUSH_TOO_LARGE`), HubNotRunningError (`ERR_PUSH_NOT_RUNNING`), BrokerUnavailableError
   *   (`ERR_PUSH_BROKER_UNAVAILABLE`: the publication may have gone out or not)
   */
  publish(channel: string, data: unknown): Promise<void>;
  /** Takes a new peer. While the hub does not accept, the peer is closed with 3001 at once. */
  connect(transport: Transport): Connection;
}

/** @throws InvalidOptionError (`ERR_PUSH_OPTION`) */
export function createPushHub<Identity extends PushIdentity>(options: PushHubOptions<Identity>): PushHub {
  return new Hub(options);
}

// Closing in steps of this length keeps timers few; the spread need not be finer than a client's reconnect delay.
const DRAIN_STEP_MS = 50;

// What goes wrong for one client mostly goes wrong for thousands in the same second.
const WARN_EVERY_MS = 10_000;

class Hub<Identity extends PushIdentity> implements PushHub, ConnectionHost<Identity>, BrokerEvents {
  readonly name = 'push-hub';
  readonly limits: PushLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly channels: ChannelRegistry;
  readonly authenticate: (token: string) => Promise<Identity>;
  readonly authorize: (identity: Identity, channel: string, action: ChannelAction) => boolean | Promise<boolean>;
  readonly #broker: Broker;
  readonly #metrics: HubMetrics;
  readonly #connections = new Set<ClientConnection<Identity>>();
  readonly #warnedAt = new Map<string, number>();
  #state: 'stopped' | 'running' | 'draining' = 'stopped';
  #transition: Promise<void> = Promise.resolve();

  constructor(options: PushHubOptions<Identity>) {
    this.limits = resolveLimits(options);
    this.clock = options.clock ?? systemClock;
    this.logger = options.logger ?? silentLogger;
    this.random = options.random ?? Math.random;
    this.authenticate = options.authenticate;
    this.authorize = options.authorize;
    this.#broker = options.broker;
    this.#metrics = hubMetrics(options.metrics ?? noMetrics);
    this.channels = new ChannelRegistry({
      broker: {
        subscribe: (channel) => this.#ask('subscribe', this.#broker.subscribe(channel)),
        unsubscribe: (channel) => this.#ask('unsubscribe', this.#broker.unsubscribe(channel)),
      },
      onChange: () => this.#metrics.subscriptions.set(this.channels.subscriptions),
      // Costs traffic, not correctness: publications of a channel without subscribers are dropped.
      onReleaseError: (channel, err) => this.logger.debug({ err, channel }, 'the broker did not let a channel go'),
    });
  }

  get accepting(): boolean {
    return this.#state === 'running';
  }

  get stats(): PushHub['stats'] {
    return { connections: this.#connections.size, channels: this.channels.channels, subscriptions: this.channels.subscriptions };
  }

  start(): Promise<void> {
    return this.#next(async () => {
      if (this.#state === 'running') return;
      try {
        await this.#ask('start', this.#broker.start(this));
      } catch (error) {
        // It may have started half, or may still be at it.
        await this.#broker.stop();
        throw error;
      }
      this.#state = 'running';
      this.#metrics.brokerUp.set(1);
    });
  }

  stop(signal?: AbortSignal): Promise<void> {
    return this.#next(async () => {
      if (this.#state === 'stopped') return;
      this.#state = 'draining';
      await this.#drain(signal);
      await this.#broker.stop();
      this.#state = 'stopped';
      this.#metrics.brokerUp.set(0);
    });
  }

  async publish(channel: string, data: unknown): Promise<void> {
    await this.#publish('server', channel, data);
  }

  connect(transport: Transport): Connection {
    const connection = new ClientConnection(this, transport);
    this.#connections.add(connection);
    this.#metrics.connections.set(this.#connections.size);
    if (!this.accepting) connection.disconnect(closeCodes.shutdown);
    return connection;
  }

  // --- for connections

  async publishAs(info: PublisherInfo, channel: string, data: unknown): Promise<void> {
    await this.#publish('client', channel, data, info);
  }

  gone(connection: ClientConnection<Identity>, why: CloseCode | undefined): void {
    this.#connections.delete(connection);
    this.#metrics.connections.set(this.#connections.size);
    this.#metrics.disconnects.add(1, { code: why ? String(why.code) : 'peer' });
    this.logger.debug({ client: connection.id, code: why?.code, reason: why?.reason ?? 'left by the peer' }, 'client gone');
  }

  countConnect(result: 'accepted' | 'expired' | 'invalid' | 'failed'): void {
    this.#metrics.connects.add(1, { result });
  }

  countError(error: ReplyError): void {
    this.#metrics.errors.add(1, { code: String(error.code) });
  }

  commandFailed(err: unknown, method: string, client: string): void {
    this.#warn({ err, client, method }, 'a command of a client failed');
  }

  // --- for the broker

  publication(channel: string, payload: string): void {
    const subscribers = this.channels.subscribers(channel);
    if (!subscribers || subscribers.size === 0) return;
    const publication = tryPublication(payload);
    if (publication === undefined) {
      this.#metrics.foreign.add(1);
      this.#warn({ channel }, 'dropped what another program wrote to the broker: it is not a publication');
      return;
    }
    const frame = publicationFrame(channel, publication);
    if (frame.length > this.limits.maxQueuedBytes) {
      // From another program, or a node with larger limits. Every subscriber would be closed as slow, and come back for the next.
      this.#metrics.foreign.add(1);
      this.#warn({ channel, bytes: frame.length }, 'dropped a publication that is larger than what may wait for a client');
      return;
    }
    this.#metrics.deliveries.add(subscribers.size);
    for (const subscriber of subscribers) subscriber.deliver(frame);
  }

  disrupted(err: Error): void {
    this.#metrics.brokerUp.set(0);
    this.logger.error({ err, broker: this.#broker.name }, 'the link to other push nodes broke; publications are refused or lost until it is back');
  }

  restored(): void {
    this.#metrics.brokerUp.set(1);
    this.logger.info({ broker: this.#broker.name }, 'the link to other push nodes is back');
  }

  // ---

  async #publish(source: 'server' | 'client', channel: string, data: unknown, info?: PublisherInfo): Promise<void> {
    parseChannel(channel);
    const publication = encodePublication(data, this.limits, info);
    // While draining the remaining clients still count on each other.
    if (this.#state === 'stopped') throw new HubNotRunningError();
    try {
      await this.#ask('publish', this.#broker.publish(channel, publication));
      this.#metrics.publications.add(1, { source, result: 'ok' });
    } catch (error) {
      this.#metrics.publications.add(1, { source, result: 'error' });
      throw error;
    }
  }

  /** Bounds a call of the broker and turns its faults into ours. */
  async #ask(call: string, answer: Promise<void>): Promise<void> {
    const { commandTimeoutMs } = this.limits;
    const { name } = this.#broker;
    try {
      await withDeadline(answer, commandTimeoutMs, this.clock, () => new BrokerUnavailableError(name, `did not answer ${call} within ${commandTimeoutMs} ms`));
    } catch (cause) {
      throw cause instanceof BrokerUnavailableError ? cause : new BrokerUnavailableError(name, `refused ${call}`, { cause });
    }
  }

  /** Closes all connections, spread over `drainMs` in random order; those left when `signal` aborts at once. */
  async #drain(signal: AbortSignal | undefined): Promise<void> {
    const open = shuffled([...this.#connections], this.random);
    const perStep = Math.max(1, Math.ceil((open.length * DRAIN_STEP_MS) / Math.max(1, this.limits.drainMs)));
    while (open.length > 0) {
      const count = signal?.aborted ? open.length : perStep;
      for (const connection of open.splice(0, count)) connection.disconnect(closeCodes.shutdown);
      // An aborted wait goes on with the rest at once.
      if (open.length > 0) await sleep(DRAIN_STEP_MS, { clock: this.clock, signal }).catch(() => {});
    }
  }

  /** At level debug if the same was said a moment ago. */
  #warn(fields: LogFields, message: string): void {
    const now = this.clock.monotonic();
    const saidAt = this.#warnedAt.get(message) ?? Number.NEGATIVE_INFINITY;
    const seldom = now - saidAt >= WARN_EVERY_MS;
    if (seldom) this.#warnedAt.set(message, now);
    this.logger[seldom ? 'warn' : 'debug'](fields, message);
  }

  #next(step: () => Promise<void>): Promise<void> {
    const done = this.#transition.then(step);
    // The next start or stop does not fail because this one did.
    this.#transition = done.catch(() => {});
    return done;
  }
}

/** Fisher-Yates, in place. */
function shuffled<T>(items: T[], random: () => number): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other]!, items[last]!];
  }
  return items;
}
