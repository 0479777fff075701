import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * A TCP proxy on 127.0.0.1 between a client and a server, which breaks on command what passes through it.
 *
 * 1. Bytes are never dropped, doubled or reordered within a connection: it is late, silent or reset, as TCP is.
 * 2. A fault holds for the open connections and for new ones, until `restore()`.
 * 3. The port stays the proxy's own the whole time, also while it is cut, so no other process can take it.
 *
 * Not simulated: a lost SYN. In a black hole a client connects and then hears nothing.
 */
export interface FaultProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Number of open client connections. */
  readonly connections: number;
  /** The target's URL with the proxy's address. `protocol` (`'redis'`) is needed when the target was given as host and port. */
  url(protocol?: string): string;
  /** Resets every connection, and every new one as soon as it is made: the server is gone. */
  cut(): void;
  /** Every chunk arrives `ms` milliseconds late, in each direction. */
  delay(ms: number): void;
  /**
   * Holds what is sent, connections stay open: the network is gone. `'requests'` holds only what clients send,
   * `'answers'` only what the server sends: the request was carried out, and nobody hears of it.
   */
  blackhole(direction?: BlackholeDirection): void;
  /** Ends every fault. What a black hole held is delivered now, as TCP would send it again. */
  restore(): void;
  /** Closes all connections and the port. Idempotent. */
  close(): Promise<void>;
}

export type BlackholeDirection = 'both' | 'requests' | 'answers';

export interface FaultProxyOptions {
  /** A URL such as `TEST_REDIS_URL`, or an address. */
  readonly target: string | { readonly host: string; readonly port: number };
}

/** Beyond this a held direction stops reading, and the sender feels back pressure as it would from a full socket buffer. */
const HELD_BYTES_MAX = 1_048_576;

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** State of one direction, shared by all connections. */
interface Direction {
  held: boolean;
  /** Settles at `restore()`. */
  released: PromiseWithResolvers<void>;
}

export async function createFaultProxy({ target }: FaultProxyOptions): Promise<FaultProxy> {
  const { url: targetUrl, ...address } = targetAddress(target);
  const pairs = new Set<Pair>();
  const requests = createDirection();
  const answers = createDirection();
  let isCut = false;
  let delayMs = 0;

  const listener = createServer({ allowHalfOpen: true }, (client) => {
    if (isCut) {
      client.resetAndDestroy();
      return;
    }
    const pair = { client, server: connect({ ...address, allowHalfOpen: true }) };
    pairs.add(pair);
    pump(client, pair.server, requests);
    pump(pair.server, client, answers);
    client.once('close', () => pairs.delete(pair));
  });

  /** Moves bytes from one socket to the other, each chunk in its turn. */
  const pump = (from: Socket, to: Socket, direction: Direction): void => {
    let heldBytes = 0;
    let lastPassed: Promise<void> = Promise.resolve();
    const pass = async (previous: Promise<void>, dueAt: number, action: () => Promise<void> | void): Promise<void> => {
      await previous;
      const leftMs = dueAt - performance.now();
      if (leftMs > 0) await pause(leftMs);
      while (direction.held) await direction.released.promise;
      await action();
    };
    const inTurn = (action: () => Promise<void> | void): void => {
      lastPassed = pass(lastPassed, performance.now() + delayMs, action);
    };
    from.on('data', (chunk) => {
      heldBytes += chunk.length;
      if (heldBytes > HELD_BYTES_MAX) from.pause();
      inTurn(async () => {
        // Called back after a failure as well: a chunk for a closed socket is lost, as on a real network.
        await new Promise<void>((resolve) => void to.write(chunk, () => resolve()));
        heldBytes -= chunk.length;
        if (heldBytes <= HELD_BYTES_MAX) from.resume();
      });
    });
    from.on('end', () => inTurn(() => void to.end()));
    // `close` follows and takes the other side along.
    from.on('error', () => {});
    from.on('close', (failed) => inTurn(() => void (failed ? to.resetAndDestroy() : to.destroySoon())));
  };

  const resetAll = (): void => {
    for (const { client, server } of pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
  };

  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const close = async (): Promise<void> => {
    if (!listener.listening) return;
    const closed = once(listener, 'close');
    listener.close();
    resetAll();
    release(requests);
    release(answers);
    await closed;
  };

  return {
    host: '127.0.0.1',
    port,
    get connections() {
      return pairs.size;
    },
    url(protocol) {
      const url = new URL(targetUrl ?? `${protocol ?? 'tcp'}://127.0.0.1`);
      if (protocol && targetUrl) url.protocol = protocol;
      url.hostname = '127.0.0.1';
      url.port = String(port);
      return url.href;
    },
    cut() {
      isCut = true;
      resetAll();
    },
    delay(ms) {
      delayMs = ms;
    },
    blackhole(direction = 'both') {
      if (direction !== 'answers') requests.held = true;
      if (direction !== 'requests') answers.held = true;
    },
    restore() {
      isCut = false;
      delayMs = 0;
      release(requests);
      release(answers);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function createDirection(): Direction {
  return { held: false, released: Promise.withResolvers() };
}

function release(direction: Direction): void {
  direction.held = false;
  direction.released.resolve();
  direction.released = Promise.withResolvers();
}

function targetAddress(target: FaultProxyOptions['target']): { host: string; port: number; url?: string } {
  if (typeof target !== 'string') return target;
  const url = new URL(target);
  if (!url.port) throw new TypeError(`target ${url.protocol}//${url.host} has no port`);
  return { host: url.hostname, port: Number(url.port), url: target };
}
