import { DIALECTS, spawnNode, waitFor, type ChildHandle } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import type { DispatchTables } from '../src/stores/tables.ts';
import { createWorld, ledgerOf, newTask, proveLedger, runIn, type World } from './harness.ts';

const HANDLERS = { note: () => {}, hold: () => {} };

/** A process that plans and works on the world's database: see processes/work.ts. */
async function startProcess({ url }: World): Promise<ChildHandle> {
  const child = spawnNode({ script: `${import.meta.dirname}/processes/work.ts`, args: [url] });
  await child.waitForLine('started');
  return child;
}

const stop = async (child: ChildHandle): Promise<void> => {
  child.kill('SIGTERM');
  expect(await child.exit).toEqual({ code: 0, signal: null });
};

describe.each(DIALECTS)('processes on %s', (dialect) => {
  it('lose and double no second when one of them is killed', async () => {
    const world = await createWorld(dialect);
    const { tasks, runs } = world.dispatch({ handlers: HANDLERS });
    const [first, second] = await Promise.all([startProcess(world), startProcess(world)]);
    const task = await tasks.create(newTask({ trigger: { kind: 'cron', expr: '* * * * * *', tz: 'UTC' } }));

    await waitFor(async () => (await ledgerOf(world, task)).length >= 3, { what: 'both processes to fire' });
    first.kill('SIGKILL');
    await first.exit;
    const killedAt = (await ledgerOf(world, task)).length;
    await waitFor(async () => (await ledgerOf(world, task)).length >= killedAt + 4, { what: 'the survivor to fire' });
    await tasks.pause(task.uid);

    const fired = await proveLedger({ database: world.database }, { tasks, runs } as never, task.uid, task.nextRunAt!);
    expect(fired).toHaveLength((await ledgerOf(world, task)).length);
    await waitFor(async () => (await runs.list({ taskUid: task.uid, state: 'SUCCEEDED', limit: 200 })).items.length === fired.length, { what: 'the survivor to carry out every run' });
    await stop(second);
  });

  it('plan each due task once when one of them is killed in the middle of it', async () => {
    const world = await createWorld(dialect);
    const { tasks } = world.dispatch({ handlers: HANDLERS });
    const lateAt = new Date(Date.now() - 60_000).toISOString();
    const children = await Promise.all([startProcess(world), startProcess(world)]);
    const created = await Promise.all(Array.from({ length: 300 }, () => tasks.create(newTask({ trigger: { kind: 'date', at: lateAt } }))));
    // Work has begun; whatever this one is doing now: planning, claiming or running.
    await Promise.race(children.map((child) => child.waitForLine('ran ')));
    children[0].kill('SIGKILL');
    const db = world.database.query<DispatchTables>();
    const succeeded = () => db.selectFrom('dispatch_run').select('task_id').where('finished_at', 'is not', null).execute();
    await waitFor(async () => (await succeeded()).length >= created.length, { what: 'every task to run', timeoutMs: 30_000 });
    const rows = await db.selectFrom('dispatch_occurrence').select(['task_id', 'run_uid']).execute();
    expect(rows).toHaveLength(created.length);
    expect(new Set(rows.map(({ task_id }) => task_id)).size).toBe(created.length);
    expect(new Set((await succeeded()).map(({ task_id }) => task_id)).size).toBe(created.length);
    await stop(children[1]);
  });

  it('take the run of a frozen one over, and refuse what it writes when it thaws', async () => {
    const world = await createWorld(dialect);
    const dispatch = world.dispatch({ handlers: HANDLERS });
    const frozen = await startProcess(world);
    const task = await dispatch.tasks.create(newTask({ handler: 'hold', trigger: { kind: 'after', delay: 0 } }));
    await frozen.waitForLine('holding');
    frozen.kill('SIGSTOP');

    const other = await startProcess(world);
    const run = await runIn(dispatch, task, 'SUCCEEDED');
    expect(run).toMatchObject({ result: 'second', owner: `process-${other.pid}`, claims: 2, flags: ['RECOVERED'] });

    frozen.kill('SIGCONT');
    await frozen.waitForLine('not owned: ERR_DISPATCH_LEASE_LOST');
    await frozen.waitForLine('this claim of the run is not valid any more; its outcome here is discarded');
    expect(await dispatch.runs.get(run.uid)).toEqual(run);
    await Promise.all([stop(frozen), stop(other)]);
  });
});
