import { skipLocked, storeNow, type Database } from '@staddle/database';
import { kyselyFlags, kyselyTransition } from '@staddle/flags/kysely';
import { sql, type Expression, type ExpressionBuilder, type ExpressionWrapper, type Kysely, type RawBuilder, type SelectQueryBuilder, type SqlBool, type UpdateObject } from 'kysely';
import type { HandlerNames } from '../handler.ts';
import { runMachine, type RunEvent } from '../machines.ts';
import type { ClaimedRun, RunRecord, RunRef, RunStore } from '../run-store.ts';
import { RunFlags, type RunWord } from '../states.ts';
import type { DispatchTables } from './tables.ts';

const words = kyselyFlags(RunFlags);
const transition = (event: RunEvent) => kyselyTransition(runMachine, event, 'dispatch_run.state');

/** Runs in the table dispatch_run of `dispatchMigrations`. */
export function sqlRunStore(database: Database): RunStore {
  const db = database.query<DispatchTables>();
  const now = storeNow(database);
  const leaseEnd = (leaseMs: number): RawBuilder<number> => sql<number>`${now} + ${leaseMs}`;

  /** One event of a run by its owner. */
  const write = async ({ id, fence }: RunRef, event: RunEvent, further: UpdateObject<DispatchTables, 'dispatch_run'>): Promise<boolean> => {
    const owned = (eb: ExpressionBuilder<DispatchTables, 'dispatch_run'>) => eb.and({ id, fence });
    const { where, set } = transition(event);
    const { numUpdatedRows } = await db.updateTable('dispatch_run').set({ ...further, state: set }).where(owned).where(where).executeTakeFirstOrThrow();
    if (numUpdatedRows === 1n) return true;
    // The answer to an earlier try may have been lost after it had been done.
    const row = await db.selectFrom('dispatch_run').select(wordOf).where(owned).executeTakeFirst();
    const repeated = row && runMachine.apply(row.state, event);
    return repeated?.ok === true && !repeated.changed;
  };

  return {
    async nextReady(handlers) {
      const earliest = db
        .selectFrom('dispatch_run')
        .select('ready_at')
        .where('ready_at', 'is not', null)
        .where(transition('claim').where)
        .where((eb) => handledBy(eb, handlers))
        .orderBy('ready_at')
        .orderBy('id')
        .limit(1);
      const { nowMs, readyAt } = await db.selectNoFrom([now.as('nowMs'), earliest.as('readyAt')]).executeTakeFirstOrThrow();
      return { nowMs, readyAt: readyAt ?? undefined };
    },

    claim: ({ owner, limit, leaseMs, handlers }) =>
      database.transaction<DispatchTables, ClaimedRun[]>(async (trx) => {
        const { where, set } = transition('claim');
        const ready = trx
          .selectFrom('dispatch_run')
          .select('id')
          .where('ready_at', '<=', now)
          .where(where)
          .where((eb) => handledBy(eb, handlers))
          .orderBy('ready_at')
          .orderBy('id')
          .limit(limit);
        const ids = (await skipLocked(database, ready).execute()).map(({ id }) => id);
        if (ids.length === 0) return [];
        await trx
          .updateTable('dispatch_run')
          .set((eb) => ({
            state: set,
            fence: eb('fence', '+', 1),
            claims: eb('claims', '+', 1),
            owner,
            lease_until: leaseEnd(leaseMs),
            claimed_at: now,
          }))
          .where('id', 'in', ids)
          .where(where)
          .execute();
        return selectRuns(trx)
          .select(['dispatch_task.title as taskTitle', 'dispatch_task.user_name as taskUserName', 'dispatch_task.biz_key as taskBizKey'])
          .where('dispatch_run.id', 'in', ids)
          .orderBy('dispatch_run.fire_at')
          .orderBy('dispatch_run.id')
          .execute();
      }),

    start: (ref) => write(ref, 'start', { started_at: now }),

    finish: (ref, { event, result, error }) => write(ref, event, { result_json: result, error_json: error, finished_at: now, lease_until: null }),

    release: (ref, event) => write(ref, event, { owner: null, lease_until: null, started_at: null, claims: sql<number>`claims - 1` }),

    async renew(owner, refs, leaseMs) {
      const ids = [...new Set(refs.map(({ id }) => id))];
      const held = (eb: ExpressionBuilder<DispatchTables, 'dispatch_run'>) => eb.and([eb('id', 'in', ids), eb('owner', '=', owner), words.hasAny('state', 'Claimed', 'Running')]);
      await db.updateTable('dispatch_run').set({ lease_until: leaseEnd(leaseMs) }).where(held).execute();
      const rows = await db.selectFrom('dispatch_run').select(['id', 'fence']).where(held).execute();
      const fences = new Map(rows.map(({ id, fence }) => [id, fence]));
      return refs.filter(({ id, fence }) => fences.get(id) === fence);
    },

    async reclaim({ limit, maxClaims, poison }) {
      const reclaim = transition('reclaim');
      const poisoning = transition('poison');
      const expired = (executor: Kysely<DispatchTables>) =>
        executor.selectFrom('dispatch_run').select(['id', 'claims']).where('lease_live', '<=', now).where(reclaim.where).orderBy('lease_live').orderBy('id').limit(limit);
      // Almost always there is nothing, and a transaction would take the write lock of an SQLite file to find that out.
      if ((await expired(db).execute()).length === 0) return [];
      return database.transaction<DispatchTables, RunRecord[]>(async (trx) => {
        const rows = await skipLocked(database, expired(trx)).execute();
        if (rows.length === 0) return [];
        const again = rows.filter(({ claims }) => claims < maxClaims).map(({ id }) => id);
        if (again.length > 0) {
          await trx
            .updateTable('dispatch_run')
            .set({ state: reclaim.set, owner: null, lease_until: null, started_at: null })
            .where('id', 'in', again)
            .where(reclaim.where)
            .execute();
        }
        for (const { id, claims } of rows.filter((row) => row.claims >= maxClaims)) {
          await trx
            .updateTable('dispatch_run')
            .set({ state: poisoning.set, lease_until: null, error_json: poison(claims), finished_at: now })
            .where('id', '=', id)
            .where(poisoning.where)
            .execute();
        }
        return selectRuns(trx).where('dispatch_run.id', 'in', rows.map(({ id }) => id)).orderBy('dispatch_run.id').execute();
      });
    },

    async get(uid) {
      const run = await selectRuns(db).where('dispatch_run.uid', '=', uid).executeTakeFirst();
      // MySQL finds a key also when it is asked for with blanks at its end.
      return run?.uid === uid ? run : undefined;
    },

    list({ taskId, phase, afterId, limit }) {
      let query = selectRuns(db).orderBy('dispatch_run.id', 'desc').limit(limit);
      if (taskId !== undefined) query = query.where('dispatch_run.task_id', '=', taskId);
      if (phase !== undefined) query = query.where(words.which('dispatch_run.state', 'phase', phase));
      if (afterId !== undefined) query = query.where('dispatch_run.id', '<', afterId);
      return query.execute();
    },
  };
}

