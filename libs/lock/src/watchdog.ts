import { Worker } from 'node:worker_threads';
import type { Clock, Logger } from '@staddle/kernel';
import type { WatchdogSource } from './driver.ts';
import type { Hold } from './hold.ts';
import type { Stamp } from './lease-clock.ts';
import { CELLS, sharedNow, type WatchdogData, type WatchdogReply, type WatchdogRequest } from './watchdog-cells.ts';

/*
 * A second pair of hands for a main thread that is blocked: a worker thread that renews holds over a connection of its own.
 *
 * 1. It only stands in: a hold is renewed there when half of its lease has passed, which the main thread, renewing after a
 *    third, lets happen only when it is blocked or cannot reach the store.
 * 2. It stops when the main thread has not been seen for `maxStallMs`: a hung process must not hold a lock for ever.
 * 3. Both threads see one truth: when each hold was last renewed stands in shared memory, so that `isHeld` is right inside of a
 *    blocking computation too.
 */

/** A million holds. The memory grows as they come. */
const HOLDS_MAX = 1_000_000;
const HOLDS_AT_START = 256;
/** The worker believes a main thread that is seen this many times within `maxStallMs`. */
const BEATS = 10;
const SLOWEST_BEAT_MS = 1_000;

export interface Watchdog {
  guard(hold: Hold): void;
  unguard(hold: Hold): void;
  close(): Promise<void>;
}

export interface WatchdogOptions {
  readonly source: WatchdogSource;
  readonly maxStallMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createWatchdog({ source, maxStallMs, clock, logger }: WatchdogOptions): Watchdog {
  const bytesOf = (holds: number): number => (CELLS.first + holds * CELLS.perHold) * BigInt64Array.BYTES_PER_ELEMENT;
  const buffer = new SharedArrayBuffer(bytesOf(HOLDS_AT_START), { maxByteLength: bytesOf(HOLDS_MAX) });
  const cells = new BigInt64Array(buffer);
  const slots = new WeakMap<Hold, number>();
  const free: number[] = [];
  let used = 0;

  // Runs from source in development and from dist when published; the name of this file says which.
  const isSource = import.meta.url.endsWith('.ts');
  const worker = new Worker(new URL(isSource ? './watchdog-worker.ts' : './watchdog-worker.js', import.meta.url), {
    name: 'lock-watchdog',
    workerData: { source, cells: buffer, maxStallMs } satisfies WatchdogData,
    ...(isSource && { execArgv: ['--conditions=@staddle/source', '--disable-warning=ExperimentalWarning'] }),
  });
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
  const post = (request: WatchdogRequest): void => worker.postMessage(request);
  const closed = Promise.withResolvers<void>();
  worker.on('message', (reply: WatchdogReply) => {
    if (reply.type === 'free') free.push(reply.slot);
    else closed.resolve();
  });
  worker.on('error', (err) => logger.error({ err }, 'the lock watchdog failed; locks are renewed by the main thread alone'));
  worker.on('exit', () => closed.resolve());
  // The last of these: to listen for messages keeps a process alive.
  worker.unref();

  const beat = (): void => {
    Atomics.store(cells, CELLS.heartbeat, sharedNow());
    heartbeat = clock.setTimer(beat, Math.min(SLOWEST_BEAT_MS, maxStallMs / BEATS), { keepAlive: false });
  };
  let heartbeat = clock.setTimer(() => {}, 0, { keepAlive: false });
  beat();

  const at = (slot: number, cell: number): number => CELLS.first + slot * CELLS.perHold + cell;
  const takeSlot = (): number | undefined => {
    const slot = free.pop();
    if (slot !== undefined) return slot;
    if (used === HOLDS_MAX) return undefined;
    if (bytesOf(used + 1) > buffer.byteLength) buffer.grow(Math.min(bytesOf(HOLDS_MAX), bytesOf(used * 2)));
    used += 1;
    return used - 1;
  };
  const lastRenewal = (hold: Hold, slot: number): Stamp | undefined => {
    const cell = Atomics.load(cells, at(slot, CELLS.since));
    // From one time line to the other, and in this order: should the process stand still in between, the lease counts as older.
    const monotonic = clock.monotonic() - Number(sharedNow() - cell) / 1_000;
    // A millisecond covers the rounding of the two time lines.
    if (monotonic <= hold.since.monotonic + 1) return undefined;
    // Written before the other cell, so it is not older.
    return { monotonic, wall: Number(Atomics.load(cells, at(slot, CELLS.wall))) };
  };

  return {
    guard(hold) {
      const slot = takeSlot();
      if (slot === undefined) return;
      slots.set(hold, slot);
      hold.renewedElsewhere = () => lastRenewal(hold, slot);
      Atomics.store(cells, at(slot, CELLS.wall), BigInt(Math.round(hold.since.wall)));
      Atomics.store(cells, at(slot, CELLS.since), sharedNow() - BigInt(Math.ceil((clock.monotonic() - hold.since.monotonic) * 1_000)));
      post({ type: 'guard', slot, key: hold.key, owner: hold.owner, ttlMs: hold.ttlMs });
    },
    unguard(hold) {
      const slot = slots.get(hold);
      if (slot === undefined) return;
      slots.delete(hold);
      hold.renewedElsewhere = undefined;
      post({ type: 'unguard', slot });
    },
    async close() {
      heartbeat.cancel();
      worker.ref();
      post({ type: 'close' });
      await closed.promise;
      await worker.terminate();
    },
  };
}
