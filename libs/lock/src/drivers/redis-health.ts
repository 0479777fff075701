import { isCluster, masters, type RedisClient } from './redis-commands.ts';
import type { Redis } from 'ioredis';

const OLDEST = [6, 2] as const;

/** Settings of the servers that endanger locks. Needs INFO alone, which managed servers may forbid. */
export async function diagnoseRedis(client: RedisClient): Promise<readonly string[]> {
  const found = (await masters(client)).map(async (server) => {
    const sentences = await diagnoseServer(server);
    return isCluster(client) ? sentences.map((sentence) => `${server.options.host}:${server.options.port}: ${sentence}`) : sentences;
  });
  return (await Promise.all(found)).flat();
}

async function diagnoseServer(server: Redis): Promise<readonly string[]> {
  let info: ReadonlyMap<string, string>;
  try {
    info = fieldsOf(await server.info());
  } catch (error) {
    // The server answered, and with a refusal: NOPERM, or an unknown command where it was renamed.
    if (error instanceof Error && error.name === 'ReplyError') return [`INFO is refused (${error.message}), so version, eviction policy, role and replicas could not be checked`];
    throw error;
  }
  const sentences: string[] = [];
  const version = info.get('redis_version') ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (version && (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))) sentences.push(`Redis ${version} is not supported; locks need ${OLDEST.join('.')} or newer`);
  const policy = info.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') sentences.push(`maxmemory-policy is ${policy}, so Redis may evict a lock that is held; it should be noeviction`);
  if (info.get('role') === 'slave') sentences.push('the server is a replica, which refuses to lock; connect to its master');
  // INFO has this field only when min-replicas-to-write is set.
  if (Number(info.get('connected_slaves') ?? 0) > 0 && !info.has('min_slaves_good_slaves')) {
    sentences.push('min-replicas-to-write is 0, so a master that was cut off from its replicas goes on granting locks that a failover forgets');
  }
  return sentences;
}

function fieldsOf(info: string): ReadonlyMap<string, string> {
  return new Map(
    info
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}
