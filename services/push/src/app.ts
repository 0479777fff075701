/**
 * The push service: a hub behind a WebSocket endpoint and a publish API.
 *
 * Components, in the order of their start: connections to Redis, the endpoint, the hub. The endpoint refuses clients until the
 * hub runs. They stop in reverse: the hub closes its clients, spread over time; the endpoint waits for their sockets; then the
 * connections go. The chassis closes the port before and waits for the sockets after, so a stop never hangs on an open one.
 */
import type { Clock, Lifecycle, Logger } from '@staddle/kernel';
import type { MetricsRegistry } from '@staddle/logging';
import { DEFAULT_TENANT } from '@staddle/permissions';
import { permissionGuard } from '@staddle/permissions/fastify';
import { createPushHub } from '@staddle/push';
import { memoryBroker } from '@staddle/push/memory';
import { serveWebSocket } from '@staddle/push/websocket';
import { createAuthenticator, createService, ensureStandaloneCredentials, type Check, type ProblemRules, type Service } from '@staddle/service';
import type { Redis } from 'ioredis';
import { channelAuthorizer, createChannelPermissions, subjectOf, tokenVerifier } from './access.ts';
import type { PushConfig } from './config.ts';
import { createRedisLink } from './redis-link.ts';
import { publishRoute } from './routes/publish.ts';
import { WEBSOCKET_PATH, websocketHint } from './routes/websocket.ts';
import { VERSION } from './version.ts';

export interface PushServiceOptions {
  readonly config: PushConfig;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly metrics?: MetricsRegistry;
  readonly clients?: {
    /** A client whose settings are taken over in place of `redis.url`. It stays the caller's. */
    readonly redis?: Redis;
  };
}

export interface PushService extends Service {
  /** Publishes without HTTP, for services in the same process. Throws what `PushHub.publish` throws. */
  publish(channel: string, data: unknown): Promise<void>;
}

const PROBLEMS: ProblemRules = {
  ERR_PUSH_CHANNEL: { status: 422 },
  ERR_PUSH_DATA: { status: 422 },
  ERR_PUSH_TOO_LARGE: { status: 413 },
  ERR_PUSH_BROKER_UNAVAILABLE: { status: 503 },
  ERR_PUSH_NOT_RUNNING: { status: 503 },
};

/** Builds the service; nothing listens or connects before its start. */
export async function createPushService({ config, logger, clock, metrics, clients = {} }: PushServiceOptions): Promise<PushService> {
  const { host, port, bodyLimitBytes, origins, drainMs } = config.push;
  const timed = clock ? { clock } : {};
  const secret = config.auth.secret?.reveal() ?? (await ensureStandaloneCredentials({ dataDir: config.dataDir, ...timed })).secret;
  const authenticate = createAuthenticator({ secret, ...timed });
  const permissions = await createChannelPermissions(logger);

  const source = clients.redis ?? config.redis.url?.reveal();
  const redis = source === undefined ? undefined : createRedisLink(source, logger);
  const hub = createPushHub({
    broker: redis?.broker ?? memoryBroker(),
    authenticate: tokenVerifier(authenticate),
    authorize: channelAuthorizer(permissions, config.push),
    drainMs,
    logger,
    clock,
    metrics: metrics?.metrics,
  });
  // The HTTP server comes with the app, the list of components before it.
  const made = Promise.withResolvers<Lifecycle>();
  const endpoint: Lifecycle = {
    name: 'push-websocket',
    start: async () => (await made.promise).start(),
    stop: async (signal) => (await made.promise).stop(signal),
  };
  const checks: Record<string, Check> = redis ? { redis: () => redis.check() } : {};

  const service = await createService({
    name: 'push',
    version: VERSION,
    host,
    port,
    portSetting: 'STADDLE_PUSH__PORT',
    logger,
    ...timed,
    ...(metrics ? { metrics } : {}),
    authenticate,
    problems: PROBLEMS,
    plugins: async (app) => {
      await app.register(permissionGuard, {
        permissions,
        subject: ({ identity }) => identity && subjectOf(identity),
        tenant: () => DEFAULT_TENANT,
        logger,
      });
    },
    routes: (app) => {
      publishRoute(app, hub);
      websocketHint(app);
      made.resolve(serveWebSocket({ server: app.server, hub, path: WEBSOCKET_PATH, origins }));
    },
    components: [...(redis ? [redis] : []), endpoint, hub],
    checks,
    drainDelayMs: config.stop.drainDelayMs,
    stopTimeoutMs: config.stop.timeoutMs,
    bodyLimitBytes,
  });
  return Object.assign(service, { publish: hub.publish.bind(hub) });
}
