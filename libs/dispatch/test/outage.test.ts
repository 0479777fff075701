import { migrate, openDatabase } from '@staddle/database';
import { createDispatch, dispatchMigrations } from '@staddle/dispatch';
import { createFaultProxy, recordingLogger, testDatabase, waitFor } from '@staddle/testing';
import { expect, it, onTestFinished } from 'vitest';
import { ledgerOf, newTask, proveLedger, runIn } from './harness.ts';

/** A dispatch whose way to the MySQL server can be cut. */
async function createFragile(note: () => unknown) {
  const fresh = await testDatabase('mysql');
  const proxy = await createFaultProxy({ target: fresh.url });
  const database = openDatabase({ url: proxy.url(), pool: { acquireTimeoutMs: 1_000 } });
  const logger = recordingLogger();
  const dispatch = createDispatch({ database, handlers: { note }, logger, graceMs: 120_000 });
  onTestFinished(async () => {
    proxy.restore();
    await dispatch.stop(AbortSignal.abort());
    await database.close();
    await proxy.close();
    await fresh.close();
  });
  await migrate(database, [dispatchMigrations]);
  return { proxy, database, logger, dispatch };
}

it('stores the outcome of a run that ended while the database was away', async () => {
  const entered = Promise.withResolvers<void>();
  const ending = Promise.withResolvers<string>();
  const { proxy, dispatch } = await createFragile(() => {
    entered.resolve();
    return ending.promise;
  });
  await dispatch.start();
  const task = await dispatch.tasks.create(newTask({ trigger: { kind: 'after', delay: 0 } }));
  await entered.promise;
  proxy.cut();
  ending.resolve('done in the dark');
  await expect(dispatch.tasks.get(task.uid)).rejects.toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE' });
  proxy.restore();
  expect(await runIn(dispatch, task, 'SUCCEEDED')).toMatchObject({ result: 'done in the dark', claims: 1 });
});

it('accounts for every second of an outage, and says once that it began and ended', async () => {
  const { proxy, database, dispatch, logger } = await createFragile(() => {});
  await dispatch.start();
  const task = await dispatch.tasks.create(newTask({ trigger: { kind: 'cron', expr: '* * * * * *', tz: 'UTC' } }));
  await waitFor(async () => (await ledgerOf({ database }, task)).length > 0, { what: 'the first second' });
  proxy.cut();
  const planner = (level: string) => logger.lines.filter((line) => line.level === level && line.fields.loop === 'planner');
  await waitFor(() => planner('warn').length > 0, { what: 'the planner to notice' });
  const darkAt = Date.now();
  await waitFor(() => Date.now() > darkAt + 2_000, { what: 'two seconds in the dark' });
  proxy.restore();
  await waitFor(() => planner('info').length > 0, { what: 'the planner to come back' });
  await waitFor(async () => (await dispatch.tasks.get(task.uid)).lastScheduledAt! > darkAt + 2_000, { what: 'the planner to catch up' });
  await dispatch.stop();
  const fired = await proveLedger({ database }, dispatch, task.uid, task.nextRunAt!);
  expect(fired).toHaveLength((await ledgerOf({ database }, task)).length);
  expect([planner('warn').length, planner('info').length]).toEqual([1, 1]);
});

it('does not start while the database is away, and starts once it is back', async () => {
  const { proxy, dispatch } = await createFragile(() => {});
  proxy.cut();
  await expect(dispatch.start()).rejects.toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE', retryable: true });
  proxy.restore();
  await waitFor(async () => { await dispatch.start(); return true; }, { what: 'the start to succeed' });
  const task = await dispatch.tasks.create(newTask({ trigger: { kind: 'after', delay: 0 } }));
  await expect(runIn(dispatch, task, 'SUCCEEDED')).resolves.toBeDefined();
});
