import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocks, type LockEvent, type Locks, type LocksOptions } from '@staddle/lock';
import { redisLockDriver, type RedisLockDriverOptions } from '@staddle/lock/redis';
import { spawnNode, startRedis, testRedis, waitFor, type ChildHandle, type TestServer } from '@staddle/testing';
import { Redis, type RedisOptions } from 'ioredis';
import type { ContestantConfig, Order } from '../fixtures/contestant.ts';
import { checkHistory, type CheckOptions } from '../history/check-history.ts';
import { createFencedRegister, type FencedRegister } from '../history/fenced-register.ts';
import { createRecorder, notePauses, nowMs, readHistory, type Entry, type Recorder } from '../history/history.ts';
import { leftovers } from '../history/leftovers.ts';

/** Where an acceptance test plays: a Redis of its own for the locks, the run's Redis as oracle, and one history of all processes. */
export interface Stage extends AsyncDisposable {
  readonly server: TestServer;
  /** A client of the locks' Redis that no lock uses. */
  readonly admin: Redis;
  readonly register: FencedRegister;
  /** Of this process. */
  readonly history: Recorder;
  /** Locks of this process. */
  locks(options?: StageLocksOptions): StageLocks;
  contestant(options?: ContestantOptions): Promise<Contestant>;
  contestants(count: number, options?: ContestantOptions): Promise<Contestant[]>;
  /** For how long this process stood still since then, by its own notes. */
  stalledMs(since: number): number;
  /** What has been noted up to now. */
  entries<T extends Entry['type']>(type: T): Extract<Entry, { type: T }>[];
  /**
   * Closes all locks, waits until every process has ended by itself and nothing of the locks is left in Redis, and gives
   * what is wrong with the history.
   */
  verdict(options?: CheckOptions): Promise<string[]>;
}

export interface StageLocksOptions extends Omit<LocksOptions, 'driver' | 'onEvent'> {
  /** Default: the server's. A proxy's, to break the line. */
  readonly url?: string;
  readonly redis?: RedisOptions;
  readonly settings?: RedisLockDriverOptions;
}

export interface StageLocks extends Locks {
  readonly client: Redis;
  readonly events: readonly LockEvent[];
}

export interface ContestantOptions {
  readonly url?: string;
  readonly settings?: RedisLockDriverOptions;
  readonly locks?: ContestantConfig['locks'];
}

/** Another process: see fixtures/contestant.ts. */
export interface Contestant extends Pick<ChildHandle, 'pid' | 'exit' | 'waitForLine' | 'kill' | 'stderr'> {
  /** Resolves with the answer. */
  order<T = unknown>(order: Order): Promise<T>;
  /** SIGKILL, as the history must know it. */
  die(): Promise<void>;
}

/** A busy machine: what takes longer hangs. */
const PATIENCE_MS = 30_000;

/** The key of a mutex in the locks' Redis. */
export function lockKey(name: string): string {
  return `lock:v1:mutex:{${name}}`;
}

export function queueKey(name: string): string {
  return `${lockKey(name)}:queue`;
}

/** Resolves when a process queues for the name. */
export async function isQueued(locks: Locks, name: string, pid: number): Promise<void> {
  await waitFor(() => queues(locks, name, pid), { what: `process ${pid} to queue` });
}

export async function queues(locks: Locks, name: string, pid: number): Promise<boolean> {
  const { waiters = [] } = (await locks.inspect(name)) ?? {};
  return waiters.some(({ instance }) => instance.includes(`-${pid}_`));
}

