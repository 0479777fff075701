// `npm run token -- --sub alice --ttl 1h [--role viewer …] [--tenant acme]`: mints a token with the configured secret.
import { parseArgs } from 'node:util';
import { loadConfig, sharedParts } from '@staddle/config';
import { parseDuration } from '@staddle/kernel';
import { ensureStandaloneCredentials, signToken } from '@staddle/service';
import { z } from 'zod';

const USAGE = "usage: npm run token -- --sub NAME [--ttl 1h] [--role NAME …] [--tenant NAME]; ttl such as '30m', '1h', 'P30D'";

try {
  const { values } = parseArgs({
    options: { sub: { type: 'string' }, ttl: { type: 'string', default: '1h' }, role: { type: 'string', multiple: true }, tenant: { type: 'string' } },
  });
  if (!values.sub) throw new Error('--sub is missing');
  const ttlMs = parseDuration(values.ttl);
  if (ttlMs < 1_000) throw new Error(`--ttl ${values.ttl} is shorter than the second that tokens count in`);
  const { current: config } = loadConfig({ schema: z.object({ ...sharedParts }), env: process.env, siblings: ['scheduler', 'push', 'shortener'] });
  const secret = config.auth.secret?.reveal() ?? (await ensureStandaloneCredentials({ dataDir: config.dataDir })).secret;
  const token = await signToken({
    secret,
    sub: values.sub,
    ttlMs,
    now: Date.now(),
    ...(values.role ? { roles: values.role } : {}),
    ...(values.tenant ? { tenant: values.tenant } : {}),
  });
  console.log(token);
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exitCode = 64;
}
