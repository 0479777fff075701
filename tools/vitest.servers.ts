import { readFileSync } from 'node:fs';

/**
 * Starts private Redis and MariaDB servers for packages whose tests need them, unless the caller of the run
 * (`npm test`) already did. So `npx nx test lock` works alone, and nothing is ever skipped for want of a server.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { devDependencies?: Record<string, string> };
  if (!manifest.devDependencies?.['@staddle/testing'] && !manifest.devDependencies?.['@staddle/database']) return undefined;
  if (process.env['TEST_REDIS_URL'] && process.env['TEST_MYSQL_URL']) return undefined;
  const { startTestServers } = await import('@staddle/testing');
  const servers = await startTestServers();
  Object.assign(process.env, servers.env);
  return () => servers.stop();
}
