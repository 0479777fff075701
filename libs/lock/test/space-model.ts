import type { AcquireRequest, ReleaseOutcome } from '@staddle/lock';

/** What can be done to a lock and to the instances of its owners. */
export type Step =
  | ({ readonly do: 'ask' } & Pick<AcquireRequest, 'owner' | 'weight' | 'priority' | 'ttlMs' | 'queue' | 'barge'>)
  | { readonly do: 'renew'; readonly owner: string; readonly ttlMs: number }
  | { readonly do: 'release'; readonly owner: string; readonly keepMs: number }
  | { readonly do: 'force'; readonly owner: string | undefined }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'die' | 'live'; readonly instance: string };

/** What a step was answered, and how it left the lock. */
export interface Sight {
  readonly answer: unknown;
  readonly holders: readonly { readonly owner: string; readonly weight: number; readonly expiresInMs: number }[];
  readonly waiters: readonly string[];
  /** Owners that were told of their lock, ever, in order. */
  readonly granted: readonly string[];
}

interface Holder {
  readonly owner: string;
  weight: number;
  endsAt: number;
}

type Waiter = Pick<AcquireRequest, 'owner' | 'weight' | 'priority' | 'ttlMs'> & { readonly seen: number };

/** One lock as the contract tells it, naively: every question is answered from the whole history that matters. */
export class SpaceModel {
  readonly #capacity: number;
  readonly #handOffMs: number;
  readonly #alive = new Set<string>();
  readonly #granted: string[] = [];
  #holders: Holder[] = [];
  #waiters: Waiter[] = [];
  #now = 0;
  #seen = 0;

  constructor(capacity: number, handOffMs: number) {
    this.#capacity = capacity;
    this.#handOffMs = handOffMs;
  }

  take(step: Step): Sight {
    return {
      answer: this.#answer(step),
      holders: this.#holders.map(({ owner, weight, endsAt }) => ({ owner, weight, expiresInMs: endsAt - this.#now })),
      waiters: this.#queue.map(({ owner }) => owner),
      granted: [...this.#granted],
    };
  }

  #answer(step: Step): unknown {
    switch (step.do) {
      case 'ask':
        return this.#ask(step);
      case 'renew':
        return this.#renew(step.owner, step.ttlMs);
      case 'release':
        return this.#release(step.owner, step.keepMs);
      case 'force':
        return this.#forceRelease(step.owner);
      case 'pass':
        this.#now += step.ms;
        this.#holders = this.#holders.filter(({ endsAt }) => endsAt > this.#now);
        return undefined;
      case 'live':
        this.#alive.add(step.instance);
        return undefined;
      case 'die':
        this.#alive.delete(step.instance);
        return undefined;
    }
  }

  get #used(): number {
    return this.#holders.reduce((sum, { weight }) => sum + weight, 0);
  }

  get #queue(): Waiter[] {
    return this.#waiters.toSorted((a, b) => b.priority - a.priority || a.seen - b.seen);
  }

  #ask({ owner, weight, ttlMs, queue, barge, priority }: Extract<Step, { do: 'ask' }>): unknown {
    const unqueued = !this.#waiters.some((waiter) => waiter.owner === owner);
    const own = this.#holder(owner);
    if (own) {
      own.weight = Math.min(own.weight, weight);
      own.endsAt = this.#now + ttlMs;
    } else if (barge && this.#used + weight <= this.#capacity) {
      this.#leave(owner);
      this.#holders.push({ owner, weight, endsAt: this.#now + ttlMs });
    } else if (unqueued) {
      // Who does not want to queue may only have what nobody else waits for.
      this.#waiters.push({ owner, weight, ttlMs, seen: this.#seen++, priority: queue ? priority : -Infinity });
    }
    this.#serve(owner);
    const acquired = this.#holder(owner) !== undefined;
    if (!acquired && !queue) {
      this.#leave(owner);
      this.#serve();
    }
    if (acquired) return { acquired };
    const position = this.#queue.findIndex((waiter) => waiter.owner === owner);
    const expiresInMs = this.#holders.length === 0 ? 0 : Math.min(...this.#holders.map(({ endsAt }) => endsAt)) - this.#now;
    return { acquired, expiresInMs, unqueued, position: position === -1 ? undefined : position };
  }

  #renew(owner: string, ttlMs: number): boolean {
    const own = this.#holder(owner);
    if (own) own.endsAt = this.#now + ttlMs;
    return own !== undefined;
  }

  #release(owner: string, keepMs: number): ReleaseOutcome {
    const own = this.#holder(owner);
    if (!own) {
      const left = this.#leave(owner);
      if (left) this.#serve();
      return left ? 'dequeued' : 'not-held';
    }
    if (keepMs > 0) {
      this.#holders = this.#holders.map((holder) => (holder === own ? { ...own, owner: '', endsAt: this.#now + keepMs } : holder));
      return 'kept';
    }
    this.#holders = this.#holders.filter((holder) => holder !== own);
    return this.#serve() > 0 ? 'handed-off' : 'released';
  }

  #forceRelease(owner?: string): boolean {
    const left = this.#holders.filter((holder) => owner !== undefined && holder.owner !== owner);
    if (left.length === this.#holders.length) return false;
    this.#holders = left;
    this.#serve();
    return true;
  }

  #holder(owner: string): Holder | undefined {
    return this.#holders.find((holder) => holder.owner === owner);
  }

  #leave(owner: string): boolean {
    const before = this.#waiters.length;
    this.#waiters = this.#waiters.filter((waiter) => waiter.owner !== owner);
    return this.#waiters.length < before;
  }

  #serve(asking?: string): number {
    let served = 0;
    for (const { owner, weight, ttlMs } of this.#queue) {
      if (this.#used + weight > this.#capacity) break;
      this.#leave(owner);
      if (owner === asking) {
        this.#holders.push({ owner, weight, endsAt: this.#now + ttlMs });
      } else if (this.#alive.has(owner.split('.')[0]!)) {
        this.#holders.push({ owner, weight, endsAt: this.#now + Math.min(ttlMs, this.#handOffMs) });
        this.#granted.push(owner);
        served++;
      }
    }
    return served;
  }
}
