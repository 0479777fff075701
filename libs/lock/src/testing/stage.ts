import { randomUUID } from 'node:crypto';
import type {
  AcquireOutcome,
  AcquireRequest,
  LockConnection,
  LockDriver,
  LockGrant,
  LockKey,
  LockKind,
  LockListener,
  LockRecord,
  ReleaseOutcome,
  RenewOutcome,
} from '../driver.ts';

export interface LockDriverUnderTest {
  readonly driver: LockDriver;
  /**
   * Lets at least `ms` milliseconds pass on the store's clock. A driver with an injected clock moves it; a server's clock
   * can only be waited for.
   */
  pass(ms: number): Promise<void>;
  /** A second driver over the same store, as another process has one. Without it the first one is used twice. */
  another?(): Promise<LockDriver>;
  close?(): Promise<void>;
}

type Refusal = Extract<AcquireOutcome, { acquired: false }>;

/** No lease runs out by itself on a busy machine: {@link LockUnderTest.expire} ends those that should. */
export const TTL_MS = 60_000;

/** Long enough that a server whose clock ticks in milliseconds sees a lease of 1 ms end. */
const EXPIRY_MS = 20;

/** A tuple where the count is known. */
type Owners<N extends number, T extends string[] = []> = number extends N ? string[] : T['length'] extends N ? T : Owners<N, [...T, string]>;

/** A process as a store sees it: one instance, its owners, and what the store has told it. */
export class Party {
  readonly instance: string;
  readonly granted: LockGrant[] = [];
  readonly next: { readonly owner: string; readonly inMs: number }[] = [];
  readonly revoked: string[] = [];
  readonly connection: LockConnection | undefined;
  #owners = 0;

  constructor(driver: LockDriver, instance: string) {
    this.instance = instance;
    const listener: LockListener = {
      granted: (grant) => void this.granted.push(grant),
      next: (hint) => void this.next.push(hint),
      revoked: (owner) => void this.revoked.push(owner),
      ready: () => {},
    };
    this.connection = driver.connect?.(instance, listener);
  }

  owner(suffix: string = String(++this.#owners)): string {
    return `${this.instance}.${suffix}`;
  }

  owners<N extends number>(count: N): Owners<N> {
    return Array.from({ length: count }, () => this.owner()) as Owners<N>;
  }
}

/** One lock of the driver under test, with the requests that tests make most. */
export class LockUnderTest {
  readonly key: LockKey;
  readonly #stage: Stage;
  readonly #driver: LockDriver;
  readonly #capacity: number;

  constructor(stage: Stage, driver: LockDriver, key: LockKey, capacity: number) {
    this.#stage = stage;
    this.#driver = driver;
    this.key = key;
    this.#capacity = capacity;
  }

  /** The same lock as another process sees it. */
  through(driver: LockDriver): LockUnderTest {
    return new LockUnderTest(this.#stage, driver, this.key, this.#capacity);
  }

  ask(owner: string, changes: Partial<AcquireRequest> = {}): Promise<AcquireOutcome> {
    const plain = { key: this.key, owner, ttlMs: TTL_MS, weight: 1, capacity: this.#capacity, queue: false, priority: 0, barge: false, fencing: true, reserve: 0 };
    return this.#driver.acquire({ ...plain, ...changes });
  }

  /** Asks, and is not to be refused. */
  async hold(owner: string, changes: Partial<AcquireRequest> = {}): Promise<bigint> {
    const outcome = await this.ask(owner, changes);
    if (!outcome.acquired) throw new Error(`${owner} was refused; ${outcome.holder ?? 'nobody'} holds the lock`);
    return outcome.fence;
  }

  /** Asks, and is to be refused. */
  async refused(owner: string, changes: Partial<AcquireRequest> = {}): Promise<Refusal> {
    const outcome = await this.ask(owner, changes);
    if (outcome.acquired) throw new Error(`${owner} was not refused`);
    return outcome;
  }

  /** Asks, is refused and stands in the queue. */
  queue(owner: string, changes: Partial<AcquireRequest> = {}): Promise<Refusal> {
    return this.refused(owner, { ...changes, queue: true });
  }

  /** Asks again for all waiters, the last one first, and gives those who have the lock now. */
  async turn(waiters: readonly string[], changes: Partial<AcquireRequest> = {}): Promise<string[]> {
    const acquired: string[] = [];
    for (const owner of waiters.toReversed()) if ((await this.ask(owner, { ...changes, queue: true })).acquired) acquired.unshift(owner);
    return acquired;
  }

  async renew(owner: string, ttlMs: number = TTL_MS): Promise<RenewOutcome> {
    const [outcome] = await this.#driver.renew([{ key: this.key, owner, ttlMs }]);
    if (outcome === undefined || outcome instanceof Error) throw outcome ?? new Error('renew gave no outcome');
    return outcome;
  }

  release(owner: string, keepMs?: number): Promise<ReleaseOutcome> {
    return this.#driver.release({ key: this.key, owner, keepMs });
  }

  /** Lets a lease run out, whatever it lasts. */
  async expire(owner: string): Promise<void> {
    if (!(await this.renew(owner, 1)).renewed) throw new Error(`${owner} does not hold the lock`);
    await this.#stage.pass(EXPIRY_MS);
  }

  inspect(): Promise<LockRecord | undefined> {
    return this.#driver.inspect(this.key);
  }

  forceRelease(owner?: string): Promise<boolean> {
    return this.#driver.forceRelease(this.key, owner);
  }
}

/** What one test of the contract has: a store of its own. */
export class Stage {
  readonly driver: LockDriver;
  readonly #under: LockDriverUnderTest;
  readonly #parties: Party[] = [];

  constructor(under: LockDriverUnderTest) {
    this.#under = under;
    this.driver = under.driver;
  }

  pass(ms: number): Promise<void> {
    return this.#under.pass(ms);
  }

  async another(): Promise<LockDriver> {
    return (await this.#under.another?.()) ?? this.driver;
  }

  /** A process that can queue: its messages arrive, where the driver sends any. */
  async join({ driver = this.driver, instance = randomUUID() }: { readonly driver?: LockDriver; readonly instance?: string } = {}): Promise<Party> {
    const party = new Party(driver, instance);
    this.#parties.push(party);
    await party.connection?.listen();
    return party;
  }

  lock(kind: LockKind = 'mutex', { capacity = 1, name = randomUUID() }: { readonly capacity?: number; readonly name?: string } = {}): LockUnderTest {
    return new LockUnderTest(this, this.driver, { kind, name }, capacity);
  }

  /** A mutex that `a.1` holds and owners of one process wait for, in this order. */
  async contested<N extends number>(count: N): Promise<{ lock: LockUnderTest; party: Party; waiters: Owners<N> }> {
    const lock = this.lock();
    const party = await this.join();
    const waiters = party.owners(count);
    await lock.hold('a.1');
    for (const owner of waiters as string[]) await lock.queue(owner);
    return { lock, party, waiters };
  }

  async close(): Promise<void> {
    for (const party of this.#parties) await party.connection?.close();
    await this.#under.close?.();
  }
}
