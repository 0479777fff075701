/**
 * Locks as leases: a holder has exclusivity for `ttlMs`, renews it while it works, and learns in time when it is over.
 *
 * Invariants
 * 1. The deadline of a lease counts from *before* its acquire or renew command was sent, so it ends here before it
 *    ends in the store, whatever the network and the store did meanwhile.
 * 2. Elapsed time is the larger of monotonic and wall time: the monotonic clock stands still while a machine is
 *    suspended, the wall clock may be set back. A jump of the wall clock puts a lease in doubt and asks the store.
 * 3. One timer per hold ends it a margin before the deadline. It needs no answer from the store, so a store that hangs
 *    cannot delay it.
 * 4. An owner token is made per acquisition, never per client or process: a late command of an older one matches nothing.
 * 5. An acquisition that was given up (failure, deadline, abort, late answer) is compensated: should it have won after all,
 *    it is released, on the same line and therefore after it.
 * 6. Every call ends in bounded time by a local timer, also when the store hangs.
 * 7. Several names are held all or none, and are waited for in sorted order.
 *
 * Where what happens: a store's answers and the queue in `contenders.ts`, waiters of one process in `local-queues.ts`,
 * several names in `several-keys.ts`, renewal and deadlines in `keeper.ts`, the life of a lease in `leases.ts`, scheduled runs in `run-once.ts`.
 *
 * Time source: expiry is the store's clock; the local clocks only make a holder stop earlier.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { noMetrics, silentLogger, sleep, systemClock } from '@staddle/kernel';
import { createContenders, keyId, type Terms } from './contenders.ts';
import { withDeadline } from './deadline.ts';
import type { LockConnection, LockKey } from './driver.ts';
import { hasReason, InvalidLockOptionError, LockClosedError, LockLostError, LockTimeoutError, LockUnavailableError } from './errors.ts';
import type { LockEvent } from './events.ts';
import { createHeldContext, type Held } from './held-context.ts';
import { createHold, remainingMs, type Hold } from './hold.ts';
import { createKeeper } from './keeper.ts';
import type { Lease } from './lease.ts';
import { stamp } from './lease-clock.ts';
import { createLeases, type Holds, type HoldWays } from './leases.ts';
import { createInspection } from './inspection.ts';
import { createLocalQueues } from './local-queues.ts';
import type { Locks, LocksOptions, Lockable, PermitOptions } from './locks.ts';
import { checkCount, checkKind, checkMs, checkName, DEFAULTS, settingsOf, type AcquireOptions, type AcquireSettings } from './options.ts';
import { createRunOnce } from './run-once.ts';
import { createSeveralKeys } from './several-keys.ts';
import { createWatchdog, type Watchdog, type WatchdogOptions } from './watchdog.ts';

/** A mutex is a capacity of one. */
const MUTEX = { weight: 1, capacity: 1 } as const;
/** A writer takes all of it, a reader one: no more readers at a time than this. */
const READERS_MAX = 2 ** 31 - 1;
const READER = { weight: 1, capacity: READERS_MAX } as const;
const WRITER = { weight: READERS_MAX, capacity: READERS_MAX } as const;
const PERMITS_MAX = 2 ** 31 - 1;
/** Claims and settlements whose answer was lost are sent again, as the same owner. */
const ASK_TRIES = 3;
/** Long enough for a connection to be made anew. */
const ASK_PAUSE_MS = 100;

const ACQUIRED = { outcome: 'acquired' } as const;

interface Share {
  readonly weight: number;
  readonly capacity: number;
}

/** What to take, and how. */
interface Plan {
  readonly keys: readonly LockKey[];
  readonly share: Share;
  readonly options: AcquireOptions;
}

