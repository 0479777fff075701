import { parseTrigger } from '@staddle/cron';
import { migrate, type Database } from '@staddle/database';
import { testDatabase, waitFor, type TestDialect } from '@staddle/testing';
import { onTestFinished, expect } from 'vitest';
import { createDispatch, dispatchMigrations, type Dispatch, type DispatchOptions, type NewTaskInput, type Run, type RunChange, type RunState, type Task } from '@staddle/dispatch';
import type { DispatchTables } from '../src/stores/tables.ts';

export interface World {
  readonly url: string;
  readonly database: Database;
  /** A dispatch on the world's database, stopped at the end of the test. It is not started. */
  dispatch(options?: Partial<DispatchOptions>): Dispatch & { readonly changes: RunChange[] };
}

/** A fresh database with the tables, dropped at the end of the test. */
export async function createWorld(dialect: TestDialect): Promise<World> {
  const fresh = await testDatabase(dialect);
  const database = fresh.open();
  const started: Dispatch[] = [];
  onTestFinished(async () => {
    await Promise.all(started.map((dispatch) => dispatch.stop(AbortSignal.abort())));
    await fresh.close();
  });
  await migrate(database, [dispatchMigrations]);
  return {
    url: fresh.url,
    database,
    dispatch(options = {}) {
      const changes: RunChange[] = [];
      const dispatch = createDispatch({ database, handlers: { note: () => {} }, onRunChange: (change) => void changes.push(change), ...options });
      started.push(dispatch);
      return Object.assign(dispatch, { changes });
    },
  };
}

/** A task that is due in a year, unless told otherwise. */
export function newTask(input: Partial<NewTaskInput> = {}): NewTaskInput {
  return { module: 'demo', handler: 'note', trigger: { kind: 'after', delay: 'P365D' }, ...input };
}

/** Waits until the newest run of the task is in the state. */
export function runIn(dispatch: Dispatch, task: Task, state: RunState): Promise<Run> {
  return waitFor(async () => (await dispatch.runs.list({ taskUid: task.uid, state, limit: 1 })).items[0], { what: `a run of ${task.uid} to be ${state}` });
}

/**
 * Moves the schedule of a task back in time, as if the house had been dark for so long. `ms` is a multiple of the period
 * of a cron expression.
 */
export async function rewind({ database }: World, task: Task, ms: number): Promise<void> {
  const trigger = { ...(task.trigger as Record<string, string>) };
  for (const key of ['at', 'anchor']) if (trigger[key]) trigger[key] = new Date(Date.parse(trigger[key]) - ms).toISOString();
  await database
    .query<DispatchTables>()
    .updateTable('dispatch_task')
    .set((eb) => ({ next_run_at: eb('next_run_at', '-', ms), trigger_json: JSON.stringify(trigger) }))
    .where('uid', '=', task.uid)
    .execute();
}

export interface LedgerRow {
  readonly key: string;
  readonly scheduledAt: number;
  readonly toAt: number | null;
  readonly instants: number | null;
  readonly outcome: number;
  readonly runUid: string | null;
}

/** The ledger of a task in the order of its instants. */
export async function ledgerOf({ database }: Pick<World, 'database'>, task: Task): Promise<LedgerRow[]> {
  return database
    .query<DispatchTables>()
    .selectFrom('dispatch_occurrence')
    .innerJoin('dispatch_task', 'dispatch_task.id', 'dispatch_occurrence.task_id')
    .select(['occ_key as key', 'scheduled_at as scheduledAt', 'to_at as toAt', 'instants', 'outcome', 'run_uid as runUid'])
    .where('dispatch_task.uid', '=', task.uid)
    .orderBy('scheduled_at')
    .execute();
}

/**
 * Proves that every instant of the trigger, from the task's first one up to its watermark, is in the ledger once: as a
 * run or inside of a skipped range. Gives the instants that became runs.
 */
export async function proveLedger(world: Pick<World, 'database'>, dispatch: Dispatch, uid: string, firstAt: number): Promise<number[]> {
  const task = await dispatch.tasks.get(uid);
  const trigger = parseTrigger(task.trigger);
  const planned: number[] = [];
  for (let at = trigger.next(firstAt - 1); at !== undefined && at <= (task.lastScheduledAt ?? 0); at = trigger.next(at)) planned.push(at);

  const rows = (await ledgerOf(world, task)).filter(({ key }) => !key.startsWith('m:'));
  const recorded: number[] = [];
  for (const { scheduledAt, toAt, instants } of rows) {
    const range = planned.filter((at) => at >= scheduledAt && at <= (toAt ?? scheduledAt));
    expect(range.length).toBe(instants);
    recorded.push(...range);
  }
  expect(recorded).toEqual(planned);
  return rows.filter(({ runUid }) => runUid !== null).map(({ scheduledAt }) => scheduledAt);
}
