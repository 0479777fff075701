/**
 * The shortener service: redirects and the API of `@staddle/shortlink` over HTTP.
 *
 * Components, in the order of their start: the database (migrations), the links. They stop in reverse: the last visits are
 * written, then the database is closed. A database that is away keeps the service listening and not ready; one that goes
 * later makes redirects answer 503, never 404.
 */
import { migrate, openDatabase, type Database } from '@staddle/database';
import { noMetrics, systemClock, type Clock, type Lifecycle, type Logger } from '@staddle/kernel';
import type { MetricsRegistry } from '@staddle/logging';
import { permissionGuard } from '@staddle/permissions/fastify';
import { createAuthenticator, createService, ensureStandaloneCredentials, type ProblemRules, type Service } from '@staddle/service';
import { createShortlinks } from '@staddle/shortlink';
import { shortlinkMigrations, sqlLinkStore } from '@staddle/shortlink/sql';
import type { ShortenerConfig } from './config.ts';
import { createLinkPermissions, subjectOf } from './policies.ts';
import { linkRoutes } from './routes/links.ts';
import { redirectRoutes } from './routes/redirect.ts';
import { VERSION } from './version.ts';

export interface ShortenerServiceOptions {
  readonly config: ShortenerConfig;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly metrics?: MetricsRegistry;
  readonly clients?: {
    /** Used instead of one of `database.url`, and left open. Services in one process share it: SQLite wants one handle per file. */
    readonly database?: Database;
  };
}

const PROBLEMS: ProblemRules = {
  ERR_SHORTLINK_URL: { status: 422 },
  ERR_SHORTLINK_SLUG: { status: 422 },
  ERR_SHORTLINK_SLUG_TAKEN: { status: 409 },
  ERR_SHORTLINK_CURSOR: { status: 400 },
  ERR_SHORTLINK_CODE_SPACE: { status: 503 },
  ERR_DATABASE_CONTENTION: { status: 503 },
  // To a visitor, a path that cannot be decoded, or that is too long, is one more slug that nobody has.
  ERR_SERVICE_URL: { status: 404 },
};

// Words for pages of the service's own, besides those of the library: a slug that is given out cannot be taken back.
const RESERVED_SLUGS = ['admin', 'api', 'console'];

/** Builds the service; nothing listens or connects before its start. */
export async function createShortenerService({ config, logger, clock = systemClock, metrics, clients = {} }: ShortenerServiceOptions): Promise<Service> {
  const { host, port, bodyLimitBytes, baseUrl } = config.shortener;
  const secret = config.auth.secret?.reveal() ?? (await ensureStandaloneCredentials({ dataDir: config.dataDir, clock })).secret;
  const permissions = await createLinkPermissions(logger);

  const database = clients.database ?? openDatabase({ ...config.database, logger, clock });
  const links = createShortlinks({
    store: sqlLinkStore(database),
    // Only a service that listens knows its port.
    baseUrl: baseUrl ?? (() => service.url),
    reservedSlugs: RESERVED_SLUGS,
    clock,
    logger,
    metrics: metrics?.metrics ?? noMetrics,
  });
  const tables: Lifecycle = {
    name: 'database',
    async start() {
      await migrate(database, [shortlinkMigrations], { logger, clock });
    },
    async stop() {
      if (!clients.database) await database.close();
    },
  };

  const service = await createService({
    name: 'shortener',
    version: VERSION,
    host,
    port,
    portSetting: 'STADDLE_SHORTENER__PORT',
    logger,
    clock,
    ...(metrics ? { metrics } : {}),
    authenticate: createAuthenticator({ secret, clock }),
    problems: PROBLEMS,
    plugins: async (app) => {
      await app.register(permissionGuard, { permissions, subject: ({ identity }) => identity && subjectOf(identity), logger });
    },
    routes: (app) => {
      linkRoutes(app, links);
      redirectRoutes(app, links);
    },
    components: [tables, links],
    checks: { database: () => database.ping() },
    drainDelayMs: config.stop.drainDelayMs,
    stopTimeoutMs: config.stop.timeoutMs,
    bodyLimitBytes,
  });
  return service;
}
