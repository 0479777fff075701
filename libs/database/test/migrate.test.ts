import { DIALECTS, recordingLogger, spawnNode, testDatabase, type TestDatabase } from '@staddle/testing';
import { sql, type Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { columns, createTable, migrate, type Database, type Migration } from '@staddle/database';

const PROCESSES = `${import.meta.dirname}/processes`;

let place: TestDatabase;
let database: Database;

afterEach(() => place.close());

const table = (name: string, tableName: string): Migration => ({
  name,
  up: (db, dialect) => createTable(db, dialect, tableName).addColumn('id', columns(dialect).integer).execute(),
});
const failing = (name: string, before: (db: Kysely<unknown>) => Promise<unknown>): Migration => ({
  name,
  async up(db) {
    await before(db);
    throw new Error('no such luck');
  },
});
const recorded = async (): Promise<[string, string, boolean][]> => {
  const { rows } = await sql<{ library: string; name: string; applied_at: number | null }>`
    select * from staddle_migration order by library, name`.execute(database.query());
  return rows.map(({ library, name, applied_at: appliedAt }) => [library, name, appliedAt !== null]);
};
const tableExists = (name: string): Promise<boolean> =>
  sql`select 1 from ${sql.table(name)}`.execute(database.query()).then(
    () => true,
    () => false,
  );

describe.each(DIALECTS)('migrate on %s', (dialect) => {
  beforeEach(async () => {
    place = await testDatabase(dialect);
    database = place.open();
  });

  it('applies what is missing, library by library, and tells what', async () => {
    const logger = recordingLogger();
    const one = [table('001-a', 'lib_a')];
    expect(await migrate(database, [{ library: 'lib', migrations: one }], { logger })).toEqual({ applied: ['lib/001-a'] });
    const two = [...one, table('002-b', 'lib_b')];
    const sets = [
      { library: 'other', migrations: [table('001-a', 'other_a')] },
      { library: 'lib', migrations: two },
    ];
    expect(await migrate(database, sets)).toEqual({ applied: ['other/001-a', 'lib/002-b'] });
    expect(await migrate(database, sets)).toEqual({ applied: [] });
    expect(await recorded()).toEqual([
      ['lib', '001-a', true],
      ['lib', '002-b', true],
      ['other', '001-a', true],
    ]);
    expect(logger.lines).toEqual([
      { level: 'info', message: 'migration applied', fields: { library: 'lib', migration: '001-a', durationMs: expect.any(Number) } },
    ]);
  });

  it('leaves sets alone that it is not given', async () => {
    await migrate(database, [{ library: 'one', migrations: [table('001-a', 'one_a')] }]);
    expect(await migrate(database, [{ library: 'two', migrations: [table('001-a', 'two_a')] }])).toEqual({ applied: ['two/001-a'] });
    expect(await migrate(database, [])).toEqual({ applied: [] });
  });

  it('refuses a new migration that sorts before an applied one', async () => {
    await migrate(database, [{ library: 'lib', migrations: [table('002-b', 'lib_b')] }]);
    const sets = [{ library: 'lib', migrations: [table('001-a', 'lib_a'), table('002-b', 'lib_b')] }];
    await expect(migrate(database, sets)).rejects.toMatchObject({
      code: 'ERR_DATABASE_MIGRATION_HISTORY',
      library: 'lib',
      migration: '001-a',
      message: 'migration lib/001-a sorts before 002-b, which is already applied; new migrations go to the end',
    });
  });

  it('refuses a schema that is newer than the program', async () => {
    await migrate(database, [{ library: 'lib', migrations: [table('001-a', 'lib_a'), table('002-b', 'lib_b')] }]);
    await expect(migrate(database, [{ library: 'lib', migrations: [table('001-a', 'lib_a')] }])).rejects.toMatchObject({
      code: 'ERR_DATABASE_MIGRATION_HISTORY',
      migration: '002-b',
      retryable: false,
    });
  });

  it.each([
    ['names out of order', [table('002-b', 'b'), table('001-a', 'a')], 'does not sort after 002-b'],
    ['a name twice', [table('001-a', 'a'), table('001-a', 'b')], 'does not sort after 001-a'],
    ['a name with a quote', [table("001-a'", 'a')], 'is not named with'],
  ])('refuses %s before it touches the database', async (_, migrations, rule) => {
    const error = await migrate(database, [{ library: 'lib', migrations }]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_DATABASE_MIGRATION_HISTORY', message: expect.stringContaining(rule) });
    expect(await tableExists('staddle_migration')).toBe(false);
  });

  it('refuses the same library twice', async () => {
    const set = { library: 'lib', migrations: [table('001-a', 'a')] };
    await expect(migrate(database, [set, set])).rejects.toThrow('given twice');
  });

  it('keeps what was applied before a migration that fails, and stops there', async () => {
    const migrations = [table('001-a', 'lib_a'), failing('002-b', async () => {}), table('003-c', 'lib_c')];
    const error = await migrate(database, [{ library: 'lib', migrations }]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_DATABASE_MIGRATION', library: 'lib', migration: '002-b', cause: new Error('no such luck') });
    expect(await recorded()).toEqual([['lib', '001-a', true]]);
    expect(await tableExists('lib_c')).toBe(false);
  });

  it('tries again after a migration that failed before it changed anything', async () => {
    await expect(migrate(database, [{ library: 'lib', migrations: [failing('001-a', async () => {})] }])).rejects.toThrow('migration lib/001-a failed');
    expect(await migrate(database, [{ library: 'lib', migrations: [table('001-a', 'lib_a')] }])).toEqual({ applied: ['lib/001-a'] });
  });

  it('runs each migration once when ten processes start at the same time', async () => {
    await sql`create table trace (library varchar(20) not null, name varchar(20) not null)`.execute(database.query());
    const children = Array.from({ length: 10 }, () => spawnNode({ script: `${PROCESSES}/migrate-once.ts`, args: [place.url] }));
    const applied: string[] = [];
    for (const child of children) {
      expect(await child.exit, child.stderr()).toMatchObject({ code: 0 });
      applied.push(...(JSON.parse(child.stdout()) as string[]));
    }
    const names = ['first', 'second'].flatMap((library) => ['001-create', '002-fill', '003-index'].map((name) => `${library}/${name}`));
    expect(applied.toSorted()).toEqual(names);
    const { rows } = await sql<{ library: string; name: string }>`select * from trace`.execute(database.query());
    expect(rows.map(({ library, name }) => `${library}/${name}`)).toEqual(names);
    expect((await recorded()).every(([, , done]) => done)).toBe(true);
  });
});

describe('a migration that fails half-way', () => {
  const halfWay = [
    failing('001-a', (db) => db.schema.createTable('lib_a').addColumn('id', 'integer').execute()),
  ];
  const complete = [table('001-a', 'lib_a')];

  it('on sqlite leaves nothing behind', async () => {
    place = await testDatabase('sqlite');
    database = place.open();
    await expect(migrate(database, [{ library: 'lib', migrations: halfWay }])).rejects.toMatchObject({
      code: 'ERR_DATABASE_MIGRATION',
      message: 'migration lib/001-a failed; all of it was undone',
    });
    expect(await tableExists('lib_a')).toBe(false);
    expect(await migrate(database, [{ library: 'lib', migrations: complete }])).toEqual({ applied: ['lib/001-a'] });
  });

  it('on mysql is never run over, and the message says how to repair it', async () => {
    place = await testDatabase('mysql');
    database = place.open();
    const first = (await migrate(database, [{ library: 'lib', migrations: halfWay }]).catch((thrown: unknown) => thrown)) as Error;
    expect(first).toMatchObject({ code: 'ERR_DATABASE_MIGRATION', retryable: false, cause: new Error('no such luck') });
    expect(first.message).toContain('failed after 1 of its statements had succeeded');
    expect(await recorded()).toEqual([['lib', '001-a', false]]);

    const second = (await migrate(database, [{ library: 'lib', migrations: complete }]).catch((thrown: unknown) => thrown)) as Error;
    expect(second).toMatchObject({ code: 'ERR_DATABASE_MIGRATION', retryable: false });
    expect(second.message).toContain('was started earlier and never finished');

    // What the message tells the operator to do, word by word.
    const repair = /"(DELETE FROM [^"]+)"/.exec(second.message)?.[1];
    await sql`drop table lib_a`.execute(database.query());
    await sql.raw(repair!).execute(database.query());
    expect(await migrate(database, [{ library: 'lib', migrations: complete }])).toEqual({ applied: ['lib/001-a'] });
  });

  it('on mysql can be declared finished by hand', async () => {
    place = await testDatabase('mysql');
    database = place.open();
    const error = (await migrate(database, [{ library: 'lib', migrations: halfWay }]).catch((thrown: unknown) => thrown)) as Error;
    await sql.raw(/"(UPDATE [^"]+)"/.exec(error.message)![1]!).execute(database.query());
    expect(await migrate(database, [{ library: 'lib', migrations: complete }])).toEqual({ applied: [] });
  });
});

