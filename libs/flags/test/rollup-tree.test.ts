import { defineFlags, machineOf, rollupOf } from '@staddle/flags';
import { MAX_ROLLUP_DEPTH, rollupTree } from '@staddle/flags/kysely';
import { DIALECTS } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { createTaskTree, MODES, type TaskTree } from './task-tree.ts';
import { Task, taskRollup } from './task.ts';

const VARIANTS = DIALECTS.flatMap((dialect) => MODES.map((mode) => ({ dialect, mode })));

/** Rows 0 (the root) to `depth`, each the child of the one before. */
async function chain(tasks: TaskTree, depth: number): Promise<void> {
  for (let id = 0; id <= depth; id++) await tasks.add(id, id === 0 ? null : id - 1, 'Queued');
}

describe.each(VARIANTS)('a tree on $dialect, $mode', ({ dialect, mode }) => {
  it('carries a change up as far as states change', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await tasks.add(1, null, 'Queued', 'Archived');
    await tasks.add(2, 1, 'Queued');
    await tasks.add(3, 1, 'Queued');
    await tasks.add(4, 2, 'Queued');
    await tasks.add(5, 2, 'Queued', 'PushPending');

    const started = await tasks.set(4, 'Running');
    expect(started).toEqual({
      ok: true,
      changed: true,
      value: Task.of('Running'),
      ancestors: [
        { id: 2, from: Task.of('Queued'), to: Task.of('Running') },
        { id: 1, from: Task.of('Queued', 'Archived'), to: Task.of('Running', 'Archived') },
      ],
    });
    expect(await tasks.set(5, 'Running')).toMatchObject({ changed: true, ancestors: [] });
    expect(await tasks.set(4, 'Done')).toMatchObject({ ancestors: [] });
    expect(await tasks.set(5, 'Failed')).toMatchObject({ ancestors: [{ id: 2 }, { id: 1, to: Task.of('Queued', 'Archived') }] });
    expect([await tasks.show(1), await tasks.show(2), await tasks.show(5)]).toEqual(['Queued Archived@2', 'Failed@2', 'Failed PushPending@2']);
    expect(await tasks.set(3, 'Done')).toMatchObject({ ancestors: [{ id: 1, to: Task.of('Failed', 'Archived') }] });
  });

  it('says what became of a change', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await tasks.add(1, null, 'Queued');
    await tasks.add(2, 1, 'Running');
    expect(await tasks.set(9, 'Done')).toEqual({ ok: false, reason: 'not_found' });
    const refused = await tasks.transaction((trx) => tasks.tree.change(trx, 2, () => undefined));
    expect(refused).toEqual({ ok: false, reason: 'precondition', current: Task.of('Running') });
    expect(await tasks.set(2, 'Running')).toEqual({ ok: true, changed: false, value: Task.of('Running'), ancestors: [] });
    // A change of another group is none of the parent's business.
    const other = await tasks.transaction((trx) => tasks.tree.change(trx, 2, (word) => Task.add(word, 'Archived')));
    expect(other).toMatchObject({ changed: true, ancestors: [] });
    expect([await tasks.show(1), await tasks.show(2)]).toEqual(['Running@1', 'Running Archived@1']);
    const damaged = tasks.transaction((trx) => tasks.tree.change(trx, 2, (word) => Task.remove(word, 'Running')));
    await expect(damaged).rejects.toMatchObject({ code: 'ERR_FLAGS_GROUP' });
  });

  it('takes the events of a machine', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    const machine = machineOf(Task)()({ start: { from: { all: ['Queued'] }, set: ['Running', 'PushPending'] }, finish: { from: { all: ['Running'] }, set: ['Done'] } });
    await tasks.add(1, null, 'Queued');
    await tasks.add(2, 1, 'Queued');
    const event = (name: 'start' | 'finish') => tasks.transaction((trx) => tasks.tree.change(trx, 2, (word) => machine.next(word, name)));
    expect(await event('finish')).toEqual({ ok: false, reason: 'precondition', current: Task.of('Queued') });
    expect(await event('start')).toMatchObject({ changed: true, ancestors: [{ id: 1, to: Task.of('Running') }] });
    expect(await event('finish')).toMatchObject({ value: Task.of('Done', 'PushPending'), ancestors: [{ id: 1, to: Task.of('Done') }] });
  });

  it('keeps unknown bits of the rows that it writes', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await tasks.add(1, null, 'Queued');
    await tasks.add(2, 1, 'Queued');
    await tasks.meddle('update task set flags = flags + 536870912');
    await tasks.set(2, 'Done');
    const rows = await tasks.transaction((trx) => trx.selectFrom('task').select('flags').execute());
    expect(rows.map((row) => Task.format(row.flags))).toEqual(['Done | 0x20000000', 'Done | 0x20000000']);
  });

  it('rolls up a change that its caller has written', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await tasks.add(1, null, 'Queued');
    await tasks.add(2, 1, 'Running');
    const [from, to] = [Task.of('Running'), Task.of('Done')];
    const steps = await tasks.transaction(async (trx) => {
      const result = await trx.updateTable('task').set({ flags: to }).where('id', '=', 2).where('flags', '=', from).executeTakeFirst();
      return result.numUpdatedRows === 1n ? tasks.tree.rollUp(trx, 2, { from, to }) : [];
    });
    expect(steps).toEqual([{ id: 1, from: Task.of('Running'), to: Task.of('Done') }]);
    expect(await tasks.transaction((trx) => tasks.tree.rollUp(trx, 2, { from: to, to: Task.of('Done', 'Archived') }))).toEqual([]);
    await expect(tasks.transaction((trx) => tasks.tree.rollUp(trx, 9, { from, to }))).rejects.toMatchObject({ code: 'ERR_FLAGS_ROLLUP_ROW', id: 9 });
  });

  it('leaves a row without children alone, and gives it the empty state when it loses its last child', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await tasks.add(1, null, 'Paused');
    expect(await tasks.show(1)).toBe('Paused@0');
    await tasks.add(2, 1, 'Running');
    await tasks.add(3, 1, 'Done');
    expect(await tasks.show(1)).toBe('Running@1');
    expect(await tasks.transaction((trx) => tasks.tree.remove(trx, 2))).toMatchObject([{ id: 1, to: Task.of('Done') }]);
    expect(await tasks.transaction((trx) => tasks.tree.remove(trx, 3))).toMatchObject([{ id: 1, to: Task.of('Queued') }]);
    expect(await tasks.transaction((trx) => tasks.tree.remove(trx, 1))).toEqual([]);
    await expect(tasks.transaction((trx) => tasks.tree.remove(trx, 1))).rejects.toMatchObject({ code: 'ERR_FLAGS_ROLLUP_ROW', id: 1 });
  });

  it('does not remove a row that has children', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await chain(tasks, 1);
    await expect(tasks.transaction((trx) => tasks.tree.remove(trx, 0))).rejects.toMatchObject({ code: 'ERR_FLAGS_ROLLUP_ROW', id: 0 });
  });

  it('opens a done parent, and its parents, when a child is added', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await tasks.add(1, null, 'Queued');
    await tasks.add(2, 1, 'Queued');
    await tasks.add(3, 2, 'Done');
    expect([await tasks.show(1), await tasks.show(2)]).toEqual(['Done@1', 'Done@1']);
    const words = [Task.of('Queued'), Task.of('Running', 'Archived')];
    const steps = await tasks.transaction((trx) =>
      tasks.tree.add(trx, {
        parent: 2,
        words,
        insert: () => trx.insertInto('task').values(words.map((flags, at) => ({ id: 4 + at, parent_id: 2, flags }))).execute(),
      }),
    );
    expect(steps.map(({ id, to }) => `${id} ${Task.format(to)}`)).toEqual(['2 Running', '1 Running']);
    await tasks.set(4, 'Done');
    expect(await tasks.set(5, 'Done')).toMatchObject({ ancestors: [{ id: 2, to: Task.of('Done') }, { id: 1, to: Task.of('Done') }] });
  });

  it('adds nothing below a row that does not exist', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await expect(tasks.add(2, 1, 'Queued')).rejects.toMatchObject({ name: 'RollupRowError', code: 'ERR_FLAGS_ROLLUP_ROW', id: 1 });
    expect(await tasks.transaction((trx) => trx.selectFrom('task').selectAll().execute())).toEqual([]);
  });

  it('rolls up both parents of a row that moves', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    for (const id of [1, 2]) await tasks.add(id, null, 'Queued');
    await tasks.add(3, 1, 'Done');
    await tasks.add(4, 1, 'Running');
    await tasks.add(5, 2, 'Done');
    const move = (id: number, parent: number | null) => tasks.transaction((trx) => tasks.tree.move(trx, id, parent));
    expect((await move(4, 2)).map(({ id, to }) => `${id} ${Task.format(to)}`)).toEqual(['1 Done', '2 Running']);
    expect(await move(4, 2)).toEqual([]);
    expect((await move(4, null)).map(({ id, to }) => `${id} ${Task.format(to)}`)).toEqual(['2 Done']);
    expect((await move(1, 2)).map(({ id, to }) => `${id} ${Task.format(to)}`)).toEqual([]);
    expect((await move(3, 2)).map(({ id, to }) => `${id} ${Task.format(to)}`)).toEqual(['1 Queued', '2 Queued']);
    expect(await move(4, 1)).toMatchObject([{ id: 1, to: Task.of('Running') }, { id: 2, to: Task.of('Running') }]);
    await expect(move(4, 99)).rejects.toMatchObject({ code: 'ERR_FLAGS_ROLLUP_ROW', id: 99 });
    await expect(move(99, 1)).rejects.toMatchObject({ code: 'ERR_FLAGS_ROLLUP_ROW', id: 99 });
    expect((await tasks.transaction((trx) => tasks.tree.reconcile(trx))).drift).toEqual([]);
  });

  it('refuses a circle, and tells the way around it', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await chain(tasks, 3);
    const around = expect.objectContaining({ name: 'RollupCycleError', code: 'ERR_FLAGS_ROLLUP_CYCLE', path: [1, 3, 2, 1], message: 'row 1 of task is its own ancestor: 1 > 3 > 2 > 1' });
    await expect(tasks.transaction((trx) => tasks.tree.move(trx, 1, 3))).rejects.toThrow(around);
    await expect(tasks.transaction((trx) => tasks.tree.move(trx, 1, 1))).rejects.toMatchObject({ code: 'ERR_FLAGS_ROLLUP_CYCLE', path: [1, 1] });
    expect(await tasks.show(3)).toBe('Queued@0');
    // One that somebody else has made.
    await tasks.meddle('update task set parent_id = 3 where id = 1');
    await expect(tasks.set(3, 'Running')).rejects.toMatchObject({ code: 'ERR_FLAGS_ROLLUP_CYCLE', path: [3, 2, 1, 3] });
    expect(await tasks.show(3)).toBe('Queued@0');
    await expect(tasks.add(4, 3, 'Queued')).rejects.toMatchObject({ code: 'ERR_FLAGS_ROLLUP_CYCLE' });
  });

  it('climbs 16 ancestors and no more', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await chain(tasks, MAX_ROLLUP_DEPTH);
    expect(await tasks.set(MAX_ROLLUP_DEPTH, 'Done')).toMatchObject({ ancestors: Array.from({ length: 16 }, (_, at) => ({ id: 15 - at, to: Task.of('Done') })) });
    await expect(tasks.add(17, 16, 'Queued')).rejects.toMatchObject({ name: 'RollupDepthError', code: 'ERR_FLAGS_ROLLUP_DEPTH', maxDepth: 16 });
    // Moving counts what is below the row as well.
    for (const [id, parent] of [[20, null], [21, 20], [22, 21]] as const) await tasks.add(id, parent, 'Queued');
    await expect(tasks.transaction((trx) => tasks.tree.move(trx, 20, 14))).rejects.toMatchObject({ code: 'ERR_FLAGS_ROLLUP_DEPTH', id: 20 });
    await tasks.transaction((trx) => tasks.tree.move(trx, 20, 13));
    expect(await tasks.show(0)).toBe('Queued@2');
    // A tree that somebody else has made too deep.
    await tasks.meddle('insert into task (id, parent_id, flags) values (17, 16, 8)');
    await tasks.meddle('update task set flags = 1');
    if (mode === 'counted') await tasks.meddle('update task set n_total = 1, n_queued = 1, n_done = 0 where id < 17');
    await tasks.meddle('update task set parent_id = null where id = 20');
    if (mode === 'counted') await tasks.meddle('update task set n_total = 1, n_queued = 1 where id = 13');
    await expect(tasks.set(17, 'Running')).rejects.toMatchObject({ code: 'ERR_FLAGS_ROLLUP_DEPTH', id: 17 });
  });

  it('stops at rows that are not there', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await tasks.meddle('create table loose (id bigint primary key, parent_id bigint, flags int not null)');
    await tasks.meddle('insert into loose values (1, 7, 1)');
    const loose = rollupTree(taskRollup, { dialect, table: 'loose', mode: 'recomputed' });
    await expect(tasks.transaction((trx) => loose.change(trx, 1, (word) => Task.add(word, 'Done')))).rejects.toMatchObject({ code: 'ERR_FLAGS_ROLLUP_ROW', id: 7 });
  });

  it('finds and repairs what was changed behind its back', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await tasks.add(1, null, 'Queued');
    await tasks.add(2, 1, 'Queued');
    for (const id of [3, 4, 5]) await tasks.add(id, 2, 'Queued');
    await tasks.add(6, 1, 'Done');
    const reconcile = (batch?: { after?: number; limit?: number }) => tasks.transaction((trx) => tasks.tree.reconcile(trx, batch));
    expect(await reconcile()).toEqual({ drift: [], last: undefined });

    await tasks.meddle('update task set flags = 8 where id in (3, 4)');
    await tasks.meddle('delete from task where id = 5');
    const { drift } = await reconcile();
    const counted = mode === 'counted';
    expect(drift).toEqual([
      {
        id: 2,
        from: Task.of('Queued'),
        to: Task.of('Done'),
        counters: counted
          ? [
              { counter: 'total', stored: 3, actual: 2 },
              { counter: 'Queued', stored: 3, actual: 0 },
              { counter: 'Done', stored: 0, actual: 2 },
            ]
          : [],
        damagedChildren: 0,
      },
      {
        id: 1,
        from: Task.of('Queued'),
        to: Task.of('Done'),
        counters: counted
          ? [
              { counter: 'Queued', stored: 1, actual: 0 },
              { counter: 'Done', stored: 1, actual: 2 },
            ]
          : [],
        damagedChildren: 0,
      },
    ]);
    expect(await reconcile()).toEqual({ drift: [], last: undefined });
    expect([await tasks.show(1), await tasks.show(2)]).toEqual(['Done@1', 'Done@1']);
  });

  it('goes through a large table in batches', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await chain(tasks, 5);
    await tasks.meddle('update task set flags = 8 where id = 5');
    const seen: unknown[] = [];
    let after: Awaited<ReturnType<typeof tasks.tree.reconcile>>['last'];
    do {
      const batch = await tasks.transaction((trx) => tasks.tree.reconcile(trx, { after, limit: 2 }));
      seen.push(...batch.drift.map(({ id }) => Number(id)));
      after = batch.last;
    } while (after !== undefined);
    expect(seen).toEqual([4, 3, 2, 1, 0]);
    expect(await tasks.show(0)).toBe('Done@1');
  });

  it.each([0, 1.5])('does not go through a table in batches of %s', async (limit) => {
    await using tasks = await createTaskTree(dialect, mode);
    await expect(tasks.transaction((trx) => tasks.tree.reconcile(trx, { limit }))).rejects.toMatchObject({ code: 'ERR_FLAGS_INPUT', value: limit });
  });

  it('reports damaged children, and does not guess what their parent is', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await chain(tasks, 1);
    await tasks.add(2, 0, 'Queued');
    await tasks.meddle('update task set flags = 3 where id = 1');
    const { drift } = await tasks.transaction((trx) => tasks.tree.reconcile(trx));
    expect(drift).toMatchObject([{ id: 0, from: Task.of('Queued'), to: Task.of('Queued'), damagedChildren: 1 }]);
    // Putting the child right is a change like any other.
    await tasks.set(1, 'Done');
    expect(await tasks.set(2, 'Done')).toMatchObject({ ancestors: [{ id: 0, to: Task.of('Done') }] });
  });

  it('takes its caller’s undo along', async () => {
    await using tasks = await createTaskTree(dialect, mode);
    await chain(tasks, 2);
    const undone = tasks.transaction(async (trx) => {
      await tasks.tree.change(trx, 2, (word) => Task.add(word, 'Running'));
      throw new Error('changed my mind');
    });
    await expect(undone).rejects.toThrow('changed my mind');
    expect([await tasks.show(0), await tasks.show(1), await tasks.show(2)]).toEqual(['Queued@0', 'Queued@0', 'Queued@0']);
    expect((await tasks.transaction((trx) => tasks.tree.reconcile(trx))).drift).toEqual([]);
  });
});

