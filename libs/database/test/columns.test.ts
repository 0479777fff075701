import { DIALECTS, testDatabase, type TestDatabase } from '@staddle/testing';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { autoIncrement, columns, createTable, isUniqueViolation, type Database } from '@staddle/database';

describe.each(DIALECTS)('columns on %s', (dialect) => {
  let place: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    place = await testDatabase(dialect);
    database = place.open();
    const c = columns(database);
    await createTable(database.query(), database, 'thing')
      .addColumn('id', c.id, autoIncrement)
      .addColumn('uid', c.asciiKey(21), (column) => column.notNull().unique())
      .addColumn('title', c.text(200), (column) => column.notNull().defaultTo('').unique())
      .addColumn('payload', c.json)
      .addColumn('due_at', c.epochMs)
      .addColumn('state', c.flagsWord, (column) => column.notNull().defaultTo(0))
      .addColumn('active', c.boolean, (column) => column.notNull().defaultTo(1))
      .execute();
  });
  beforeEach(() => sql`delete from thing`.execute(database.query()));
  afterAll(() => place.close());

  const insert = (uid: string, title: string) => sql`insert into thing (uid, title) values (${uid}, ${title})`.execute(database.query());

  it('keys compare by bytes: case, accents and normal forms differ', async () => {
    const titles = ['a', 'A', 'é', 'e\u0301', 'ß', 'ss', 'ı', 'i'];
    for (const [index, title] of titles.entries()) await insert(`k${index}`, title);
    await insert('K0', 'another');
    expect(isUniqueViolation(await insert('k0', 'x').catch((error: unknown) => error))).toBe(true);
    const { rows } = await sql<{ title: string }>`select title from thing where title = ${'a'}`.execute(database.query());
    expect(rows).toHaveLength(1);
  });

  it('a key that nobody has is not found, whatever it is made of', async () => {
    await insert('abc', 'a');
    for (const uid of ['é', '🎉', '\uFFFF', 'abc\0', 'abcé', "abc' or '1", 'a'.repeat(1_000)]) {
      const { rows } = await sql`select title from thing where uid = ${uid}`.execute(database.query());
      expect(rows, uid).toEqual([]);
      await sql`update thing set title = 'gone' where uid in (${uid}, ${'é'})`.execute(database.query());
    }
    expect((await sql`select title from thing where uid like ${'é%'} or uid > ${'é'}`.execute(database.query())).rows).toEqual([]);
    expect((await sql`select title from thing where uid = ${'abc'}`.execute(database.query())).rows).toEqual([{ title: 'a' }]);
  });

  it('text sorts by code point', async () => {
    for (const [index, title] of ['b', 'a', 'B', 'é', 'z', '🎉'].entries()) await insert(`k${index}`, title);
    const { rows } = await sql<{ title: string }>`select title from thing order by title`.execute(database.query());
    expect(rows.map(({ title }) => title)).toEqual(['B', 'a', 'b', 'z', 'é', '🎉']);
  });

  it('numbers of deleted rows do not come back', async () => {
    await insert('a', 'a');
    const last = async (): Promise<number> => (await sql<{ id: number }>`select max(id) as id from thing`.execute(database.query())).rows[0]!.id;
    const first = await last();
    await sql`delete from thing`.execute(database.query());
    await insert('b', 'b');
    expect(await last()).toBeGreaterThan(first);
  });

  it('refuse a value of the wrong type instead of bending it', async () => {
    await insert('a', 'a');
    await expect(sql`update thing set due_at = ${'tomorrow'}`.execute(database.query())).rejects.toThrow(/due_at/);
    await expect(sql`update thing set uid = ${null}`.execute(database.query())).rejects.toThrow(/uid/);
  });

  it('a status word keeps bit 31 as a positive number', async () => {
    await insert('a', 'a');
    await sql`update thing set state = state | ${2 ** 31}`.execute(database.query());
    const { rows } = await sql<{ state: number }>`select state from thing where state & ${2 ** 31} <> 0`.execute(database.query());
    expect(rows[0]!.state).toBe(2 ** 31);
  });
});
