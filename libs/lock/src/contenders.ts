import { randomUUID } from 'node:crypto';
import type { Clock, Logger } from '@staddle/kernel';
import { listen, withDeadline } from './deadline.ts';
import type { AcquireOutcome, AcquireRequest, LockConnection, LockDriver, LockGrant, LockKey } from './driver.ts';
import { InvalidLockOptionError, LockNotReplicatedError, LockTimeoutError, LockUnavailableError } from './errors.ts';
import { createHold, remainingMs, type Hold } from './hold.ts';
import { earlier, elapsedMs, stamp, type Stamp } from './lease-clock.ts';
import { afterEndMs, isNear, restMs, retryMs, type Refusal } from './pace.ts';

/*
 * Waiting for a key: a contender asks the store as one owner until it has the key, gives up, or is told to stop.
 *
 * 1. A contender that gives up is taken back in the store, whether it stood in the queue, was granted meanwhile, or was never
 *    heard of: the release follows the request on the same line. Until it is answered it is tried again when the owner is
 *    granted after all, and when the store is back.
 * 2. A lost answer is asked for again as the same owner. A lease that ended before its answer came is not used: it is given
 *    back and asked for as a new owner.
 * 3. A grant that arrives as a message is used at once when it is young enough by the store's own clock; otherwise the store is
 *    asked to confirm it. A process that stood still meanwhile therefore never starts on a lease that is over.
 * 4. No wake-up is waited for alone: whoever waits asks again, the first of the queue when the present lease should end, the
 *    others so that one process asks a few times a second for one key at most (pace.ts).
 *
 * States of a contender:  asking --[refused]--> waiting --[grant, hint, time]--> asking or held
 */

/** A store that fails for this many command timeouts in a row is unavailable, however long the caller would wait. */
const PATIENCE = 3;
/** Owners to be taken back again. Each that is forgotten costs its successors the lease of a hand-off at most. */
const ABANDONED_MAX = 1_000;
/** Clocks that both run differ by less. */
const DRIFT = 1.01;

/** What is asked for; the same in every request of a contender. */
export type Terms = Omit<AcquireRequest, 'key' | 'owner' | 'queue'>;

export interface Patience {
  /** `Infinity`: until the signal. 0: one answer. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Told of every refusal. */
  readonly onRefused?: (outcome: Refusal) => void;
  /** Told why the store did not answer, each time. */
  readonly onFailed?: (cause: unknown) => void;
}

export interface ContendersOptions {
  readonly driver: LockDriver;
  /** Absent when the driver has no messages. */
  readonly connection: () => LockConnection | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instance: string;
  readonly commandTimeoutMs: number;
  /** Ends every contender with its reason. */
  readonly closing: AbortSignal;
}

export interface Contenders {
  /**
   * @throws LockTimeoutError (`ERR_LOCK_TIMEOUT`)
   * @throws LockUnavailableError (`ERR_LOCK_UNAVAILABLE`)
   * @throws LockNotReplicatedError (`ERR_LOCK_NOT_REPLICATED`)
   * @throws the reason of whichever signal aborts first
   */
  contend(key: LockKey, terms: Terms, patience: Patience): Promise<Hold>;
  /**
   * Asks once, without a way to stop meanwhile, and takes its place in the queue. The contender that did not get the key is
   * to be continued or dropped.
   */
  open(key: LockKey, terms: Terms): Promise<Hold | Contender>;
  /** Goes on with what `open` has begun. Throws as `contend`. */
  proceed(contender: Contender, patience: Patience): Promise<Hold>;
  /** Takes back what `open` has begun. */
  drop(contender: Contender): void;
  /** A fresh owner of this instance. */
  newOwner(): string;
  granted(grant: LockGrant): void;
  next(hint: { readonly owner: string; readonly inMs: number }): void;
  /** Every waiter asks again. */
  askAgain(): void;
}

