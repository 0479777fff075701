import { hasCode, sleep } from '@staddle/kernel';
import type { AcquireOptions, Lease, Locks, LockErrorCode } from '@staddle/lock';
import type { Chance } from './chance.ts';
import type { Machine } from './machine.ts';
import type { Oracle, Share, Stay } from './oracle.ts';
import type { Plan } from './plan.ts';
import type { Resources } from './resources.ts';
import type { Runs } from './runs.ts';
import type { Timeline } from './timeline.ts';

/** What a task in a process has to do with. */
export interface Scene {
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly machine: Machine;
  readonly locks: Locks;
  readonly oracle: Oracle;
  readonly resources: Resources;
  readonly runs: Runs;
  readonly plan: Plan;
  /** Lets another process go on with something, when its mail arrives. */
  readonly mail: (open: (recipient: Scene) => Promise<void>) => void;
  /** The tasks finish what they do, and begin nothing new. */
  readonly isOver: () => boolean;
}

export const MUTEXES = ['a', 'b', 'c'] as const;
export const PERMITS = 3;
export const MIN_HOLD_MAX_MS = 1_000;
/** As a writer weighs in the core: more than there can be readers. */
const WRITER_WEIGHT = 2 ** 31 - 1;
/** How a call may end besides well. */
const EXPECTED: readonly LockErrorCode[] = ['ERR_LOCK_TIMEOUT', 'ERR_LOCK_LOST', 'ERR_LOCK_UNAVAILABLE', 'ERR_LOCK_CLOSED'];

class ChangedMind extends Error {}

/** Asks for locks again and again. */
export async function task(scene: Scene): Promise<void> {
  const { chance, machine } = scene;
  const ways = [mutex, mutex, mutex, several, semaphore, readWrite, runOnce, handOver] as const;
  // Tasks that all want the same meet more often.
  const favourite = chance.of(ways);
  while (!scene.isOver()) {
    await sleep(chance.spread(1, 300), { clock: machine.clock });
    try {
      await (chance.is(0.5) ? favourite : chance.of(ways))(scene);
    } catch (error) {
      if (error instanceof ChangedMind) continue;
      if (hasCode(error, 'ERR_LOCK_CLOSED')) return;
      refuseUnexpected(scene, error);
    }
  }
}

/** I6: nothing is thrown that no caller has to reckon with. */
export function refuseUnexpected({ machine, oracle }: Scene, error: unknown): void {
  if (!EXPECTED.some((code) => hasCode(error, code))) oracle.fault(`I6: ${machine.name}: ${error instanceof Error ? error.stack : String(error)}`);
}

async function mutex(scene: Scene): Promise<void> {
  const { chance, locks, plan } = scene;
  const name = chance.of(plan.mutexes);
  const minHoldMs = chance.is(0.1) ? chance.whole(1, MIN_HOLD_MAX_MS) : 0;
  const options: AcquireOptions = {
    ...terms(scene),
    minHoldMs,
    ...(chance.is(0.1) && { maxHoldMs: chance.whole(10, 600), graceMs: chance.whole(0, 300) }),
    renew: !chance.is(0.1),
    fencing: !chance.is(0.1),
    barge: chance.is(0.05),
  };
  await acquired(scene, `mutex ${name}`, options, 1, (given) => locks.acquire(name, given), [share('mutex', name)]);
}

async function several(scene: Scene): Promise<void> {
  const { chance, locks } = scene;
  const names = chance.of<string[]>([['a', 'b'], ['b', 'c'], ['c', 'a'], ['c', 'b', 'a']]);
  await acquired(scene, `mutexes ${names.join(' ')}`, terms(scene), 2, (given) => locks.acquire(names, given), names.map((name) => share('mutex', name)));
}

async function semaphore(scene: Scene): Promise<void> {
  const { chance, locks } = scene;
  const permits = chance.whole(1, PERMITS);
  const seats = locks.semaphore('seats', PERMITS);
  await acquired(scene, `semaphore*${permits}`, terms(scene), 1, (given) => seats.acquire({ ...given, permits }), [share('semaphore', 'seats', permits, PERMITS)]);
}

async function readWrite(scene: Scene): Promise<void> {
  const { chance, locks, oracle, machine } = scene;
  const book = locks.readWrite('book');
  const reads = [share('read-write', 'book', 1, WRITER_WEIGHT)];
  if (chance.is(0.6)) {
    await acquired(scene, 'read', terms(scene), 1, (given) => book.read.acquire(given), reads);
    return;
  }
  const writes = [share('read-write', 'book', WRITER_WEIGHT, WRITER_WEIGHT)];
  const downgrades = chance.is(0.5);
  await acquired(scene, 'write', terms(scene), 1, (given) => book.write.acquire(given), writes, async (stay, lease) => {
    if (!downgrades || !lease.isHeld) return stay;
    // Whatever comes of it, it is a reader at most.
    const reader = oracle.becomes(stay, reads);
    await oracle.timed(machine, 'downgrade', [], 5 * scene.plan.commandTimeoutMs, () => book.downgrade(lease)).catch((error: unknown) => {
      if (!hasCode(error, 'ERR_LOCK_LOST') && !hasCode(error, 'ERR_LOCK_UNAVAILABLE')) throw error;
    });
    await work(scene, reader, lease);
    return reader;
  });
}