export async function createStage(args: readonly string[] = []): Promise<Stage> {
  await using undo = new AsyncDisposableStack();
  const oracle = undo.use(await testRedis());
  const server = undo.use(await startRedis({ args }));
  const folder = await mkdtemp(join(tmpdir(), 'staddle-lock-'));
  undo.defer(() => rm(folder, { recursive: true }));
  const historyPath = join(folder, 'history');
  await writeFile(historyPath, '');
  const history = createRecorder(historyPath);
  undo.use(notePauses(history));
  const register = undo.adopt(createFencedRegister(oracle.url, oracle.prefix), ({ close }) => close());
  const orders = oracle.client();
  const stack = undo.move();

  const clientOf = (url: string, options: RedisOptions = {}): Redis => {
    const client = new Redis(url, options as object);
    // A server that is away is what these tests are about.
    client.on('error', () => {});
    stack.defer(() => client.disconnect());
    return client;
  };
  const admin = clientOf(server.url);
  const ours: StageLocks[] = [];
  const others: Contestant[] = [];
  const dead = new Set<Contestant>();

  const contestant = async ({ url = server.url, settings = {}, locks = {} }: ContestantOptions = {}): Promise<Contestant> => {
    const ordersKey = `${oracle.prefix}orders:${others.length}:${nowMs()}`;
    const config: ContestantConfig = { url, oracleUrl: oracle.url, oraclePrefix: oracle.prefix, ordersKey, historyPath, driver: settings, locks };
    const child = stack.use(spawnNode({ script: join(import.meta.dirname, '../fixtures/contestant.ts'), args: [JSON.stringify(config)] }));
    let number = 0;
    const self: Contestant = {
      pid: child.pid,
      exit: child.exit,
      waitForLine: child.waitForLine,
      kill: child.kill,
      stderr: child.stderr,
      order<T>(order: Order) {
        number += 1;
        const begin = `${number} `;
        const answer = async (): Promise<T> => {
          await orders.rpush(ordersKey, JSON.stringify({ number: begin.trim(), ...order }));
          const line = await child.waitForLine(new RegExp(`^${begin}`), { timeoutMs: PATIENCE_MS * 2 });
          return JSON.parse(line.slice(begin.length)) as T;
        };
        const answered = answer();
        // The dead do not answer.
        answered.catch(() => {});
        return answered;
      },
      async die() {
        history.note({ type: 'killed', pid: child.pid, at: nowMs() });
        child.kill('SIGKILL');
        await child.exit;
        dead.add(self);
      },
    };
    others.push(self);
    await child.waitForLine('ready', { timeoutMs: PATIENCE_MS });
    return self;
  };

  const close = async (): Promise<string[]> => {
    const faults: string[] = [];
    const living = others.filter((each) => !dead.has(each));
    await Promise.all([...ours.map((locks) => locks.close()), ...living.map((each) => each.order({ do: 'close' }))]);
    for (const { client } of ours) client.disconnect();
    for (const { pid, exit, stderr } of living) {
      const { code, signal } = await waitForExit(exit);
      if (code !== 0) faults.push(`process ${pid} ended with ${signal ?? code}: ${stderr()}`);
    }
    return faults;
  };

  const entries: Stage['entries'] = <T extends Entry['type']>(type: T) => readHistory(historyPath).filter((entry): entry is Extract<Entry, { type: T }> => entry.type === type);
  return {
    server,
    admin,
    register,
    history,
    locks({ url = server.url, redis = {}, settings = {}, ...options } = {}) {
      const client = clientOf(url, redis);
      const events: LockEvent[] = [];
      const locks = createLocks({ driver: redisLockDriver(client, settings), ...options, onEvent: (event) => void events.push(event) });
      const each = { ...locks, client, events };
      ours.push(each);
      return each;
    },
    contestant,
    contestants: (count, options) => Promise.all(Array.from({ length: count }, () => contestant(options))),
    stalledMs: (since) => entries('pause').reduce((sum, { pid, from, to }) => sum + (pid === process.pid && to > since ? to - from : 0), 0),
    entries,
    async verdict(options) {
      const faults = await close();
      // Leases of the dead run out by themselves, and what was given up is taken back without anybody waiting for it.
      await waitFor(async () => (await leftovers(admin)).length === 0, { what: 'nothing to be left in Redis', timeoutMs: PATIENCE_MS / 3 }).catch(async () => faults.push(...(await leftovers(admin))));
      return [...faults, ...checkHistory(readHistory(historyPath), options)];
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function waitForExit(exit: ChildHandle['exit']): ReturnType<() => ChildHandle['exit']> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error('a process did not end by itself')), PATIENCE_MS);
  try {
    return await Promise.race([exit, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
