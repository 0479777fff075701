import type { AcquireRequest, LockConnection, LockDriver, LockGrant } from '@staddle/lock';
import { freePort, startRedis, waitFor, type TestServer } from '@staddle/testing';
import { Cluster, Redis } from 'ioredis';

export interface TestCluster extends AsyncDisposable {
  readonly nodes: readonly TestServer[];
  /** A new client, closed with the cluster. */
  client(options?: { readonly keyPrefix?: string }): Cluster;
}

/** Three Redis servers that share the slots of a Cluster, without replicas. */
export async function startCluster(): Promise<TestCluster> {
  const nodes = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const busPort = await freePort();
      return { server: await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-port', `${busPort}`, '--cluster-node-timeout', '20000'] }), busPort };
    }),
  );
  const admins = nodes.map(({ server }) => new Redis(server.url));
  for (const [index, admin] of admins.entries()) {
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', Math.ceil((16_384 / 3) * index), Math.ceil((16_384 / 3) * (index + 1)) - 1);
    await admin.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
  }
  for (const { server, busPort } of nodes.slice(1)) await admins[0]!.call('CLUSTER', 'MEET', server.host, server.port, busPort);
  const knowsAll = async (admin: Redis): Promise<boolean> => /cluster_state:ok[^]*cluster_known_nodes:3/.test((await admin.call('CLUSTER', 'INFO')) as string);
  await waitFor(async () => (await Promise.all(admins.map(knowsAll))).every(Boolean), { what: 'the nodes to know each other', timeoutMs: 30_000 });
  for (const admin of admins) admin.disconnect();

  const clients: Cluster[] = [];
  const servers = nodes.map(({ server }) => server);
  return {
    nodes: servers,
    client(options) {
      const client = new Cluster(servers.map(({ host, port }) => ({ host, port })), options);
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.disconnect();
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

export const TTL_MS = 60_000;

/** A request for a mutex, or another kind of lock when the changes say so. */
export function requestOf(owner: string, { name = 'job', ...changes }: Partial<AcquireRequest> & { readonly name?: string } = {}): AcquireRequest {
  return { key: { kind: 'mutex', name }, owner, ttlMs: TTL_MS, weight: 1, capacity: 1, queue: false, priority: 0, barge: false, fencing: true, reserve: 0, ...changes };
}

/** Asks, and is not to be refused. */
export async function hold(driver: LockDriver, owner: string, changes?: Parameters<typeof requestOf>[1]): Promise<bigint> {
  const outcome = await driver.acquire(requestOf(owner, changes));
  if (!outcome.acquired) throw new Error(`${owner} was refused; ${outcome.holder ?? 'nobody'} holds the lock`);
  return outcome.fence;
}

export interface Heard {
  readonly connection: LockConnection;
  readonly granted: LockGrant[];
  readonly next: string[];
  readonly revoked: string[];
  ready: number;
}

/** An instance, and what it hears. */
export function connect(driver: LockDriver, instance: string): Heard {
  const heard = { granted: [] as LockGrant[], next: [] as string[], revoked: [] as string[], ready: 0 };
  const connection = driver.connect!(instance, {
    granted: (grant) => void heard.granted.push(grant),
    next: ({ owner }) => void heard.next.push(owner),
    revoked: (owner) => void heard.revoked.push(owner),
    ready: () => void heard.ready++,
  });
  return Object.assign(heard, { connection });
}

/** Every key of the server that begins with `prefix`. */
export async function keysOf(client: Redis, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const found of client.scanStream({ match: `${prefix}*`, count: 1_000 }) as AsyncIterable<string[]>) keys.push(...found);
  return [...new Set(keys)].toSorted();
}
