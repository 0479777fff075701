import type { LockDriver, LockKey } from '@staddle/lock';
import type { Timeline } from './timeline.ts';

/** What an owner has been given. */
interface Grant {
  readonly fence: bigint;
  weight: number;
  /** By the true time. */
  readonly endsAt: number;
}

/** What has been given out of one key. */
interface Account {
  readonly grants: Map<string, Grant>;
  readonly fences: Map<bigint, string>;
  /** The last fence that was given out before `at`, with all that was reserved. */
  before: bigint;
  at: number;
  /** The same, including what was given out at `at`. */
  highest: bigint;
}

type Asked = { readonly key: LockKey; readonly owner: string; readonly ttlMs: number } & Partial<{ readonly weight: number; readonly capacity: number; readonly reserve: number }>;

/**
 * Keeps account of what a driver promises.
 *
 * I1 nothing is given to somebody before the time of those who exclude it is over;
 * I2 fences strictly increase per key in the order in which they are given out, also when the store has lost its data.
 */
export class Ledger {
  readonly #timeline: Timeline;
  readonly #onFault: (fault: string) => void;
  readonly #accounts = new Map<string, Account>();
  readonly #asked = new Map<string, Asked>();

  constructor(timeline: Timeline, onFault: (fault: string) => void) {
    this.#timeline = timeline;
    this.#onFault = onFault;
  }

  /** When the lease of an owner ends; undefined when it has none. */
  endsAt(owner: string): number | undefined {
    return this.#grantOf(owner)?.endsAt;
  }

  /** The store may have forgotten leases, or ended them early. */
  forget(): void {
    for (const { grants } of this.#accounts.values()) grants.clear();
  }

  watch(driver: LockDriver): LockDriver {
    return {
      ...driver,
      acquire: async (request) => {
        this.#asked.set(request.owner, request);
        // A writer becomes a reader: others are told that they are in before it is.
        const grant = this.#grantOf(request.owner);
        if (grant) grant.weight = Math.min(grant.weight, request.weight);
        const outcome = await driver.acquire(request);
        if (outcome.acquired) this.#given(request, outcome.fence);
        return outcome;
      },
      renew: async (requests) => {
        const outcomes = await driver.renew(requests);
        requests.forEach(({ key, owner, ttlMs }, index) => {
          const outcome = outcomes[index]!;
          if (!('renewed' in outcome) || !outcome.renewed) return;
          // Not known when the store has forgotten others only.
          const { fence = 0n, weight = this.#asked.get(owner)?.weight ?? 1 } = this.#grantOf(owner) ?? {};
          this.#accountOf(key).grants.set(owner, { fence, weight, endsAt: this.#timeline.now + ttlMs });
        });
        return outcomes;
      },
      release: (request) => {
        this.#takenBack(request.owner);
        return driver.release(request);
      },
      claim: async (request) => {
        this.#asked.set(request.owner, request);
        const outcome = await driver.claim(request);
        if (outcome.claimed) this.#given(request, outcome.fence);
        return outcome;
      },
      settle: (request) => {
        this.#takenBack(request.owner);
        return driver.settle(request);
      },
      connect: (instance, listener) =>
        driver.connect!(instance, {
          ...listener,
          granted: (grant) => {
            this.#given({ ...this.#asked.get(grant.owner)!, ttlMs: grant.leaseMs }, grant.fence);
            listener.granted(grant);
          },
        }),
    };
  }

  #grantOf(owner: string): Grant | undefined {
    const asked = this.#asked.get(owner);
    return asked && this.#accountOf(asked.key).grants.get(owner);
  }

  #takenBack(owner: string): void {
    const asked = this.#asked.get(owner);
    if (asked) this.#accountOf(asked.key).grants.delete(owner);
  }

  #accountOf({ kind, name }: LockKey): Account {
    const id = `${kind}:${name}`;
    const known = this.#accounts.get(id);
    if (known) return known;
    const account: Account = { grants: new Map<string, Grant>(), fences: new Map<bigint, string>(), before: -1n, at: -1, highest: -1n };
    this.#accounts.set(id, account);
    return account;
  }

  #given({ key, owner, ttlMs, weight = 1, capacity = 1, reserve = 0 }: Asked, fence: bigint): void {
    const account = this.#accountOf(key);
    const { now } = this.#timeline;
    const isKnown = account.grants.get(owner)?.fence === fence;
    account.grants.set(owner, { fence, weight, endsAt: now + ttlMs });
    if (isKnown) return;
    let used = 0;
    for (const [other, grant] of account.grants) {
      if (grant.endsAt > now) used += grant.weight;
      else account.grants.delete(other);
    }
    if (used > capacity) this.#onFault(`I1: ${key.kind}:${key.name}: fence ${fence} was given out before the time of others was over`);
    this.#noteFence(account, key, owner, fence, reserve);
  }

  #noteFence(account: Account, { kind, name }: LockKey, owner: string, fence: bigint, reserve: number): void {
    const { now } = this.#timeline;
    if (account.at < now) {
      account.before = account.highest;
      account.at = now;
    }
    const known = account.fences.get(fence);
    if (known === owner) return;
    if (known !== undefined) this.#onFault(`I2: ${kind}:${name}: fence ${fence} was given out twice`);
    if (fence <= account.before) this.#onFault(`I2: ${kind}:${name}: fence ${fence} was given out after ${account.before}`);
    account.fences.set(fence, owner);
    const last = fence + BigInt(reserve);
    if (last > account.highest) account.highest = last;
  }
}
