// `npm start [-- NAME … --section.key=value …]`: the named services, by default all three, in one process.
import { loadConfig } from '@staddle/config';
import { openDatabase } from '@staddle/database';
import { createLogger, createMetrics, type MetricsRegistry } from '@staddle/logging';
import type { Logger } from '@staddle/kernel';
import { createPushService, pushSchema } from '@staddle/push-service';
import { createSchedulerService, schedulerSchema } from '@staddle/scheduler-service';
import { runService } from '@staddle/service';
import { createShortenerService, shortenerSchema } from '@staddle/shortener-service';
import { z } from 'zod';
import { banner } from './start/banner.ts';
import { inOneProcess } from './start/one-process.ts';
import { SERVICE_NAMES, servicesToStart, type ServiceName } from './start/service-names.ts';

const { names, flags } = servicesToStart(process.argv.slice(2));
const schema = z.object({ ...schedulerSchema.shape, ...pushSchema.shape, ...shortenerSchema.shape });

await runService(async () => {
  // On a terminal the requests of three services would bury the banner; STADDLE_LOG__LEVEL=info brings them back.
  const loaded = loadConfig({ schema, env: process.env, argv: flags, defaults: { log: { level: 'warn' } } });
  const config = loaded.current;
  const observed = (name: ServiceName): { logger: Logger; metrics: MetricsRegistry } => {
    const metrics = createMetrics({ defaultMetrics: true });
    return { metrics, logger: createLogger({ service: { name, version: '0.1.0' }, level: config.log.level, secrets: loaded.secrets, metrics: metrics.metrics }) };
  };
  const chosen = (name: ServiceName): boolean => names.includes(name);

  // One handle for all: two connections of one process to one SQLite file would block each other.
  const database = chosen('scheduler') || chosen('shortener') ? openDatabase({ url: config.database.url, pool: config.database.pool, logger: observed('scheduler').logger }) : undefined;
  const clients = database ? { database } : {};
  const push = chosen('push') ? await createPushService({ config, ...observed('push') }) : undefined;
  const shortener = chosen('shortener') ? await createShortenerService({ config, ...observed('shortener'), clients }) : undefined;
  const scheduler = chosen('scheduler')
    ? await createSchedulerService({ config, ...observed('scheduler'), clients: { ...clients, ...(push ? { publish: push.publish } : {}) } })
    : undefined;

  return inOneProcess({
    // The scheduler goes first, so that the last news of its runs still reaches the browsers.
    stopOrder: [[scheduler], [shortener, push]].map((group) => group.filter((service) => service !== undefined)),
    database,
    warnings: loaded.warnings,
    onReady() {
      const urls = SERVICE_NAMES.flatMap((name) => {
        const service = { scheduler, push, shortener }[name];
        return service ? [[name, service.url] as const] : [];
      });
      process.stdout.write(banner({ urls: new Map(urls), config, readyAfterMs: performance.now() }));
    },
  });
});