async function runOnce(scene: Scene): Promise<void> {
  const { chance, timeline, runs } = scene;
  const fireTime = Math.floor(timeline.now / 1_000) * 1_000;
  if (chance.is(0.5)) await runs.run(scene, 'retry', fireTime, 'allow');
  else await runs.run(scene, 'skip', fireTime, chance.of(['skip', 'wait', 'allow']));
}

/** One process begins, and another one goes on with the lease. Nobody closes meanwhile: that would release it for both. */
async function handOver(scene: Scene): Promise<void> {
  const { chance, locks, machine, oracle, plan } = scene;
  if (plan.closes > 0) return;
  const name = chance.of(plan.mutexes);
  const shares = [share('mutex', name)];
  const ttlMs = chance.of(plan.ttls);
  const lease = await locks.acquire(name, { ttlMs, waitMs: 300, renew: false });
  const stay = oracle.enter(machine, lease, shares);
  if (stay === undefined) return;
  const handle = lease.export();
  // Whoever lets go does so for both.
  oracle.leave(stay);
  scene.mail(async (recipient) => {
    const adopted = await recipient.locks.adopt(handle);
    const next = recipient.oracle.enter(recipient.machine, adopted, shares, { isAdopted: true });
    if (next !== undefined) {
      await work(recipient, next, adopted);
      recipient.oracle.leave(next);
    }
    await adopted.release();
  });
  // Not renewed here, it ends by itself; forgotten before, it would count as leaked.
  await sleep(2 * ttlMs, { clock: machine.clock });
  if (lease.isHeld) oracle.fault(`I1: ${stay.id} is not renewed, but does not end`);
}

function share(kind: Share['kind'], name: string, weight = 1, capacity = 1): Share {
  return { kind, name, weight, capacity };
}

export function terms({ chance, plan }: Scene): AcquireOptions & { readonly ttlMs: number; readonly waitMs: number } {
  return { ttlMs: chance.of(plan.ttls), waitMs: chance.of([0, 0, 20, 300, 2_000, Infinity]), priority: chance.of([0, 0, 0, 5, -5]) };
}

/** Acquires within its bound, works, and releases within that of a release. `answers`: for how many first answers it may wait. */
async function acquired(
  scene: Scene,
  what: string,
  options: AcquireOptions,
  answers: number,
  acquire: (options: AcquireOptions) => Promise<Lease>,
  shares: readonly Share[],
  then: (stay: Stay, lease: Lease) => Promise<Stay> = async (stay) => stay,
): Promise<void> {
  const { chance, machine, oracle, plan, timeline } = scene;
  const mind = new AbortController();
  const changesIn = chance.is(0.15) ? chance.spread(1, 1_000) : Infinity;
  const mayChange = changesIn < Infinity;
  const changing = mayChange ? machine.clock.setTimer(() => mind.abort(new ChangedMind()), changesIn) : undefined;
  const { waitMs = 0 } = options;
  const lease = await oracle
    .timed(machine, `${what} (wait ${waitMs})`, shares, Math.min(waitMs + answers * plan.commandTimeoutMs, changesIn + 2), () => acquire({ ...options, ...(mayChange && { signal: mind.signal }) }))
    .finally(() => changing?.cancel());
  let stay = oracle.enter(machine, lease, shares);
  const enteredAt = timeline.now;
  try {
    if (stay !== undefined) {
      await work(scene, stay, lease);
      stay = await then(stay, lease);
    }
  } finally {
    // Held for longer than it is used.
    if (chance.is(0.1)) await sleep(chance.spread(1, 500), { clock: machine.clock });
    if (stay !== undefined) oracle.leave(stay);
    const result = await oracle.timed(machine, 'release', [], 2_000, () => lease.release());
    if (chance.is(0.05)) await lease.release();
    if (result === 'kept' && options.minHoldMs) oracle.keep(shares[0]!, enteredAt, enteredAt + options.minHoldMs * 0.98);
  }
}

/** A section: careful work that stops when the lease is over, or work that does not look and relies on its fence. */
export async function work(scene: Scene, stay: Stay, lease: Lease): Promise<void> {
  const { chance, machine, oracle, resources, timeline } = scene;
  const { clock } = machine;
  const [{ kind, name, weight, capacity }] = stay.shares as readonly [Share];
  const isAlone = weight === capacity && kind !== 'run';
  const steps = chance.whole(1, 4);
  const isCareless = isAlone && lease.fenceOf(name) > 0n && chance.is(0.3);
  for (let step = 0; step < steps; step++) {
    if (isCareless) {
      const fence = lease.fenceOf(name);
      const value = resources.readFenced(name, fence);
      await sleep(chance.spread(1, 1_000), { clock });
      // The write is on its way whatever becomes of its sender.
      if (value !== undefined) timeline.at(machine.now + chance.spread(0.1, 200), () => void resources.writeFenced(name, fence, value + 1));
      return;
    }
    const read = resources.read(name);
    const wasExcused = oracle.isExcused(stay);
    await sleep(chance.spread(0.5, 300), { clock });
    if (!oracle.look(stay)) {
      // In doubt after a jump of the wall clock: some ask, some stop.
      if (lease.signal.aborted || chance.is(0.5)) return;
      await lease.renew().catch(() => {});
      if (!oracle.look(stay)) return;
    }
    // Nothing helps against standing still between the look and the write, but a fence.
    if (isAlone && machine.now === timeline.now) resources.count(name, read, stay.id, wasExcused || oracle.isExcused(stay));
  }
}
