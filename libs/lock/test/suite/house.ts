import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '@staddle/kernel';
import { createLocks, type LockDriver, type LockEvent, type LockKey, type Locks, type LocksOptions } from '@staddle/lock';
import { spawnNode, waitFor } from '@staddle/testing';
import type { StoreAddress } from './store.ts';
import { carryOut, type Task } from './tasks.ts';

/** A store that the suite runs on, empty. */
export interface LocksUnderTest {
  /** A driver with a line of its own, as another process has one. */
  driver(): Promise<LockDriver>;
  /** For processes that can be killed. Absent when the store lives in this process: then they are played here. */
  readonly address?: StoreAddress;
  close?(): Promise<void>;
}

export interface HouseLocks extends Locks {
  readonly driver: LockDriver;
  readonly events: LockEvent[];
}

/** A process with one task. */
export interface Worker {
  readonly lines: readonly string[];
  line(text: string): Promise<void>;
  /** SIGKILL: nothing that it would still have said or asked happens. */
  kill(): Promise<void>;
}

/** A busy machine answers late. */
const PATIENCE_MS = 10_000;

/** What one test of the suite has: a store of its own and processes over it. */
export class House {
  readonly #under: LocksUnderTest;
  readonly #locks: Locks[] = [];
  readonly #workers: Worker[] = [];

  constructor(under: LocksUnderTest) {
    this.#under = under;
  }

  /** Locks as another process has them. `over`: operations of its driver that behave otherwise. */
  async process(options: Partial<LocksOptions> = {}, over: (driver: LockDriver) => Partial<LockDriver> = () => ({})): Promise<HouseLocks> {
    const own = await this.#under.driver();
    const driver = { ...own, ...over(own) };
    const events: LockEvent[] = [];
    const locks = createLocks({ driver, commandTimeoutMs: PATIENCE_MS, onEvent: (event) => void events.push(event), ...options });
    this.#locks.push(locks);
    return { ...locks, driver, events };
  }

  processes(count: number, options: Partial<LocksOptions> = {}): Promise<HouseLocks[]> {
    return Promise.all(Array.from({ length: count }, () => this.process(options)));
  }

  /** @param skewMs by how much its wall clock is wrong */
  async worker(task: Task, skewMs = 0): Promise<Worker> {
    const { address } = this.#under;
    const worker = address ? spawned(address, task, skewMs) : await this.#played(task, skewMs);
    this.#workers.push(worker);
    return worker;
  }

  async #played(task: Task, skewMs: number): Promise<Worker> {
    const lines: string[] = [];
    const killed = new AbortController();
    const driver = await this.#under.driver();
    const silent = <A extends unknown[], T>(operation: (...args: A) => Promise<T>) => (...args: A): Promise<T> =>
      killed.signal.aborted ? new Promise<never>(() => {}) : operation(...args).then((value) => (killed.signal.aborted ? new Promise<never>(() => {}) : value));
    const connections: { close(): Promise<void> }[] = [];
    const dying: LockDriver = {
      ...driver,
      acquire: silent(driver.acquire),
      renew: silent(driver.renew),
      release: silent(driver.release),
      claim: silent(driver.claim),
      settle: silent(driver.settle),
      ...(driver.connect && {
        connect(instance, listener) {
          const connection = driver.connect!(instance, listener);
          connections.push(connection);
          return connection;
        },
      }),
    };
    const locks = createLocks({ driver: dying, clock: { ...systemClock, now: () => Date.now() + skewMs } });
    carryOut(task, locks, (line) => void (killed.signal.aborted || lines.push(line))).catch((error: unknown) => void lines.push(String(error)));
    return {
      lines,
      line: (text) => waitForLine(lines, text),
      async kill() {
        killed.abort();
        await Promise.all(connections.map((connection) => connection.close()));
      },
    };
  }

  /**
   * Lets the leases of these owners run out now, however long they would have lasted, as those of the dead do. Whoever waits is
   * served, because somebody asks.
   */
  async expire(key: LockKey, owners: readonly string[]): Promise<void> {
    const driver = await this.#under.driver();
    await driver.renew(owners.map((owner) => ({ key, owner, ttlMs: 1 })));
    // The store's clock ticks in milliseconds.
    await pause(20);
    if (key.kind === 'run') return;
    const owner = 'passer-by.1';
    const { acquired } = await driver.acquire({ key, owner, ttlMs: 1_000, weight: 1, capacity: 1_000, queue: false, priority: -100, barge: false, fencing: true, reserve: 0 });
    if (acquired) await driver.release({ key, owner });
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.kill()));
    await Promise.all(this.#locks.map((locks) => locks.close()));
    await this.#under.close?.();
  }
}

function spawned(address: StoreAddress, task: Task, skewMs: number): Worker {
  const child = spawnNode({ script: `${import.meta.dirname}/../fixtures/worker.ts`, args: [address, task, skewMs].map((value) => JSON.stringify(value)) });
  return {
    get lines() {
      return child.stdout().trim().split('\n');
    },
    line: async (text) => void (await child.waitForLine(text)),
    async kill() {
      child.kill('SIGKILL');
      await child.exit;
    },
  };
}

async function waitForLine(lines: readonly string[], text: string): Promise<void> {
  await waitFor(() => lines.some((line) => line.includes(text)), { what: `a line with ${text}; so far ${lines.join(', ')}` });
}
