import type { Clock, Timer } from '@staddle/kernel';

export interface HeartbeatOptions {
  readonly clock: Clock;
  /** Time between two pings, in ms. */
  readonly intervalMs: number;
  /** How long a pong may take, in ms; below `intervalMs`. */
  readonly pongTimeoutMs: number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly ping: () => void;
  /** No pong came in time. Called once; the heart has stopped then. */
  readonly dead: () => void;
}

/**
 * Pings one peer and notices its silence: a socket whose peer vanished stays open for hours otherwise.
 * One timer per peer at any time. Runs on the monotonic clock.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: Timer;
  #awaitingPong = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    // Somewhere in the second half of the interval: clients that connected together are not pinged together for ever.
    this.#timer = this.#after(options.intervalMs * (0.5 + options.random() / 2), () => this.#ping());
  }

  pong(): void {
    this.#awaitingPong = false;
  }

  stop(): void {
    this.#timer.cancel();
  }

  #ping(): void {
    const { intervalMs, pongTimeoutMs, ping, dead } = this.#options;
    this.#awaitingPong = true;
    this.#timer = this.#after(pongTimeoutMs, () => {
      if (this.#awaitingPong) dead();
      else this.#timer = this.#after(intervalMs - pongTimeoutMs, () => this.#ping());
    });
    // Last: a ping that finds the peer's queue full stops this heart.
    ping();
  }

  #after(delayMs: number, callback: () => void): Timer {
    return this.#options.clock.setTimer(callback, delayMs, { keepAlive: false });
  }
}
