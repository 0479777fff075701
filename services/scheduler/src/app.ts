/**
 * The scheduler service: the API of `@staddle/dispatch` over HTTP, its workers with the built-in handlers, and a notice to the
 * push service for each change of a run.
 *
 * Components, in the order of their start: the database (migrations), connections of the handlers, the announcer, dispatch. They stop
 * in reverse: dispatch hands back or ends its runs, the announcer tells of that, then the connections go. A database that is
 * away keeps the service listening and not ready.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { migrate, openDatabase, type Database } from '@staddle/database';
import { createDispatch, dispatchMigrations, type Dispatch } from '@staddle/dispatch';
import { noMetrics, systemClock, type Clock, type Lifecycle, type Logger } from '@staddle/kernel';
import type { MetricsRegistry } from '@staddle/logging';
import { DEFAULT_TENANT } from '@staddle/permissions';
import { permissionGuard } from '@staddle/permissions/fastify';
import { createAuthenticator, createService, ensureStandaloneCredentials, type ProblemRules, type Service } from '@staddle/service';
import type { SchedulerConfig } from './config.ts';
import { createHttpHandler } from './handlers/http.ts';
import { createTargetList, LOOPBACK } from './handlers/http-targets.ts';
import { logHandler } from './handlers/log.ts';
import { pushHandler } from './handlers/push.ts';
import { createTaskPermissions, subjectOf } from './policies.ts';
import { createPushApi } from './publish.ts';
import { taskRoutes } from './routes/tasks.ts';
import { createRunAnnouncer } from './run-announcer.ts';
import { VERSION } from './version.ts';

export interface SchedulerServiceOptions {
  readonly config: SchedulerConfig;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly metrics?: MetricsRegistry;
  readonly clients?: {
    /** Used instead of one of `database.url`, and left open. Services in one process share it: SQLite wants one handle per file. */
    readonly database?: Database;
    /** Used instead of the push service at `scheduler.pushUrl`: the hub in the same process. */
    readonly publish?: (channel: string, data: unknown) => Promise<unknown>;
  };
}

const PROBLEMS: ProblemRules = {
  ERR_DISPATCH_TASK: { status: 422 },
  ERR_DISPATCH_HANDLER: { status: 422 },
  ERR_DISPATCH_PAYLOAD: { status: 422 },
  ERR_DISPATCH_TRIGGER: { status: 422 },
  ERR_DISPATCH_TRIGGER_EXHAUSTED: { status: 422 },
  ERR_DISPATCH_QUERY: { status: 400 },
  ERR_DISPATCH_TASK_NOT_FOUND: { status: 404 },
  ERR_DISPATCH_RUN_NOT_FOUND: { status: 404 },
  ERR_DISPATCH_CONFLICT: { status: 409 },
  ERR_DISPATCH_STATE: { status: 409 },
  ERR_DISPATCH_VERSION: { status: 412 },
  ERR_DATABASE_CONTENTION: { status: 503 },
};

// Handlers may go on for this part of the time that a stop has; the rest is for handing back what they did not finish.
const DRAIN_SHARE = 0.8;

/** Builds the service; nothing listens or connects before its start. */
export async function createSchedulerService({ config, logger, clock = systemClock, metrics, clients = {} }: SchedulerServiceOptions): Promise<Service> {
  const { host, port, bodyLimitBytes, workers, leaseMs, pushUrl, http } = config.scheduler;
  const standalone = config.auth.secret === undefined;
  const secret = config.auth.secret?.reveal() ?? (await ensureStandaloneCredentials({ dataDir: config.dataDir, clock })).secret;
  const permissions = await createTaskPermissions(logger);
  const instruments = metrics?.metrics ?? noMetrics;

  const database = clients.database ?? openDatabase({ ...config.database, logger, clock });
  const pushApi = clients.publish ? undefined : createPushApi({ url: pushUrl, secret, clock });
  const publish = pushApi?.publish ?? (async (channel: string, data: unknown) => void (await clients.publish!(channel, data)));
  const httpHandler = createHttpHandler({
    targets: createTargetList(http.allowedHosts ?? (standalone ? LOOPBACK : [])),
    deadlineMs: http.deadlineMs,
    clock,
  });
  const announcer = createRunAnnouncer({ publish, clock, logger, metrics: instruments });
  const dispatch = createDispatch({
    database,
    handlers: { http: httpHandler.handler, push: pushHandler(publish), log: logHandler },
    workers,
    leaseMs,
    owner: `${hostname()}/${process.pid}/${randomBytes(4).toString('hex')}`,
    onRunChange: announcer.announce,
    clock,
    logger,
    metrics: instruments,
  });

  const tables: Lifecycle = {
    name: 'database',
    async start() {
      await migrate(database, [dispatchMigrations], { logger, clock });
    },
    async stop() {
      if (!clients.database) await database.close();
    },
  };
  const connections: Lifecycle = {
    name: 'connections',
    async start() {},
    async stop() {
      await Promise.all([httpHandler.close(), pushApi?.close()]);
    },
  };

  return createService({
    name: 'scheduler',
    version: VERSION,
    host,
    port,
    portSetting: 'STADDLE_SCHEDULER__PORT',
    logger,
    clock,
    ...(metrics ? { metrics } : {}),
    authenticate: createAuthenticator({ secret, clock }),
    problems: PROBLEMS,
    plugins: async (app) => {
      await app.register(permissionGuard, {
        permissions,
        subject: ({ identity }) => identity && subjectOf(identity),
        tenant: () => DEFAULT_TENANT,
        logger,
      });
    },
    routes: (app) => taskRoutes(app, dispatch),
    components: [tables, connections, announcer, draining(dispatch, config.stop, clock)],
    checks: { database: () => database.ping() },
    drainDelayMs: config.stop.drainDelayMs,
    stopTimeoutMs: config.stop.timeoutMs,
    bodyLimitBytes,
  });
}

/** Dispatch, whose handlers are aborted in time for their runs to be handed back before the deadline of the whole stop. */
function draining(dispatch: Dispatch, stop: SchedulerConfig['stop'], clock: Clock): Lifecycle {
  return {
    name: dispatch.name,
    start: dispatch.start,
    async stop(signal) {
      const drained = new AbortController();
      const timer = clock.setTimer(() => drained.abort(), (stop.timeoutMs - stop.drainDelayMs) * DRAIN_SHARE);
      try {
        await dispatch.stop(signal ? AbortSignal.any([signal, drained.signal]) : drained.signal);
      } finally {
        timer.cancel();
      }
    },
  };
}
