import type { LockDriver, LockKey } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import type { Timeline } from './timeline.ts';

/** Makes a driver that breaks its contract: what the simulation must notice. */
export type Sabotage = (driver: LockDriver, timeline: Timeline) => LockDriver;

export interface StoreOptions {
  readonly timeline: Timeline;
  /** Epoch ms of its wall clock at the start. */
  readonly wallAtStart: number;
  /** Told of what a store must never do. */
  readonly onFault: (fault: string) => void;
  readonly sabotage?: Sabotage | undefined;
}

/** The fences of one key, as they were given out. */
interface Fences {
  readonly owners: Map<bigint, string>;
  /** The last that was given out before `at`, with all that was reserved. */
  before: bigint;
  at: number;
  /** The same, including what was given out at `at`. */
  highest: bigint;
}

/**
 * The server of a simulation: a memory driver with clocks of its own, watched from outside. Its time is the true time: how
 * much faster or slower the machines' clocks go is told against it.
 *
 * I2 fences strictly increase per key in the order in which they are given out, also when the store has lost its data.
 */
export class Store {
  /** The driver in its present life. */
  driver: LockDriver;
  /** When it last lost its data, when its clock jumped, or when somebody freed a lock by force. */
  lastUpheavalAt = -Infinity;
  readonly #options: StoreOptions;
  readonly #fences = new Map<string, Fences>();
  readonly #asked = new Map<string, { readonly key: LockKey; readonly reserve: number }>();
  #stallsUntil = 0;
  readonly #endsAt = new Map<string, number>();
  #wallJumpMs = 0;
  #clockJumpMs = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.driver = this.#start();
  }

  /** When the lease of an owner ends, by the true time; undefined when it has none. */
  endsAt(owner: string): number | undefined {
    return this.#endsAt.get(owner);
  }

  /** Runs an operation that has arrived, as soon as the store gets round to it. */
  serve(operation: () => void): void {
    if (this.#options.timeline.now < this.#stallsUntil) this.#options.timeline.at(this.#stallsUntil, () => this.serve(operation));
    else operation();
  }

  /** Does nothing for a while; what arrives waits. */
  stall(ms: number): void {
    this.#stallsUntil = Math.max(this.#stallsUntil, this.#options.timeline.now + ms);
  }

  /** Comes back without its data. Whoever is connected has to connect anew. */
  restart(): void {
    this.lastUpheavalAt = this.#options.timeline.now;
    this.driver = this.#start();
  }

  /** Its clock goes ahead, as when an operator sets it. */
  jumpClock(ms: number): void {
    this.lastUpheavalAt = this.#options.timeline.now;
    this.#clockJumpMs += ms;
  }

  jumpWall(byMs: number): void {
    this.#wallJumpMs += byMs;
  }

  #start(): LockDriver {
    const { timeline, wallAtStart, sabotage = (driver) => driver } = this.#options;
    const clock = {
      now: () => Math.floor(wallAtStart + timeline.now + this.#wallJumpMs),
      monotonic: () => timeline.now + this.#clockJumpMs,
      setTimer: () => {
        throw new Error('a store in memory needs no timer');
      },
    };
    return this.#watched(sabotage(memoryLockDriver({ clock }), timeline));
  }

  #watched(driver: LockDriver): LockDriver {
    return {
      ...driver,
      acquire: async (request) => {
        this.#asked.set(request.owner, request);
        const outcome = await driver.acquire(request);
        if (outcome.acquired) this.#given(request, outcome.fence, request.reserve, request.ttlMs);
        return outcome;
      },
      renew: async (requests) => {
        const outcomes = await driver.renew(requests);
        requests.forEach(({ owner, ttlMs }, index) => {
          const outcome = outcomes[index]!;
          if ('renewed' in outcome && outcome.renewed) this.#lasts(owner, ttlMs);
        });
        return outcomes;
      },
      release: async (request) => {
        this.#endsAt.delete(request.owner);
        return driver.release(request);
      },
      claim: async (request) => {
        const outcome = await driver.claim(request);
        if (outcome.claimed) this.#given(request, outcome.fence, 0, request.ttlMs);
        return outcome;
      },
      settle: async (request) => {
        this.#endsAt.delete(request.owner);
        return driver.settle(request);
      },
      connect: (instance, listener) =>
        driver.connect!(instance, {
          ...listener,
          granted: (grant) => {
            const { key, reserve } = this.#asked.get(grant.owner)!;
            this.#given({ key, owner: grant.owner }, grant.fence, reserve, grant.leaseMs);
            listener.granted(grant);
          },
        }),
    };
  }

  #lasts(owner: string, ms: number): void {
    this.#endsAt.set(owner, this.#options.timeline.now + ms);
  }

  #given({ key: { kind, name }, owner }: { readonly key: LockKey; readonly owner: string }, fence: bigint, reserve: number, leaseMs: number): void {
    this.#lasts(owner, leaseMs);
    const id = `${kind}:${name}`;
    const { now } = this.#options.timeline;
    const fences = this.#fences.get(id) ?? { owners: new Map<bigint, string>(), before: -1n, at: now, highest: -1n };
    this.#fences.set(id, fences);
    if (fences.at < now) {
      fences.before = fences.highest;
      fences.at = now;
    }
    const known = fences.owners.get(fence);
    if (known === owner) return;
    if (known !== undefined) this.#options.onFault(`I2: ${id}: fence ${fence} was given out twice`);
    if (fence <= fences.before) this.#options.onFault(`I2: ${id}: fence ${fence} was given out after ${fences.before}`);
    fences.owners.set(fence, owner);
    const last = fence + BigInt(reserve);
    if (last > fences.highest) fences.highest = last;
  }
}
