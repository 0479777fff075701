import { rollupTree } from '@staddle/flags/kysely';
import { DIALECTS } from '@staddle/testing';
import type { IsolationLevel } from 'kysely';
import { describe, expect, it } from 'vitest';
import { createTaskTree, MODES, type Mode, type TaskTree } from './task-tree.ts';
import { Task, taskRollup, type TaskState } from './task.ts';

const CONNECTIONS = 8;
const VARIANTS = DIALECTS.flatMap((dialect) => MODES.map((mode) => ({ dialect, mode })));

/** A root 1, its child 2, and `children` below that. All running. */
async function family(tasks: TaskTree, children: number): Promise<number[]> {
  await tasks.add(1, null, 'Running');
  await tasks.add(2, 1, 'Running');
  const ids = Array.from({ length: children }, (_, at) => 100 + at);
  await addRunning(tasks, 2, ids);
  return ids;
}

function addRunning(tasks: TaskTree, parent: number, ids: readonly number[]): Promise<unknown> {
  return tasks.transaction((trx) =>
    tasks.tree.add(trx, {
      parent,
      words: ids.map(() => Task.of('Running')),
      insert: () => trx.insertInto('task').values(ids.map((id) => ({ id, parent_id: parent, flags: Task.of('Running') }))).execute(),
    }),
  );
}

async function start(tasks: TaskTree, mode: Mode, children: number): Promise<void> {
  await tasks.meddle('update task set flags = 2, version = 0');
  if (mode === 'recomputed') return;
  await tasks.meddle(`update task set n_running = ${children}, n_done = 0 where id = 2`);
  await tasks.meddle('update task set n_running = 1, n_done = 0 where id = 1');
}

/** Sets all to one state at once; the ancestors that changed, in all transactions together. */
async function setAll(tasks: TaskTree, ids: readonly number[], state: TaskState): Promise<string[]> {
  const results = await Promise.all(ids.map((id) => tasks.set(id, state)));
  return results.flatMap((result) => (result.ok ? result.ancestors.map((step) => `${step.id} ${Task.format(step.to)}`) : ['refused'])).toSorted();
}

describe.each(VARIANTS)('many at once on $dialect, $mode', ({ dialect, mode }) => {
  it('50 children that finish at once bring their parent and its parent to Done exactly once, 200 times', async () => {
    await using tasks = await createTaskTree(dialect, mode, CONNECTIONS);
    const ids = await family(tasks, 50);
    for (let round = 0; round < 200; round++) {
      await start(tasks, mode, ids.length);
      expect(await setAll(tasks, ids, 'Done')).toEqual(['1 Done', '2 Done']);
      expect([await tasks.show(1), await tasks.show(2)]).toEqual(['Done@1', 'Done@1']);
    }
    expect((await tasks.transaction((trx) => tasks.tree.reconcile(trx))).drift).toEqual([]);
  });

  it('a child added while the others finish keeps the parent open', async () => {
    await using tasks = await createTaskTree(dialect, mode, CONNECTIONS);
    const ids = await family(tasks, 8);
    for (let round = 0; round < 20; round++) {
      const more = [1000 + round];
      await Promise.all([setAll(tasks, ids, 'Done'), addRunning(tasks, 2, more)]);
      expect(await tasks.show(2)).toMatch(/^Running@/);
      await setAll(tasks, more, 'Done');
      expect(await tasks.show(1)).toMatch(/^Done@/);
      await setAll(tasks, ids, 'Running');
    }
    expect((await tasks.transaction((trx) => tasks.tree.reconcile(trx))).drift).toEqual([]);
  });

  it('rows that move to and fro between two parents leave both right', async () => {
    await using tasks = await createTaskTree(dialect, mode, CONNECTIONS);
    const ids = await family(tasks, 8);
    await tasks.add(3, 1, 'Queued');
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        ids.flatMap((id, at) => [
          tasks.transaction((trx) => tasks.tree.move(trx, id, (at + round) % 2 === 0 ? 2 : 3)),
          tasks.set(id, (at + round) % 3 === 0 ? 'Done' : 'Running'),
        ]),
      );
    }
    expect((await tasks.transaction((trx) => tasks.tree.reconcile(trx))).drift).toEqual([]);
  });

  it('two moves that would close a circle together do not both happen', async () => {
    await using tasks = await createTaskTree(dialect, mode, CONNECTIONS);
    for (const [id, parent] of [[1, null], [2, 1], [3, null], [4, 3]] as const) await tasks.add(id, parent, 'Queued');
    for (let round = 0; round < 10; round++) {
      const moves = await Promise.allSettled([
        tasks.transaction((trx) => tasks.tree.move(trx, 1, 4)),
        tasks.transaction((trx) => tasks.tree.move(trx, 3, 2)),
      ]);
      expect(moves.filter(({ status }) => status === 'rejected')).toMatchObject([{ reason: { code: 'ERR_FLAGS_ROLLUP_CYCLE' } }]);
      for (const id of [1, 3]) await tasks.transaction((trx) => tasks.tree.move(trx, id, null));
    }
  });

  it('reconciling meanwhile finds nothing wrong', async () => {
    await using tasks = await createTaskTree(dialect, mode, CONNECTIONS);
    const ids = await family(tasks, 16);
    for (let round = 0; round < 10; round++) {
      const [found] = await Promise.all([tasks.transaction((trx) => tasks.tree.reconcile(trx)), setAll(tasks, ids, round % 2 === 0 ? 'Done' : 'Running')]);
      expect(found.drift).toEqual([]);
    }
  });
});

