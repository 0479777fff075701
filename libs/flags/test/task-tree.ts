import type { TransactionOptions } from '@staddle/database';
import type { Word } from '@staddle/flags';
import { rollupTree, type RollupTree, type RowId } from '@staddle/flags/kysely';
import { testDatabase, type TestDialect } from '@staddle/testing';
import { sql, type Transaction } from 'kysely';
import { Task, taskRollup, type TaskState } from './task.ts';

export const MODES = ['counted', 'recomputed'] as const;
export type Mode = (typeof MODES)[number];

export interface TaskTables {
  task: TaskRow;
}
interface TaskRow {
  id: number;
  parent_id: number | null;
  flags: Word<'task'>;
  version?: number;
}

/** A fresh table `task` and the tree over it. */
export interface TaskTree extends AsyncDisposable {
  readonly tree: RollupTree<'task', TaskState>;
  transaction<T>(run: (trx: Transaction<TaskTables>) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Adds a row in one transaction. */
  add(id: number, parent: number | null, ...flags: Parameters<typeof Task.of>): Promise<void>;
  set(id: RowId, state: TaskState): ReturnType<RollupTree<'task', TaskState>['change']>;
  /** `Running Archived@3`: the flags and the version of a row. */
  show(id: number): Promise<string>;
  /** Changes rows behind the tree's back. */
  meddle(statement: string): Promise<void>;
}

export async function createTaskTree(dialect: TestDialect, mode: Mode, connections = 10): Promise<TaskTree> {
  const db = await testDatabase(dialect);
  const database = db.open({ pool: { max: connections } });
  const tree = rollupTree(taskRollup, { dialect: database, table: 'task', columns: { version: 'version' }, mode });
  const int = dialect === 'mysql' ? 'int unsigned' : 'integer';
  await sql
    .raw(
      `create table task (id bigint primary key, parent_id bigint null references task (id), flags ${int} not null, version ${int} not null default 0,
       title varchar(20) null)`,
    )
    .execute(database.query());
  await sql.raw('create index task_parent on task (parent_id)').execute(database.query());
  for (const statement of tree.ddl) await sql.raw(statement).execute(database.query());

  const transaction: TaskTree['transaction'] = (run, options) => database.transaction(run, options);
  return {
    tree,
    transaction,
    async add(id, parent, ...flags) {
      const word = Task.of(...flags);
      await transaction((trx) =>
        tree.add(trx, { parent, words: [word], insert: () => trx.insertInto('task').values({ id, parent_id: parent, flags: word }).execute() }),
      );
    },
    set: (id, state) => transaction((trx) => tree.change(trx, id, (word) => Task.add(word, state))),
    async show(id) {
      const row = await database.query<TaskTables>().selectFrom('task').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
      return `${Task.names(row.flags).join(' ')}@${row.version}`;
    },
    async meddle(statement) {
      await sql.raw(statement).execute(database.query());
    },
    [Symbol.asyncDispose]: () => db.close(),
  };
}
