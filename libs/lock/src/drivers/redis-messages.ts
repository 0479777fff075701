import { once } from 'node:events';
import { backoffMs, sleep } from '@staddle/kernel';
import type { Redis } from 'ioredis';
import type { LockConnection, LockListener } from '../driver.ts';
import { isCluster, type RedisClient } from './redis-commands.ts';

// A connection that a firewall or a failover forgot looks like a quiet one. One that has not answered a PING when the next
// is due is replaced; Redis may be busy with one command for seconds.
const PING_INTERVAL_MS = 10_000;

const RECONNECT = { baseMs: 200, capMs: 5_000 } as const;

interface Member {
  readonly channel: string;
  readonly listener: LockListener;
  listening: boolean;
  /** Settled by the first attempt to listen. */
  readonly first: PromiseWithResolvers<void>;
}

const ofClients = new WeakMap<RedisClient, RedisMessages>();

/** One for each client, whatever the number of its drivers. */
export function redisMessages(client: RedisClient): RedisMessages {
  const known = ofClients.get(client);
  if (known) return known;
  const messages = new RedisMessages(client);
  ofClients.set(client, messages);
  return messages;
}

/**
 * The messages for all instances that use one client, over one connection of its own that exists while somebody listens.
 *
 * It is opened anew here and not by ioredis: so it is known when every channel is subscribed again, and the connection to
 * a Cluster may go to another node. Any node will do, because PUBLISH reaches the clients of all. (Sharded messages
 * stay in their slot, and the slot of a lock is not that of its waiters' instances.)
 */
