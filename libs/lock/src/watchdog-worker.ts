// The thread that watchdog.ts starts. It imports nothing that is not needed to renew.
import { parentPort, workerData } from 'node:worker_threads';
import type { LockDriver, LockKey } from './driver.ts';
import { CELLS, sharedNow, type WatchdogData, type WatchdogReply, type WatchdogRequest } from './watchdog-cells.ts';

interface Guarded {
  readonly slot: number;
  readonly key: LockKey;
  readonly owner: string;
  readonly ttlMs: number;
  isBusy: boolean;
  isDropped: boolean;
}

/** The main thread renews after a third of the lease. */
const STAND_IN_SHARE = 0.5;
const RETRY_MS = 50;
/** Short enough for leases of tens of milliseconds, long enough not to spin. */
const SHORTEST_TICK_MS = 5;
const BATCH_MAX = 100;

const { source, cells: buffer, maxStallMs } = workerData as WatchdogData;
const { createWatchdogDriver } = (await import(source.module)) as { createWatchdogDriver(data: unknown): Pick<LockDriver, 'renew'> & { close(): Promise<void> } };
const driver = createWatchdogDriver(source.data);
const cells = new BigInt64Array(buffer);
const guarded = new Map<number, Guarded>();
const port = parentPort!;
let tick: NodeJS.Timeout | undefined;

const reply = (message: WatchdogReply): void => port.postMessage(message);
const cellOf = (slot: number, cell: number): number => CELLS.first + slot * CELLS.perHold + cell;
const ageMs = ({ slot }: Guarded): number => Number(sharedNow() - Atomics.load(cells, cellOf(slot, CELLS.since))) / 1_000;
const isMainAlive = (): boolean => Number(sharedNow() - Atomics.load(cells, CELLS.heartbeat)) / 1_000 <= maxStallMs;

function plan(): void {
  if (tick !== undefined) return;
  let inMs = Infinity;
  for (const each of guarded.values()) {
    const dueInMs = each.ttlMs * STAND_IN_SHARE - ageMs(each);
    // Past due: it is being tried, or the main thread is gone.
    inMs = Math.min(inMs, dueInMs > 0 ? dueInMs : RETRY_MS);
  }
  if (inMs === Infinity) return;
  tick = setTimeout(() => {
    tick = undefined;
    const due = [...guarded.values()].filter((each) => !each.isBusy && ageMs(each) >= each.ttlMs * STAND_IN_SHARE);
    if (isMainAlive()) for (let start = 0; start < due.length; start += BATCH_MAX) void renew(due.slice(start, start + BATCH_MAX));
    plan();
  }, Math.max(inMs, SHORTEST_TICK_MS));
}

async function renew(batch: readonly Guarded[]): Promise<void> {
  for (const each of batch) each.isBusy = true;
  const sent = sharedNow();
  const sentWall = BigInt(Date.now());
  try {
    const outcomes = await driver.renew(batch.map(({ key, owner, ttlMs }) => ({ key, owner, ttlMs })));
    batch.forEach((each, index) => {
      const outcome = outcomes[index]!;
      if (each.isDropped || !('renewed' in outcome)) return;
      if (outcome.renewed) {
        Atomics.store(cells, cellOf(each.slot, CELLS.wall), sentWall);
        Atomics.store(cells, cellOf(each.slot, CELLS.since), sent);
        // Over: the main thread learns it from its own next renewal, or from the deadline.
      } else guarded.delete(each.slot);
    });
  } catch {
    // Tried again with the next tick, until the lease is over.
  }
  for (const each of batch) {
    each.isBusy = false;
    if (each.isDropped) reply({ type: 'free', slot: each.slot });
  }
}

port.on('message', (request: WatchdogRequest) => {
  if (request.type === 'guard') {
    guarded.set(request.slot, { ...request, isBusy: false, isDropped: false });
    clearTimeout(tick);
    tick = undefined;
    plan();
  } else if (request.type === 'unguard') {
    const each = guarded.get(request.slot);
    guarded.delete(request.slot);
    if (each?.isBusy) each.isDropped = true;
    else reply({ type: 'free', slot: request.slot });
  } else {
    clearTimeout(tick);
    guarded.clear();
    driver.close().finally(() => reply({ type: 'closed' }));
  }
});
