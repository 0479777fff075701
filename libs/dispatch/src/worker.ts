import type { Clock, Logger, Metrics } from '@staddle/kernel';
import { StoppingError } from './errors.ts';
import type { HandlerRegistry } from './handler.ts';
import type { Lease, LeaseKeeper } from './lease-keeper.ts';
import { createLoop } from './loop.ts';
import { executeRun, type Execution } from './run-execution.ts';
import type { ClaimedRun, RunRecord, RunStore } from './run-store.ts';

/*
 * Takes READY runs up and carries them out, at most `concurrency` at a time.
 *
 * 1. It claims no more than it has free slots for, so that no run waits here while another process idles.
 * 2. A slot is free again when the handler has really ended, also after its run was given up.
 * 3. Stopping: no claim any more, what has not started goes back, what runs may end. When the deadline passes, handlers
 *    are aborted and their runs go back as well.
 */

export interface Worker {
  start(): void;
  /** There may be READY runs. */
  wake(): void;
  stop(deadline?: AbortSignal): Promise<void>;
}

export interface WorkerOptions {
  readonly runs: RunStore;
  readonly registry: HandlerRegistry;
  readonly leases: LeaseKeeper;
  readonly owner: string;
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly onChange: (run: RunRecord) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export function createWorker(options: WorkerOptions): Worker {
  const { runs, registry, leases, owner, concurrency, leaseMs, pollMs, onChange, clock, logger, metrics } = options;
  const outcomes = metrics.counter({ name: 'dispatch_runs_total', help: 'Runs this process carried out, by how they ended.', labels: ['outcome'] });
  const busySlots = metrics.gauge({ name: 'dispatch_busy_slots', help: 'Handlers that are running in this process.' });
  const unrecorded = new Map<Promise<unknown>, Lease>();
  let busy = 0;
  let stopping = false;
  let giveUp = new AbortController();

  const tick = async (): Promise<number> => {
    const free = concurrency - busy;
    // A slot that becomes free wakes the loop.
    if (free <= 0) return pollMs;
    const { nowMs, readyAt } = await runs.nextReady(registry.names);
    if (readyAt === undefined) return pollMs;
    if (readyAt > nowMs) return Math.min(pollMs, readyAt - nowMs);
    const sentAt = clock.monotonic();
    const claimed = await runs.claim({ owner, limit: free, leaseMs, handlers: registry.names });
    for (const run of claimed) carryOut(run, sentAt);
    // None although there was one: another process was faster.
    return claimed.length > 0 ? 0 : Math.min(pollMs, 10);
  };
  const loop = createLoop({ name: 'worker', tick, clock, logger });

  const carryOut = (run: ClaimedRun, sentAt: number): void => {
    onChange(run);
    const lease = leases.hold(run, sentAt);
    const handler = registry.find(run.module, run.handler);
    busySlots.set(++busy);
    const { recorded, ended } = executeRun({ runs, handler, run, lease, isStopping: () => stopping, giveUp: giveUp.signal, onChange, clock, logger });
    unrecorded.set(recorded, lease);
    void count(recorded);
    void freeSlot(ended);
  };

  const count = async (recorded: Execution['recorded']): Promise<void> => {
    const outcome = await recorded;
    unrecorded.delete(recorded);
    outcomes.add(1, { outcome: outcome.toLowerCase() });
  };

  const freeSlot = async (ended: Execution['ended']): Promise<void> => {
    await ended;
    busySlots.set(--busy);
    loop.wake();
  };

  return {
    start() {
      stopping = false;
      giveUp = new AbortController();
      if (concurrency > 0) loop.start();
    },
    wake: loop.wake,
    async stop(deadline) {
      stopping = true;
      const onDeadline = (): void => {
        for (const lease of unrecorded.values()) lease.abort(new StoppingError());
        giveUp.abort(new StoppingError());
      };
      if (deadline?.aborted) onDeadline();
      deadline?.addEventListener('abort', onDeadline, { once: true });
      try {
        await loop.stop();
        await Promise.all(unrecorded.keys());
      } finally {
        deadline?.removeEventListener('abort', onDeadline);
      }
    },
  };
}
