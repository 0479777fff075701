import type { LockConnection, LockListener } from '@staddle/lock';
import type { LineOptions } from './line.ts';

/** So late at the latest the store notices that a connection for messages is gone. */
export const NOTICED_MS = 5_000;

/**
 * The connection for messages between one machine and the store. Messages arrive in their order, unless they are shuffled; none
 * arrives that was sent while the connection was gone, whether the store knew that or not.
 */
export class Subscription {
  readonly #options: LineOptions;
  readonly #delayMs: (stalled: number) => number;
  #opened: { readonly instance: string; readonly listener: LockListener } | undefined;
  /** The store's end. */
  #remote: LockConnection | undefined;
  #isWanted = false;
  #isUp = true;
  #listening = false;
  #listen: Promise<void> | undefined;
  /** Counts the connections, so that nothing comes from an earlier one. */
  #generation = 0;
  #last = 0;

  /** @param delayMs how long something takes, when `stalled` is the share of what is stalled */
  constructor(options: LineOptions, delayMs: (stalled: number) => number) {
    this.#options = options;
    this.#delayMs = delayMs;
  }

  /** As {@link LockDriver.connect}. */
  open(instance: string, listener: LockListener): LockConnection {
    this.#opened = { instance, listener };
    const isListening = (): boolean => this.#listening;
    return {
      get listening() {
        return isListening();
      },
      listen: () => this.#begin(),
      close: async () => {
        this.#isWanted = false;
        this.#listening = false;
        this.#dropRemote(this.#delayMs(0));
      },
    };
  }

  /** The store finds out now or later: until then it talks to nobody. */
  break(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    const { machine, chance } = this.#options;
    machine.deliver(() => {
      this.#listening = false;
    });
    this.#dropRemote(chance.is(0.5) ? 0 : chance.spread(10, NOTICED_MS));
  }

  mend(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    if (this.#isWanted) this.#options.timeline.after(this.#delayMs(0), () => this.#subscribe());
  }

  /** The process is dead. */
  die(): void {
    this.#isWanted = false;
    this.break();
  }

  async #begin(): Promise<void> {
    if (this.#listening) return;
    this.#isWanted = true;
    if (!this.#isUp) throw new Error('there is no connection for messages');
    if (this.#listen === undefined) {
      const listen = Promise.withResolvers<void>();
      this.#listen = listen.promise.finally(() => {
        this.#listen = undefined;
      });
      const { timeline, machine } = this.#options;
      timeline.at(machine.now + this.#delayMs(0), () => this.#subscribe(listen));
    }
    await this.#listen;
  }

  /** Arrives at the store, and the confirmation comes back. */
  #subscribe(listen?: PromiseWithResolvers<void>): void {
    const fail = (): void => listen?.reject(new Error('the connection for messages was lost'));
    if (!this.#isUp || !this.#isWanted) {
      fail();
      return;
    }
    this.#generation += 1;
    const generation = this.#generation;
    const { store, timeline, machine, note } = this.#options;
    const { instance, listener } = this.#opened!;
    void this.#remote?.close();
    this.#remote = store.driver.connect!(instance, {
      granted: (grant) => {
        note(machine.name, 'is granted', grant);
        this.#tell(generation, () => listener.granted(grant));
      },
      next: (hint) => this.#tell(generation, () => listener.next(hint)),
      revoked: (owner) => this.#tell(generation, () => listener.revoked(owner)),
      ready() {},
    });
    void this.#remote.listen();
    timeline.after(this.#delayMs(0), () => {
      machine.deliver(() => {
        if (generation !== this.#generation || !this.#isUp) {
          fail();
          return;
        }
        this.#listening = true;
        listen?.resolve();
        if (listen === undefined) listener.ready();
      });
    });
  }

  #tell(generation: number, tell: () => void): void {
    const { timeline, chance, machine } = this.#options;
    const { lostMessages, slowMessages, shuffled } = this.#options.faults();
    if (chance.is(lostMessages)) return;
    const at = timeline.now + this.#delayMs(slowMessages);
    this.#last = Math.max(this.#last, at);
    timeline.at(shuffled ? at : this.#last, () => {
      if (this.#isUp && generation === this.#generation) machine.deliver(tell);
    });
  }

  #dropRemote(ms: number): void {
    const remote = this.#remote;
    this.#options.timeline.after(ms, () => {
      void remote?.close();
      if (this.#remote === remote) this.#remote = undefined;
    });
  }
}
