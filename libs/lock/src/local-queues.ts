import type { Clock } from '@staddle/kernel';
import { instanceOf, keyId, type Contenders, type Patience, type Refusal, type Terms } from './contenders.ts';
import type { LockDriver, LockKey, ReleaseOutcome } from './driver.ts';
import { LockTimeoutError, LockUnavailableError } from './errors.ts';
import { remainingMs, type Hold } from './hold.ts';

/*
 * The waiters of one process for one name. They send one contender to the store; when it has the lock, the lock goes from
 * waiter to waiter without a round trip, at most `maxHandoffs` times before it goes back to the store, where the waiters of
 * other processes have their turn. Source: D. Dice, V. Marathe and N. Shavit, "Lock Cohorting", PPoPP 2012.
 *
 * 1. Each lease gets a fence of its own: the store reserves as many as there can be hand-offs.
 * 2. A hold that is over, or about to be, is never passed on.
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
  /** Ends the contender that is on its way for the waiters. */
  contest?: AbortController | undefined;
  /** The last answer to it. */
  refusal?: Refusal | undefined;
  /** Why its last question had no answer. */
  failure?: unknown;
  handoffs: number;
}

export interface LocalQueuesOptions {
  readonly driver: LockDriver;
  readonly contenders: Contenders;
  readonly clock: Clock;
  readonly maxHandoffs: number;
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

export function createLocalQueues({ driver, contenders, clock, maxHandoffs, commandTimeoutMs, closing }: LocalQueuesOptions): LocalQueues {
  const queues = new Map<string, LocalQueue>();

  const queueOf = (key: LockKey): LocalQueue => {
    const id = keyId(key);
    let queue = queues.get(id);
    if (queue === undefined) {
      queue = { key, waiters: [], handoffs: 0 };
      queues.set(id, queue);
    }
    return queue;
  };
  const dropIfIdle = (queue: LocalQueue): void => {
    if (queue.waiters.length === 0 && queue.hold === undefined && queue.contest === undefined) queues.delete(keyId(queue.key));
  };

  const enter = (queue: LocalQueue, waiter: Waiter): void => {
    const at = queue.waiters.findIndex(({ terms }) => terms.priority < waiter.terms.priority);
    if (at < 0) queue.waiters.push(waiter);
    else queue.waiters.splice(at, 0, waiter);
    if (queue.hold !== undefined) return;
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

  /** Sends a contender on behalf of the waiters. */
  const contend = async (queue: LocalQueue): Promise<void> => {
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
    try {
      const hold = await contenders.contend(queue.key, terms, { waitMs: Infinity, signal: contest.signal, onRefused, onFailed });
      queue.contest = undefined;
      queue.handoffs = 0;
      // The last waiter left while the grant was on its way.
      if (queue.waiters.length === 0) driver.release({ key: hold.key, owner: hold.owner }).catch(() => {});
      else give(queue, hold);
    } catch (error) {
      if (queue.contest === contest) queue.contest = undefined;
      if (contest.signal.aborted) {
        // Somebody came after the last one had left, or before all others.
        contendIfVacant(queue);
      } else for (const waiter of queue.waiters.splice(0)) waiter.reject(error);
    }
    dropIfIdle(queue);
  };
  const give = (queue: LocalQueue, hold: Hold): void => {
    const waiter = queue.waiters.shift()!;
    queue.hold = hold;
    hold.ttlMs = waiter.terms.ttlMs;
    waiter.resolve(hold);
    // It came by another way than the contender that the waiters sent.
    if (queue.waiters.length === 0) queue.contest?.abort();
  };
  const contendIfVacant = (queue: LocalQueue): void => {
    if (queue.waiters.length > 0 && queue.hold === undefined && queue.contest === undefined) void contend(queue);
  };
  /** The queue has no hold any more: the next waiter needs a new one. */
  const vacate = (queue: LocalQueue, hold: Hold): void => {
    if (queue.hold !== hold) return;
    queue.hold = undefined;
    contendIfVacant(queue);
    dropIfIdle(queue);
  };

  return {
    isHeld(key) {
      const hold = queues.get(keyId(key))?.hold;
      return hold !== undefined && !hold.exported && remainingMs(clock, hold) > 0;
    },
    adopt(hold) {
      const queue = queueOf(hold.key);
      queue.hold = hold;
      queue.handoffs = 0;
    },
    take(key, terms, { waitMs, signal }) {
      return new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        closing.throwIfAborted();
        const queue = queueOf(key);
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
          expire() {
            const { holder = queue.hold?.owner, position } = queue.refusal ?? {};
            const before = queue.waiters.indexOf(waiter);
            abandon(new LockTimeoutError(key.name, waitMs, { holder: holder && instanceOf(holder), position: position === undefined ? before : position + before }));
          },
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
        let timer = waitMs === Infinity ? undefined : clock.setTimer(onTimeout, waitMs);
        signal?.addEventListener('abort', onSignal, { once: true });
        closing.addEventListener('abort', onClosing, { once: true });
        enter(queue, waiter);
      });
    },
    async free(hold) {
      const queue = queues.get(keyId(hold.key));
      const isOurs = queue?.hold === hold;
      if (isOurs && queue.waiters.length > 0 && queue.handoffs < maxHandoffs && hold.fence < hold.lastFence && !hold.exported && remainingMs(clock, hold) > 0) {
        queue.handoffs += 1;
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
