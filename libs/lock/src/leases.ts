import type { Clock, Logger, Timer } from '@staddle/kernel';
import { withDeadline } from './deadline.ts';
import type { ReleaseOutcome } from './driver.ts';
import { InvalidLockOptionError, LockLostError, type LockLostReason } from './errors.ts';
import type { LockEvent } from './events.ts';
import { remainingMs, type Hold } from './hold.ts';
import type { Keeper } from './keeper.ts';
import type { Lease, LeaseHandle, ReleaseResult } from './lease.ts';
import { wallJumped } from './lease-clock.ts';
import type { AcquireSettings } from './options.ts';

/*
 * The life of a lease: one or more holds that are kept, lost and freed together.
 *
 * States:  held --[release]--> released     held --[a hold is lost, close]--> lost     held --[maxHoldMs]--> lost, still kept
 * --[graceMs or release]--> released
 */

/** A release that hangs must not hold up the end of the work for longer, nor past the end of the lease, which runs out by itself. */
const RELEASE_TIMEOUT = { leastMs: 100, mostMs: 2_000 } as const;

export interface LeasesOptions {
  readonly keeper: Keeper;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly emit: (event: LockEvent) => void;
}

/** What becomes of the holds of a lease. */
export interface HoldWays {
  /** Gives a hold back, or on. `keepMs`: leave the key locked for so long. */
  readonly free: (hold: Hold, keepMs: number) => Promise<ReleaseOutcome>;
  /** The hold is over without a release. */
  readonly lost: (hold: Hold) => void;
}

interface LeaseTerms extends Pick<AcquireSettings, 'renew' | 'maxHoldMs' | 'graceMs' | 'minHoldMs'> {
  /** The hold whose fence is that of the lease. Default: the first. */
  readonly fencedBy?: Hold | undefined;
}

export type Holds = readonly [Hold, ...Hold[]];

export interface Leases {
  /** Every lease that has neither been released nor lost. */
  readonly open: ReadonlySet<OpenLease>;
  /** Resolves when there is none. */
  whenIdle(): Promise<void>;
  /** A lease over holds that the store has just granted, the first of them giving token and, unless told otherwise, fence. */
  start(holds: Holds, terms: LeaseTerms, ways: HoldWays): Lease;
}

export function createLeases(options: LeasesOptions): Leases {
  const { keeper, logger, emit } = options;
  const open = new Set<OpenLease>();
  let idle: PromiseWithResolvers<void> | undefined;
  const forgotten = new FinalizationRegistry<OpenLease>((state) => {
    logger.warn({ lock: state.name, fence: String(state.about.fence) }, 'a lease was dropped without a release; it is not renewed any more');
    emit({ type: 'leaked', ...state.about });
    for (const hold of state.holds) if (hold.onLost) keeper.abandon(hold);
  });
  const onEnd = (state: OpenLease): void => {
    open.delete(state);
    if (open.size === 0) idle?.resolve();
    forgotten.unregister(state);
  };

  return {
    open,
    async whenIdle() {
      if (open.size === 0) return;
      idle ??= Promise.withResolvers();
      await idle.promise;
    },
    start(holds, terms, ways) {
      const state = new OpenLease(holds, terms, ways, options, onEnd);
      open.add(state);
      state.begin();
      const lease = new HeldLease(state);
      forgotten.register(lease, state, state);
      return lease;
    },
  };
}

/**
 * What remains known of a lease. It has no reference to the Lease that its holder has, so that a forgotten one can be noticed.
 * Classes here, because a process may hold tens of thousands of leases, or take that many a second.
 */
