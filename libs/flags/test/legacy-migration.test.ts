import { legacyOf, legacyText, machineOf, transitionSql, type Legacy, type Word } from '@staddle/flags';
import { applyTransition, legacyMigration, type LegacyChunk, type LegacyMigration, type RowId } from '@staddle/flags/kysely';
import { DIALECTS, testDatabase, type TestDialect } from '@staddle/testing';
import { sql, type Transaction } from 'kysely';
import { describe, expect, it } from 'vitest';
import { Task } from './task.ts';

const MAP = { '0': ['Queued'], '1': ['Running'], '2': ['Done'], '10': ['Failed'] } as const;

const tasks = machineOf(Task)()({
  start: { from: { all: ['Queued'] }, set: ['Running', 'PushPending'] },
  finish: { from: { all: ['Running'] }, set: ['Done'] },
  pause: { from: { all: ['Running'] }, set: ['Paused'] },
});

interface Tables {
  task: { id: number; state: string | null; flags: Word<'task'>; flags_src: number };
}

interface OldTable extends AsyncDisposable {
  readonly legacy: Legacy<typeof Task>;
  readonly migration: LegacyMigration<Word<'task'>>;
  transaction<T>(run: (trx: Transaction<Tables>) => Promise<T>): Promise<T>;
  run(statement: string): Promise<void>;
  show(): Promise<unknown[]>;
}

/** Texts by id, in a column that takes '1' for '1 ' and 'a' for 'A'. */
async function createOldTable(dialect: TestDialect, states: Readonly<Record<number, string | null>>): Promise<OldTable> {
  const db = await testDatabase(dialect);
  const database = db.open();
  const column = dialect === 'mysql' ? 'varchar(20) character set latin1 collate latin1_german1_ci null' : 'text collate nocase null';
  const run = async (statement: string): Promise<void> => void (await sql.raw(statement).execute(database.query()));
  await run(`create table task (id bigint primary key, state ${column})`);
  const rows = Object.entries(states).map(([id, state]) => ({ id: Number(id), state }));
  for (let at = 0; at < rows.length; at += 500) await database.query<{ task: { id: number; state: string | null } }>().insertInto('task').values(rows.slice(at, at + 500)).execute();
  const legacy = legacyOf(Task, { dialect, table: 'task', column: 'state', map: MAP });
  return {
    legacy,
    migration: legacyMigration(legacy),
    transaction: (work) => database.transaction(work),
    run,
    async show() {
      const stored = await database.query<Tables>().selectFrom('task').selectAll().orderBy('id').execute();
      return stored.map((row) => `${row.id} ${row.state} ${row.flags_src ? Task.format(row.flags) : '-'}`);
    },
    [Symbol.asyncDispose]: () => db.close(),
  };
}

async function backfill({ migration, transaction }: OldTable, limit: number, onChunk: (chunk: LegacyChunk) => void = () => {}): Promise<LegacyChunk['unmapped'][number][]> {
  const unmapped: LegacyChunk['unmapped'][number][] = [];
  let after: RowId | undefined;
  do {
    const chunk = await transaction((trx) => migration.backfill(trx, { after, limit }));
    unmapped.push(...chunk.unmapped);
    after = chunk.last;
    onChunk(chunk);
  } while (after !== undefined);
  return unmapped;
}

async function addColumns({ legacy, run }: OldTable): Promise<void> {
  for (const statement of legacy.sql.ddl) await run(statement);
}

const STRANGE = { 2: ' 1', 4: '01', 6: null, 8: '1abc', 10: '1.0', 11: '1 ', 12: '', 13: '3' };
const SOUND = { 1: '0', 3: '1', 5: '2', 7: '10', 9: '1' };

