import { loadConfig } from '@staddle/config';
import { createLogger, createMetrics } from '@staddle/logging';
import { runService } from '@staddle/service';
import { createShortenerService } from './app.ts';
import { shortenerSchema, SIBLINGS } from './config.ts';
import { VERSION } from './version.ts';

await runService(async () => {
  const { current: config, secrets, warnings } = loadConfig({ schema: shortenerSchema, env: process.env, argv: process.argv.slice(2), siblings: SIBLINGS });
  const metrics = createMetrics({ defaultMetrics: true });
  const logger = createLogger({ service: { name: 'shortener', version: VERSION }, level: config.log.level, secrets, metrics: metrics.metrics });
  for (const warning of warnings) logger.warn({}, warning);
  return createShortenerService({ config, logger, metrics });
});
