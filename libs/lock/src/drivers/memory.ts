import { systemClock, type Clock } from '@staddle/kernel';
import type { LockDriver, LockListener } from '../driver.ts';
import { LockSpace } from './memory-space.ts';

export interface MemoryLockDriverOptions {
  /** Default: the system clock. */
  readonly clock?: Clock;
}

/**
 * Locks among the callers of one process: the same semantics as a shared store, without one. Two drivers are two spaces;
 * whatever shares a driver shares its locks.
 */
export function memoryLockDriver({ clock = systemClock }: MemoryLockDriverOptions = {}): LockDriver {
  const instances = new Map<string, Set<LockListener>>();
  const listenersOf = (owner: string): ReadonlySet<LockListener> | undefined => instances.get(owner.slice(0, owner.indexOf('.')));

  // In a microtask: not inside the operation that caused it, before anybody sees the answer of that, without a timer, and
  // always in the same order. Whoever has closed its connection by then hears nothing, as a dead process would.
  const tell = (owner: string, message: (listener: LockListener) => void): void => {
    queueMicrotask(() => listenersOf(owner)?.forEach(message));
  };

  const space = new LockSpace(clock, {
    reaches: (owner) => listenersOf(owner) !== undefined,
    granted: (grant) => tell(grant.owner, (listener) => listener.granted(grant)),
    next: (hint) => tell(hint.owner, (listener) => listener.next(hint)),
    revoked: (owner) => tell(owner, (listener) => listener.revoked(owner)),
  });

  return {
    name: 'memory',
    acquire: async (request) => space.acquire(request),
    renew: async (requests) => requests.map((request) => space.renew(request)),
    release: async (request) => space.release(request),
    claim: async (request) => space.claim(request),
    settle: async (request) => space.settle(request),
    inspect: async (key) => space.inspect(key),
    async *list({ kind, prefix }) {
      yield* space.list(kind, prefix);
    },
    forceRelease: async (key, owner) => space.forceRelease(key, owner),
    connect(instance, listener) {
      let listening = false;
      return {
        get listening() {
          return listening;
        },
        async listen() {
          listening = true;
          const listeners = instances.get(instance) ?? new Set();
          instances.set(instance, listeners.add(listener));
        },
        async close() {
          listening = false;
          const listeners = instances.get(instance);
          if (listeners?.delete(listener) && listeners.size === 0) instances.delete(instance);
        },
      };
    },
  };
}