describe.each(DIALECTS)('a column of texts on %s', (dialect) => {
  it('is counted text by text, with what the map says and with what is invisible', async () => {
    await using old = await createOldTable(dialect, { ...STRANGE, ...SOUND });
    const census = await old.transaction((trx) => old.migration.census(trx));
    expect(census.map(({ value, hex, type, rows, word }) => [value, hex, type, rows, word])).toEqual([
      [null, null, 'null', 1, undefined],
      ['', '', 'text', 1, undefined],
      [' 1', '2031', 'text', 1, undefined],
      ['0', '30', 'text', 1, Task.of('Queued')],
      ['01', '3031', 'text', 1, undefined],
      ['1', '31', 'text', 2, Task.of('Running')],
      ['1 ', '3120', 'text', 1, undefined],
      ['1.0', '312E30', 'text', 1, undefined],
      ['10', '3130', 'text', 1, Task.of('Failed')],
      ['1abc', '31616263', 'text', 1, undefined],
      ['2', '32', 'text', 1, Task.of('Done')],
      ['3', '33', 'text', 1, undefined],
    ]);
  });

  it.each([1, 3, 1000])('is backfilled in chunks of %i, and what is not in the map is listed and left alone', async (limit) => {
    await using old = await createOldTable(dialect, { ...STRANGE, ...SOUND });
    await addColumns(old);
    const unmapped = await backfill(old, limit);
    expect(Object.fromEntries(unmapped.map(({ key, value }) => [Number(key), value]))).toEqual(STRANGE);
    expect((await old.show()).filter((row) => !String(row).endsWith('-'))).toEqual(['1 0 Queued', '3 1 Running', '5 2 Done', '7 10 Failed', '9 1 Running']);
    const verified = await old.transaction((trx) => old.migration.verify(trx));
    expect(verified).toEqual({ ok: false, rows: 13, pending: 8, mismatches: [] });
    // Again, and nothing is touched twice.
    let mapped = 0;
    await backfill(old, limit, (chunk) => (mapped += chunk.mapped));
    expect(mapped).toBe(0);
    // Somebody decides what the strange ones are; the map does not.
    await old.run("update task set state = '1' where id in (2, 4, 8, 10, 11)");
    await old.run("update task set state = '0' where id in (6, 12, 13)");
    expect(await backfill(old, limit)).toEqual([]);
    expect(await old.transaction((trx) => old.migration.verify(trx))).toEqual({ ok: true, rows: 13, pending: 0, mismatches: [] });
  });

  it.each([0, 1.5])('is not backfilled in chunks of %s', async (limit) => {
    await using old = await createOldTable(dialect, SOUND);
    await addColumns(old);
    await expect(old.transaction((trx) => old.migration.backfill(trx, { limit }))).rejects.toMatchObject({ code: 'ERR_FLAGS_INPUT', value: limit });
  });

  it('of no rows has nothing to do', async () => {
    await using old = await createOldTable(dialect, {});
    await addColumns(old);
    expect(await old.transaction((trx) => old.migration.backfill(trx))).toEqual({ mapped: 0, unmapped: [], last: undefined });
    expect(await old.transaction((trx) => old.migration.verify(trx))).toEqual({ ok: true, rows: 0, pending: 0, mismatches: [] });
  });

  it('is backfilled to the end after a crash in the middle, with or without the last key', async () => {
    const states = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [at + 1, at % 10 === 9 ? 'x' : String(at % 3)]));
    await using old = await createOldTable(dialect, states);
    await addColumns(old);
    const first = await old.transaction((trx) => old.migration.backfill(trx, { limit: 30 }));
    const crashed = old.transaction(async (trx) => {
      await old.migration.backfill(trx, { after: first.last, limit: 30 });
      throw new Error('killed before the commit');
    });
    await expect(crashed).rejects.toThrow('killed');
    expect(await old.transaction((trx) => old.migration.verify(trx))).toMatchObject({ pending: 73 });

    const next = await old.transaction((trx) => old.migration.backfill(trx, { after: first.last, limit: 30 }));
    expect(next).toMatchObject({ mapped: 27, unmapped: [{ key: 40 }, { key: 50 }, { key: 60 }], last: 60 });
    let mapped = 0;
    const unmapped = await backfill(old, 30, (chunk) => (mapped += chunk.mapped));
    expect(mapped).toBe(36);
    expect(unmapped.map(({ key }) => key)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    expect(await old.transaction((trx) => old.migration.verify(trx))).toEqual({ ok: false, rows: 100, pending: 10, mismatches: [] });
  });

  it('loses nothing of a writer of both columns that works during the backfill', async () => {
    const count = 600;
    await using old = await createOldTable(dialect, Object.fromEntries(Array.from({ length: count }, (_, at) => [at + 1, '0'])));
    await addColumns(old);
    // The writer knows rows by their word, or, where there is none yet, by their text.
    const { set } = transitionSql(tasks, 'start', 'flags');
    const start = (id: number): Promise<unknown> => old.run(`update task set ${old.legacy.sql.assign(set)} where id = ${id} and state = '0'`);
    const ids = Array.from({ length: count / 2 }, (_, at) => ((at * 7919) % (count / 2)) * 2 + 1);
    const writer = async (share: number): Promise<void> => {
      for (const id of ids.filter((_, at) => at % 4 === share)) await start(id);
    };
    let mapped = 0;
    await Promise.all([writer(0), writer(1), writer(2), writer(3), backfill(old, 7, (chunk) => (mapped += chunk.mapped))]);
    await backfill(old, 100);
    expect(mapped).toBeGreaterThanOrEqual(count / 2);
    expect(await old.transaction((trx) => old.migration.verify(trx))).toEqual({ ok: true, rows: count, pending: 0, mismatches: [] });
    expect(await old.show()).toEqual(Array.from({ length: count }, (_, at) => (at % 2 === 0 ? `${at + 1} 1 Running | PushPending` : `${at + 1} 0 Queued`)));
  });

  it('keeps flags of its own that a row got before the backfill came to it', async () => {
    await using old = await createOldTable(dialect, { 1: '2' });
    await addColumns(old);
    await old.run(`update task set flags = flags | ${Task.bit.PushPending} | 1`);
    await backfill(old, 10);
    expect(await old.show()).toEqual(['1 2 Done | PushPending']);
  });

  it('is written together with the word, in one UPDATE', async () => {
    await using old = await createOldTable(dialect, { 1: '0', 2: '1' });
    await addColumns(old);
    await backfill(old, 10);
    const { sql: text } = old.legacy;
    const apply = (id: number, event: 'start' | 'finish' | 'pause'): Promise<unknown> =>
      old.transaction((trx) =>
        applyTransition(trx, {
          machine: tasks,
          event,
          context: undefined,
          table: 'task',
          key: { id },
          column: 'flags',
          set: { state: sql<string>`${sql.raw(text.text(transitionSql(tasks, event, 'flags').set))}`, flags_src: 1 },
        }),
      );
    expect(await apply(1, 'start')).toMatchObject({ ok: true, changed: true });
    expect(await apply(1, 'start')).toMatchObject({ ok: true, changed: false });
    expect(await apply(1, 'finish')).toMatchObject({ ok: true, changed: true });
    await old.transaction((trx) => trx.insertInto('task').values({ id: 3, ...old.legacy.columns(Task.of('Failed')) } as never).execute());
    expect(await old.show()).toEqual(['1 2 Done | PushPending', '2 1 Running', '3 10 Failed']);
    expect(await old.transaction((trx) => old.migration.verify(trx))).toMatchObject({ ok: true });
    // A state that the old column has no text for.
    await apply(2, 'pause');
    expect(await old.show()).toContain('2 null Paused');
    expect(await old.transaction((trx) => old.migration.verify(trx))).toMatchObject({
      ok: false,
      mismatches: [{ value: null, hex: null, type: 'null', rows: 1, word: Task.of('Paused'), expected: undefined }],
    });
  });

  it('is compared with the words, and writers of one column only are found', async () => {
    await using old = await createOldTable(dialect, { 1: '0', 2: '1', 3: '1', 4: '2' });
    await addColumns(old);
    await backfill(old, 10);
    await old.run("update task set state = '2' where id = 2");
    await old.run(`update task set flags = ${Task.of('Failed', 'Archived')} where id = 4`);
    await old.run("update task set state = '01' where id = 1");
    const { ok, mismatches } = await old.transaction((trx) => old.migration.verify(trx));
    expect(ok).toBe(false);
    expect(mismatches).toEqual([
      { value: '01', hex: '3031', type: 'text', rows: 1, word: Task.of('Queued'), expected: undefined },
      { value: '2', hex: '32', type: 'text', rows: 1, word: Task.of('Failed'), expected: Task.of('Done') },
      { value: '2', hex: '32', type: 'text', rows: 1, word: Task.of('Running'), expected: Task.of('Done') },
    ]);
  });

  it('may hold texts that need care in SQL', async () => {
    const odd = ["it's", 'back\\slash', 'ä', ' '];
    await using old = await createOldTable(dialect, { 1: odd[0]!, 2: odd[1]!, 3: odd[2]!, 4: odd[3]!, 5: 'IT\'S', 6: 'Ä', 7: 'a' });
    await addColumns(old);
    const legacy = legacyOf(Task, { dialect, table: 'task', column: 'state', map: { [odd[0]!]: ['Queued'], [odd[1]!]: ['Running'], [odd[2]!]: ['Done'], [odd[3]!]: ['Failed'] } });
    const migration = legacyMigration(legacy);
    const chunk = await old.transaction((trx) => migration.backfill(trx));
    expect(chunk.unmapped.map(({ key }) => key)).toEqual([5, 6, 7]);
    expect(chunk.mapped).toBe(4);
    await old.run(`update task set ${legacy.sql.assign(String(Task.of('Done')))} where id = 1`);
    await old.run(`update task set ${legacy.sql.assign(String(Task.of('Queued')))} where id = 2`);
    expect((await old.show()).slice(0, 3)).toEqual(['1 ä Done', "2 it's Queued", '3 ä Done']);
    expect(await old.transaction((trx) => migration.verify(trx))).toMatchObject({ pending: 3, mismatches: [] });
  });

  it('is right after a deployment in which old writers came after new ones', async () => {
    await using old = await createOldTable(dialect, { 1: '0', 2: '0', 3: '0', 4: '0' });
    await addColumns(old);
    const write = (id: number, word: Word<'task'>): Promise<unknown> => old.transaction((trx) => trx.updateTable('task').set(old.legacy.columns(word) as never).where('id', '=', id).execute());
    await write(1, Task.of('Running'));
    await write(2, Task.of('Running'));
    await old.run("update task set state = '2' where id in (2, 3)");
    // The last old writer is gone, and one of the new ones goes on.
    await old.run(old.legacy.sql.reset);
    await write(4, Task.of('Failed'));
    await backfill(old, 10);
    expect(await old.show()).toEqual(['1 1 Running', '2 2 Done', '3 2 Done', '4 10 Failed']);
    expect(await old.transaction((trx) => old.migration.verify(trx))).toMatchObject({ ok: true });
  });

  it('of several flags is mapped from its census', async () => {
    await using old = await createOldTable(dialect, { 1: '1', 2: '3', 3: '6', 4: '5' });
    await addColumns(old);
    const read = legacyText(Task, { shape: 'sum', positions: { 0: 'Queued', 1: 'Archived', 2: 'Running' } });
    const map: Record<string, ReturnType<typeof Task.names>> = {};
    const refused: unknown[] = [];
    for (const { value } of await old.transaction((trx) => old.migration.census(trx))) {
      try {
        map[value!] = Task.names(read(value));
      } catch {
        refused.push(value);
      }
    }
    expect(refused).toEqual(['5']); // Queued and Running at once
    const migration = legacyMigration(legacyOf(Task, { dialect, table: 'task', column: 'state', map }));
    await old.transaction((trx) => migration.backfill(trx));
    expect(await old.show()).toEqual(['1 1 Queued', '2 3 Queued | Archived', '3 6 Running | Archived', '4 5 -']);
  });
});

