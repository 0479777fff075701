import { legacyOf, machineOf } from '@staddle/flags';
import { applyTransition, legacyMigration, rollupTree } from '@staddle/flags/kysely';
import { testDatabase } from '@staddle/testing';
import { Kysely, MysqlDialect, sql } from 'kysely';
import { createPool, type PoolOptions } from 'mysql2';
import { describe, expect, it } from 'vitest';
import { Task, taskRollup } from './task.ts';

// Doubles lie 256 apart here.
const FIRST = 2n ** 60n + 1n;
const key = (at: number): bigint => FIRST + BigInt(at);
const finish = machineOf(Task)()({ finish: { from: { all: ['Running'] }, set: ['Done'] } });
const legacy = legacyOf(Task, { dialect: 'mysql', table: 'task', column: 'state', word: 'word', map: { '1': ['Running'] } });
const migration = legacyMigration(legacy);
const tree = rollupTree(taskRollup, { dialect: 'mysql', table: 'task', mode: 'counted', isolation: 'read committed' });

interface Tables {
  task: { id: bigint; flags: number };
}

/** Row 0 is a root and the others are its children; row 3 has a text that nobody knows. */
async function createTasks(options: PoolOptions): Promise<AsyncDisposable & { readonly db: Kysely<Tables> }> {
  const fresh = await testDatabase('mysql');
  const db = new Kysely<Tables>({ dialect: new MysqlDialect({ pool: createPool({ uri: fresh.url, connectionLimit: 2, ...options }) }) });
  await sql`create table task (id bigint primary key, parent_id bigint, flags int unsigned not null, state varchar(10), index (parent_id))`.execute(db);
  for (const statement of [...tree.ddl, ...legacy.sql.ddl]) await sql.raw(statement).execute(db);
  const rows = Array.from({ length: 300 }, (_, at) => `(${key(at)}, ${at === 0 ? 'null' : FIRST}, ${Task.of('Running')}, '${at === 3 ? 'odd' : '1'}')`);
  await sql.raw(`insert into task (id, parent_id, flags, state) values ${rows.join(', ')}`).execute(db);
  return {
    db,
    async [Symbol.asyncDispose]() {
      await db.destroy();
      await fresh.close();
    },
  };
}

describe('keys beyond 2^53', () => {
  it('are refused from a client that rounds them, and not taken for those of other rows', async () => {
    await using tasks = await createTasks({});
    const { db } = tasks;
    const refused = { code: 'ERR_FLAGS_INPUT', value: Number(FIRST) };
    await expect(db.transaction().execute((trx) => migration.backfill(trx, { limit: 1 }))).rejects.toMatchObject(refused);
    await expect(db.transaction().execute((trx) => tree.reconcile(trx))).rejects.toMatchObject(refused);
    await expect(db.transaction().execute((trx) => tree.change(trx, key(1), (word) => Task.add(word, 'Done')))).rejects.toMatchObject(refused);
    await expect(db.transaction().execute((trx) => tree.change(trx, Number(FIRST), (word) => Task.add(word, 'Done')))).rejects.toMatchObject(refused);
    await expect(applyTransition(db, { machine: finish, event: 'finish', table: 'task', key: { id: Number(FIRST) }, column: 'flags' })).rejects.toMatchObject(refused);
  });

  it('are exact as text', async () => {
    await using tasks = await createTasks({ supportBigNumbers: true });
    const { db } = tasks;
    let after: string | undefined;
    let mapped = 0;
    const unmapped: unknown[] = [];
    do {
      const chunk = await db.transaction().execute((trx) => migration.backfill(trx, { after, limit: 100 }));
      mapped += chunk.mapped;
      unmapped.push(...chunk.unmapped.map((row) => row.key));
      after = chunk.last as typeof after;
    } while (after !== undefined);
    expect([mapped, unmapped]).toEqual([299, [String(key(3))]]);

    const { drift } = await db.transaction().execute((trx) => tree.reconcile(trx));
    expect(drift).toMatchObject([{ id: String(FIRST), counters: [{ counter: 'total', actual: 299 }, { counter: 'Running', actual: 299 }] }]);
    expect(await db.transaction().execute((trx) => tree.change(trx, key(1), (word) => Task.add(word, 'Done')))).toMatchObject({ changed: true });
    expect(await applyTransition(db, { machine: finish, event: 'finish', table: 'task', key: { id: key(2) }, column: 'flags' })).toMatchObject({ changed: true });
  });
});
