import type { LockDriver, LockKey } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { Ledger } from './ledger.ts';
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

/**
 * The server of a simulation: a memory driver with clocks of its own, watched from outside. Its time is the true time: how
 * much faster or slower the machines' clocks go is told against it.
 */
export class Store {
  /** The driver in its present life. */
  driver: LockDriver;
  #lastUpheavalAt = -Infinity;
  readonly #options: StoreOptions;
  readonly #ledger: Ledger;
  #stallsUntil = 0;
  readonly #backlog: (() => void)[] = [];
  #wallJumpMs = 0;
  #clockJumpMs = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#ledger = new Ledger(options.timeline, options.onFault);
    this.driver = this.#start();
  }

  /** When it last lost its data, when its clock jumped, or when somebody freed a lock by force. */
  get lastUpheavalAt(): number {
    return this.#lastUpheavalAt;
  }

  /** When the lease of an owner ends, by the true time; undefined when it has none. */
  endsAt(owner: string): number | undefined {
    return this.#ledger.endsAt(owner);
  }

  /** Runs an operation that has arrived, as soon as the store gets round to it. */
  serve(operation: () => void): void {
    if (this.#options.timeline.now < this.#stallsUntil) this.#backlog.push(operation);
    else operation();
  }

  /** Does nothing for a while; what arrives waits. */
  stall(ms: number): void {
    const { timeline } = this.#options;
    this.#stallsUntil = Math.max(this.#stallsUntil, timeline.now + ms);
    timeline.at(this.#stallsUntil, () => {
      if (timeline.now < this.#stallsUntil) return;
      for (const operation of this.#backlog.splice(0)) timeline.after(0, operation);
    });
  }

  /** Comes back without its data. Whoever is connected has to connect anew. */
  restart(): void {
    this.#forget();
    this.driver = this.#start();
  }

  /** Its clock goes ahead, as when an operator sets it. */
  jumpClock(ms: number): void {
    this.#forget();
    this.#clockJumpMs += ms;
  }

  /** An operator ends the leases of a key, whoever has them. */
  forceRelease(key: LockKey): void {
    this.#forget();
    void this.driver.forceRelease(key);
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
    return this.#ledger.watch(sabotage(memoryLockDriver({ clock }), timeline));
  }

  #forget(): void {
    this.#lastUpheavalAt = this.#options.timeline.now;
    this.#ledger.forget();
  }
}
