import type { Clock, Logger, Metrics, Timer } from '@staddle/kernel';
import type { LinkStore } from './link-store.ts';

export interface VisitCounterOptions {
  readonly store: LinkStore;
  /** Time from the first visit of a batch to its write. */
  readonly flushMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

// Rows of one statement: far below the parameters that one can bind, and few enough to hold no lock for long.
const LINKS_PER_WRITE = 1_000;

/** Adds up visits in memory and writes them in batches: one row per visited link, however often it was visited. */
export class VisitCounter {
  readonly #options: VisitCounterOptions;
  readonly #lost: { add(visits: number): void };
  #pending = new Map<number, number>();
  /** What the store is at, and what comes after it in the same flush. */
  #unwritten: readonly (readonly [number, number])[] = [];
  #running = false;
  #timer: Timer | undefined;
  #flushing: Promise<void> | undefined;
  #failing = false;

  constructor(options: VisitCounterOptions) {
    this.#options = options;
    this.#lost = options.metrics.counter({ name: 'shortlink_visits_lost_total', help: 'Visits whose write was cut off: they may not have been counted' });
  }

  add(linkId: number, visits = 1): void {
    this.#pending.set(linkId, (this.#pending.get(linkId) ?? 0) + visits);
    this.#plan();
  }

  start(): void {
    this.#running = true;
    this.#plan();
  }

  /** Writes what is there. What cannot be written, or not before the abort, stays for the next start. */
  async stop(signal?: AbortSignal): Promise<void> {
    this.#running = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    const flushed = this.#flushAll();
    await (signal ? Promise.race([flushed, aborted(signal)]) : flushed);
    const left = total(this.#pending) + total(this.#unwritten);
    if (left > 0) this.#options.logger.warn({ visits: left }, 'stopped with visits that are not stored');
  }

  #plan(): void {
    if (!this.#running || this.#timer || this.#flushing || this.#pending.size === 0) return;
    const { clock, flushMs } = this.#options;
    const onDue = (): void => {
      this.#timer = undefined;
      void this.#flush();
    };
    this.#timer = clock.setTimer(onDue, flushMs, { keepAlive: false });
  }

  async #flushAll(): Promise<void> {
    // The flush that runs has left out the latest visits.
    await this.#flushing;
    await this.#flush();
  }

  /** Never rejects. */
  #flush(): Promise<void> {
    return (this.#flushing ??= this.#write().finally(() => {
      this.#flushing = undefined;
      this.#plan();
    }));
  }

  async #write(): Promise<void> {
    const batch = [...this.#pending];
    this.#pending = new Map();
    for (let next = 0; next < batch.length; next += LINKS_PER_WRITE) {
      this.#unwritten = batch.slice(next);
      try {
        await this.#options.store.addVisits(new Map(batch.slice(next, next + LINKS_PER_WRITE)));
        if (this.#failing) this.#options.logger.info({}, 'visits are stored again');
        this.#failing = false;
      } catch (err) {
        this.#unwritten = [];
        // Counting them again might count them twice; a count may be too low, never too high.
        const cutOff = err instanceof Error && 'outcomeUnknown' in err && err.outcomeUnknown === true;
        const kept = batch.slice(cutOff ? next + LINKS_PER_WRITE : next);
        for (const [linkId, visits] of kept) this.add(linkId, visits);
        this.#report(err, cutOff ? batch.slice(next, next + LINKS_PER_WRITE) : []);
        return;
      }
    }
    this.#unwritten = [];
  }

  #report(err: unknown, cutOff: Iterable<readonly [number, number]>): void {
    const { logger } = this.#options;
    const visits = total(cutOff);
    if (visits > 0) {
      this.#lost.add(visits);
      logger.warn({ err, visits }, 'the write of visits was cut off: they may not have been counted');
    } else if (!this.#failing) {
      // Once per outage, not once per try.
      logger.warn({ err }, 'visits cannot be stored: trying again');
    }
    this.#failing = true;
  }
}

function total(visits: Iterable<readonly [number, number]>): number {
  let sum = 0;
  for (const [, count] of visits) sum += count;
  return sum;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