it('bytes that are no text stay apart in a binary column of MySQL', async () => {
  await using db = await testDatabase('mysql');
  const database = db.open();
  const run = async (statement: string): Promise<void> => void (await sql.raw(statement).execute(database.query()));
  await run('create table task (id int primary key, state varbinary(10), other varchar(10) character set utf16, number int)');
  await run("insert into task values (1, x'ff', '?', 1), (2, x'fe', 'é', 0), (3, '?', '1', 1), (4, 'é', ' 1', 2)");
  const map = { '?': ['Queued'], é: ['Done'], '1': ['Running'] } as const;
  const migrate = async (column: string): Promise<unknown[]> => {
    const word = `${column}_word`;
    const legacy = legacyOf(Task, { dialect: 'mysql', table: 'task', column, word, source: `${column}_src`, map });
    for (const statement of legacy.sql.ddl) await run(statement);
    const migration = legacyMigration(legacy);
    const census = (await migration.census(database.query())).map(({ hex, rows, word: mapped }) => `${hex} ${rows} ${mapped ?? '-'}`);
    const { mapped, unmapped } = await database.transaction((trx) => migration.backfill(trx));
    expect((await migration.verify(database.query())).mismatches).toEqual([]);
    return [census, mapped, unmapped.map((row) => row.key)];
  };
  expect(await migrate('state')).toEqual([['FE 1 -', 'FF 1 -', '3F 1 1', 'C3A9 1 8'], 2, [1, 2]]);
  expect(await migrate('other')).toEqual([['2031 1 -', '31 1 2', '3F 1 1', 'C3A9 1 8'], 3, [4]]);
  expect(await migrate('number')).toEqual([['30 1 -', '31 2 2', '32 1 -'], 2, [2, 4]]);
});