class OpenLease {
  readonly holds: Holds;
  readonly name: string;
  /** A hand-off inside the process gives the hold to the next lease with a fence of its own. */
  readonly fences: readonly bigint[];
  readonly about: Pick<LockEvent, 'kind' | 'name' | 'fence'>;
  readonly acquiredAt: number;
  readonly #startedAt: number;
  readonly #terms: LeaseTerms;
  readonly #ways: HoldWays;
  readonly #house: LeasesOptions;
  readonly #onEnd: (state: OpenLease) => void;
  #controller: AbortController | undefined;
  #lost: LockLostError | undefined;
  #released: Promise<ReleaseResult> | undefined;
  #holdTimer: Timer | undefined;

  constructor(holds: Holds, terms: LeaseTerms, ways: HoldWays, house: LeasesOptions, onEnd: (state: OpenLease) => void) {
    const [{ key }] = holds;
    const { fence } = terms.fencedBy ?? holds[0];
    this.holds = holds;
    this.name = holds.length === 1 ? key.name : holds.map((hold) => hold.key.name).join(', ');
    this.fences = holds.map((hold) => hold.fence);
    this.about = { kind: key.kind, name: this.name, fence };
    this.acquiredAt = house.clock.now();
    this.#startedAt = house.clock.monotonic();
    this.#terms = terms;
    this.#ways = ways;
    this.#house = house;
    this.#onEnd = onEnd;
  }

