import type { Clock } from '@staddle/kernel';

interface Waiter {
  readonly grant: () => void;
  readonly refuse: (error: Error) => void;
}

/**
 * Counts how many connections are in use: first come, first served, each wait with a deadline. SQLite's single
 * connection and a MySQL pool go through the same gate, so neither can make a caller wait for ever.
 */
export class Slots {
  readonly size: number;
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiter>();
  #used = 0;
  #closed: Error | undefined;
  readonly #idle = Promise.withResolvers<void>();

  constructor(size: number, clock: Clock) {
    this.size = size;
    this.#clock = clock;
  }

  get used(): number {
    return this.#used;
  }

  /** Resolves to a function that gives the slot back; further calls of it do nothing. Rejects with `timeout()` after `timeoutMs`. */
  async take(timeoutMs: number, timeout: () => Error): Promise<() => void> {
    if (this.#closed) throw this.#closed;
    if (this.#used < this.size) this.#used++;
    else await this.#wait(timeoutMs, timeout);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#give();
    };
  }

  /** Refuses new and waiting callers with `error`; resolves when every slot came back. */
  close(error: Error): Promise<void> {
    this.#closed ??= error;
    for (const waiter of this.#waiting) waiter.refuse(error);
    if (this.#used === 0) this.#idle.resolve();
    return this.#idle.promise;
  }

  #wait(timeoutMs: number, timeout: () => Error): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        timer.cancel();
        this.#waiting.delete(waiter);
      };
      const waiter: Waiter = {
        grant() {
          leave();
          resolve();
        },
        refuse(error) {
          leave();
          reject(error);
        },
      };
      const timer = this.#clock.setTimer(() => waiter.refuse(timeout()), timeoutMs);
      this.#waiting.add(waiter);
    });
  }

  // The slot passes straight to the longest waiter, so that a newcomer cannot overtake it.
  #give(): void {
    const [next] = this.#waiting;
    if (next) {
      next.grant();
      return;
    }
    this.#used--;
    if (this.#used === 0 && this.#closed) this.#idle.resolve();
  }
}
