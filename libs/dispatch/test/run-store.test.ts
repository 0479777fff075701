import { DIALECTS } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import type { ClaimedRun, RunStore } from '../src/run-store.ts';
import { describeRunWord, RunFlags } from '../src/states.ts';
import { sqlRunStore } from '../src/stores/sql-run-store.ts';
import type { DispatchTables } from '../src/stores/tables.ts';
import { createWorld, newTask, type World } from './harness.ts';

const handlers = { any: ['note'], qualified: [] };
const poison = (): string => '{}';

describe.each(DIALECTS)('runs on %s', (dialect) => {
  async function setup(count = 1): Promise<{ world: World; runs: RunStore; claim: () => Promise<ClaimedRun[]> }> {
    const world = await createWorld(dialect);
    const { tasks } = world.dispatch();
    const task = await tasks.create(newTask());
    for (let at = 0; at < count; at++) await tasks.run(task.uid);
    const runs = sqlRunStore(world.database);
    return { world, runs, claim: () => runs.claim({ owner: 'me', limit: 10, leaseMs: 60_000, handlers }) };
  }

  it('answer a write that was done before as if it was done now, and do nothing', async () => {
    const { runs, claim } = await setup();
    const [run] = await claim();
    expect([await runs.start(run!), await runs.start(run!)]).toEqual([true, true]);
    const started = await runs.get(run!.uid);
    const outcome = { event: 'succeed', result: '1', error: null } as const;
    expect([await runs.finish(run!, outcome), await runs.finish(run!, { ...outcome, result: '2' })]).toEqual([true, true]);
    expect(await runs.get(run!.uid)).toMatchObject({ result: '1', startedAt: started!.startedAt });
    // Another end than the one that was written is no repetition.
    expect(await runs.finish(run!, { ...outcome, event: 'fail' })).toBe(false);
    expect(await runs.start(run!)).toBe(false);
  });

  it('are given back once, and the claim is refunded once', async () => {
    const { runs, claim } = await setup();
    const [run] = await claim();
    expect([await runs.release(run!, 'handBack'), await runs.release(run!, 'handBack')]).toEqual([true, true]);
    expect(await runs.get(run!.uid)).toMatchObject({ state: RunFlags.of('Ready', 'Manual'), claims: 0 });
    const [again] = await claim();
    expect(again).toMatchObject({ uid: run!.uid, fence: run!.fence + 1 });
    // The first claim is over.
    expect([await runs.release(run!, 'handBack'), await runs.start(run!)]).toEqual([false, false]);
    await runs.start(again!);
    expect(await runs.release(again!, 'interrupt')).toBe(true);
    expect(describeRunWord((await runs.get(run!.uid))!.state)).toEqual({ state: 'READY', flags: ['MANUAL', 'RECOVERED'] });
  });

  it('that are damaged are left alone, and the others are not', async () => {
    const { world, runs, claim } = await setup(2);
    const db = world.database.query<DispatchTables>();
    const { id, uid } = await db.selectFrom('dispatch_run').select(['id', 'uid']).orderBy('id').limit(1).executeTakeFirstOrThrow();
    const damaged = RunFlags.union(RunFlags.of('Ready'), RunFlags.of('Running'));
    await db.updateTable('dispatch_run').set({ state: damaged, lease_until: 1 }).where('id', '=', id).execute();

    expect((await claim()).map((run) => run.uid)).not.toContain(uid);
    expect(await runs.nextReady(handlers)).toMatchObject({ readyAt: undefined });
    expect(await runs.reclaim({ limit: 10, maxClaims: 1, poison })).toEqual([]);
    expect(await runs.get(uid)).toMatchObject({ state: damaged, fence: 0 });
  });
});
