import { parseTrigger } from '@staddle/cron';
import { migrate, openDatabase, type Database } from '@staddle/database';
import { createDispatch, dispatchMigrations } from '@staddle/dispatch';
import { DIALECTS, recordingLogger, testDatabase, waitFor } from '@staddle/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DispatchTables } from '../src/stores/tables.ts';
import { createWorld, ledgerOf, newTask, proveLedger, rewind, runIn } from './harness.ts';

const HOUR_MS = 3_600_000;
const HOURLY = { kind: 'interval', every: 'PT1H' } as const;
const EVERY_SECOND = { kind: 'cron', expr: '* * * * * *', tz: 'UTC' } as const;

describe.each(DIALECTS)('planner on %s', (dialect) => {
  it('fires the newest of the instants it slept through, and records the others as one range', async () => {
    const world = await createWorld(dialect);
    const dispatch = world.dispatch();
    const task = await dispatch.tasks.create(newTask({ trigger: HOURLY }));
    // The first instant was twelve and a half hours ago, the thirteenth half an hour ago.
    await rewind(world, task, 13.5 * HOUR_MS);
    await dispatch.start();
    const run = await runIn(dispatch, task, 'SUCCEEDED');

    const firstAt = task.nextRunAt! - 13.5 * HOUR_MS;
    expect(run).toMatchObject({ flags: ['LATE'], scheduledAt: firstAt + 12 * HOUR_MS });
    expect(await ledgerOf(world, task)).toEqual([
      { key: `r:${firstAt}`, scheduledAt: firstAt, toAt: firstAt + 11 * HOUR_MS, instants: 12, outcome: 3, runUid: null },
      { key: `s:${run.scheduledAt}`, scheduledAt: run.scheduledAt, toAt: null, instants: 1, outcome: 1, runUid: run.uid },
    ]);
    // The next instant comes from the schedule, not from the moment of the catching up.
    expect((await dispatch.tasks.get(task.uid)).nextRunAt).toBe(firstAt + 13 * HOUR_MS);
  });

  it('starts a run with jitter that much after its instant, and keeps the instant', async () => {
    const world = await createWorld(dialect);
    const dispatch = world.dispatch();
    const task = await dispatch.tasks.create(newTask({ trigger: { ...EVERY_SECOND, jitter: 'PT0.9S' } }));
    await dispatch.start();
    const run = await runIn(dispatch, task, 'SUCCEEDED');
    const jitterMs = parseTrigger(task.trigger).jitterMs(run.scheduledAt);
    expect(run.scheduledAt % 1_000).toBe(0);
    expect(run.startedAt).toBeGreaterThanOrEqual(run.scheduledAt + jitterMs);
  });

  it('drops no instant that is within the grace', async () => {
    const world = await createWorld(dialect);
    const dispatch = world.dispatch({ graceMs: 60_000 });
    const task = await dispatch.tasks.create(newTask({ trigger: EVERY_SECOND }));
    await rewind(world, task, 20_000);
    await dispatch.start();
    await waitFor(async () => (await ledgerOf(world, task)).length >= 20, { what: 'the missed seconds' });
    await dispatch.stop();
    const fired = await proveLedger(world, dispatch, task.uid, task.nextRunAt! - 20_000);
    expect(fired.length).toBe((await ledgerOf(world, task)).length);
  });

  it('catches up with any number of missed instants in bounded steps', async () => {
    const world = await createWorld(dialect);
    const dispatch = world.dispatch();
    const task = await dispatch.tasks.create(newTask({ trigger: EVERY_SECOND }));
    await rewind(world, task, 25_000_000);
    await dispatch.start();
    await runIn(dispatch, task, 'SUCCEEDED');
    await dispatch.stop();
    await proveLedger(world, dispatch, task.uid, task.nextRunAt! - 25_000_000);
    expect((await ledgerOf(world, task)).filter(({ outcome }) => outcome === 3).map(({ instants }) => instants)).toEqual([10_000, 10_000, expect.any(Number)]);
  });

  it('goes on after a restart where it was', async () => {
    const world = await createWorld(dialect);
    const first = world.dispatch();
    await first.start();
    const task = await first.tasks.create(newTask({ trigger: EVERY_SECOND }));
    await waitFor(async () => (await ledgerOf(world, task)).length >= 1, { what: 'the first occurrence' });
    await first.stop();
    const second = world.dispatch();
    await second.start();
    await waitFor(async () => (await ledgerOf(world, task)).length >= 3, { what: 'occurrences after the restart' });
    await second.stop();
    expect((await proveLedger(world, second, task.uid, task.nextRunAt!)).length).toBeGreaterThanOrEqual(3);
  });

  it('sets a task with an unreadable trigger aside, and resumes it once repaired', async () => {
    const world = await createWorld(dialect);
    const logger = recordingLogger();
    const dispatch = world.dispatch({ logger });
    const broken = await dispatch.tasks.create(newTask({ trigger: HOURLY }));
    const sound = await dispatch.tasks.create(newTask({ trigger: HOURLY }));
    await rewind(world, broken, 1.5 * HOUR_MS);
    await rewind(world, sound, 1.5 * HOUR_MS);
    const setTrigger = (json: string) =>
      world.database.query<DispatchTables>().updateTable('dispatch_task').set({ trigger_json: json }).where('uid', '=', broken.uid).execute();
    await setTrigger('{"kind":"cron","expr":"99 * * * *","tz":"UTC"}');
    await dispatch.start();
    await runIn(dispatch, sound, 'SUCCEEDED');

    const found = await waitFor(async () => (await dispatch.tasks.list({ state: 'ACTIVE' })).items.find(({ flags }) => flags.includes('BROKEN')), { what: 'the task to be BROKEN' });
    expect(found).toMatchObject({ uid: broken.uid, nextRunAt: undefined, version: 2, reason: expect.stringContaining('"99"') });
    expect(logger.lines.filter(({ level }) => level === 'error')).toMatchObject([{ fields: { cron_task: broken.uid } }]);
    await expect(dispatch.tasks.resume(broken.uid)).rejects.toMatchObject({ code: 'ERR_DISPATCH_TRIGGER', field: 'trigger.expr' });
    await setTrigger('not json');
    expect((await dispatch.tasks.get(broken.uid)).trigger).toBe('not json');
    await expect(dispatch.tasks.resume(broken.uid)).rejects.toMatchObject({ code: 'ERR_DISPATCH_TRIGGER', field: 'trigger' });

    await setTrigger(JSON.stringify(broken.trigger));
    expect(await dispatch.tasks.resume(broken.uid)).toMatchObject({ state: 'ACTIVE', flags: [], nextRunAt: expect.any(Number) });
    expect(await ledgerOf(world, broken)).toMatchObject([{ outcome: 3 }]);
  });

  it('does not fire an instant again that the ledger holds, and moves on', async () => {
    const world = await createWorld(dialect);
    const logger = recordingLogger();
    const dispatch = world.dispatch({ logger });
    const task = await dispatch.tasks.create(newTask({ trigger: HOURLY }));
    await rewind(world, task, 1.5 * HOUR_MS);
    const recordedAt = task.nextRunAt! - 1.5 * HOUR_MS;
    await world.database.transaction<DispatchTables, void>(async (trx) => {
      const { id } = await trx.selectFrom('dispatch_task').select('id').executeTakeFirstOrThrow();
      const row = { task_id: id, occ_key: `s:${recordedAt}`, scheduled_at: recordedAt, to_at: null, instants: 1, outcome: 1, run_uid: null, created_at: 1 };
      await trx.insertInto('dispatch_occurrence').values(row).execute();
    });
    await dispatch.start();
    await waitFor(async () => (await dispatch.tasks.get(task.uid)).nextRunAt === recordedAt + HOUR_MS, { what: 'the schedule to move on' });
    expect((await dispatch.runs.list({ taskUid: task.uid })).items).toEqual([]);
    expect(logger.lines.filter(({ level }) => level === 'warn')).toMatchObject([{ message: 'an instant was recorded already; planning without it' }]);
  });

  it('records each occurrence once however many planners race for it', async () => {
    const fresh = await testDatabase(dialect);
    // Planners of one process share the handle of an SQLite file; on MySQL each has connections of its own.
    const databases: Database[] = dialect === 'sqlite' ? [fresh.open()] : Array.from({ length: 4 }, () => openDatabase({ url: fresh.url }));
    await migrate(databases[0]!, [dispatchMigrations]);
    const ran = new Map<string, number>();
    const handlers = { note: ({ task }: { task: { uid: string } }) => void ran.set(task.uid, (ran.get(task.uid) ?? 0) + 1) };
    const dispatches = Array.from({ length: 4 }, (_, n) => createDispatch({ database: databases[n % databases.length]!, handlers }));
    onTestFinished(async () => {
      await Promise.all(dispatches.map((dispatch) => dispatch.stop()));
      await Promise.all(databases.map((database) => database.close()));
      await fresh.close();
    });

    const { tasks } = dispatches[0]!;
    const uids: string[] = [];
    for (let n = 0; n < 250; n++) uids.push((await tasks.create(newTask({ trigger: { kind: 'date', at: new Date(Date.now() - HOUR_MS).toISOString() } }))).uid);
    await Promise.all(dispatches.map((dispatch) => dispatch.start()));
    await waitFor(() => ran.size === uids.length, { what: 'all tasks to run', timeoutMs: 30_000 });
    await Promise.all(dispatches.map((dispatch) => dispatch.stop()));

    expect([...ran.values()].every((times) => times === 1)).toBe(true);
    const occurrences = await databases[0]!.query<DispatchTables>().selectFrom('dispatch_occurrence').select('task_id').execute();
    expect(new Set(occurrences.map(({ task_id }) => task_id)).size).toBe(uids.length);
    expect(occurrences).toHaveLength(uids.length);
    expect((await tasks.list({ state: 'FINISHED', limit: 200 })).items).toHaveLength(200);
  });

  it('either fires or skips the instant at which a task is paused, never both and never neither', async () => {
    const world = await createWorld(dialect);
    const dispatch = world.dispatch({ graceMs: 60_000 });
    await dispatch.start();
    const tasks = await Promise.all(Array.from({ length: 20 }, () => dispatch.tasks.create(newTask({ trigger: { kind: 'after', delay: 60 } }))));
    await waitFor(() => Date.now() >= Math.min(...tasks.map(({ nextRunAt }) => nextRunAt!)), { what: 'the first due instant' });
    await Promise.allSettled(tasks.map(({ uid }) => dispatch.tasks.pause(uid)));
    await waitFor(() => Date.now() > Math.max(...tasks.map(({ nextRunAt }) => nextRunAt!)), { what: 'the last due instant' });
    await Promise.allSettled(tasks.map(({ uid }) => dispatch.tasks.resume(uid)));
    for (const task of tasks) {
      const [row, ...others] = await waitFor(
        async () => {
          const rows = await ledgerOf(world, task);
          return rows.length > 0 ? rows : undefined;
        },
        { what: 'the instant to be recorded' },
      );
      expect(others).toEqual([]);
      expect([1, 4]).toContain(row!.outcome);
    }
  });
});
