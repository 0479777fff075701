// `npm start [-- NAME … --section.key=value …]`: the named services, by default all three, in one process.
import { loadConfig } from '@staddle/config';
import { openDatabase } from '@staddle/database';
import type { Logger } from '@staddle/kernel';
import { createLogger, createMetrics, type MetricsRegistry } from '@staddle/logging';
import { createPushService, pushSchema, VERSION as PUSH_VERSION } from '@staddle/push-service';
import { createSchedulerService, schedulerSchema, VERSION as SCHEDULER_VERSION } from '@staddle/scheduler-service';
import { runService } from '@staddle/service';
import { createShortenerService, shortenerSchema, VERSION as SHORTENER_VERSION } from '@staddle/shortener-service';
import { z } from 'zod';
import { banner } from './start/banner.ts';
import { inOneProcess } from './start/one-process.ts';
import { SERVICE_NAMES, servicesToStart, type ServiceName } from './start/service-names.ts';

const VERSIONS: Readonly<Record<ServiceName, string>> = { scheduler: SCHEDULER_VERSION, push: PUSH_VERSION, shortener: SHORTENER_VERSION };

const { names, flags } = servicesToStart(process.argv.slice(2));
const schema = z.object({ ...schedulerSchema.shape, ...pushSchema.shape, ...shortenerSchema.shape });

await runService(async () => {
  // On a terminal the requests of three services would bury the banner; STADDLE_LOG__LEVEL=info brings them back.
  const loaded = loadConfig({ schema, env: process.env, argv: flags, defaults: { log: { level: 'warn' } } });
  const config = loaded.current;
  const observe = (name: ServiceName): { logger: Logger; metrics: MetricsRegistry } => {
    const metrics = createMetrics({ defaultMetrics: true });
    const service = { name, version: VERSIONS[name] };
    return { metrics, logger: createLogger({ service, level: config.log.level, secrets: loaded.secrets, metrics: metrics.metrics }) };
  };
  const observed = new Map(names.map((name) => [name, observe(name)]));
  const [forScheduler, forPush, forShortener] = [observed.get('scheduler'), observed.get('push'), observed.get('shortener')];

  // One handle for all: two connections of one process to one SQLite file would block each other.
  const owner = forScheduler ?? forShortener;
  const database = owner && openDatabase({ ...config.database, logger: owner.logger });
  const clients = database ? { database } : {};
  const push = forPush && (await createPushService({ config, ...forPush }));
  const shortener = forShortener && (await createShortenerService({ config, ...forShortener, clients }));
  const scheduler = forScheduler && (await createSchedulerService({ config, ...forScheduler, clients: push ? { ...clients, publish: push.publish } : clients }));

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
