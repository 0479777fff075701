import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock, Timer } from '@staddle/kernel';

export interface TickerOptions {
  readonly clock: Clock;
  readonly onTick: () => void;
  /** The wall clock was set by so many ms. */
  readonly onJump: (byMs: number) => void;
}

// Jumps of the wall clock and suspensions are noticed within it. A timer per second costs nothing that can be measured.
const LONGEST_WAIT_MS = 1_000;
// More than NTP slews in a second, and than two readings of the clocks lie apart on a busy machine.
const JUMP_MS = 500;

/**
 * One timer to the next instant at which something is due, at most a second ahead. It belongs to the monotonic time line, so a
 * wall clock that is set neither fires nor delays it by more than that second. It keeps the process alive. It is in the asynchronous
 * context in which it was made: whoever adds a schedule is not the one that runs it.
 */
export class Ticker {
  readonly #options: TickerOptions;
  readonly #inOwnContext = AsyncLocalStorage.snapshot();
  #timer: Timer | undefined;
  #wakeAt = Infinity;
  #wallOffsetMs = 0;

  constructor(options: TickerOptions) {
    this.#options = options;
  }

  get runs(): boolean {
    return this.#timer !== undefined;
  }

  start(dueAt: number): void {
    const { clock } = this.#options;
    this.#wallOffsetMs = clock.now() - clock.monotonic();
    this.#set(dueAt);
  }

  /** Wakes at `dueAt` (epoch ms) or before. */
  wakeBy(dueAt: number): void {
    if (this.#timer === undefined || dueAt >= this.#wakeAt) return;
    this.#timer.cancel();
    this.#set(dueAt);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** To be called when what was due has been dealt with: `dueAt` is the next. */
  again(dueAt: number): void {
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#set(dueAt);
  }

  #set(dueAt: number): void {
    const { clock } = this.#options;
    const now = clock.now();
    this.#wakeAt = Math.min(dueAt, now + LONGEST_WAIT_MS);
    this.#timer = this.#inOwnContext(() => clock.setTimer(() => this.#wake(), Math.max(0, this.#wakeAt - now), { keepAlive: true }));
  }

  #wake(): void {
    const { clock, onTick, onJump } = this.#options;
    const offsetMs = clock.now() - clock.monotonic();
    const byMs = Math.round(offsetMs - this.#wallOffsetMs);
    this.#wallOffsetMs = offsetMs;
    if (Math.abs(byMs) >= JUMP_MS) onJump(byMs);
    onTick();
  }
}
