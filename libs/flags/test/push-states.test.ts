import { machineOf, type Word } from '@staddle/flags';
import { applyTransition } from '@staddle/flags/kysely';
import { DIALECTS, testDatabase } from '@staddle/testing';
import { sql, type Kysely, type Transaction } from 'kysely';
import { expect, it } from 'vitest';
import { Task } from './task.ts';

interface Tables {
  task: { id: number; flags: Word<'task'>; version: number; pushed_version: number };
}

const machine = machineOf(Task)()({
  start: { from: { all: ['Queued'] }, set: ['Running'] },
  finish: { from: { all: ['Running'] }, set: ['Done'] },
});

// The two statements of SPEC.md, section "Push states".
const pending = async (db: Kysely<Tables>): Promise<unknown[]> => (await sql<{ id: number; version: number }>`select id, version from task where pushed_version < version order by id`.execute(db)).rows;
const acknowledge = (db: Kysely<Tables>, id: number, version: number): Promise<unknown> =>
  sql`update task set pushed_version = ${version} where id = ${id} and pushed_version < ${version}`.execute(db);

it.each(DIALECTS)('an acknowledgement of one change does not hide the next one on %s', async (dialect) => {
  await using fresh = await testDatabase(dialect);
  const database = fresh.open();
  const db = database.query<Tables>();
  await sql`create table task (id integer primary key, flags integer not null, version integer not null, pushed_version integer not null)`.execute(db);
  await db.insertInto('task').values({ id: 1, flags: Task.of('Queued'), version: 1, pushed_version: 1 }).execute();
  const apply = (event: 'start' | 'finish') =>
    database.transaction((trx: Transaction<Tables>) => applyTransition(trx, { machine, event, context: undefined, table: 'task', key: { id: 1 }, column: 'flags', version: { column: 'version' } }));

  expect(await pending(db)).toEqual([]);
  await apply('start');
  expect(await pending(db)).toEqual([{ id: 1, version: 2 }]);
  await apply('finish'); // while version 2 is on its way
  await acknowledge(db, 1, 2);
  expect(await pending(db)).toEqual([{ id: 1, version: 3 }]);
  await acknowledge(db, 1, 3);
  await acknowledge(db, 1, 2); // a late one
  expect(await pending(db)).toEqual([]);
  await apply('finish'); // a repetition, which changes nothing
  expect(await pending(db)).toEqual([]);
});