describe('the deadline for statements', () => {
  it('does not hold for migrations', async () => {
    place = await testDatabase('mysql');
    database = place.open({ statementTimeoutMs: 1_000 });
    // Beyond the deadline, in the server. One second, for the statements around it must not exceed it on a busy machine.
    const slow = async (db: Kysely<unknown>): Promise<void> => void (await sql`select sleep(1.3)`.execute(db));
    const rebuild: Migration = { name: '001-rebuild', up: slow };
    expect(await migrate(database, [{ library: 'lib', migrations: [rebuild] }])).toEqual({ applied: ['lib/001-rebuild'] });
    await expect(slow(database.query())).rejects.toMatchObject({
      code: 'ERR_DATABASE_UNAVAILABLE',
      message: expect.stringContaining('no answer to a statement within 1000 ms'),
    });
  });
});

describe('the migration lock', () => {
  it('on mysql ends the wait with a typed error', async () => {
    place = await testDatabase('mysql');
    database = place.open();
    const other = place.open();
    await other.query().connection().execute(async (db) => {
      await sql`select get_lock(concat('staddle:', sha1(database())), 0)`.execute(db);
      await expect(migrate(database, [{ library: 'lib', migrations: [table('001-a', 'a')] }], { lockTimeoutMs: 50 })).rejects.toMatchObject({
        code: 'ERR_DATABASE_MIGRATION_LOCK',
        retryable: true,
        waitedMs: 50,
      });
      // The lock is for this database only, and not needed when there is nothing to do.
      await using elsewhere = await testDatabase('mysql');
      expect(await migrate(elsewhere.open(), [{ library: 'lib', migrations: [table('001-a', 'a')] }])).toEqual({ applied: ['lib/001-a'] });
      await sql`select release_lock(concat('staddle:', sha1(database())))`.execute(db);
    });
    expect(await migrate(database, [{ library: 'lib', migrations: [table('001-a', 'a')] }])).toEqual({ applied: ['lib/001-a'] });
  });

  it('on sqlite ends the wait with a typed error', async () => {
    place = await testDatabase('sqlite');
    database = place.open({ lockTimeoutMs: 20 });
    await migrate(database, [{ library: 'lib', migrations: [table('001-a', 'a')] }]);
    await using holder = spawnNode({ script: `${PROCESSES}/hold-write-lock.ts`, args: [place.url] });
    await holder.waitForLine('held');
    const sets = [{ library: 'lib', migrations: [table('001-a', 'a'), table('002-b', 'b')] }];
    await expect(migrate(database, sets, { lockTimeoutMs: 50 })).rejects.toMatchObject({ code: 'ERR_DATABASE_MIGRATION_LOCK' });
    expect(await migrate(database, [{ library: 'lib', migrations: [table('001-a', 'a')] }])).toEqual({ applied: [] });
  });
});
