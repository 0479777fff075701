import { forUpdate, isUniqueViolation, skipLocked, storeNow, type Database } from '@staddle/database';
import { kyselyFlags, kyselyTransition } from '@staddle/flags/kysely';
import type { Kysely, SelectQueryBuilder, Transaction, UpdateObject } from 'kysely';
import { runMachine } from '../machines.ts';
import type { RunRecord } from '../run-store.ts';
import { TaskFlags, type TaskWord } from '../states.ts';
import type { Changed, NewOccurrence, NewTask, TaskChange, TaskRecord, TaskStore } from '../task-store.ts';
import { selectRuns } from './sql-run-store.ts';
import type { DispatchTables } from './tables.ts';

// Far below the 32766 parameters that SQLite binds to one statement.
const ROWS_PER_INSERT = 500;

// A twin that ends between the refused insert and the look at it frees its key; it does not do so for ever.
const INSERT_ATTEMPTS = 5;

/** Tasks and their ledger in the tables of `dispatchMigrations`. */
export function sqlTaskStore(database: Database): TaskStore {
  const db = database.query<DispatchTables>();
  const now = storeNow(database);

  const readNow = async (executor: Kysely<DispatchTables>): Promise<number> => {
    const { nowMs } = await executor.selectNoFrom(now.as('nowMs')).executeTakeFirstOrThrow();
    return nowMs;
  };

  return {
    now: () => readNow(db),

    async insert(build) {
      for (let attempt = 1; ; attempt++) {
        const nowMs = await readNow(db);
        const task = build(nowMs);
        try {
          await db.insertInto('dispatch_task').values(newTaskRow(task, nowMs)).execute();
          return { task: await selectTasks(db).where('uid', '=', task.uid).executeTakeFirstOrThrow(), inserted: true };
        } catch (error) {
          if (!isUniqueViolation(error) || task.bizKey === null) throw error;
          const twin = await selectTasks(db).where('module', '=', task.module).where('biz_live', '=', task.bizKey).executeTakeFirst();
          if (twin) return { task: twin, inserted: false };
          if (attempt === INSERT_ATTEMPTS) throw error;
        }
      }
    },

    change: (uid, decide) =>
      database.transaction<DispatchTables, Changed | undefined>(async (trx) => {
        const task = await forUpdate(database, selectTasks(trx).where('uid', '=', uid)).executeTakeFirst();
        if (task?.uid !== uid) return undefined;
        // Asked for after the lock: MySQL's time is that of the statement's start, which may have waited for long.
        const nowMs = await readNow(trx);
        const change = decide(task, nowMs);
        if (!change) return { task, runs: [], occurrences: [] };
        const [changed] = await apply(trx, [{ task, change }], nowMs);
        return changed;
      }),

    changeDue: ({ limit, recheck }, decide) =>
      database.transaction<DispatchTables, Changed[]>(async (trx) => {
        const due = selectTasks(trx).select(now.as('nowMs')).where('due_at', '<=', now).orderBy('due_at').orderBy('id').limit(limit);
        const rows = await skipLocked(database, due).execute();
        const changes: { task: TaskRecord; change: TaskChange }[] = [];
        let latestMs = 0;
        for (const { nowMs, ...task } of rows) {
          latestMs = nowMs;
          const change = decide(task, nowMs);
          if (change) changes.push({ task, change: recheck ? await withoutRecorded(trx, task, change) : change });
        }
        return apply(trx, changes, latestMs);
      }),

    async nextDue() {
      const earliest = db.selectFrom('dispatch_task').select('due_at').where('due_at', 'is not', null).orderBy('due_at').limit(1);
      const { nowMs, dueAt } = await db.selectNoFrom([now.as('nowMs'), earliest.as('dueAt')]).executeTakeFirstOrThrow();
      return { nowMs, dueAt: dueAt ?? undefined };
    },

    async get(uid) {
      const task = await selectTasks(db).where('uid', '=', uid).executeTakeFirst();
      // MySQL finds a key also when it is asked for with blanks at its end.
      return task?.uid === uid ? task : undefined;
    },

    list({ module, phases, afterId, limit }) {
      let query = selectTasks(db).where(kyselyFlags(TaskFlags).hasAny('state', ...phases)).orderBy('id', 'desc').limit(limit);
      if (module !== undefined) query = query.where('module', '=', module);
      if (afterId !== undefined) query = query.where('id', '<', afterId);
      return query.execute();
    },
  };

  async function apply(trx: Transaction<DispatchTables>, changes: readonly { task: TaskRecord; change: TaskChange }[], nowMs: number): Promise<Changed[]> {
    const occurrences = changes.flatMap(({ task, change }) => (change.occurrences ?? []).map((occurrence) => ({ task, occurrence })));
    for (const rows of chunks(occurrences)) {
      // The ledger before the runs: its unique key refuses the whole transaction when an instant has had its turn.
      await trx.insertInto('dispatch_occurrence').values(rows.map(({ task, occurrence }) => occurrenceRow(task, occurrence, nowMs))).execute();
    }
    const runs = occurrences.filter(({ occurrence }) => occurrence.run !== undefined);
    for (const rows of chunks(runs)) {
      await trx.insertInto('dispatch_run').values(rows.map(({ task, occurrence }) => runRow(task, occurrence, nowMs))).execute();
    }

    const changed: Changed[] = [];
    for (const { task, change } of changes) {
      await trx.updateTable('dispatch_task').set({ ...changedColumns(change.set), updated_at: nowMs }).where('id', '=', task.id).execute();
      const cancelled = change.cancelReady ? await cancelReady(trx, task, change.cancelReady.error) : [];
      changed.push({ task: { ...task, ...change.set, updatedAt: nowMs }, runs: cancelled, occurrences: change.occurrences ?? [] });
    }
    if (runs.length === 0) return changed;
    const created = Map.groupBy(await recordsOf(trx, runs.map(({ occurrence }) => occurrence.run!.uid)), ({ taskId }) => taskId);
    return changed.map((entry) => ({ ...entry, runs: [...entry.runs, ...(created.get(entry.task.id) ?? [])] }));
  }

  async function cancelReady(trx: Transaction<DispatchTables>, task: TaskRecord, error: string): Promise<RunRecord[]> {
    const cancel = kyselyTransition(runMachine, 'cancel', 'state');
    const ready = trx.selectFrom('dispatch_run').select(['id', 'uid']).where('task_id', '=', task.id).where('ready_at', 'is not', null).where(cancel.where);
    const rows = await forUpdate(database, ready).execute();
    for (const some of chunks(rows)) {
      await trx
        .updateTable('dispatch_run')
        .set({ state: cancel.set, error_json: error, finished_at: now })
        .where('id', 'in', some.map(({ id }) => id))
        .where(cancel.where)
        .execute();
    }
    return recordsOf(trx, rows.map(({ uid }) => uid));
  }
}

