import type { Clock } from '@staddle/kernel';
import type {
  AcquireOutcome,
  AcquireRequest,
  ClaimOutcome,
  ClaimRequest,
  LockGrant,
  LockKey,
  LockKind,
  LockRecord,
  ReleaseOutcome,
  ReleaseRequest,
  RenewOutcome,
  RenewRequest,
  SettleRequest,
} from '../driver.ts';

/** How a space reaches the instances of its waiters. */
export interface SpaceMessages {
  /** False takes a waiter for dead. */
  reaches(owner: string): boolean;
  granted(grant: LockGrant): void;
  next(hint: { readonly owner: string; readonly inMs: number }): void;
  revoked(owner: string): void;
}

interface Hold {
  /** Empty when the lock is kept after its release. */
  readonly owner: string;
  readonly fence: bigint;
  weight: number;
  /** On the monotonic time line, in ms. */
  expiresAtMonotonic: number;
  readonly meta: string | undefined;
}

interface Run {
  readonly owner: string;
  done: boolean;
  keepMs: number;
  /** When the record may go, unless its lease still lives. */
  keptUntilMonotonic: number;
}

/** All that is known of a key; it exists while that is anything. */
interface Cell {
  readonly key: LockKey;
  /** In the order of their fences. */
  holds: Hold[];
  /** The requests that wait, in the order in which they will be granted. */
  queue: AcquireRequest[];
  /** The first of the queue, when it knows that it is. */
  first: AcquireRequest | undefined;
  run: Run | undefined;
}

/** The lease of a hand-off: what a waiter that died unnoticed may cost the others. A live one renews it at once. */
const HAND_OFF_MS = 2_000;

// Names are often made for one use (`invoice 4711`) and never asked for again, so that nothing else would remove them.
const SWEEP_FROM = 1_000;

/**
 * Locks in the memory of one process. Every operation is one synchronous step, hence atomic.
 *
 * 1. Leases end on the monotonic clock and are removed when somebody looks: nothing here sets a timer. Whoever asks for a
 *    lock that has run out first serves those who wait for it, and the first of the queue is told when to ask.
 * 2. A lock passes from owner to waiter inside the operation that frees it: nobody finds a released lock free while a waiter
 *    that can be reached fits.
 * 3. An operation costs time in proportion to the holders and waiters of its key, whatever the number of keys.
 */
export class LockSpace {
  readonly #clock: Clock;
  readonly #messages: SpaceMessages;
  readonly #cells = new Map<string, Cell>();
  // One counter for all keys: strictly increasing per key follows, and nothing is kept per name.
  #lastFence = 0n;
  #sweepAt = SWEEP_FROM;

  constructor(clock: Clock, messages: SpaceMessages) {
    this.#clock = clock;
    this.#messages = messages;
  }

  acquire(request: AcquireRequest): AcquireOutcome {
    const now = this.#clock.monotonic();
    const cell = this.#open(request.key, now);
    const own = holdOf(cell, request.owner);
    if (own) {
      own.expiresAtMonotonic = now + request.ttlMs;
      own.weight = Math.min(own.weight, request.weight);
      this.#serve(cell, now);
      return { acquired: true, fence: own.fence };
    }

    const place = placeOf(cell, request.owner);
    const unqueued = place === -1;
    if (request.barge && fits(cell, request)) {
      if (!unqueued) cell.queue.splice(place, 1);
      this.#hold(cell, request, now + request.ttlMs);
    } else if (unqueued) cell.queue.splice(placeFor(cell, request), 0, request);
    this.#serve(cell, now, request.owner);
    const hold = holdOf(cell, request.owner);
    if (hold || !request.queue) this.#dequeue(cell, now, request.owner);
    if (hold) return { acquired: true, fence: hold.fence, unqueued };

    const position = placeOf(cell, request.owner);
    return {
      acquired: false,
      holder: ownerOf(cell),
      expiresInMs: untilExpiry(cell, now),
      position: position === -1 ? undefined : position,
      unqueued,
      storeNowMs: now,
    };
  }

  renew({ key, owner, ttlMs }: RenewRequest): RenewOutcome {
    const now = this.#clock.monotonic();
    const cell = this.#find(key, now);
    const hold = cell && holdOf(cell, owner);
    if (!hold) return { renewed: false, holder: cell && ownerOf(cell) };
    const previousMs = hold.expiresAtMonotonic - now;
    hold.expiresAtMonotonic = now + ttlMs;
    keepRecord(cell, now);
    return { renewed: true, previousMs };
  }

