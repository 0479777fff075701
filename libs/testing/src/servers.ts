import { ServersUnavailableError } from './errors.ts';
import { thisMachine, type Machine } from './machine.ts';
import { MARIADB } from './mariadb-server.ts';
import { REDIS } from './redis-server.ts';
import { planServer, type ServerPlan } from './server-plan.ts';
import { installByApt, noServers, startPlanned } from './start-server.ts';
import type { ServerKind } from './test-server.ts';

/** The servers that one test run shares. */
export interface TestServers extends AsyncDisposable {
  readonly redisUrl: string;
  /** Without a database; `testDatabase` creates them. */
  readonly mysqlUrl: string;
  /** To be put into the environment of the tests. */
  readonly env: { readonly TEST_REDIS_URL: string; readonly TEST_MYSQL_URL: string };
  /** Stops what was started; servers that came from the environment are left alone. Idempotent. */
  stop(): Promise<void>;
}

export interface TestServersOptions {
  /** Where to look for servers. Default: this machine. */
  readonly machine?: Machine;
}

interface RunServer {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Gets Redis and MariaDB for a test run: from `TEST_REDIS_URL` / `TEST_MYSQL_URL`, else private ones from installed
 * programs, Docker, or packages (Debian as root), in this order, each by itself.
 * @throws ServersUnavailableError (`ERR_TESTING_SERVERS`) with the command to type, or when a given server does not answer
 * @throws ServerStartError (`ERR_TESTING_SERVER_START`)
 */
export async function startTestServers({ machine = thisMachine }: TestServersOptions = {}): Promise<TestServers> {
  const [redis, mysql] = (await startServers([REDIS, MARIADB], machine)) as [RunServer, RunServer];
  const stop = async (): Promise<void> => {
    await Promise.all([redis.stop(), mysql.stop()]);
  };
  return {
    redisUrl: redis.url,
    mysqlUrl: mysql.url,
    env: { TEST_REDIS_URL: redis.url, TEST_MYSQL_URL: mysql.url },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** One server of each kind, in the order of the kinds, or none at all. */
export async function startServers(kinds: readonly ServerKind[], machine: Machine): Promise<readonly RunServer[]> {
  const plans = await Promise.all(kinds.map((kind) => planServer(kind, machine)));
  const planned = (by: ServerPlan['by']): readonly ServerKind[] => kinds.filter((_, index) => plans[index]?.by === by);
  // Before anything is installed or started for nothing.
  if (planned('nothing').length > 0) throw noServers(planned('nothing'), machine);
  if (planned('apt').length > 0) await installByApt(planned('apt'), machine);

  const starts = await Promise.allSettled(kinds.map((kind, index) => startOne(kind, plans[index]!, machine)));
  const running = starts.filter((start) => start.status === 'fulfilled').map((start) => start.value);
  const failed = starts.find((start) => start.status === 'rejected');
  if (!failed) return running;
  await Promise.all(running.map((server) => server.stop()));
  throw failed.reason;
}

async function startOne(kind: ServerKind, plan: ServerPlan, machine: Machine): Promise<RunServer> {
  if (plan.by !== 'url') return startPlanned(kind, plan, {}, machine);
  try {
    await kind.ping(plan.url);
  } catch (error) {
    throw new ServersUnavailableError(`${kind.variable} names ${withoutPassword(plan.url)}, which does not answer: ${String(error)}`, { cause: error });
  }
  return { url: plan.url, stop: async () => {} };
}

function withoutPassword(text: string): string {
  const url = URL.parse(text);
  if (!url) return 'something that is not a URL';
  if (url.password) url.password = '***';
  return url.href;
}
