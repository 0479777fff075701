import type { Clock, Counter, Histogram, Logger, Metrics } from '@staddle/kernel';
import { isUniqueViolation } from '@staddle/database';
import { nanoid } from 'nanoid';
import { dueInstants } from './due-instants.ts';
import { createLoop, type Loop } from './loop.ts';
import { taskMachine } from './machines.ts';
import type { RunRecord } from './run-store.ts';
import { RunFlags, TaskFlags } from './states.ts';
import { messageOf } from './stored-json.ts';
import { OUTCOME, type Changed, type NewOccurrence, type TaskChange, type TaskRecord, type TaskStore } from './task-store.ts';
import type { ReadTrigger } from './trigger-reader.ts';

/*
 * Turns instants that have come into rows: for each due task, in one transaction for a batch of them, the occurrences,
 * their runs and the advanced schedule. Any number of processes plan at once.
 *
 * 1. What is due is decided by the store's clock, under the row lock of the task.
 * 2. The schedule advances from the scheduled instant (see due-instants.ts), in the transaction that records it. A
 *    process that dies before the commit has done nothing; after it, everything.
 * 3. The unique key of the ledger has the last word: if an instant has had its turn although the schedule points at it
 *    (rows edited by hand, a restored backup), the batch is undone and planned again without it.
 * 4. A task whose trigger cannot be evaluated becomes BROKEN and leaves the index of due tasks; the others go on.
 */

export interface PlannerOptions {
  readonly tasks: TaskStore;
  readonly readTrigger: ReadTrigger;
  readonly graceMs: number;
  readonly pollMs: number;
  /** Called after the commit, with the runs that are READY now. */
  readonly onPlanned: (runs: readonly RunRecord[]) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

// Locks are held for one batch: larger ones make others wait, smaller ones cost a commit each.
const BATCH_SIZE = 100;

// Instants of one task in one transaction. More than these take several, and as many rows for the skipped ones.
const INSTANTS_PER_TASK = 10_000;

// Due tasks that are locked by someone else are his; a look soon after notices if he died. Doubles up to pollMs.
const LOCKED_RETRY_MS = 10;

export function createPlanner(options: PlannerOptions): Loop {
  const { tasks, readTrigger, graceMs, pollMs, onPlanned, clock, logger, metrics } = options;
  const occurrences: Counter<'outcome'> = metrics.counter({
    name: 'dispatch_occurrences_total',
    help: 'Instants of triggers that were recorded, by what became of them.',
    labels: ['outcome'],
  });
  const lateness: Histogram = metrics.histogram({
    name: 'dispatch_plan_lateness_seconds',
    help: 'Time from the scheduled instant to its recording, on the clock of the store.',
  });
  let lockedTries = 0;

  // A due task is ACTIVE: its events below are enabled.
  const plan = (task: TaskRecord, nowMs: number): TaskChange => {
    try {
      return planTask(task, nowMs);
    } catch (err) {
      const reason = `trigger cannot be evaluated: ${messageOf(err)}`.slice(0, 500);
      return { set: { state: taskMachine.next(task.state, 'break')!, reason, version: task.version + 1 } };
    }
  };

  const planTask = (task: TaskRecord, nowMs: number): TaskChange => {
    const trigger = readTrigger(task.trigger);
    const { fireAt, skipped, nextAt } = dueInstants(trigger, { firstAt: task.nextRunAt!, nowMs, graceMs, limit: INSTANTS_PER_TASK });
    const rows: NewOccurrence[] = fireAt.map((at) => {
      const state = nowMs - at > graceMs ? RunFlags.of('Ready', 'Late') : RunFlags.of('Ready');
      return { key: `s:${at}`, scheduledAt: at, toAt: null, count: 1, outcome: OUTCOME.run, run: { uid: nanoid(), state, fireAt: at + trigger.jitterMs(at) } };
    });
    if (skipped) rows.push({ key: `r:${skipped.fromAt}`, scheduledAt: skipped.fromAt, toAt: skipped.toAt, count: skipped.count, outcome: OUTCOME.misfire, run: undefined });
    const finished = nextAt === undefined ? { state: taskMachine.next(task.state, 'finish')!, version: task.version + 1 } : {};
    return {
      set: {
        ...finished,
        nextRunAt: nextAt ?? null,
        lastScheduledAt: fireAt.at(-1) ?? skipped?.toAt ?? task.lastScheduledAt,
        runCount: task.runCount + fireAt.length,
      },
      occurrences: rows,
    };
  };

  const planBatch = async (): Promise<Changed[]> => {
    try {
      return await tasks.changeDue({ limit: BATCH_SIZE, recheck: false }, plan);
    } catch (err) {
      if (!isUniqueViolation(err)) throw err;
      logger.warn({ err }, 'an instant was recorded already; planning without it');
      return tasks.changeDue({ limit: BATCH_SIZE, recheck: true }, plan);
    }
  };

  const tick = async (): Promise<number> => {
    const { nowMs, dueAt } = await tasks.nextDue();
    if (dueAt === undefined) return pollMs;
    if (dueAt > nowMs) return Math.min(pollMs, dueAt - nowMs);
    const changed = await planBatch();
    if (changed.length === 0) return Math.min(pollMs, LOCKED_RETRY_MS * 2 ** Math.min(lockedTries++, 10));
    lockedTries = 0;
    for (const { task } of changed) {
      if (TaskFlags.has(task.state, 'Broken')) logger.error({ cron_task: task.uid, reason: task.reason }, 'task set aside as BROKEN until it is resumed');
    }
    for (const { outcome, count } of changed.flatMap((change) => change.occurrences)) {
      occurrences.add(count ?? 1, { outcome: outcome === OUTCOME.run ? 'run' : 'misfire' });
    }
    const runs = changed.flatMap((change) => change.runs);
    for (const { createdAt, scheduledAt } of runs) lateness.observe(Math.max(0, createdAt - scheduledAt) / 1_000);
    onPlanned(runs);
    return 0;
  };

  return createLoop({ name: 'planner', tick, clock, logger });
}