  /** Starts to renew, and to watch the deadlines. */
  begin(): void {
    const { keeper, clock } = this.#house;
    const { renew, maxHoldMs, graceMs } = this.#terms;
    for (const hold of this.holds) keeper.keep(hold, { renew, onLost: (reason, cause) => this.#onHoldLost(hold, reason, cause) });
    if (maxHoldMs === Infinity) return;
    const setTimer = (callback: () => void, ms: number): void => {
      this.#holdTimer = clock.setTimer(callback, ms, { keepAlive: false });
    };
    setTimer(() => {
      // The work is told, and stays alone while it winds down.
      this.end('max-hold');
      setTimer(() => void this.release(), graceMs);
    }, maxHoldMs);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#lost) this.#controller.abort(this.#lost);
    }
    return this.#controller.signal;
  }

  remaining(): number {
    if (this.#lost !== undefined || this.#released !== undefined) return 0;
    const { keeper, clock } = this.#house;
    let leftMs = Infinity;
    for (const hold of this.holds) {
      const holdLeftMs = remainingMs(clock, hold);
      if (holdLeftMs === 0) keeper.verify(hold);
      leftMs = Math.min(leftMs, holdLeftMs);
    }
    return leftMs;
  }

  assertHeld(minRemainingMs: number): void {
    const leftMs = this.remaining();
    if (leftMs > 0 && leftMs >= minRemainingMs) return;
    throw this.#lost ?? this.#errorOf(this.#reasonNow());
  }

  async renew(): Promise<void> {
    if (this.#lost) throw this.#lost;
    if (this.#released) throw this.#errorOf('released');
    const renewals = await Promise.allSettled(this.holds.map((hold) => this.#house.keeper.renew(hold)));
    if (this.#lost) throw this.#lost as LockLostError;
    const failure = renewals.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
    if (failure) throw failure.reason;
  }

  release(): Promise<ReleaseResult> {
    if (this.#released === undefined) {
      this.#settle();
      this.#released = this.#freeAll();
    }
    return this.#released;
  }

  /** Tells the work that the lease is over, without giving it back. */
  end(reason: LockLostReason, cause?: unknown): void {
    if (this.#lost !== undefined || this.#released !== undefined) return;
    const { logger, emit } = this.#house;
    this.#lost = this.#errorOf(reason, cause);
    logger.warn({ lock: this.name, fence: String(this.about.fence), reason }, 'lock lost');
    this.#controller?.abort(this.#lost);
    emit({ type: 'lost', ...this.about, reason });
  }

  #settle(): void {
    this.#holdTimer?.cancel();
    this.#onEnd(this);
  }

  /** One hold is over, and with it the lease: the others are given back. */
  #onHoldLost(hold: Hold, reason: LockLostReason, cause?: unknown): void {
    const { keeper, emit } = this.#house;
    this.#ways.lost(hold);
    for (const other of this.holds) {
      if (other === hold || other.onLost === undefined) continue;
      keeper.drop(other);
      this.#ways.free(other, 0).catch((error: unknown) => emit({ type: 'release-failed', ...this.about, error }));
    }
    this.#settle();
    this.end(reason, cause);
  }

  async #freeAll(): Promise<ReleaseResult> {
    const { keeper, clock } = this.#house;
    const { holds } = this;
    for (const hold of holds) if (hold.onLost === undefined) return 'not-held';
    const keepMs = Math.max(0, Math.ceil(this.#terms.minHoldMs - (clock.monotonic() - this.#startedAt)));
    const timeoutMs = Math.max(RELEASE_TIMEOUT.leastMs, Math.min(RELEASE_TIMEOUT.mostMs, ...holds.map((hold) => remainingMs(clock, hold))));
    for (const hold of holds) keeper.drop(hold);
    if (holds.length === 1) return this.#free(holds[0], keepMs, timeoutMs);
    const results = await Promise.all(holds.map((hold) => this.#free(hold, keepMs, timeoutMs)));
    return results.find((result) => result === 'unknown') ?? results.find((result) => result === 'not-held') ?? results[0]!;
  }

  async #free(hold: Hold, keepMs: number, timeoutMs: number): Promise<ReleaseResult> {
    const { clock, logger, emit } = this.#house;
    try {
      const outcome = await withDeadline(this.#ways.free(hold, keepMs), { clock, timeoutMs });
      return outcome === 'dequeued' ? 'not-held' : outcome;
    } catch (error) {
      logger.warn({ err: error, lock: hold.key.name }, 'lock release failed; the lease runs out by itself');
      emit({ type: 'release-failed', ...this.about, error });
      return 'unknown';
    }
  }

  #reasonNow(): LockLostReason {
    if (this.#released !== undefined) return 'released';
    return this.holds.some((hold) => wallJumped(this.#house.clock, hold.since)) ? 'clock' : 'paused';
  }

  #errorOf(reason: LockLostReason, cause?: unknown): LockLostError {
    return new LockLostError(this.name, this.about.fence, reason, cause === undefined ? {} : { cause });
  }
}

class HeldLease implements Lease {
  readonly #state: OpenLease;

  constructor(state: OpenLease) {
    this.#state = state;
  }

  get name(): string {
    return this.#state.name;
  }

  get names(): readonly string[] {
    return this.#state.holds.map(({ key }) => key.name);
  }

  get token(): string {
    return this.#state.holds[0].owner;
  }

  get fence(): bigint {
    return this.#state.about.fence;
  }

  get acquiredAt(): number {
    return this.#state.acquiredAt;
  }

  get signal(): AbortSignal {
    return this.#state.signal;
  }

  get isHeld(): boolean {
    return this.#state.remaining() > 0;
  }

  fenceOf(name: string): bigint {
    const { holds, fences } = this.#state;
    const at = holds.findIndex(({ key }) => key.name === name);
    if (at < 0) throw new InvalidLockOptionError('name', name, `one of this lease: ${this.name}`);
    return fences[at]!;
  }

  remaining(): number {
    return this.#state.remaining();
  }

  assertHeld(minRemainingMs: number = 0): void {
    this.#state.assertHeld(minRemainingMs);
  }

  renew(): Promise<void> {
    return this.#state.renew();
  }

  release(): Promise<ReleaseResult> {
    return this.#state.release();
  }

  export(): LeaseHandle {
    const { holds } = this.#state;
    if (holds.length > 1) throw new InvalidLockOptionError('name', this.name, 'one name: a lease of several cannot be exported');
    this.assertHeld();
    const [hold] = holds;
    hold.exported = true;
    return { kind: hold.key.kind, name: this.name, token: this.token, fence: String(this.fence), ttlMs: hold.ttlMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}