  release({ key, owner, keepMs = 0 }: ReleaseRequest): ReleaseOutcome {
    const now = this.#clock.monotonic();
    const cell = this.#find(key, now);
    if (!cell) return 'not-held';
    const hold = holdOf(cell, owner);
    if (!hold) return this.#dequeue(cell, now, owner) ? 'dequeued' : 'not-held';

    keepRecord(cell, now);
    const index = cell.holds.indexOf(hold);
    if (keepMs > 0) {
      cell.holds[index] = { ...hold, owner: '', expiresAtMonotonic: now + keepMs };
      // It expects the lease that has just ended.
      cell.first = undefined;
      this.#tellFirst(cell, now);
      return 'kept';
    }
    cell.holds.splice(index, 1);
    return this.#serve(cell, now) > 0 ? 'handed-off' : 'released';
  }

  claim({ key, owner, ttlMs, keepMs, onCrash }: ClaimRequest): ClaimOutcome {
    const now = this.#clock.monotonic();
    const cell = this.#open(key, now);
    const expiresAtMonotonic = now + ttlMs;
    const state = stateOf(cell);
    if (cell.run && state) {
      const own = holdOf(cell, owner);
      if (own) {
        own.expiresAtMonotonic = expiresAtMonotonic;
        keepRecord(cell, now);
        return { claimed: true, fence: own.fence };
      }
      if (state !== 'crashed' || onCrash === 'skip') return { claimed: false, state, owner: cell.run.owner };
    }
    cell.run = { owner, done: false, keepMs, keptUntilMonotonic: now + keepMs };
    return { claimed: true, fence: this.#hold(cell, { owner, weight: 1, reserve: 0 }, expiresAtMonotonic).fence };
  }

  settle({ key, owner, keepMs }: SettleRequest): boolean {
    const now = this.#clock.monotonic();
    const cell = this.#find(key, now);
    if (cell?.run?.owner !== owner) return false;
    cell.run.done = true;
    cell.run.keepMs = keepMs;
    keepRecord(cell, now);
    cell.holds = [];
    return true;
  }

  inspect(key: LockKey): LockRecord | undefined {
    const now = this.#clock.monotonic();
    const cell = this.#find(key, now);
    if (!cell) return undefined;
    return {
      holders: cell.holds.map(({ owner, fence, weight, expiresAtMonotonic, meta }) => ({ owner, fence, weight, expiresInMs: expiresAtMonotonic - now, meta })),
      waiters: cell.queue.map(({ owner, weight, priority, meta }) => ({ owner, weight, priority, meta })),
      state: stateOf(cell),
    };
  }

  list(kind: LockKind, prefix: string): LockKey[] {
    const now = this.#clock.monotonic();
    return Array.from(this.#cells.values(), ({ key }) => key).filter((key) => key.kind === kind && key.name.startsWith(prefix) && this.#find(key, now));
  }

  forceRelease(key: LockKey, owner?: string): boolean {
    const now = this.#clock.monotonic();
    const cell = this.#find(key, now);
    if (!cell) return false;
    const ended = owner === undefined ? cell.holds : cell.holds.filter((hold) => hold.owner === owner);
    if (ended.length === 0) return false;
    cell.holds = cell.holds.filter((hold) => !ended.includes(hold));
    keepRecord(cell, now);
    for (const hold of ended) if (hold.owner) this.#messages.revoked(hold.owner);
    this.#serve(cell, now);
    return true;
  }

  /**
   * Gives the lock to the first of the queue, as long as it fits, and counts those who got it. `asking` is alive and gets
   * its lock as an answer, for the whole of its ttl; the others are told, and those that cannot be are dropped.
   */
  #serve(cell: Cell, now: number, asking?: string): number {
    let granted = 0;
    for (let first = cell.queue[0]; first && fits(cell, first); first = cell.queue[0]) {
      const { owner, ttlMs } = first;
      if (owner === asking) {
        cell.queue.shift();
        this.#hold(cell, first, now + ttlMs);
      } else if (this.#messages.reaches(owner)) {
        cell.queue.shift();
        const leaseMs = Math.min(ttlMs, HAND_OFF_MS);
        const { fence } = this.#hold(cell, first, now + leaseMs);
        this.#messages.granted({ owner, fence, leaseMs, grantedAtStoreMs: now });
        granted++;
      } else cell.queue.shift();
    }
    this.#tellFirst(cell, now, asking);
    this.#drop(cell);
    return granted;
  }

  #dequeue(cell: Cell, now: number, owner: string): boolean {
    const place = placeOf(cell, owner);
    if (place === -1) return false;
    cell.queue.splice(place, 1);
    this.#serve(cell, now);
    return true;
  }

