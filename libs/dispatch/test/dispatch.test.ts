import { DIALECTS, waitFor } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { createWorld, ledgerOf, newTask, proveLedger, runIn } from './harness.ts';

describe.each(DIALECTS)('dispatch on %s', (dialect) => {
  it('carries a one-shot task out and finishes it', async () => {
    const world = await createWorld(dialect);
    const seen: unknown[] = [];
    const dispatch = world.dispatch({ handlers: { note: ({ payload, run, task }) => (seen.push({ payload, claims: run.claims, task }), { noted: true }) } });
    await dispatch.start();

    const task = await dispatch.tasks.create(newTask({ trigger: { kind: 'after', delay: 50 }, payload: { order: 7 }, title: 'Check', userName: 'alice', bizKey: 'order-7' }));
    const run = await runIn(dispatch, task, 'SUCCEEDED');

    expect(seen).toEqual([
      { payload: { order: 7 }, claims: 1, task: { uid: task.uid, module: 'demo', handler: 'note', title: 'Check', userName: 'alice', bizKey: 'order-7' } },
    ]);
    expect(run).toMatchObject({ taskUid: task.uid, kind: 'SCHEDULED', flags: [], attempt: 1, claims: 1, result: { noted: true }, error: undefined, scheduledAt: task.nextRunAt });
    expect(await dispatch.tasks.get(task.uid)).toMatchObject({ state: 'FINISHED', nextRunAt: undefined, lastScheduledAt: task.nextRunAt, runCount: 1, version: 2 });
    await waitFor(() => dispatch.changes.length === 4, { what: 'the changes of the run' });
    expect(dispatch.changes.map(({ state }) => state)).toEqual(['READY', 'CLAIMED', 'RUNNING', 'SUCCEEDED']);
  });

  it('fires an every-second task at each second, once', async () => {
    const world = await createWorld(dialect);
    const dispatch = world.dispatch();
    await dispatch.start();
    const task = await dispatch.tasks.create(newTask({ trigger: { kind: 'cron', expr: '* * * * * *', tz: 'UTC' } }));

    await waitFor(async () => (await ledgerOf(world, task)).length >= 3, { what: 'three occurrences' });
    await dispatch.stop();

    const fired = await proveLedger(world, dispatch, task.uid, task.nextRunAt!);
    expect(fired.length).toBeGreaterThanOrEqual(3);
    expect(fired.every((at) => at % 1_000 === 0)).toBe(true);
  });
});
