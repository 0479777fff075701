import { defineFlags, sqlOf } from '@staddle/flags';
import { testDatabase, type TestDatabase } from '@staddle/testing';
import { sql } from 'kysely';
import { expect, it } from 'vitest';

const State = defineFlags('state', {
  bits: { Ready: 0, Running: 1, Done: 2, Late: 8, Archived: 20 },
  groups: { phase: { of: ['Ready', 'Running', 'Done'], arity: 'exactly-one' } },
});
const { ddl, which } = sqlOf(State);

/** Rows of which few are running and few are archived. */
async function createRuns(fresh: TestDatabase, word: string) {
  const db = fresh.open().query<object>();
  await sql`create table run (id integer primary key, ${sql.raw(word)}, note varchar(40) not null)`.execute(db);
  const rows = Array.from({ length: 2_000 }, (_, id) => {
    const state = id % 100 === 0 ? State.of('Running') : State.of('Done', 'Late');
    return sql`(${id}, ${id % 250 === 0 ? State.add(state, 'Archived') : state}, ${'x'.repeat(40)})`;
  });
  await sql`insert into run (id, state, note) values ${sql.join(rows)}`.execute(db);
  return { run: (text: string) => sql<Record<string, unknown>>`${sql.raw(text)}`.execute(db).then(({ rows: found }) => found) };
}

it('MariaDB uses the key for the state of a group, by the virtual column', async () => {
  await using fresh = await testDatabase('mysql');
  const { run } = await createRuns(fresh, ddl.column('state', { dialect: 'mysql' }));
  const { statements, where } = ddl.generated('phase', { table: 'run', column: 'state', keyColumns: ['id'], dialect: 'mysql' });
  for (const statement of statements) await run(statement);
  await run('analyze table run');
  const query = `select id, note from run where ${where('Running')} order by id`;
  expect(await run(`explain ${query}`)).toMatchObject([{ key: 'run_state_phase', type: 'ref' }]);
  expect(await run(query)).toHaveLength(20);
  // What the column is for: the same question of the word reads every row.
  expect(await run(`explain select id, note from run where ${which('state', 'phase', 'Running')}`)).toMatchObject([{ key: null, type: 'ALL' }]);
});

it('SQLite uses the index for the state of a group, by the expression', async () => {
  await using fresh = await testDatabase('sqlite');
  const { run } = await createRuns(fresh, ddl.column('state', { dialect: 'sqlite' }));
  const { statements, where } = ddl.generated('phase', { table: 'run', column: 'state', keyColumns: ['id'], dialect: 'sqlite' });
  for (const statement of statements) await run(statement);
  const query = `select id, note from run where ${where('Running')} order by id`;
  expect(await run(`explain query plan ${query}`)).toEqual([expect.objectContaining({ detail: 'SEARCH run USING INDEX run_state_phase (<expr>=?)' })]);
  expect(await run(query)).toHaveLength(20);
  // Also under an alias, since the expression is the same.
  expect(await run(`explain query plan select id from run as r where ${which('r.state', 'phase', 'Running')}`)).toEqual([expect.objectContaining({ detail: expect.stringContaining('INDEX run_state_phase') })]);
});

it('SQLite uses the index on the rows that have a flag', async () => {
  await using fresh = await testDatabase('sqlite');
  const { run } = await createRuns(fresh, ddl.column('state', { dialect: 'sqlite' }));
  const { statements, where } = ddl.partial('Archived', { table: 'run', column: 'state', keyColumns: ['id'] });
  for (const statement of statements) await run(statement);
  const query = `select id, note from run where ${where} order by id`;
  expect(await run(`explain query plan ${query}`)).toEqual([expect.objectContaining({ detail: expect.stringContaining('USING INDEX run_state_Archived') })]);
  expect(await run(query)).toHaveLength(8);
});