function selectTasks(db: Kysely<DispatchTables>): SelectQueryBuilder<DispatchTables, 'dispatch_task', TaskRecord> {
  return db
    .selectFrom('dispatch_task')
    .select([
      'id',
      'uid',
      'module',
      'handler',
      'title',
      'description',
      'user_name as userName',
      'biz_key as bizKey',
      'trigger_json as trigger',
      'payload_json as payload',
      'reason',
      'version',
      'next_run_at as nextRunAt',
      'last_scheduled_at as lastScheduledAt',
      'run_count as runCount',
      'created_at as createdAt',
      'updated_at as updatedAt',
    ])
    .select((eb) => eb.ref('state').$castTo<TaskWord>().as('state'));
}

async function recordsOf(db: Kysely<DispatchTables>, uids: readonly string[]): Promise<RunRecord[]> {
  const records: RunRecord[] = [];
  for (const some of chunks(uids)) records.push(...(await selectRuns(db).where('dispatch_run.uid', 'in', some).orderBy('dispatch_run.id').execute()));
  return records;
}

/** Leaves out what the ledger holds already, so that the schedule moves on past it. */
async function withoutRecorded(db: Kysely<DispatchTables>, task: TaskRecord, change: TaskChange): Promise<TaskChange> {
  const { occurrences = [] } = change;
  const keys = occurrences.map(({ key }) => key);
  if (keys.length === 0) return change;
  const recorded = await db.selectFrom('dispatch_occurrence').select('occ_key').where('task_id', '=', task.id).where('occ_key', 'in', keys).execute();
  const known = new Set(recorded.map(({ occ_key }) => occ_key));
  return { ...change, occurrences: occurrences.filter(({ key }) => !known.has(key)) };
}

function newTaskRow(task: NewTask, nowMs: number) {
  return {
    uid: task.uid,
    module: task.module,
    handler: task.handler,
    title: task.title,
    description: task.description,
    user_name: task.userName,
    biz_key: task.bizKey,
    trigger_json: task.trigger,
    payload_json: task.payload,
    state: task.state,
    reason: task.reason,
    version: 1,
    next_run_at: task.nextRunAt,
    last_scheduled_at: null,
    run_count: 0,
    created_at: nowMs,
    updated_at: nowMs,
  };
}

function occurrenceRow(task: TaskRecord, { key, scheduledAt, toAt, count, outcome, run }: NewOccurrence, nowMs: number) {
  return { task_id: task.id, occ_key: key, scheduled_at: scheduledAt, to_at: toAt, instants: count, outcome, run_uid: run?.uid ?? null, created_at: nowMs };
}

function runRow(task: TaskRecord, { key, scheduledAt, run }: NewOccurrence, nowMs: number) {
  return {
    uid: run!.uid,
    task_id: task.id,
    occ_key: key,
    module: task.module,
    handler: task.handler,
    payload_json: task.payload,
    scheduled_at: scheduledAt,
    fire_at: run!.fireAt,
    state: run!.state,
    attempt: 1,
    claims: 0,
    fence: 0,
    owner: null,
    lease_until: null,
    result_json: null,
    error_json: null,
    created_at: nowMs,
    claimed_at: null,
    started_at: null,
    finished_at: null,
  };
}

/** Kysely leaves out what is undefined. */
function changedColumns({ state, reason, version, nextRunAt, lastScheduledAt, runCount }: TaskChange['set']): UpdateObject<DispatchTables, 'dispatch_task'> {
  return { state, reason, version, next_run_at: nextRunAt, last_scheduled_at: lastScheduledAt, run_count: runCount };
}

function chunks<T>(items: readonly T[]): T[][] {
  const result: T[][] = [];
  for (let at = 0; at < items.length; at += ROWS_PER_INSERT) result.push(items.slice(at, at + ROWS_PER_INSERT));
  return result;
}
