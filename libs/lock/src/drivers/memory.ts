import { systemClock, type Clock } from '@staddle/kernel';
import type { LockDriver } from '../driver.ts';

export interface MemoryLockDriverOptions {
  /** Default: the system clock. */
  readonly clock?: Clock;
}

interface Held {
  readonly owner: string;
  readonly fence: bigint;
  /** On the monotonic time line, in ms. */
  expiresAtMonotonic: number;
}

// Names are often made for one use (`invoice 4711`) and never asked for again, so that nothing else would remove them.
const SWEEP_FROM = 1_000;

/** Locks among the callers of one process: the same semantics as a shared store, without one. */
export function memoryLockDriver({ clock = systemClock }: MemoryLockDriverOptions = {}): LockDriver {
  const held = new Map<string, Held>();
  // One counter for all keys: strictly increasing per key follows, and nothing is kept per name.
  let lastFence = 0n;
  let sweepAt = SWEEP_FROM;

  const live = (key: string): Held | undefined => {
    const entry = held.get(key);
    if (entry === undefined || entry.expiresAtMonotonic > clock.monotonic()) return entry;
    held.delete(key);
    return undefined;
  };

  return {
    name: 'memory',
    async acquire(key, owner, ttlMs) {
      const entry = live(key);
      if (entry !== undefined && entry.owner !== owner) return { acquired: false, expiresInMs: Math.ceil(entry.expiresAtMonotonic - clock.monotonic()) };
      const fence = entry?.fence ?? nextFence();
      if (held.size >= sweepAt) sweep();
      held.set(key, { owner, fence, expiresAtMonotonic: clock.monotonic() + ttlMs });
      return { acquired: true, fence };
    },
    async renew(key, owner, ttlMs) {
      const entry = live(key);
      if (entry?.owner !== owner) return false;
      entry.expiresAtMonotonic = clock.monotonic() + ttlMs;
      return true;
    },
    async release(key, owner) {
      return live(key)?.owner === owner && held.delete(key);
    },
  };

  // At twice the size that the last sweep left, so that it costs each acquisition a constant time.
  function sweep(): void {
    for (const key of held.keys()) live(key);
    sweepAt = Math.max(SWEEP_FROM, held.size * 2);
  }

  // Microseconds of wall time, as in the Redis driver: a restarted process continues above its old fences.
  function nextFence(): bigint {
    const now = BigInt(Math.trunc(clock.now())) * 1_000n;
    lastFence = now > lastFence ? now : lastFence + 1n;
    return lastFence;
  }
}