it.each(DIALECTS)('a damaged child stops a count of its siblings on %s', async (dialect) => {
  await using tasks = await createTaskTree(dialect, 'recomputed');
  await chain(tasks, 1);
  await tasks.add(2, 0, 'Queued');
  await tasks.meddle('update task set flags = 3 where id = 1');
  await expect(tasks.set(2, 'Running')).rejects.toMatchObject({ name: 'RollupDriftError', code: 'ERR_FLAGS_ROLLUP_DRIFT', id: 0, total: 2 });
});

describe('counters', () => {
  it('that cannot be true stop a change', async () => {
    await using tasks = await createTaskTree('sqlite', 'counted');
    await chain(tasks, 1);
    await tasks.meddle('update task set n_queued = 0, n_done = 1 where id = 0');
    await expect(tasks.set(1, 'Running')).rejects.toMatchObject({ name: 'RollupDriftError', code: 'ERR_FLAGS_ROLLUP_DRIFT', id: 0 });
    expect((await tasks.transaction((trx) => tasks.tree.reconcile(trx))).drift).toMatchObject([{ id: 0, counters: [{ counter: 'Queued' }, { counter: 'Done' }] }]);
    expect(await tasks.set(1, 'Running')).toMatchObject({ changed: true, ancestors: [{ id: 0 }] });
  });

  it('left behind by a deleted child bring the empty state', async () => {
    await using tasks = await createTaskTree('sqlite', 'counted');
    await tasks.add(0, null, 'Queued');
    await tasks.add(1, 0, 'Done');
    await tasks.meddle('delete from task where id = 1');
    expect((await tasks.transaction((trx) => tasks.tree.reconcile(trx))).drift).toMatchObject([{ id: 0, to: Task.of('Queued') }]);
  });

  it('have names that every object inherits, if their states have', () => {
    const Odd = defineFlags('odd', { bits: { constructor: 0, valueOf: 1 }, groups: { g: { of: ['constructor', 'valueOf'], arity: 'exactly-one' } } });
    const odd = rollupOf(Odd, 'g', { empty: 'valueOf', rules: [{ any: ['constructor'], state: 'constructor' }, { state: 'valueOf' }] });
    expect(rollupTree(odd, { dialect: 'sqlite', table: 't', mode: 'counted' }).ddl).toContain('alter table `t` add column `n_constructor` integer not null default 0');
  });

  it('have names of their own', () => {
    const Odd = defineFlags('odd', { bits: { Done: 0, DONE: 1, PushSent: 2 }, groups: { g: { of: ['Done', 'DONE', 'PushSent'], arity: 'exactly-one' } } });
    const odd = rollupOf(Odd, 'g', { empty: 'Done', rules: [{ every: ['Done'], state: 'Done' }, { state: 'DONE' }] });
    expect(() => rollupTree(odd, { dialect: 'sqlite', table: 't', mode: 'counted' })).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_ROLLUP', faults: [expect.objectContaining({ value: 'n_done' })] }));
    const { ddl } = rollupTree(odd, { dialect: 'mysql', table: 't', columns: { counters: { DONE: 'n_all_done' } }, mode: 'counted' });
    expect(ddl).toContain('alter table `t` add column `n_push_sent` int not null default 0');
    expect(rollupTree(odd, { dialect: 'mysql', table: 't', mode: 'recomputed' }).ddl).toEqual([]);
  });
});
