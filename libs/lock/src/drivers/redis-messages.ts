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

/**
 * The messages for all instances of one driver, over one connection of its own that exists while somebody listens.
 *
 * It is opened anew here and not by ioredis: so it is known when every channel is subscribed again, and the connection to
 * a Cluster may go to another node. Any node will do, because PUBLISH reaches the clients of all. (Sharded messages
 * stay in their slot, and the slot of a lock is not that of its waiters' instances.)
 */
export class RedisMessages {
  readonly #client: RedisClient;
  readonly #channelPrefix: string;
  readonly #listeners = new Set<LockListener>();
  readonly #members = new Map<string, Member>();
  #line: Redis | undefined;
  #connected = false;
  #pause: AbortController | undefined;
  #running: Promise<void> | undefined;

  constructor(client: RedisClient, channelPrefix: string) {
    this.#client = client;
    this.#channelPrefix = channelPrefix;
  }

  connect(instance: string, listener: LockListener): LockConnection {
    if (this.#listeners.size === 0) this.#client.on('ready', this.#onReady);
    this.#listeners.add(listener);
    const member: Member = { channel: this.#channelPrefix + instance, listener, listening: false, first: Promise.withResolvers() };
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
    this.#running ??= this.#run();
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
    this.#pause?.abort();
    this.#line?.disconnect();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let attempt = 0; this.#members.size > 0; attempt++) {
      try {
        await this.#serve();
        attempt = 0;
      } catch (error) {
        for (const { first } of this.#members.values()) first.reject(error);
      }
      if (this.#members.size === 0) break;
      this.#pause = new AbortController();
      // A process that only waits for this has nothing to hear.
      await sleep(backoffMs(attempt, RECONNECT), { signal: this.#pause.signal, keepAlive: false }).catch(() => {});
    }
    this.#running = undefined;
  }

  /** Opens a connection, and resolves when it has served its time. */
  async #serve(): Promise<void> {
    const line = this.#open();
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

  #open(): Redis {
    const client = this.#client;
    if (isCluster(client) && client.status === 'wait') client.connect().catch(() => {}); // Its nodes are known afterwards.
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
    const [, type, owner, ...numbers] = /^([GHR])\|([\w.-]+)(?:\|(\d+))?(?:\|(\d+))?(?:\|(\d+))?$/.exec(text) ?? [];
    if (!listener || owner === undefined) return;
    const [first = 0, second = 0, third = 0] = numbers;
    if (type === 'G') listener.granted({ owner, fence: BigInt(first), leaseMs: Number(second), grantedAtStoreMs: Number(third) / 1_000 });
    else if (type === 'H') listener.next({ owner, inMs: Number(first) });
    else listener.revoked(owner);
  }
}

function closed(): Error {
  return new Error('the connection for messages is closed');
}
