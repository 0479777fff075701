import type { Lease, LockKind } from '@staddle/lock';
import type { Machine } from './machine.ts';
import type { Note } from './trace.ts';
import type { Timeline } from './timeline.ts';

/*
 * Sees all machines at once, at the true time, and so knows what none of them can: whether two believe to be alone.
 *
 * I1 whoever is in a section, runs and says `isHeld` is alone in it (or fits in with the others), and whoever it had to be
 *    taken from has heard so by then: its signal has aborted before the next one enters;
 * I2 fences strictly increase in the order of entering, as far as two exclude each other;
 * I4 every acquisition ends by its bound, not counting the time that its own machine stood still.
 *
 * A machine that stands still believes nothing; it is asked when it goes on, before anything else runs on it.
 */

/** What a section takes of a key. */
export interface Share {
  readonly kind: LockKind;
  readonly name: string;
  readonly weight: number;
  readonly capacity: number;
}

/** A section that was entered and not left. */
export interface Stay {
  readonly id: string;
  readonly machine: Machine;
  readonly lease: Lease;
  readonly shares: readonly Share[];
  readonly enteredAt: number;
  /** The first that excluded it and entered all the same. */
  supersededBy?: Stay | undefined;
  hasLeft: boolean;
}

interface Awaited {
  readonly what: string;
  readonly machine: Machine;
  readonly shares: readonly Share[];
  readonly since: number;
}

export interface OracleOptions {
  readonly timeline: Timeline;
  /** When the lease of an owner ends in the store. */
  readonly endsAt: (owner: string) => number | undefined;
  /** When the store last forgot leases or ended them early. */
  readonly lastUpheavalAt: () => number;
  readonly longestTtlMs: number;
  readonly note: Note;
}

/** Beyond rounding and lateness of timers. */
const SLACK_MS = 10;
const FAULTS_MAX = 20;

export class Oracle {
  readonly faults: string[] = [];
  readonly #options: OracleOptions;
  readonly #inside = new Map<string, Set<Stay>>();
  readonly #highest = new Map<string, bigint>();
  readonly #kept = new Map<string, { readonly since: number; readonly until: number }>();
  readonly #awaited = new Set<Awaited>();
  #vacantSince = new Map<string, number>();
  #stays = 0;

  constructor(options: OracleOptions) {
    this.#options = options;
  }

  /** How many sections were entered. */
  get stays(): number {
    return this.#stays;
  }

  fault(fault: string): void {
    if (this.faults.length < FAULTS_MAX) this.faults.push(`${this.#options.timeline.now.toFixed(3)} ${fault}`);
    this.#options.note(`FAULT ${fault}`);
  }

  /** Undefined when the lease was over before its holder could look at it: then nobody entered. */
  enter(machine: Machine, lease: Lease, shares: readonly Share[], { isAdopted = false }: { readonly isAdopted?: boolean } = {}): Stay | undefined {
    const { timeline, note } = this.#options;
    if (!lease.isHeld) {
      // In doubt after a jump of the wall clock, which one of several may have seen while the others were waited for.
      if (shares.length === 1 && machine.now === timeline.now) this.fault(`I1: ${machine.name} got a lease of ${lease.name} that was over`);
      note(`${machine.name} got ${lease.name} fence ${lease.fence} too late`);
      return undefined;
    }
    const stay: Stay = { id: `${machine.name}/${++this.#stays}`, machine, lease, shares, enteredAt: timeline.now, hasLeft: false };
    // Created now, so that it aborts when it should.
    const { signal } = lease;
    signal.addEventListener('abort', () => note(`${stay.id} aborted: ${String((signal.reason as { reason?: string }).reason)}`));
    note(`${stay.id} enters ${shares.map(({ kind, name, weight }) => `${kind}:${name}*${weight}`).join(' ')} fence ${lease.fence}`);
    for (const share of shares) this.#enterKey(stay, share, isAdopted);
    this.#watch(stay);
    return stay;
  }

  leave(stay: Stay): void {
    this.look(stay);
    this.#options.note(`${stay.id} leaves`);
    stay.hasLeft = true;
    for (const { kind, name } of stay.shares) this.#inside.get(`${kind}:${name}`)!.delete(stay);
  }

