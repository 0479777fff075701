import { AsyncLocalStorage } from 'node:async_hooks';
import { keyId } from './contenders.ts';
import type { LockKey } from './driver.ts';
import { LockDeadlockError, LockLostError } from './errors.ts';
import type { Hold } from './hold.ts';
import type { Lease } from './lease.ts';

/*
 * Which leases the running code is inside of, by `using`. A lease from `acquire` belongs to whoever has the object, so it
 * does not count. The context goes along with `await`, promises and timers; a callback that another context calls (an event
 * emitter, a pool) does not have it.
 */

export interface Held {
  readonly lease: Lease;
  /** A reader that asks to write is not the same request. */
  readonly hold: Pick<Hold, 'weight'>;
}

export interface HeldContext {
  /** Runs `work` as holder of these keys. */
  run<T>(keys: readonly LockKey[], held: Held, work: () => Promise<T>): Promise<T>;
  /**
   * What to go on with when the running code is inside of these keys already and may enter them again.
   * @throws LockDeadlockError (`ERR_LOCK_DEADLOCK`) when it is inside of one, and waiting for it would never end
   */
  reenter(keys: readonly LockKey[], weight: number, reentrant: boolean): Held | undefined;
}

export function createHeldContext(): HeldContext {
  const storage = new AsyncLocalStorage<ReadonlyMap<string, Held>>();
  return {
    run(keys, held, work) {
      const context = new Map(storage.getStore());
      for (const key of keys) context.set(keyId(key), held);
      return storage.run(context, work);
    },
    reenter(keys, weight, reentrant) {
      const context = storage.getStore();
      if (context === undefined) return undefined;
      const held = keys.map((key) => context.get(keyId(key))).filter((entry) => entry !== undefined && isOpen(entry.lease)) as Held[];
      const [first] = held;
      if (first === undefined) return undefined;
      const fail = (rule: string): never => {
        throw new LockDeadlockError(keys.map(({ name }) => name).join(', '), rule);
      };
      if (!reentrant) fail('release it first, or acquire with reentrant: true');
      if (held.length < keys.length || held.some(({ lease }) => lease !== first.lease)) fail('several names are acquired again together or not at all');
      if (weight > first.hold.weight) fail('it holds less than it asks for, as a reader that wants to write; ask for all of it from the start, or release first');
      return { lease: nested(first.lease), hold: first.hold };
    },
  };
}

/** Not released by its own work, so that asking for it again would wait for ever. A lost one is no longer in the way. */
function isOpen(lease: Lease): boolean {
  return lease.isHeld;
}

/** The same lease for inner code, whose release lets go of nothing. */
function nested(outer: Lease): Lease {
  let left = false;
  const lease: Lease = {
    name: outer.name,
    names: outer.names,
    token: outer.token,
    fence: outer.fence,
    acquiredAt: outer.acquiredAt,
    get signal() {
      return outer.signal;
    },
    get isHeld() {
      return !left && outer.isHeld;
    },
    fenceOf: (name) => outer.fenceOf(name),
    remaining: () => (left ? 0 : outer.remaining()),
    assertHeld(minRemainingMs) {
      if (left) throw new LockLostError(outer.name, outer.fence, 'released');
      outer.assertHeld(minRemainingMs);
    },
    renew: () => outer.renew(),
    async release() {
      if (left) return 'not-held';
      left = true;
      return 'kept';
    },
    export: () => outer.export(),
    async [Symbol.asyncDispose]() {
      await lease.release();
    },
  };
  return lease;
}