it('numbers and blobs in a column of SQLite are no texts', async () => {
  await using db = await testDatabase('sqlite');
  const database = db.open();
  const run = async (statement: string): Promise<void> => void (await sql.raw(statement).execute(database.query()));
  // A column of numeric affinity turns '01' into 1.
  await run('create table task (id integer primary key, state numeric, other)');
  await run("insert into task values (1, '1', '1'), (2, '1abc', 1), (3, 1, 1.0), (4, x'31', x'31')");
  const byColumn = async (column: string): Promise<unknown[]> => {
    const migration = legacyMigration(legacyOf(Task, { dialect: 'sqlite', table: 'task', column, map: MAP }));
    return (await migration.census(database.query())).map(({ value, type, rows, word }) => [value, type, rows, word]);
  };
  expect(await byColumn('state')).toEqual([['1', 'blob', 1, undefined], ['1', 'integer', 2, undefined], ['1abc', 'text', 1, undefined]]);
  expect(await byColumn('other')).toEqual([['1', 'blob', 1, undefined], ['1', 'integer', 1, undefined], ['1.0', 'real', 1, undefined], ['1', 'text', 1, Task.of('Running')]]);
  const backfilled = async (column: string): Promise<unknown[]> => {
    const legacy = legacyOf(Task, { dialect: 'sqlite', table: 'task', column, word: `${column}_word`, source: `${column}_src`, map: MAP });
    for (const statement of legacy.sql.ddl) await run(statement);
    const { mapped, unmapped } = await database.transaction((trx) => legacyMigration(legacy).backfill(trx));
    return [mapped, unmapped.map(({ key, type }) => [key, type])];
  };
  expect(await backfilled('state')).toEqual([0, [[1, 'integer'], [2, 'text'], [3, 'integer'], [4, 'blob']]]);
  expect(await backfilled('other')).toEqual([1, [[2, 'integer'], [3, 'real'], [4, 'blob']]]);
});