const wordOf = (eb: ExpressionBuilder<DispatchTables, 'dispatch_run'>) => eb.ref('dispatch_run.state').$castTo<RunWord>().as('state');

export function selectRuns(db: Kysely<DispatchTables>): SelectQueryBuilder<DispatchTables, 'dispatch_run' | 'dispatch_task', RunRecord> {
  return db
    .selectFrom('dispatch_run')
    .innerJoin('dispatch_task', 'dispatch_task.id', 'dispatch_run.task_id')
    .select([
      'dispatch_run.id as id',
      'dispatch_run.uid as uid',
      'dispatch_run.task_id as taskId',
      'dispatch_task.uid as taskUid',
      'dispatch_run.module as module',
      'dispatch_run.handler as handler',
      'dispatch_run.occ_key as occKey',
      'dispatch_run.scheduled_at as scheduledAt',
      'dispatch_run.fire_at as fireAt',
      'dispatch_run.attempt as attempt',
      'dispatch_run.claims as claims',
      'dispatch_run.fence as fence',
      'dispatch_run.owner as owner',
      'dispatch_run.lease_until as leaseUntil',
      'dispatch_run.payload_json as payload',
      'dispatch_run.result_json as result',
      'dispatch_run.error_json as error',
      'dispatch_run.created_at as createdAt',
      'dispatch_run.claimed_at as claimedAt',
      'dispatch_run.started_at as startedAt',
      'dispatch_run.finished_at as finishedAt',
    ])
    .select(wordOf);
}

function handledBy(eb: ExpressionBuilder<DispatchTables, 'dispatch_run'>, { any, qualified }: HandlerNames): Expression<SqlBool> {
  const choices: ExpressionWrapper<DispatchTables, 'dispatch_run', SqlBool>[] = qualified.map(({ module, handler }) => eb.and([eb('module', '=', module), eb('handler', '=', handler)]));
  if (any.length > 0) choices.push(eb('handler', 'in', any));
  // No choice is false: a process without handlers takes nothing.
  return eb.or(choices);
}