class RedisMessages {
  readonly #client: RedisClient;
  readonly #listeners = new Set<LockListener>();
  readonly #members = new Map<string, Member>();
  #line: Redis | undefined;
  #connected = false;
  /** Ends what the loop waits for, when nobody listens any more. */
  #stop = new AbortController();
  #running = false;
  #served: Promise<void> | undefined;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  /** @param channel of the instance */
  connect(channel: string, listener: LockListener): LockConnection {
    if (this.#listeners.size === 0) this.#client.on('ready', this.#onReady);
    this.#listeners.add(listener);
    const member: Member = { channel, listener, listening: false, first: Promise.withResolvers() };
    let listens: Promise<void> | undefined;
    let closes: Promise<void> | undefined;
    return {
      get listening() {
        return member.listening;
      },
      listen: () => (listens ??= closes ? Promise.reject(closed()) : this.#listen(member)),
      close: () => (closes ??= this.#close(member)),
    };
  }

  // The client's own connection is back: what could not be sent can be tried again.
  readonly #onReady = (): void => {
    for (const listener of this.#listeners) listener.ready();
  };

  #listen(member: Member): Promise<void> {
    this.#members.set(member.channel, member);
    if (!this.#running) void this.#run();
    if (this.#connected) this.#join(member).catch((error: unknown) => this.#startAgain(member, error));
    return member.first.promise;
  }

  async #close(member: Member): Promise<void> {
    this.#listeners.delete(member.listener);
    if (this.#listeners.size === 0) this.#client.off('ready', this.#onReady);
    member.listening = false;
    if (!this.#members.delete(member.channel)) return;
    member.first.promise.catch(() => {}); // Nobody may be waiting for it.
    member.first.reject(closed());
    if (this.#members.size > 0) {
      if (this.#connected) await this.#line?.unsubscribe(member.channel).catch(() => {}); // A broken connection forgets it as well.
      return;
    }
    this.#stop.abort();
    this.#connected = false;
    this.#line?.disconnect();
    await this.#served;
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let attempt = 0; this.#members.size > 0; attempt++) {
      this.#stop = new AbortController();
      try {
        const serving = this.#serve();
        this.#served = serving.catch(() => {});
        await serving;
        attempt = 0;
      } catch (error) {
        if (this.#stop.signal.aborted) continue;
        for (const { first } of this.#members.values()) first.reject(error);
      }
      // A process that only waits for this has nothing to hear.
      await sleep(backoffMs(attempt, RECONNECT), { signal: this.#stop.signal, keepAlive: false }).catch(() => {});
    }
    this.#running = false;
  }

  /** Opens a connection, and resolves when it has served its time. */
  async #serve(): Promise<void> {
    const line = await this.#create();
    this.#stop.signal.throwIfAborted();
    this.#line = line;
    let reason: unknown;
    line.on('error', (error: unknown) => (reason = error)); // The promise of connect() only says "Connection is closed".
    line.on('message', (channel: string, text: string) => this.#deliver(channel, text));
    const ended = new Promise<void>((resolve) => void line.once('end', resolve));
    let answered = false;
    const heartbeat = setInterval(() => {
      if (!answered) return line.disconnect();
      answered = false;
      line.ping().then(() => (answered = true), () => {}); // Then it ends anyway.
    }, PING_INTERVAL_MS).unref();
    try {
      await line.connect();
      this.#connected = true;
      await Promise.all(Array.from(this.#members.values(), (member) => this.#join(member)));
      answered = true;
      await ended;
    } catch (error) {
      throw reason ?? error;
    } finally {
      clearInterval(heartbeat);
      this.#connected = false;
      this.#line = undefined;
      for (const member of this.#members.values()) member.listening = false;
      line.disconnect();
    }
  }

  async #create(): Promise<Redis> {
    const client = this.#client;
    if (isCluster(client) && client.nodes().length === 0) {
      if (client.status === 'wait') client.connect().catch(() => {});
      await once(client, 'ready', { signal: this.#stop.signal });
    }
    const nodes = isCluster(client) ? client.nodes() : [client];
    const node = nodes[Math.floor(Math.random() * nodes.length)];
    if (!node) throw new Error('no node of the cluster can be reached');
    return node.duplicate({
      keyPrefix: '',
      lazyConnect: true,
      retryStrategy: () => null,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      // INFO may be forbidden, and a server that still loads its data already delivers messages.
      enableReadyCheck: false,
      enableOfflineQueue: true,
      enableAutoPipelining: false,
      maxRetriesPerRequest: null,
      commandTimeout: undefined,
      socketTimeout: undefined,
      reconnectOnError: null,
      readOnly: false,
      monitor: false,
      himportFieldsets: undefined,
      scripts: undefined,
    });
  }

  async #join(member: Member): Promise<void> {
    const line = this.#line!;
    await line.subscribe(member.channel);
    // Where scripts may not publish, or where receivers are not counted, waiters would be passed by or taken for dead.
    const heard = await this.#client.publish(member.channel, '');
    if (heard === 0 && !isCluster(this.#client)) throw new Error(`a message on ${member.channel} did not reach its subscriber; does the client send through a proxy?`);
    if (this.#line !== line || !this.#members.has(member.channel)) return;
    member.listening = true;
    member.first.resolve();
    member.listener.ready();
  }

  #startAgain(member: Member, error: unknown): void {
    member.first.reject(error);
    this.#line?.disconnect();
  }

  #deliver(channel: string, text: string): void {
    const listener = this.#members.get(channel)?.listener;
    if (!listener) return;
    const [, granted, fence, leaseMs, serverUs] = /^G\|([\w.-]+)\|(\d+)\|(\d+)\|(\d+)$/.exec(text) ?? [];
    if (granted) return listener.granted({ owner: granted, fence: BigInt(fence!), leaseMs: Number(leaseMs), grantedAtStoreMs: Number(serverUs) / 1_000 });
    const [, next, inMs] = /^H\|([\w.-]+)\|(\d+)$/.exec(text) ?? [];
    if (next) return listener.next({ owner: next, inMs: Number(inMs) });
    const [, revoked] = /^R\|([\w.-]+)$/.exec(text) ?? [];
    if (revoked) listener.revoked(revoked);
  }
}

function closed(): Error {
  return new Error('the connection for messages is closed');
}
