import { httpPart, loadConfig, sharedParts } from '@staddle/config';
import * as z from 'zod';

const schema = z.object({
  ...sharedParts,
  scheduler: httpPart({ port: 4100 }).extend({ workers: z.int().min(1).default(4).describe('Runs at a time') }),
});
const env = { STADDLE_DATABASE__URL: 'mysql://app:hunter2@db:3306/staddle', STADDLE_SCHEDULER__WORKERS: '16' };
const config = loadConfig({ schema, env, argv: ['--log.level=debug'], siblings: ['push', 'shortener'] });

console.log(config.current.scheduler); // { host: '127.0.0.1', port: 4100, bodyLimitBytes: 1048576, workers: 16 }
console.log(`${config.current.database.url}`); // mysql://[redacted]@db:3306/staddle
console.log(config.explain('log.level').origin); // --log.level
