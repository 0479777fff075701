import { DIALECTS, testDatabase, type TestDatabase } from '@staddle/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { columns, createTable, forUpdate, insertIgnore, skipLocked, storeNow, upsert, type Database } from '@staddle/database';

interface Tables {
  visit: { link: string; day: string; seen_at: number; count: number };
}

describe.each(DIALECTS)('statements on %s', (dialect) => {
  let place: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    place = await testDatabase(dialect);
    database = place.open();
    const c = columns(dialect);
    await createTable(database.query(), dialect, 'visit')
      .addColumn('link', c.asciiKey(21), (column) => column.notNull())
      .addColumn('day', c.text(40), (column) => column.notNull())
      .addColumn('seen_at', c.epochMs, (column) => column.notNull())
      .addColumn('count', c.integer, (column) => column.notNull())
      .addPrimaryKeyConstraint('visit_pk', ['link', 'day'])
      .execute();
  });
  beforeEach(() => database.query<Tables>().deleteFrom('visit').execute());
  afterAll(() => place.close());

  const row = { link: 'a', day: 'monday', seen_at: 1, count: 1 };
  const insert = (values: Partial<typeof row> = {}) => database.query<Tables>().insertInto('visit').values({ ...row, ...values });
  const all = async () => (await database.query<Tables>().selectFrom('visit').selectAll().orderBy('day').execute()).map((found) => ({ ...found }));

  it('storeNow is the current time in whole milliseconds', async () => {
    const before = Date.now();
    const { now } = await database.query<Tables>().selectNoFrom(storeNow(database).as('now')).executeTakeFirstOrThrow();
    expect(Number.isInteger(now)).toBe(true);
    // The servers of the tests run on this machine; one millisecond for rounding.
    expect(now).toBeGreaterThanOrEqual(before - 1);
    expect(now).toBeLessThanOrEqual(Date.now() + 1);
  });

  it('storeNow can be stored and compared', async () => {
    await database.query<Tables>().insertInto('visit').values({ ...row, seen_at: storeNow(dialect) }).execute();
    const due = await database.query<Tables>().selectFrom('visit').select('seen_at').where('seen_at', '<=', storeNow(dialect)).execute();
    expect(due).toHaveLength(1);
    expect(Math.abs(due[0]!.seen_at - Date.now())).toBeLessThan(60_000);
  });

  it('insertIgnore tells whether the row is new', async () => {
    expect(await insertIgnore(database, insert())).toBe(true);
    expect(await insertIgnore(database, insert({ count: 9 }))).toBe(false);
    expect(await insertIgnore(database, insert({ day: 'Monday' }))).toBe(true);
    expect((await all()).map(({ count }) => count)).toEqual([1, 1]);
  });

  it('insertIgnore does not swallow any other fault', async () => {
    await expect(insertIgnore(database, insert({ count: null as never }))).rejects.toThrow(/null/i);
    await expect(insertIgnore(database, insert({ seen_at: 'soon' as never }))).rejects.toThrow(/seen_at/);
  });

  it('upsert inserts, then replaces and adds', async () => {
    const visit = (seenAt: number) => upsert(database, insert({ seen_at: seenAt, count: 2 }), { key: ['link', 'day'], set: ['seen_at'], add: ['count'] });
    await visit(10).execute();
    await visit(20).execute();
    expect(await all()).toEqual([{ ...row, seen_at: 20, count: 4 }]);
  });

  it('upsert of many rows treats each by itself', async () => {
    await insert({ count: 5 }).execute();
    const rows = [{ ...row }, { ...row, day: 'tuesday' }];
    await upsert(database, database.query<Tables>().insertInto('visit').values(rows), { key: ['link', 'day'], add: ['count'] }).execute();
    expect((await all()).map(({ count }) => count)).toEqual([6, 1]);
  });

  it('upsert with nothing to change leaves the row as it is', async () => {
    await insert({ count: 5 }).execute();
    await upsert(database, insert(), { key: ['link', 'day'] }).execute();
    expect((await all())[0]!.count).toBe(5);
  });

  it('an update reports the rows that it matched, also when nothing changed', async () => {
    await insert().execute();
    const result = await database.query<Tables>().updateTable('visit').set({ count: 1 }).executeTakeFirstOrThrow();
    expect(result.numUpdatedRows).toBe(1n);
  });

  it('forUpdate and skipLocked select the same rows as without', async () => {
    await insert().execute();
    await database.transaction<Tables, void>(async (trx) => {
      expect(await forUpdate(database, trx.selectFrom('visit').selectAll()).execute()).toHaveLength(1);
      expect(await skipLocked(database, trx.selectFrom('visit').selectAll()).execute()).toHaveLength(1);
    });
  });

  it('skipLocked leaves out rows that another transaction has locked', async () => {
    await insert().execute();
    await insert({ day: 'tuesday' }).execute();
    // On SQLite the first transaction excludes the second, so there is nothing to skip.
    if (dialect === 'sqlite') return;
    await database.transaction<Tables, void>(async (first) => {
      await forUpdate(database, first.selectFrom('visit').selectAll().where('day', '=', 'monday')).execute();
      const seen = await database.transaction<Tables, string[]>(async (second) =>
        (await skipLocked(database, second.selectFrom('visit').select('day')).execute()).map(({ day }) => day),
      );
      expect(seen).toEqual(['tuesday']);
    });
  });
});
