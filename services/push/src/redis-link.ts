import type { Lifecycle, Logger } from '@staddle/kernel';
import type { Broker } from '@staddle/push';
import { redisBroker, redisClientOptions } from '@staddle/push/redis';
import { Redis } from 'ioredis';

/** The service's two connections to Redis: opened by the broker when it starts, closed at the end of the service. */
export interface RedisLink extends Lifecycle {
  readonly broker: Broker;
  /** Resolves when Redis answers and publications of other nodes arrive. */
  check(): Promise<void>;
}

// Keys and channels of the services begin with their name, so that they can share one Redis.
const PREFIX = 'staddle:push:';

/** `source` is the URL, or a client whose settings are taken over; it stays the caller's. */
export function createRedisLink(source: string | Redis, logger: Logger): RedisLink {
  const open = (role: string): Redis => {
    const options = { ...redisClientOptions, lazyConnect: true, connectionName: `staddle-push-${role}` };
    const client = typeof source === 'string' ? new Redis(source, options) : source.duplicate(options);
    // The hub reports a broken link once. Without a listener ioredis prints every failed attempt.
    client.on('error', (err: Error) => logger.debug({ err, role }, 'redis connection failed'));
    return client;
  };
  const publisher = open('publisher');
  const subscriber = open('subscriber');
  return {
    name: 'push-redis',
    broker: redisBroker({ publisher, subscriber, prefix: PREFIX }),
    async check() {
      // A command to a client that is not ready would wait in its queue.
      for (const [role, { status }] of Object.entries({ publisher, subscriber })) {
        if (status !== 'ready') throw new Error(`the ${role} connection to Redis is ${status}`);
      }
      await Promise.all([publisher.ping(), subscriber.ping()]);
    },
    async start() {},
    async stop() {
      await Promise.all([publisher, subscriber].map(disconnect));
    },
  };
}

const WITH_SOCKET: readonly string[] = ['connecting', 'connect', 'ready'];

/** Closes a client for good; resolves when its socket is closed. */
async function disconnect(client: Redis): Promise<void> {
  const hasSocket = WITH_SOCKET.includes(client.status);
  // Not `once` of node:events, which also listens to 'error': a connection that fails while it is closed is closed.
  const ended = new Promise<void>((resolve) => void client.once('end', resolve));
  client.disconnect();
  // Between two attempts to connect there is no socket to close, and ioredis says nothing of an end.
  if (hasSocket) await ended;
}
