import { silentLogger, noMetrics, systemClock, type Clock, type Lifecycle, type Logger, type Metrics } from '@staddle/kernel';
import type { Database } from '@staddle/database';
import { nanoid } from 'nanoid';
import { createHandlerRegistry, type Handlers } from './handler.ts';
import { createLeaseKeeper } from './lease-keeper.ts';
import { createPlanner } from './planner.ts';
import { toRunChange, type RunChange } from './run.ts';
import { createRunOperations, type RunOperations } from './run-operations.ts';
import type { RunRecord } from './run-store.ts';
import { sqlRunStore } from './stores/sql-run-store.ts';
import { sqlTaskStore } from './stores/sql-task-store.ts';
import { createSweeper } from './sweeper.ts';
import { createTaskOperations, type TaskOperations } from './task-operations.ts';
import { createTriggerReader } from './trigger-reader.ts';
import { createWorker } from './worker.ts';

/*
 * Durable task dispatch. A task says what to do (module, handler, payload) and when (trigger). Each instant of its
 * trigger becomes an occurrence, a row of the ledger, and with it a run, which some process carries out.
 *
 *   operations      planner                     worker                         sweeper
 *   task row   ->   occurrence + run (READY) -> CLAIMED -> RUNNING -> outcome   lease over -> READY
 *
 * Invariants
 * 1. SQL holds the truth. Wake-up calls inside of a process only save waiting for the next poll.
 * 2. An instant is recorded exactly once: by the unique key (task, occ_key), in the transaction that advances the schedule.
 *    It ends as a run or in a range of skipped instants; fired + skipped = what the trigger enumerates.
 * 3. A schedule advances from the scheduled instant, never from now, and never goes back.
 * 4. A run is started at least once. At any time one claim may write its outcome: each claim raises the fence, and
 *    every write matches it. An owner that was silent for longer than its lease may still execute, but not write.
 * 5. Due times and leases are judged by the store's clock. The process's clock sets timers, and ends work earlier.
 * 6. Whatever a handler does, short of ending the process, is an outcome of its run.
 *
 * When the store is away nothing is planned or claimed; handlers that run go on until their lease ends and keep their
 * outcome until it can be stored. When it is back, the planner catches up: see due-instants.ts for what is fired late.
 */

export interface DispatchOptions {
  /** With the tables of `dispatchMigrations`. The caller closes it, after `stop()`. */
  readonly database: Database;
  readonly handlers: Handlers;
  /** Handlers at a time in this process. 0: this process plans, but carries nothing out. Default 10. */
  readonly workers?: number;
  /** How long a run of a process that fell silent waits for its next owner. Default 30000. */
  readonly leaseMs?: number;
  /** Longest time until this process sees what another one has created. Default 1000, which is also the most. */
  readonly pollMs?: number;
  /** How often to look for owners that are gone. Default 5000. */
  readonly sweepMs?: number;
  /** An instant up to this late is not a misfire: it fires. Default 5000. */
  readonly graceMs?: number;
  /** A run that was taken up this often, by owners that all went away, is FAILED. Default 5. */
  readonly maxClaims?: number;
  /** Names this process in its runs; must differ between processes and between their starts. Default: a random id. */
  readonly owner?: string;
  /**
   * Told of each change of a run that this process makes, after its commit. Nobody waits for it, and what it throws or
   * rejects with is logged; but it is called on the way, so what takes time belongs into a queue.
   */
  readonly onRunChange?: (change: RunChange) => unknown;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
}

export interface Dispatch extends Lifecycle {
  readonly tasks: TaskOperations;
  readonly runs: RunOperations;
}

const DEFAULTS = Object.freeze({ workers: 10, leaseMs: 30_000, pollMs: 1_000, sweepMs: 5_000, graceMs: 5_000, maxClaims: 5 });

/** Tasks can be created and changed before `start()`, which makes this process plan and work. */
export function createDispatch(options: DispatchOptions): Dispatch {
  const { database, handlers, onRunChange, owner = nanoid(), clock = systemClock, logger = silentLogger, metrics = noMetrics } = options;
  const { workers, leaseMs, sweepMs, graceMs, maxClaims } = { ...DEFAULTS, ...options };
  const pollMs = Math.min(options.pollMs ?? DEFAULTS.pollMs, DEFAULTS.pollMs);

  const tasks = sqlTaskStore(database);
  const runs = sqlRunStore(database);
  const registry = createHandlerRegistry(handlers);
  const readTrigger = createTriggerReader();

  const notify = (records: readonly RunRecord[]): void => {
    if (!onRunChange) return;
    for (const record of records) tell(onRunChange, toRunChange(record, clock.now()), logger);
  };

  const leases = createLeaseKeeper({ runs, owner, leaseMs, clock, logger });
  const worker = createWorker({ runs, registry, leases, owner, concurrency: workers, leaseMs, pollMs, onChange: (run) => notify([run]), clock, logger, metrics });
  const onReady = (records: readonly RunRecord[]): void => {
    notify(records);
    worker.wake();
  };
  const planner = createPlanner({ tasks, readTrigger, graceMs, pollMs, onPlanned: onReady, clock, logger, metrics });
  const sweeper = createSweeper({ runs, sweepMs, maxClaims, onReclaimed: onReady, clock, logger, metrics });

  let started = false;
  const start = async (): Promise<void> => {
    if (started) return;
    // Fails here, where the caller can see it, when the store is away or has no tables.
    await tasks.nextDue();
    leases.start();
    worker.start();
    planner.start();
    sweeper.start();
    started = true;
  };
  const stop = async (signal?: AbortSignal): Promise<void> => {
    await Promise.all([planner.stop(), sweeper.stop(), worker.stop(signal)]);
    // Last: leases of handlers that are allowed to end must not run out meanwhile.
    await leases.stop();
    started = false;
  };

  // Starts and stops take turns; each leaves a whole state behind.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = (step: () => Promise<void>): Promise<void> => {
    const done = turn.then(step);
    turn = done.catch(() => {});
    return done;
  };

  return {
    name: 'dispatch',
    start: () => inTurn(start),
    stop: (signal) => inTurn(() => stop(signal)),
    tasks: createTaskOperations({
      tasks,
      registry,
      readTrigger,
      onChanged(records) {
        onReady(records);
        planner.wake();
      },
    }),
    runs: createRunOperations({ tasks, runs }),
  };
}

/** The store has committed the change, so nothing the listener does may come between it and what follows. */
function tell(listener: (change: RunChange) => unknown, change: RunChange, logger: Logger): void {
  const failed = (err: unknown): void => logger.error({ err, run_id: change.runUid, state: change.state }, 'a listener of run changes failed');
  try {
    Promise.resolve(listener(change)).catch(failed);
  } catch (err) {
    failed(err);
  }
}
