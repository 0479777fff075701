import { openDatabase } from '@staddle/database';
import { defineFlags, rollupOf, type FlagsOf } from '@staddle/flags';
import { rollupTree, type RollupStep } from '@staddle/flags/kysely';
import { sql, type Transaction } from 'kysely';

const Task = defineFlags('task', {
  bits: { Queued: 0, Running: 1, Done: 2, Failed: 3 },
  groups: { run: { of: ['Queued', 'Running', 'Done', 'Failed'], arity: 'exactly-one' } },
});
type Word = FlagsOf<typeof Task>;

const states = rollupOf(Task, 'run', {
  empty: 'Done', // of a parent without children; there is no default
  rules: [
    { any: ['Running'], state: 'Running' }, // the first rule that holds decides
    { any: ['Failed'], none: ['Queued'], state: 'Failed' },
    { every: ['Done'], state: 'Done' },
    { state: 'Queued' }, // without this rule an error: nothing would be said about { Queued, Done }
  ],
});
console.log(states.fromCounts({ Queued: 0, Running: 0, Done: 9, Failed: 1 })); // Failed

interface Tables {
  task: { id: number; parent_id: number | null; flags: Word };
}
const database = openDatabase({ url: 'sqlite::memory:' });
const tree = rollupTree(states, { dialect: database, table: 'task', mode: 'counted' });
await sql`create table task (id integer primary key, parent_id integer, flags integer not null)`.execute(database.query());
for (const statement of tree.ddl) await sql.raw(statement).execute(database.query()); // n_total, n_queued, …

const show = (steps: readonly RollupStep<Word>[]): void => console.log(steps.map(({ id, to }) => `${id} is ${Task.format(to)}`).join(', ') || 'no parent changed');
const add = (parent: number | null, ...ids: number[]): Promise<RollupStep<Word>[]> => {
  const rows = ids.map((id) => ({ id, parent_id: parent, flags: Task.of('Queued') }));
  return database.transaction((trx: Transaction<Tables>) =>
    tree.add(trx, { parent, words: rows.map(({ flags }) => flags), insert: () => trx.insertInto('task').values(rows).execute() }),
  );
};
const set = async (id: number, state: 'Running' | 'Done' | 'Failed'): Promise<void> => {
  const result = await database.transaction((trx) => tree.change(trx, id, (word) => Task.add(word, state)));
  if (result.ok) show(result.ancestors);
};

await add(null, 1);
await add(1, 2, 3);
await add(3, 4);
await set(4, 'Running'); // 3 is Running, 1 is Running
await set(2, 'Done'); // no parent changed
await set(4, 'Done'); // 3 is Done, 1 is Done
show(await add(3, 5)); // 3 is Queued, 1 is Queued
await set(5, 'Failed'); // 3 is Failed, 1 is Failed
await database.close();