/** Somebody who asks for a key, and what has come of it so far. */
export interface Contender {
  readonly key: LockKey;
  readonly terms: Terms;
  /** On the monotonic clock. */
  readonly startedAt: number;
  owner: string;
  /** The last refusal since the owner is this one. */
  refusal?: { readonly outcome: Refusal; readonly sent: Stamp } | undefined;
  /** Why the last question had no answer, and since when there was none; undefined when it had one. */
  failure?: { readonly since: number; readonly cause: unknown } | undefined;
  failures: number;
  polls: number;
  queued: boolean;
  /** The store may know the owner: as a holder, as a waiter, or from a request whose answer never came. */
  lingers: boolean;

  grant?: LockGrant | undefined;
  /** Ask at once. */
  again: boolean;
  /** The first of the queue should ask at this time, on the monotonic clock. */
  askAt?: number | undefined;
  wake?: (() => void) | undefined;
}

type Signals = readonly (AbortSignal | undefined)[];

/** The text that tells keys apart. */
export function keyId({ kind, name }: LockKey): string {
  return `${kind}:${name}`;
}

/** The instance that an owner belongs to. */
export function instanceOf(owner: string): string {
  return owner.slice(0, owner.indexOf('.'));
}

export function createContenders({ driver, connection, clock, logger, instance, commandTimeoutMs, closing }: ContendersOptions): Contenders {
  const byOwner = new Map<string, Contender>();
  const byKey = new Map<string, Set<Contender>>();
  /** Owners that gave up and may not have been taken back. */
  const abandoned = new Map<string, LockKey>();

  const newOwner = (): string => `${instance}.${randomUUID()}`;
  const enter = (contender: Contender): void => {
    byOwner.set(contender.owner, contender);
    const id = keyId(contender.key);
    const others = byKey.get(id);
    if (others) others.add(contender);
    else byKey.set(id, new Set([contender]));
  };
  const leave = (contender: Contender): void => {
    byOwner.delete(contender.owner);
    const id = keyId(contender.key);
    const others = byKey.get(id);
    others?.delete(contender);
    if (others?.size === 0) byKey.delete(id);
  };
  const companions = (key: LockKey): ReadonlySet<Contender> => byKey.get(keyId(key)) ?? new Set();
  const wake = (contender: Contender): void => {
    contender.again = true;
    contender.wake?.();
  };

  const takeBack = (key: LockKey, owner: string): void => {
    const [oldest] = abandoned.keys();
    if (abandoned.size >= ABANDONED_MAX && !abandoned.has(owner)) abandoned.delete(oldest!);
    abandoned.set(owner, key);
    driver.release({ key, owner }).then(
      () => abandoned.delete(owner),
      (err: unknown) => logger.debug({ err, lock: key.name }, 'an abandoned acquire could not be taken back; if it won, its lease runs out by itself'),
    );
  };

  /** Waits for a grant, a hint, a call to ask again, or `ms`; rejects when a signal aborts. */
  const rest = (contender: Contender, ms: number, signals: Signals): Promise<void> =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        timer.cancel();
        contender.wake = undefined;
        unlisten();
      };
      const done = (): void => {
        end();
        resolve();
      };
      const unlisten = listen(signals, (reason) => {
        end();
        reject(reason);
      });
      const until = clock.monotonic() + ms;
      let timer = clock.setTimer(done, ms);
      const onWake = (): void => {
        if (contender.grant !== undefined || contender.again) {
          done();
          return;
        }
        const askAt = Math.min(contender.askAt ?? Infinity, until);
        timer.cancel();
        timer = clock.setTimer(done, Math.max(0, askAt - clock.monotonic()));
      };
      contender.wake = onWake;
      if (signals.some((signal) => signal?.aborted)) return;
      // What came while the store was asked.
      if (contender.grant !== undefined || contender.again || contender.askAt !== undefined) onWake();
    });

  const begin = (key: LockKey, terms: Terms): Contender => {
    closing.throwIfAborted();
    const contender: Contender = {
      key,
      terms,
      startedAt: clock.monotonic(),
      owner: newOwner(),
      refusal: undefined,
      failure: undefined,
      failures: 0,
      polls: 0,
      queued: false,
      lingers: false,
      grant: undefined,
      again: false,
      askAt: undefined,
      wake: undefined,
    };
    enter(contender);
    return contender;
  };
  const drop = (contender: Contender): void => {
    leave(contender);
    if (contender.lingers) takeBack(contender.key, contender.owner);
  };
  /** The store has lost its queue, and with it those of this process who stood behind. */
  const wakeCompanions = (contender: Contender): void => {
    for (const other of companions(contender.key)) if (other !== contender) wake(other);
  };

  /** One question. Without a hold, the contender tells what came of it. */
  const ask = async (contender: Contender, mayQueue: boolean, timeoutMs: number, signals: Signals): Promise<Hold | undefined> => {
    const { key, owner, terms } = contender;
    contender.again = false;
    contender.askAt = undefined;
    const line = connection();
    const queue = mayQueue && (line === undefined || line.listening);
    const sent = stamp(clock);
    contender.lingers = true;
    let outcome: AcquireOutcome;
    try {
      outcome = await withDeadline(driver.acquire({ ...terms, key, owner, queue }), { clock, timeoutMs, signals });
    } catch (cause) {
      for (const each of signals) each?.throwIfAborted();
      if (cause instanceof InvalidLockOptionError) {
        contender.lingers = false;
        throw cause;
      }
      contender.failure = { since: contender.failure?.since ?? sent.monotonic, cause };
      return undefined;
    }
    if (!outcome.acquired) {
      if (contender.queued && queue && outcome.unqueued) wakeCompanions(contender);
      contender.queued = queue;
      contender.lingers = queue;
      // Its turn comes nearer, so it polls often again.
      if (isNear(outcome.position) && outcome.position !== contender.refusal?.outcome.position) contender.polls = 0;
      contender.refusal = { outcome, sent };
      contender.failure = undefined;
      contender.failures = 0;
      return undefined;
    }
    if (outcome.missingReplicas) throw new LockNotReplicatedError(key.name, terms.replicas!.count, outcome.missingReplicas);
    if (contender.queued && outcome.unqueued) wakeCompanions(contender);
    const { ttlMs, weight, reserve } = terms;
    const fence = terms.fencing ? outcome.fence : 0n;
    const roundTripMs = clock.monotonic() - sent.monotonic;
    const hold = createHold({ key, owner, weight, fence, ttlMs, leaseMs: ttlMs, since: sent, roundTripMs, reserve });
    if (remainingMs(clock, hold) > 0) {
      contender.lingers = false;
      return hold;
    }
    startAnew(contender);
    contender.failure = { since: contender.failure?.since ?? sent.monotonic, cause: new Error(`the answer took longer than the lease of ${ttlMs} ms lasts`) };
    return undefined;
  };
  /** As another owner: the old one's lease is over before it was used. */
  const startAnew = (contender: Contender): void => {
    drop(contender);
    contender.owner = newOwner();
    contender.refusal = undefined;
    contender.grant = undefined;
    contender.queued = false;
    contender.lingers = false;
    enter(contender);
  };

  /** Waits for whatever should follow the last answer. Throws when the wait is over. */
  const pause = async (contender: Contender, { waitMs, onRefused, onFailed }: Patience, signals: Signals): Promise<void> => {
    const { key, startedAt, refusal, failure } = contender;
    const waitLeftMs = (): number => waitMs - (clock.monotonic() - startedAt);
    const restAtMost = (ms: number): Promise<void> => rest(contender, Math.max(0, Math.min(ms, waitLeftMs())), signals);
    const giveUp = (): Error => {
      if (refusal === undefined || waitLeftMs() > 0) return new LockUnavailableError(key.name, 'acquired', { cause: failure?.cause });
      const { holder, position } = refusal.outcome;
      return new LockTimeoutError(key.name, waitMs, { holder: holder && instanceOf(holder), position });
    };

    if (failure !== undefined || refusal === undefined) {
      onFailed?.(failure?.cause);
      if (waitLeftMs() <= 0 || clock.monotonic() - (failure?.since ?? startedAt) >= PATIENCE * commandTimeoutMs) throw giveUp();
      await restAtMost(retryMs(contender.failures));
      contender.failures += 1;
      return;
    }
    onRefused?.(refusal.outcome);
    if (waitLeftMs() <= 0) throw giveUp();
    const line = connection();
    if (!contender.queued && line !== undefined) {
      // The first waiter of a process opens its line. Until it is open, waiters poll.
      await withDeadline(line.listen(), { clock, timeoutMs: Math.max(1, Math.min(commandTimeoutMs, waitLeftMs())), signals }).catch(() => {});
      for (const each of signals) each?.throwIfAborted();
      if (line.listening) return;
    }
    await restAtMost(restMs(refusal.outcome, { waiters: companions(key).size, polls: contender.polls, listening: connection()?.listening === true }));
    contender.polls += 1;
    if (contender.grant === undefined && waitLeftMs() <= 0) throw giveUp();
  };

  const proceed = async (contender: Contender, patience: Patience): Promise<Hold> => {
    const { waitMs, signal } = patience;
    const signals = [signal, closing];
    try {
      for (const each of signals) each?.throwIfAborted();
      for (;;) {
        const isFirst = contender.refusal === undefined && contender.failure === undefined;
        if (!isFirst) await pause(contender, patience, signals);
        // The first answer always has its time: a wait that is cut off before it would tell of a broken store instead of a held lock.
        const leftMs = isFirst ? Infinity : waitMs - (clock.monotonic() - contender.startedAt);
        const hold = takeGrant(contender) ?? (await ask(contender, waitMs > 0, Math.min(commandTimeoutMs, Math.max(1, leftMs)), signals));
        if (hold === undefined) continue;
        contender.lingers = false;
        return hold;
      }
    } finally {
      drop(contender);
    }
  };

  /** The hold of a grant that has come, when it is young enough to be used without asking: invariant 3. */
  const takeGrant = (contender: Contender): Hold | undefined => {
    const { key, owner, grant, refusal, terms } = contender;
    contender.grant = undefined;
    if (grant === undefined || refusal === undefined) return undefined;
    // A refusal after the grant: the grant is over.
    if (grant.grantedAtStoreMs < refusal.outcome.storeNowMs) return undefined;
    // The store's time is at most that of its last answer plus what has passed here since that question was sent. Now is before
    // that is known: should the process stand still in between, it has not gained the time.
    const now = stamp(clock);
    const ageMs = refusal.outcome.storeNowMs + elapsedMs(clock, refusal.sent) * DRIFT - grant.grantedAtStoreMs;
    // Younger than possible: the store's clock has jumped.
    if (ageMs < 0) return undefined;
    const { ttlMs, weight, reserve } = terms;
    const fence = terms.fencing ? grant.fence : 0n;
    const hold = createHold({ key, owner, weight, fence, ttlMs, leaseMs: grant.leaseMs, since: earlier(now, ageMs), roundTripMs: ageMs, reserve });
    return remainingMs(clock, hold) > 0 ? hold : undefined;
  };

  return {
    async contend(key, terms, patience) {
      patience.signal?.throwIfAborted();
      return proceed(begin(key, terms), patience);
    },
    async open(key, terms) {
      const contender = begin(key, terms);
      let isDone = true;
      try {
        const hold = await ask(contender, true, commandTimeoutMs, []);
        contender.lingers ||= hold !== undefined && closing.aborted;
        closing.throwIfAborted();
        isDone = hold !== undefined;
        return hold ?? contender;
      } finally {
        if (isDone) drop(contender);
      }
    },
    proceed,
    drop,
    newOwner,
    granted(grant) {
      const contender = byOwner.get(grant.owner);
      const abandonedKey = abandoned.get(grant.owner);
      if (abandonedKey) takeBack(abandonedKey, grant.owner);
      if (contender === undefined) return;
      contender.grant = grant;
      contender.wake?.();
    },
    next({ owner, inMs }) {
      const contender = byOwner.get(owner);
      if (contender === undefined) return;
      contender.askAt = clock.monotonic() + afterEndMs(inMs);
      contender.wake?.();
    },
    askAgain() {
      for (const contender of byOwner.values()) wake(contender);
      for (const [owner, key] of abandoned) takeBack(key, owner);
    },
  };
}
