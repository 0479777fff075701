import type { Clock } from '@staddle/kernel';
import { instanceOf, keyId, type Contender, type Contenders, type Patience, type Terms } from './contenders.ts';
import type { LockDriver, LockKey, ReleaseOutcome } from './driver.ts';
import { LockTimeoutError, LockUnavailableError } from './errors.ts';
import { remainingMs, type Hold } from './hold.ts';
import type { Refusal } from './pace.ts';

/*
 * The waiters of one process for one name. They send one contender to the store; when it has the lock, the lock goes from
 * waiter to waiter without a round trip until its fences are used up; then it goes back to the store, where the waiters of
 * other processes have their turn. Source: D. Dice, V. Marathe and N. Shavit, "Lock Cohorting", PPoPP 2012.
 *
 * 1. Each lease gets a fence of its own: the store reserves as many as there may be hand-offs in a row.
 * 2. A hold that is over, or about to be, is never passed on, nor is one to a waiter who wants a lease of another length.
 * 3. Waiters are served by priority, then in the order in which they came.
 */

interface Waiter {
  readonly terms: Terms;
  /** Its wait is over, and it stays only for the store's first answer: `held` or `unavailable`, it ends with the truth. */
  overdue: boolean;
  readonly expire: () => void;
  readonly resolve: (hold: Hold) => void;
  readonly reject: (error: unknown) => void;
}

interface LocalQueue {
  readonly key: LockKey;
  readonly waiters: Waiter[];
  /** The hold that a lease of this process has from this queue. */
  hold?: Hold | undefined;
  /** The first caller is asking the store and has had no answer yet. */
  isOpening: boolean;
  /** Ends the contender that is on its way for the waiters. */
  contest?: AbortController | undefined;
  /** The last answer to it. */
  refusal?: Refusal | undefined;
  /** Why its last question had no answer. */
  failure?: unknown;
}

export interface LocalQueuesOptions {
  readonly driver: LockDriver;
  readonly contenders: Contenders;
  readonly clock: Clock;
  readonly commandTimeoutMs: number;
  readonly closing: AbortSignal;
}

export interface LocalQueues {
  /** @throws as {@link Contenders.contend} */
  take(key: LockKey, terms: Terms, patience: Patience): Promise<Hold>;
  /** True when a lease of this process has the key for sure, so that the store need not be asked. */
  isHeld(key: LockKey): boolean;
  /** Makes a hold that was acquired without waiting known, so that it can be passed on. */
  adopt(hold: Hold): void;
  /** Passes the hold on to the next waiter, or gives it back to the store. */
  free(hold: Hold): Promise<ReleaseOutcome>;
  /** The hold is over without a release. */
  lost(hold: Hold): void;
}