  /** A writer goes on as a reader. */
  becomes(stay: Stay, shares: readonly Share[]): Stay {
    for (const { kind, name } of stay.shares) this.#inside.get(`${kind}:${name}`)!.delete(stay);
    stay.hasLeft = true;
    const reader: Stay = { ...stay, shares, hasLeft: false };
    for (const { kind, name } of shares) this.#inside.get(`${kind}:${name}`)!.add(reader);
    this.#watch(reader);
    return reader;
  }

  /** What its holder sees when it looks: whether the lease is held. */
  look(stay: Stay): boolean {
    const { lease, machine } = stay;
    // It may stand still while it looks; no lock can help against that.
    const { now } = machine;
    if (!lease.isHeld) return false;
    if (stay.supersededBy) this.#excludes(stay, stay.supersededBy, 'is held');
    const endsAt = this.#options.endsAt(lease.token) ?? -Infinity;
    if (endsAt < now && !this.isExcused(stay)) this.fault(`I1: ${stay.id} is held, but the lease has ended in the store at ${endsAt.toFixed(3)}`);
    return true;
  }

  /** What others find out about it: a machine that stands still believes nothing. */
  #believes(stay: Stay): boolean {
    return stay.machine.isRunning && this.look(stay);
  }

  /** A machine goes on: no lease of it is held that another one has got meanwhile. */
  goesOn(machine: Machine): void {
    for (const [key, stays] of this.#inside) {
      if (![...stays].some((stay) => stay.machine === machine)) continue;
      for (const stay of stays) if (stay.machine === machine) this.#believes(stay);
      this.#count(key);
    }
  }

  /** A mutex that was held since then stays locked although its holder has let go. */
  keep({ kind, name }: Share, since: number, until: number): void {
    const key = `${kind}:${name}`;
    this.#kept.set(key, { since, until });
  }

  dies(machine: Machine): void {
    for (const stays of this.#inside.values()) {
      for (const stay of stays) {
        if (stay.machine !== machine) continue;
        stay.hasLeft = true;
        stays.delete(stay);
      }
    }
  }

  /**
   * @param shares what is waited for
   * @param boundMs how long it may take, not counting the time that the machine stands still
   */
  async timed<T>(machine: Machine, what: string, shares: readonly Share[], boundMs: number, operation: () => Promise<T>): Promise<T> {
    const startedAt = machine.now;
    const awaited: Awaited = { what, machine, shares, since: startedAt };
    const stoppedMs = machine.stoppedMs;
    this.#awaited.add(awaited);
    try {
      return await operation();
    } finally {
      this.#awaited.delete(awaited);
      const tookMs = machine.now - startedAt - (machine.stoppedMs - stoppedMs);
      if (tookMs > boundMs * 1.02 + SLACK_MS) this.fault(`I4: ${machine.name}: ${what} took ${tookMs.toFixed(1)} ms of at most ${boundMs}`);
    }
  }

  /** What living machines still wait for. */
  awaited(): string[] {
    return [...this.#awaited].filter(({ machine }) => machine.state !== 'dead').map(({ what, machine }) => `${machine.name}: ${what}`);
  }

  /**
   * How long it is that nobody has a lock although somebody waits for nothing else. To be asked again and again: it is told
   * from when it was first seen.
   */
  vacantMs(): number {
    const { now } = this.#options.timeline;
    const vacant = new Map<string, number>();
    // Whoever wants several holds some of them while it waits for the others.
    const wanted = new Set([...this.#awaited].filter(({ shares }) => shares.length > 1).flatMap(({ shares }) => shares.map(({ kind, name }) => `${kind}:${name}`)));
    for (const { machine, shares, since } of this.#awaited) {
      const [share] = shares;
      if (share === undefined || shares.length > 1 || machine.state === 'dead') continue;
      const key = `${share.kind}:${share.name}`;
      if (vacant.has(key) || wanted.has(key) || this.#isTaken(key)) continue;
      vacant.set(key, this.#vacantSince.get(key) ?? Math.max(since, now));
    }
    this.#vacantSince = vacant;
    return now - Math.min(now, ...vacant.values());
  }

  /** Looks right after the lease ends in the store, again and again as long as it is renewed. */
  #watch(stay: Stay): void {
    const { timeline, endsAt } = this.#options;
    const moment = endsAt(stay.lease.token);
    if (moment === undefined || moment < timeline.now) return;
    timeline.at(moment + 0.001, () => {
      if (!stay.hasLeft) this.#believes(stay);
      if (!stay.hasLeft) this.#watch(stay);
    });
  }

  #isTaken(key: string): boolean {
    for (const { machine, lease } of this.#inside.get(key) ?? []) if (machine.isRunning && lease.isHeld) return true;
    return false;
  }

  #enterKey(stay: Stay, share: Share, isAdopted: boolean): void {
    const key = `${share.kind}:${share.name}`;
    const stays = this.#inside.get(key) ?? new Set();
    this.#inside.set(key, stays);
    const fence = stay.lease.fenceOf(share.name);
    for (const other of stays) {
      const { weight } = other.shares.find(({ kind, name }) => kind === share.kind && name === share.name)!;
      // The same fence is the same acquisition, handed to another process.
      if (weight + share.weight <= share.capacity || identityOf(other, share.name) === identityOf(stay, share.name)) continue;
      if (!this.isExcused(stay)) other.supersededBy ??= stay;
      if (this.#believes(other)) continue;
      if (this.#shouldKnow(other) && !other.lease.signal.aborted) this.#excludes(other, stay, 'has not been told');
    }
    const kept = this.#kept.get(key);
    if (kept && this.#options.timeline.now < kept.until && this.#options.lastUpheavalAt() < kept.since && !this.isExcused(stay)) {
      this.fault(`I1: ${key}: ${stay.id} entered although the name was to be kept until ${kept.until.toFixed(3)}`);
    }
    if (share.capacity === 1 && fence > 0n) {
      const highest = this.#highest.get(key) ?? -1n;
      if ((fence < highest || (fence === highest && !isAdopted)) && !this.isExcused(stay)) this.fault(`I2: ${key}: ${stay.id} entered with fence ${fence} after ${highest}`);
      if (fence > highest) this.#highest.set(key, fence);
    }
    stays.add(stay);
    this.#vacantSince.delete(key);
    this.#count(key);
  }

  /** Its timers and answers have had their turn. One whose timers are late hears of it with the next of them. */
  #shouldKnow({ machine, enteredAt }: Stay): boolean {
    return machine.isRunning && this.#options.timeline.now - machine.wentOnAt > SLACK_MS && machine.timersLateSince < enteredAt;
  }

  #count(key: string): void {
    const believers = new Map<bigint | string, { weight: number; stay: Stay }>();
    let capacity = Infinity;
    for (const stay of this.#inside.get(key)!) {
      if (!stay.machine.isRunning || !stay.lease.isHeld) continue;
      const share = stay.shares.find(({ kind, name }) => `${kind}:${name}` === key)!;
      believers.set(identityOf(stay, share.name), { weight: share.weight, stay });
      capacity = share.capacity;
    }
    let sum = 0;
    for (const { weight } of believers.values()) sum += weight;
    if (sum <= capacity) return;
    const stays = [...believers.values()].map(({ stay }) => stay);
    if (stays.some((stay) => this.isExcused(stay))) return;
    this.fault(`I1: ${key}: ${stays.map(({ id }) => id).join(', ')} are inside together, ${sum} of ${capacity}`);
  }

  #excludes(stay: Stay, other: Stay, how: string): void {
    if (this.isExcused(stay)) return;
    this.fault(`I1: ${stay.shares.map(({ kind, name }) => `${kind}:${name}`).join(' ')}: ${stay.id} ${how} although ${other.id} has entered`);
  }

  /** The store has forgotten leases, and this one may not have heard of it yet. */
  isExcused({ machine }: Stay): boolean {
    const { timeline, lastUpheavalAt, longestTtlMs } = this.#options;
    return timeline.now <= lastUpheavalAt() + longestTtlMs * 1.02 + machine.stoppedMs;
  }
}

function identityOf({ lease }: Stay, name: string): bigint | string {
  return lease.fenceOf(name) || lease.token;
}
