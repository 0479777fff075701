import { createLocks, type Lockable, type LockDriver, type LockEvent, type Locks, type LocksOptions } from '@staddle/lock';
import { memoryLockDriver } from '@staddle/lock/memory';
import { createTestClock, recordingLogger, type RecordingLogger, type TestClock } from '@staddle/testing';

/** What the core asked of its driver, oldest first. */
export interface Calls {
  readonly acquire: Parameters<LockDriver['acquire']>[0][];
  readonly renew: Parameters<LockDriver['renew']>[0][];
  readonly release: Parameters<LockDriver['release']>[0][];
  readonly claim: Parameters<LockDriver['claim']>[0][];
  readonly settle: Parameters<LockDriver['settle']>[0][];
}

/** One process over the stand's store. */
export interface StandProcess extends Locks {
  readonly calls: Calls;
  readonly events: LockEvent[];
  readonly logger: RecordingLogger;
}

/** A store in memory on a clock that stands still until a test moves it, and as many processes over it as the test wants. */
export interface Stand {
  readonly clock: TestClock;
  readonly driver: LockDriver;
  /** `store`: operations that behave otherwise than the memory driver's. */
  process(store?: Partial<LockDriver>, options?: Partial<LocksOptions>): StandProcess;
}

export function createStand(): Stand {
  const clock = createTestClock();
  const driver = memoryLockDriver({ clock });
  // A lease that a test takes and forgets would be found by the garbage collector, and be renewed no more.
  const kept: unknown[] = [];
  const keep = async <T>(taken: Promise<T>): Promise<T> => {
    const lease = await taken;
    kept.push(lease);
    return lease;
  };
  const keepAll = <O, T>(lockable: Lockable<O, T>): Lockable<O, T> => ({
    acquire: (options) => keep(lockable.acquire(options)),
    tryAcquire: (options) => keep(lockable.tryAcquire(options)),
    using: (...args) => lockable.using(...args),
  });
  return {
    clock,
    driver,
    process(store = {}, options = {}) {
      const calls: Calls = { acquire: [], renew: [], release: [], claim: [], settle: [] };
      const events: LockEvent[] = [];
      const logger = recordingLogger();
      const locks = createLocks({ driver: recorded({ ...driver, ...store }, calls), clock, logger, onEvent: (event) => events.push(event), ...options });
      return {
        ...locks,
        acquire: (...args) => keep(locks.acquire(...args)),
        tryAcquire: (...args) => keep(locks.tryAcquire(...args)),
        readWrite(name) {
          const { read, write, ...rest } = locks.readWrite(name);
          return { ...rest, read: keepAll(read), write: keepAll(write) };
        },
        semaphore(...args) {
          const pool = locks.semaphore(...args);
          return { ...pool, ...keepAll(pool) };
        },
        calls,
        events,
        logger,
      };
    },
  };
}

/** An operation whose answer never comes. */
export function never(): Promise<never> {
  return new Promise(() => {});
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function recorded(driver: LockDriver, calls: Calls): LockDriver {
  return {
    ...driver,
    acquire(request) {
      calls.acquire.push(request);
      return driver.acquire(request);
    },
    renew(requests) {
      calls.renew.push(requests);
      return driver.renew(requests);
    },
    release(request) {
      calls.release.push(request);
      return driver.release(request);
    },
    claim(request) {
      calls.claim.push(request);
      return driver.claim(request);
    },
    settle(request) {
      calls.settle.push(request);
      return driver.settle(request);
    },
  };
}