it.each<Exclude<IsolationLevel, 'snapshot'>>(['repeatable read', 'serializable'])('counters are right under %s too', async (isolationLevel) => {
  await using tasks = await createTaskTree('mysql', 'counted', CONNECTIONS);
  const ids = await family(tasks, 16);
  for (let round = 0; round < 10; round++) {
    await start(tasks, 'counted', ids.length);
    const results = await Promise.all(
      ids.map((id) => tasks.transaction((trx) => tasks.tree.change(trx, id, (word) => Task.add(word, 'Done')), { isolationLevel })),
    );
    expect(results.flatMap((result) => (result.ok ? result.ancestors.map((step) => step.id) : []))).toEqual([2, 1]);
  }
});

it.each(MODES)('a row that got a child after the first read of the transaction is not removed, with mode %s', async (mode) => {
  await using tasks = await createTaskTree('mysql', mode, 2);
  await tasks.add(1, null, 'Running');
  // Its foreign key would stop that as well, and not every table has one.
  await tasks.meddle('alter table task drop foreign key task_ibfk_1');
  const removal = tasks.transaction(
    async (trx) => {
      await trx.selectFrom('task').selectAll().execute();
      await tasks.add(2, 1, 'Running');
      return tasks.tree.remove(trx, 1);
    },
    { isolationLevel: 'repeatable read' },
  );
  await expect(removal).rejects.toMatchObject({ code: 'ERR_FLAGS_ROLLUP_ROW', id: 1 });
  expect(await tasks.show(1)).toBe('Running@0');
});

describe('children are not counted', () => {
  it.each(['repeatable read', 'read uncommitted'])('in a session of %s', async (level) => {
    await using tasks = await createTaskTree('mysql', 'recomputed', 1);
    await tasks.add(1, null, 'Running');
    await tasks.add(2, 1, 'Running');
    await tasks.meddle(`set session transaction isolation level ${level}`);
    const refused = { name: 'RollupIsolationError', code: 'ERR_FLAGS_ROLLUP_ISOLATION', level: level.toUpperCase().replace(' ', '-') };
    await expect(tasks.set(2, 'Done')).rejects.toMatchObject(refused);
    await expect(tasks.transaction((trx) => tasks.tree.reconcile(trx))).rejects.toMatchObject(refused);
    expect([await tasks.show(1), await tasks.show(2)]).toEqual(['Running@0', 'Running@0']);
    await tasks.meddle('set session transaction isolation level serializable');
    expect(await tasks.set(2, 'Done')).toMatchObject({ ancestors: [{ id: 1 }] });
  });

  it('unless the caller says that the transactions themselves are of another level', async () => {
    await using tasks = await createTaskTree('mysql', 'recomputed', 1);
    await tasks.add(1, null, 'Running');
    await tasks.add(2, 1, 'Running');
    await tasks.meddle('set session transaction isolation level repeatable read');
    const said = rollupTree(taskRollup, { dialect: 'mysql', table: 'task', mode: 'recomputed', isolation: 'read committed' });
    const change = tasks.transaction((trx) => said.change(trx, 2, (word) => Task.add(word, 'Done')), { isolationLevel: 'read committed' });
    expect(await change).toMatchObject({ ancestors: [{ id: 1 }] });
  });
});