export function createLocalQueues({ driver, contenders, clock, commandTimeoutMs, closing }: LocalQueuesOptions): LocalQueues {
  const queues = new Map<string, LocalQueue>();

  const queueOf = (key: LockKey): LocalQueue => {
    const id = keyId(key);
    let queue = queues.get(id);
    if (queue === undefined) {
      queue = { key, waiters: [], isOpening: false };
      queues.set(id, queue);
    }
    return queue;
  };
  const dropIfIdle = (queue: LocalQueue): void => {
    if (queue.waiters.length === 0 && queue.hold === undefined && queue.contest === undefined && !queue.isOpening) queues.delete(keyId(queue.key));
  };

  /** `begun`: the waiter has asked the store before the others came. */
  const enter = (queue: LocalQueue, waiter: Waiter, begun?: Contender): void => {
    const at = queue.waiters.findIndex(({ terms }) => terms.priority < waiter.terms.priority || (begun !== undefined && terms.priority === waiter.terms.priority));
    if (at < 0) queue.waiters.push(waiter);
    else queue.waiters.splice(at, 0, waiter);
    if (begun !== undefined) {
      // Somebody with a higher priority came while it asked.
      if (at > 0 || (at < 0 && queue.waiters.length > 1)) contenders.drop(begun);
      else {
        void contend(queue, begun);
        return;
      }
    }
    if (queue.hold !== undefined || queue.isOpening) return;
    if (queue.contest === undefined) void contend(queue);
    // The contender stands in the store's queue with a lower priority: another one takes its place.
    else if (at === 0) queue.contest.abort();
  };
  const leave = (queue: LocalQueue, waiter: Waiter): void => {
    const at = queue.waiters.indexOf(waiter);
    if (at < 0) return;
    queue.waiters.splice(at, 1);
    if (queue.waiters.length === 0) queue.contest?.abort();
    dropIfIdle(queue);
  };

  /** Sends a contender on behalf of the waiters, or goes on with the one that the first of them has begun. */
  const contend = async (queue: LocalQueue, begun?: Contender): Promise<void> => {
    const contest = new AbortController();
    queue.contest = contest;
    queue.refusal = undefined;
    queue.failure = undefined;
    const { terms } = queue.waiters[0]!;
    const onRefused = (refusal: Refusal): void => {
      queue.refusal = refusal;
      queue.failure = undefined;
      for (const waiter of queue.waiters.filter(({ overdue }) => overdue)) waiter.expire();
    };
    const onFailed = (cause: unknown): void => {
      queue.failure = cause;
    };
    const patience: Patience = { waitMs: Infinity, signal: contest.signal, onRefused, onFailed };
    try {
      const hold = await (begun ? contenders.proceed(begun, patience) : contenders.contend(queue.key, terms, patience));
      queue.contest = undefined;
      if (suitsNext(queue, hold)) give(queue, hold);
      else {
        // Whom it was for has left while the grant was on its way.
        driver.release({ key: hold.key, owner: hold.owner }).catch(() => {});
        contendIfVacant(queue);
      }
    } catch (error) {
      if (queue.contest === contest) queue.contest = undefined;
      if (contest.signal.aborted) {
        // Somebody came after the last one had left, or before all others.
        contendIfVacant(queue);
      } else for (const waiter of queue.waiters.splice(0)) waiter.reject(error);
    }
    dropIfIdle(queue);
  };
  const suitsNext = ({ waiters }: LocalQueue, { ttlMs }: Hold): boolean => waiters[0]?.terms.ttlMs === ttlMs;
  const give = (queue: LocalQueue, hold: Hold): void => {
    const waiter = queue.waiters.shift()!;
    queue.hold = hold;
    waiter.resolve(hold);
    // It came by another way than the contender that the waiters sent.
    if (queue.waiters.length === 0) queue.contest?.abort();
  };
  const contendIfVacant = (queue: LocalQueue): void => {
    if (queue.waiters.length > 0 && queue.hold === undefined && queue.contest === undefined && !queue.isOpening) void contend(queue);
  };
  /** The queue has no hold any more: the next waiter needs a new one. */
  const vacate = (queue: LocalQueue, hold: Hold): void => {
    if (queue.hold !== hold) return;
    queue.hold = undefined;
    contendIfVacant(queue);
    dropIfIdle(queue);
  };

  /** `before`: how many of this process are before the one whose wait is over. */
  const timeoutOf = ({ key, hold, refusal }: LocalQueue, waitMs: number, before = 0): LockTimeoutError => {
    const { holder = hold?.owner, position = 0 } = refusal ?? {};
    return new LockTimeoutError(key.name, waitMs, { holder: holder && instanceOf(holder), position: position + before });
  };

  /** Waits among the others of this process. `spentMs`: what of the wait is over already. */
  const wait = (queue: LocalQueue, terms: Terms, { waitMs, signal }: Patience, spentMs = 0, begun?: Contender): Promise<Hold> =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      closing.throwIfAborted();
      const { key } = queue;
      const end = (): void => {
        timer?.cancel();
        signal?.removeEventListener('abort', onSignal);
        closing.removeEventListener('abort', onClosing);
      };
      const abandon = (error: unknown): void => {
        leave(queue, waiter);
        waiter.reject(error);
      };
      const waiter: Waiter = {
        terms,
        overdue: false,
        expire: () => abandon(timeoutOf(queue, waitMs, queue.waiters.indexOf(waiter))),
        resolve(hold) {
          end();
          resolve(hold);
        },
        reject(error) {
          end();
          reject(error);
        },
      };
      const onSignal = (): void => abandon(signal!.reason);
      const onClosing = (): void => abandon(closing.reason);
      const onTimeout = (): void => {
        if (queue.hold !== undefined || queue.refusal !== undefined) waiter.expire();
        else if (waiter.overdue || waitMs >= commandTimeoutMs) abandon(new LockUnavailableError(key.name, 'acquired', { cause: queue.failure }));
        else {
          waiter.overdue = true;
          timer = clock.setTimer(onTimeout, commandTimeoutMs - waitMs);
        }
      };
      let timer = waitMs === Infinity ? undefined : clock.setTimer(onTimeout, Math.max(0, waitMs - spentMs));
      signal?.addEventListener('abort', onSignal, { once: true });
      closing.addEventListener('abort', onClosing, { once: true });
      enter(queue, waiter, begun);
    });

  /** The usual case, that nobody else wants the lock, with as little as possible around it. */
  const open = async (queue: LocalQueue, terms: Terms, waitMs: number): Promise<Hold> => {
    const startedAt = clock.monotonic();
    queue.isOpening = true;
    queue.refusal = undefined;
    queue.failure = undefined;
    let result: Hold | Contender;
    try {
      result = await contenders.open(queue.key, terms);
    } catch (error) {
      queue.isOpening = false;
      contendIfVacant(queue);
      dropIfIdle(queue);
      throw error;
    }
    queue.isOpening = false;
    if (!('terms' in result)) {
      queue.hold = result;
      return result;
    }
    const { refusal, failure } = result;
    queue.refusal = refusal?.outcome;
    queue.failure = failure?.cause;
    const spentMs = clock.monotonic() - startedAt;
    if (spentMs < waitMs && !closing.aborted) return wait(queue, terms, { waitMs }, spentMs, result);
    contenders.drop(result);
    contendIfVacant(queue);
    dropIfIdle(queue);
    closing.throwIfAborted();
    throw refusal ? timeoutOf(queue, waitMs) : new LockUnavailableError(queue.key.name, 'acquired', { cause: failure?.cause });
  };

  return {
    isHeld(key) {
      const hold = queues.get(keyId(key))?.hold;
      return hold !== undefined && !hold.exported && remainingMs(clock, hold) > 0;
    },
    adopt(hold) {
      const queue = queueOf(hold.key);
      queue.hold = hold;
    },
    take(key, terms, patience) {
      const queue = queueOf(key);
      const isIdle = queue.waiters.length === 0 && queue.hold === undefined && queue.contest === undefined && !queue.isOpening;
      return isIdle && patience.signal === undefined ? open(queue, terms, patience.waitMs) : wait(queue, terms, patience);
    },
    async free(hold) {
      const queue = queues.get(keyId(hold.key));
      const isOurs = queue?.hold === hold;
      if (isOurs && suitsNext(queue, hold) && hold.fence < hold.lastFence && !hold.exported && remainingMs(clock, hold) > 0) {
        hold.fence += 1n;
        give(queue, hold);
        return 'handed-off';
      }
      const released = driver.release({ key: hold.key, owner: hold.owner });
      if (isOurs) vacate(queue, hold);
      return released;
    },
    lost(hold) {
      const queue = queues.get(keyId(hold.key));
      if (queue) vacate(queue, hold);
    },
  };
}