/** Locks over one driver. Close them at the end: that releases what is held and ends the line for messages. */
export function createLocks(options: LocksOptions): Locks {
  const { driver, clock = systemClock, logger = silentLogger, metrics = noMetrics, onEvent } = options;
  const { commandTimeoutMs = DEFAULTS.commandTimeoutMs, maxLocalHandoffs = DEFAULTS.maxLocalHandoffs } = options;
  if (typeof driver?.acquire !== 'function') throw new InvalidLockOptionError('driver', driver, 'a driver, such as memoryLockDriver()');
  checkMs('commandTimeoutMs', commandTimeoutMs, 1);
  checkCount('maxLocalHandoffs', maxLocalHandoffs, 0, 10_000);
  const defaults = settingsOf(options.defaults ?? {}, undefined, 'defaults.');
  const instance = instanceName(options.instance);
  const acquisitions = metrics.counter({ name: 'lock_acquisitions_total', help: 'Attempts to acquire a lock, by how they ended', labels: ['outcome'] });
  const waits = metrics.histogram({ name: 'lock_wait_seconds', help: 'How long acquired locks were waited for', buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60] });
  const losses = metrics.counter({ name: 'lock_lost_total', help: 'Leases that ended before they were released', labels: ['reason'] });

  const closing = new AbortController();
  const emit = (event: LockEvent): void => {
    if (event.type === 'lost') losses.add(1, { reason: event.reason });
    try {
      onEvent?.(event);
    } catch (err) {
      logger.error({ err, event: event.type }, 'onEvent threw');
    }
  };

  let connection: LockConnection | undefined;
  let isConnected = false;
  /** Opened with the first lock, so that an object that is never used takes nothing. */
  const line = (): LockConnection | undefined => {
    if (!isConnected && driver.connect) {
      isConnected = true;
      connection = driver.connect(instance, {
        granted: (grant) => contenders.granted(grant),
        next: (hint) => contenders.next(hint),
        revoked: (owner) => keeper.revoke(owner),
        ready() {
          keeper.retry();
          contenders.askAgain();
        },
      });
    }
    return connection;
  };
  const watchdog = options.watchdog && startWatchdog(options.watchdog.maxStallMs, { driver, clock, logger });
  const keeper = createKeeper({ driver, clock, logger, commandTimeoutMs, emit, watchdog });
  const contenders = createContenders({ driver, connection: line, clock, logger, instance, commandTimeoutMs, closing: closing.signal });
  const queues = createLocalQueues({ driver, contenders, clock, commandTimeoutMs, closing: closing.signal });
  const leases = createLeases({ keeper, clock, logger, emit });
  const context = createHeldContext();

  const ask = async <T>(name: string, what: string, operation: () => Promise<T>, tries = 1): Promise<T> => {
    for (let left = tries - 1; ; left -= 1) {
      try {
        return await withDeadline(Promise.resolve().then(operation), { clock, timeoutMs: commandTimeoutMs });
      } catch (cause) {
        if (cause instanceof InvalidLockOptionError) throw cause;
        if (left === 0) throw new LockUnavailableError(name, what, { cause });
        await sleep(ASK_PAUSE_MS, { clock });
      }
    }
  };

  /**
   * Leases that carry nothing which only the store could tell apart may go from waiter to waiter inside this process. One that
   * is not renewed is not among them: it needs all of its ttl from the start.
   */
  const isShareable = ({ kind }: LockKey, { renew, fencing, barge, meta, replicas, minHoldMs }: AcquireSettings): boolean =>
    kind === 'mutex' && maxLocalHandoffs > 0 && renew && fencing && !barge && meta === undefined && replicas === undefined && minHoldMs === 0;

  const acquireHold = async (key: LockKey, settings: AcquireSettings, share: Share = MUTEX): Promise<Hold> => {
    const { ttlMs, waitMs, signal, barge, meta, replicas, priority } = settings;
    const shareable = isShareable(key, settings);
    const reserve = shareable ? maxLocalHandoffs : 0;
    // Only a mutex can do without.
    const fencing = settings.fencing || key.kind !== 'mutex';
    const terms: Terms = { ttlMs, ...share, barge, fencing, reserve, meta, replicas, priority };
    if (!shareable) return contenders.contend(key, terms, { waitMs, signal });
    if (waitMs > 0) return queues.take(key, terms, { waitMs, signal });
    if (queues.isHeld(key)) throw new LockTimeoutError(key.name, 0, { holder: instance });
    const hold = await contenders.contend(key, terms, { waitMs, signal });
    queues.adopt(hold);
    return hold;
  };
  const freeHold = (hold: Hold, keepMs = 0): ReturnType<typeof queues.free> => {
    if (keepMs === 0) return queues.free(hold);
    return driver.release({ key: hold.key, owner: hold.owner, keepMs });
  };

  const ways: HoldWays = { free: freeHold, lost: queues.lost };
  const acquireSeveral = createSeveralKeys({ clock, logger, keeper, acquireHold, freeHold, lostHold: queues.lost });

  const acquireKeys = async (keys: readonly LockKey[], settings: AcquireSettings, share: Share): Promise<Held> => {
    const startedAt = clock.monotonic();
    try {
      settings.signal?.throwIfAborted();
      closing.signal.throwIfAborted();
      const outer = context.reenter(keys, share.weight, settings.reentrant);
      if (outer) return outer;
      const holds: Holds = keys.length > 1 ? await acquireSeveral(keys, settings) : [await acquireHold(keys[0]!, settings, share)];
      const lease = leases.start(holds, settings, ways);
      if (closing.signal.aborted) {
        // Closed in the very moment of the grant, when this lease did not count among the open ones yet.
        await lease.release();
        throw closing.signal.reason;
      }
      waits.observe((clock.monotonic() - startedAt) / 1_000);
      acquisitions.add(1, ACQUIRED);
      return { lease, hold: holds[0] };
    } catch (error) {
      const outcome = error instanceof LockTimeoutError ? 'contended' : error instanceof LockUnavailableError ? 'unavailable' : 'refused';
      acquisitions.add(1, { outcome });
      throw error;
    }
  };

  /** Runs the work of a lease and ends the lease. */
  const work = async <T>(held: Held, keys: readonly LockKey[], run: (lease: Lease) => Promise<T>): Promise<T> => {
    const { lease } = held;
    const lostNow = async (): Promise<LockLostError | undefined> => {
      // In doubt after a jump of the wall clock: the store knows.
      if (!lease.isHeld) await lease.renew().catch(() => {});
      try {
        lease.assertHeld();
        return undefined;
      } catch (error) {
        return hasReason(error, 'released') ? undefined : (error as LockLostError);
      }
    };
    let value: T;
    try {
      value = await context.run(keys, held, () => run(lease));
    } catch (error) {
      const lost = await lostNow();
      await lease.release();
      // What the work threw is what the caller sees; the loss is often why it threw.
      if (lost && error instanceof Error && error !== lost && error.cause === undefined && Object.isExtensible(error)) error.cause = lost;
      throw error;
    }
    const lost = await lostNow();
    await lease.release();
    if (lost) throw new LockLostError(lost.lockName, lost.fence, lost.reason, { cause: lost, result: value });
    return value;
  };

  const take = async ({ keys, share, options: given }: Plan): Promise<Lease> => (await acquireKeys(keys, settingsOf(given, defaults), share)).lease;
  const tryTake = async (plan: Plan): Promise<Lease | undefined> => {
    try {
      return await take({ ...plan, options: { ...plan.options, waitMs: 0 } });
    } catch (error) {
      if (error instanceof LockTimeoutError) return undefined;
      throw error;
    }
  };
  const use = async <T>({ keys, share, options: given }: Plan, run: (lease: Lease) => Promise<T>): Promise<T> => work(await acquireKeys(keys, settingsOf(given, defaults), share), keys, run);

  const mutex = (name: string | readonly string[], given: AcquireOptions = {}): Plan => ({ keys: namesOf(name).map((each) => ({ kind: 'mutex', name: each })), share: MUTEX, options: given });
  const lockable = <Options extends AcquireOptions>(planOf: (options: Options) => Plan): Lockable<Options, Omit<Options, 'waitMs' | 'signal' | 'priority'>> => ({
    acquire: async (given = {} as Options) => take(planOf(given)),
    tryAcquire: async (given) => tryTake(planOf({ ...given } as Options)),
    using: async (given, run) => use(planOf(given), run),
  });

  const runOnce = createRunOnce(
    {
      driver,
      clock,
      keeper,
      leases,
      closing: closing.signal,
      newOwner: contenders.newOwner,
      ask: (name, what, operation) => ask(name, what, operation, ASK_TRIES),
      checkOutside: (key) => void context.reenter([key], MUTEX.weight, false),
      acquireHold,
      freeHold,
      lostHold: queues.lost,
      work,
    },
    defaults,
  );

  const close = async (drainMs: number): Promise<void> => {
    closing.abort(new LockClosedError());
    if (drainMs > 0) {
      const drained = new AbortController();
      void leases.whenIdle().then(() => drained.abort());
      await sleep(drainMs, { clock, signal: drained.signal }).catch(() => {});
    }
    await Promise.all([...leases.open].map((lease) => {
      lease.end('closed');
      return lease.release();
    }));
    await Promise.all([connection?.close(), watchdog?.close()]);
  };
  let closed: Promise<void> | undefined;

  const revoke = (key: LockKey, owner: string | undefined): void => {
    const holds = [...leases.open].flatMap((lease) => lease.holds.filter((hold) => keyId(hold.key) === keyId(key)));
    for (const hold of holds) if (owner === undefined || hold.owner === owner) keeper.revoke(hold.owner);
  };

  const locks: Locks = {
    acquire: async (name, given) => take(mutex(name, given)),
    tryAcquire: async (name, given) => tryTake(mutex(name, given)),
    using: async (name, given, run) => use(mutex(name, given), run),

    readWrite(name) {
      checkName(name);
      const keys: LockKey[] = [{ kind: 'read-write', name }];
      return {
        read: lockable((given) => ({ keys, share: READER, options: given })),
        write: lockable((given) => ({ keys, share: WRITER, options: given })),
        async downgrade(lease) {
          lease.assertHeld();
          const state = [...leases.open].find(({ holds }) => holds[0].owner === lease.token);
          const hold = state?.holds[0];
          if (hold?.key.kind !== 'read-write' || hold.key.name !== name) throw new InvalidLockOptionError('lease', lease.name, `a write lease of "${name}" from these locks`);
          const { key, owner, ttlMs } = hold;
          const sent = stamp(clock);
          const request = { key, owner, ttlMs, ...READER, queue: false, priority: 0, barge: true, fencing: true, reserve: 0 };
          const outcome = await ask(name, 'downgraded', () => driver.acquire(request), ASK_TRIES);
          // The store had given it to another owner and now this one was let in anew: not the same lease any more. Or it ended here meanwhile.
          if (!outcome.acquired || outcome.fence !== hold.fence || hold.onLost === undefined) {
            await ask(name, 'released', () => driver.release({ key, owner })).catch(() => {});
            keeper.lose(hold, 'taken');
            lease.assertHeld();
            return;
          }
          hold.since = sent;
          hold.leaseMs = ttlMs;
          hold.weight = READER.weight;
        },
      };
    },

    semaphore(name, permits) {
      checkName(name);
      checkCount('permits', permits, 1, PERMITS_MAX);
      const key: LockKey = { kind: 'semaphore', name };
      const ofPermits = lockable(({ permits: weight = 1, ...given }: AcquireOptions & PermitOptions) => {
        checkCount('permits', weight, 1, permits);
        return { keys: [key], share: { weight, capacity: permits }, options: given };
      });
      return {
        ...ofPermits,
        async available() {
          const record = await ask(name, 'inspected', () => driver.inspect(key));
          return Math.max(0, permits - (record?.holders ?? []).reduce((sum, { weight }) => sum + weight, 0));
        },
      };
    },

    runOnce: async (job, fireTime, run, given = {}) => runOnce(job, fireTime, run, given),

    async adopt({ kind, name, token, fence, ttlMs }, given = {}) {
      checkKind(kind, 'handle.kind');
      checkName(name, 'handle.name');
      if (typeof token !== 'string' || !/^[\w-]+\.[\w-]+$/.test(token)) throw new InvalidLockOptionError('handle.token', token, 'a token, as `lease.export()` gives it');
      if (typeof fence !== 'string' || !/^\d{1,20}$/.test(fence)) throw new InvalidLockOptionError('handle.fence', fence, 'decimal text');
      checkMs('handle.ttlMs', ttlMs, 1);
      closing.signal.throwIfAborted();
      const settings = settingsOf({ ...given, ttlMs }, defaults);
      const key: LockKey = { kind, name };
      const sent = stamp(clock);
      const [outcome] = await ask(name, 'adopted', () => driver.renew([{ key, owner: token, ttlMs: settings.ttlMs }]));
      if (!outcome || !('renewed' in outcome)) throw new LockUnavailableError(name, 'adopted', { cause: outcome });
      const grant = { key, owner: token, fence: BigInt(fence), ttlMs: settings.ttlMs, leaseMs: settings.ttlMs, since: sent, roundTripMs: clock.monotonic() - sent.monotonic };
      if (!outcome.renewed) throw new LockLostError(name, grant.fence, outcome.holder === undefined ? 'state-lost' : 'taken');
      const hold = createHold(grant);
      hold.exported = true;
      if (remainingMs(clock, hold) === 0) throw new LockUnavailableError(name, 'adopted', { cause: new Error(`the answer took longer than the lease of ${ttlMs} ms lasts`) });
      closing.signal.throwIfAborted();
      return leases.start([hold], settings, ways);
    },

    ...createInspection({ driver, ask, revoke }),

    async close({ drainMs = 0 } = {}) {
      checkMs('drainMs', drainMs, 0);
      closed ??= close(drainMs);
      await closed;
    },
    [Symbol.asyncDispose]: () => locks.close(),
  };
  return locks;
}

function namesOf(name: string | readonly string[]): string[] {
  const names = Array.isArray(name) ? [...new Set<string>(name)] : [name as string];
  if (names.length === 0) throw new InvalidLockOptionError('name', name, 'a name, or several');
  for (const each of names) checkName(each);
  return names.toSorted();
}

function startWatchdog(maxStallMs: number, { driver, ...rest }: Pick<LocksOptions, 'driver'> & Omit<WatchdogOptions, 'source' | 'maxStallMs'>): Watchdog {
  checkMs('watchdog.maxStallMs', maxStallMs, 1);
  const source = driver.watchdog;
  if (source === undefined) throw new InvalidLockOptionError('watchdog', driver.name, 'used with a driver that a worker thread can reach on its own: Redis with a client of plain options, or SQL with a watchdogUrl');
  return createWatchdog({ source, maxStallMs, ...rest });
}

/** Unique per call: two objects in one process are two instances. */
function instanceName(label: string = `${hostname()}-${process.pid}`): string {
  if (typeof label !== 'string' || label.length === 0) throw new InvalidLockOptionError('instance', label, 'non-empty text');
  return `${label.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64)}_${randomUUID().slice(-12)}`;
}