  #tellFirst(cell: Cell, now: number, asking?: string): void {
    const [first] = cell.queue;
    if (first && first !== cell.first && first.owner !== asking) this.#messages.next({ owner: first.owner, inMs: untilExpiry(cell, now) });
    cell.first = first;
  }

  #hold(cell: Cell, { owner, weight, reserve, meta }: Pick<AcquireRequest, 'owner' | 'weight' | 'reserve' | 'meta'>, expiresAtMonotonic: number): Hold {
    const hold = { owner, fence: this.#nextFence(reserve), weight, expiresAtMonotonic, meta };
    cell.holds.push(hold);
    return hold;
  }

  // Microseconds of wall time, as in the Redis driver: a restarted process continues above its old fences.
  #nextFence(reserve: number): bigint {
    const now = BigInt(Math.trunc(this.#clock.now())) * 1_000n;
    const fence = now > this.#lastFence ? now : this.#lastFence + 1n;
    this.#lastFence = fence + BigInt(reserve);
    return fence;
  }

  #open(key: LockKey, now: number): Cell {
    const found = this.#find(key, now);
    if (found) return found;
    if (this.#cells.size >= this.#sweepAt) this.#sweep(now);
    const cell: Cell = { key, holds: [], queue: [], first: undefined, run: undefined };
    this.#cells.set(idOf(key), cell);
    return cell;
  }

  /** What is left of a key once everything whose time is over has been removed. */
  #find(key: LockKey, now: number): Cell | undefined {
    const cell = this.#cells.get(idOf(key));
    if (!cell) return undefined;
    if (cell.holds.some((hold) => hold.expiresAtMonotonic <= now)) cell.holds = cell.holds.filter((hold) => hold.expiresAtMonotonic > now);
    if (cell.run && cell.run.keptUntilMonotonic <= now && cell.holds.length === 0) cell.run = undefined;
    return this.#drop(cell) ? undefined : cell;
  }

  #drop({ key, holds, queue, run }: Cell): boolean {
    return holds.length === 0 && queue.length === 0 && !run && this.#cells.delete(idOf(key));
  }

  // At twice the size that the last sweep left, so that it costs each acquisition a constant time.
  #sweep(now: number): void {
    for (const cell of this.#cells.values()) {
      cell.queue = cell.queue.filter(({ owner }) => this.#messages.reaches(owner));
      this.#find(cell.key, now);
    }
    this.#sweepAt = Math.max(SWEEP_FROM, this.#cells.size * 2);
  }
}

function idOf({ kind, name }: LockKey): string {
  return `${kind}:${name}`;
}

function holdOf(cell: Cell, owner: string): Hold | undefined {
  return cell.holds.find((hold) => hold.owner === owner);
}

function ownerOf(cell: Cell): string | undefined {
  return cell.holds.find(({ owner }) => owner)?.owner;
}

function placeOf(cell: Cell, owner: string): number {
  return cell.queue.findIndex((waiter) => waiter.owner === owner);
}

/** Behind everybody of the same or a higher priority; who does not want to queue comes after all. */
function placeFor(cell: Cell, { priority, queue }: AcquireRequest): number {
  return queue ? cell.queue.findLastIndex((waiter) => waiter.priority >= priority) + 1 : cell.queue.length;
}

function fits(cell: Cell, { weight, capacity }: AcquireRequest): boolean {
  return cell.holds.reduce((sum, hold) => sum + hold.weight, weight) <= capacity;
}

function untilExpiry(cell: Cell, now: number): number {
  const first = cell.holds.reduce((earliest, { expiresAtMonotonic }) => Math.min(earliest, expiresAtMonotonic), Infinity);
  return first === Infinity ? 0 : first - now;
}

function stateOf({ run, holds }: Cell): 'running' | 'done' | 'crashed' | undefined {
  if (!run) return undefined;
  if (run.done) return 'done';
  return holds.length > 0 ? 'running' : 'crashed';
}

function keepRecord({ run }: Cell, now: number): void {
  if (run) run.keptUntilMonotonic = now + run.keepMs;
}
