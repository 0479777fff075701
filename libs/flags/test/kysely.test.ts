import { defineFlags, machineOf, type FlagsOf } from '@staddle/flags';
import { applyTransition, kyselyFlags, kyselyTransition, wordText, type AppliedTransition, type ApplyTransitionOptions } from '@staddle/flags/kysely';
import { DIALECTS, testDatabase, type TestDatabase } from '@staddle/testing';
import { Kysely, MysqlDialect, sql, type Generated } from 'kysely';
import { createPool } from 'mysql2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const State = defineFlags('state', {
  bits: { Ready: 0, Running: 1, Done: 2, Failed: 3, Late: 8, Seen: 30 },
  groups: { phase: { of: ['Ready', 'Running', 'Done', 'Failed'], arity: 'exactly-one' } },
});
type State = FlagsOf<typeof State>;
const machine = machineOf(State)<{ tries: number }>()({
  start: { from: { all: ['Ready'] }, set: ['Running'] },
  finish: { from: { all: ['Running'] }, set: ['Done'], clear: ['Late'] },
  fail: { from: { all: ['Running'] }, set: ['Failed'], guard: ({ tries }) => tries > 3 },
  see: { from: { none: ['Failed'] }, set: ['Seen'] },
  look: { from: { all: ['Done'] } },
});

interface Tables {
  run: { id: Generated<number>; state: number; version: number; fence: number; note: string | null; before: number | null };
  audit: { run_id: number; word: number; version: number | undefined };
}
type Options = ApplyTransitionOptions<Tables, 'run', typeof State, (typeof machine.events)[number], { tries: number }>;

describe.each(DIALECTS)('on %s', (dialect) => {
  let fresh: TestDatabase;
  let db: Kysely<Tables>;
  beforeAll(async () => {
    fresh = await testDatabase(dialect);
    db = fresh.open().query<Tables>();
    const integer = dialect === 'mysql' ? sql`int unsigned` : sql`integer`;
    await db.schema
      .createTable('run')
      .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('state', integer, (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('fence', 'integer', (column) => column.notNull())
      .addColumn('note', 'varchar(20)')
      .addColumn('before', integer)
      .execute();
    await db.schema.createTable('audit').addColumn('run_id', 'integer').addColumn('word', integer).addColumn('version', 'integer').execute();
  });
  afterAll(() => fresh.close());

  const insert = async (state: State): Promise<number> => {
    await db.insertInto('run').values({ state, version: 1, fence: 7, note: null, before: null }).execute();
    const { id } = await db.selectFrom('run').select('id').orderBy('id', 'desc').limit(1).executeTakeFirstOrThrow();
    return id;
  };
  const row = (id: number) => db.selectFrom('run').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const apply = (id: number, event: Options['event'], options: Partial<Options> = {}, on: Kysely<Tables> = db): Promise<AppliedTransition<State>> =>
    applyTransition(on, { machine, event, context: { tries: 0 }, table: 'run', key: { id }, column: 'state', version: { column: 'version' }, ...options });

  describe('applyTransition', () => {
    it('changes the word and counts the version', async () => {
      const id = await insert(State.fromBits(1 + 2 ** 29, 'retain'));
      expect(await apply(id, 'start')).toEqual({ ok: true, changed: true, value: 2 + 2 ** 29, version: 2 });
      expect(await row(id)).toMatchObject({ state: 2 + 2 ** 29, version: 2 });
    });

    it('does without a version', async () => {
      const id = await insert(State.of('Ready'));
      const options: Options = { machine, event: 'start', context: { tries: 0 }, table: 'run', key: { id }, column: 'state' };
      expect(await applyTransition(db, options)).toEqual({ ok: true, changed: true, value: 2, version: undefined });
      expect(await applyTransition(db, options)).toEqual({ ok: true, changed: false, value: 2, version: undefined });
    });

    it('does nothing to the row when the flags do not allow the event', async () => {
      const id = await insert(State.of('Ready', 'Late'));
      expect(await apply(id, 'finish')).toEqual({ ok: false, reason: 'precondition', current: State.of('Ready', 'Late'), version: 1 });
      expect(await row(id)).toMatchObject({ state: State.of('Ready', 'Late'), version: 1 });
    });

    it('does nothing when the guard says no, and names what is missing first', async () => {
      const id = await insert(State.of('Running'));
      expect(await apply(id, 'fail')).toMatchObject({ ok: false, reason: 'guard' });
      expect(await apply(await insert(State.of('Ready')), 'fail')).toMatchObject({ ok: false, reason: 'precondition' });
      expect(await apply(-1, 'fail')).toEqual({ ok: false, reason: 'not_found' });
      expect(await row(id)).toMatchObject({ state: State.of('Running'), version: 1 });
      expect(await apply(id, 'fail', { context: { tries: 4 } })).toMatchObject({ ok: true, changed: true });
    });

    it('says that there is no such row', async () => {
      expect(await apply(-1, 'start')).toEqual({ ok: false, reason: 'not_found' });
    });

    it('changes nothing when it is repeated', async () => {
      const id = await insert(State.of('Ready'));
      await apply(id, 'start');
      expect(await apply(id, 'start')).toEqual({ ok: true, changed: false, value: State.of('Running'), version: 2 });
      expect(await row(id)).toMatchObject({ version: 2 });
    });

    it('does not count what changes nothing', async () => {
      const id = await insert(State.of('Done', 'Seen'));
      expect(await apply(id, 'see')).toEqual({ ok: true, changed: false, value: State.of('Done', 'Seen'), version: 1 });
      expect(await apply(id, 'look', { set: { note: 'looked' } })).toEqual({ ok: true, changed: false, value: State.of('Done', 'Seen'), version: 1 });
      expect(await row(id)).toMatchObject({ version: 1, note: null });
    });

    it('is a conflict at another version, also for a repetition', async () => {
      const id = await insert(State.of('Ready'));
      const at = (version: number): Partial<Options> => ({ version: { column: 'version', expect: version } });
      expect(await apply(id, 'start', at(2))).toEqual({ ok: false, reason: 'conflict', current: State.of('Ready'), version: 1 });
      expect(await apply(id, 'start', at(1))).toMatchObject({ ok: true, changed: true, version: 2 });
      expect(await apply(id, 'start', at(1))).toEqual({ ok: false, reason: 'conflict', current: State.of('Running'), version: 2 });
      expect(await apply(id, 'start', at(2))).toMatchObject({ ok: true, changed: false, version: 2 });
    });

    it('is a conflict when a further condition does not hold', async () => {
      const id = await insert(State.of('Ready'));
      const fenced = (fence: number): Partial<Options> => ({ extraWhere: (eb) => eb('fence', '=', fence) });
      expect(await apply(id, 'start', fenced(6))).toEqual({ ok: false, reason: 'conflict', current: State.of('Ready'), version: 1 });
      expect(await apply(id, 'start', fenced(7))).toMatchObject({ ok: true, changed: true });
      expect(await apply(id, 'start', fenced(6))).toMatchObject({ ok: false, reason: 'conflict' });
      expect(await apply(id, 'start', fenced(7))).toMatchObject({ ok: true, changed: false });
    });

    it('writes further columns, which see the word before the event', async () => {
      const id = await insert(State.of('Ready', 'Late'));
      await apply(id, 'start', { set: { note: 'started', before: sql`state` } });
      expect(await row(id)).toMatchObject({ state: State.of('Running', 'Late'), note: 'started', before: State.of('Ready', 'Late') });
      await apply(id, 'start', { set: { note: 'again' } });
      expect(await row(id)).toMatchObject({ note: 'started' });
    });

    it('commits what onApplied writes with the change, or neither', async () => {
      const id = await insert(State.of('Ready'));
      const record: Options['onApplied'] = async (trx, { value, version }) => void (await trx.insertInto('audit').values({ run_id: id, word: value, version }).execute());
      const audit = () => db.selectFrom('audit').select(['word', 'version']).where('run_id', '=', id).execute();

      const failing: Options['onApplied'] = async (trx, applied) => {
        await record(trx, applied);
        throw new Error('audit is full');
      };
      await expect(apply(id, 'start', { onApplied: failing })).rejects.toThrow('audit is full');
      expect([await row(id), await audit()]).toMatchObject([{ state: State.of('Ready'), version: 1 }, []]);

      await apply(id, 'start', { onApplied: record });
      await apply(id, 'start', { onApplied: record });
      expect(await audit()).toEqual([{ word: State.of('Running'), version: 2 }]);
    });

    it("takes part in the caller's transaction", async () => {
      const id = await insert(State.of('Ready'));
      const undone = db.transaction().execute(async (trx) => {
        expect(await apply(id, 'start', {}, trx)).toMatchObject({ ok: true, version: 2 });
        expect(await apply(id, 'finish', {}, trx)).toMatchObject({ ok: true, version: 3 });
        expect(await apply(id, 'start', {}, trx)).toMatchObject({ ok: false, reason: 'precondition', current: State.of('Done') });
        throw new Error('undone');
      });
      await expect(undone).rejects.toThrow('undone');
      expect(await row(id)).toMatchObject({ state: State.of('Ready'), version: 1 });
    });

    it('refuses a key that would match other rows', async () => {
      for (const key of [{}, { id: undefined }, { id: null }, { id: 2 ** 53 }] as Options['key'][]) {
        await expect(apply(0, 'start', { key })).rejects.toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
      }
    });

    it('undoes what it did to several rows, for which it has one answer', async () => {
      const ids = [await insert(State.of('Ready')), await insert(State.of('Ready'))];
      const both = { key: { note: 'both' }, onApplied: () => expect.unreachable() };
      await db.updateTable('run').set({ note: 'both' }).where('id', 'in', ids).execute();
      await expect(apply(0, 'start', both)).rejects.toMatchObject({ code: 'ERR_FLAGS_INPUT', value: both.key });
      await expect(apply(0, 'finish', both)).rejects.toMatchObject({ code: 'ERR_FLAGS_INPUT', value: both.key });
      for (const id of ids) expect(await row(id)).toMatchObject({ state: State.of('Ready'), version: 1 });
      await db.deleteFrom('run').where('id', 'in', ids).execute();
    });

    it('refuses a version that is not counted', async () => {
      const id = await insert(State.of('Ready'));
      const version = { column: 'before' } as const;
      await expect(apply(id, 'start', { version, onApplied: () => expect.unreachable() })).rejects.toMatchObject({ code: 'ERR_FLAGS_INPUT', value: null });
      await expect(apply(id, 'finish', { version })).rejects.toMatchObject({ code: 'ERR_FLAGS_INPUT', value: null });
      expect(await row(id)).toMatchObject({ state: State.of('Ready'), before: null });
    });

    it('writes nothing further when the word stays as it is', async () => {
      const id = await insert(State.of('Done'));
      expect(await apply(id, 'look', { set: { note: 'seen' } })).toMatchObject({ ok: true, changed: false });
      expect(await row(id)).toMatchObject({ note: null });
    });

    it('refuses an event that does not exist', async () => {
      await expect(apply(await insert(State.of('Ready')), 'stop' as 'start')).rejects.toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN' }));
    });
  });

  it('gives conditions and changes as expressions', async () => {
    const flags = kyselyFlags(State);
    const id = await insert(State.of('Running', 'Late'));
    const found = async (where: ReturnType<typeof flags.hasAll>): Promise<boolean> => (await db.selectFrom('run as r').select('id').where('id', '=', id).where(where).execute()).length === 1;
    expect(await found(flags.hasAll('r.state', 'Running', 'Late'))).toBe(true);
    expect(await found(flags.hasAll('r.state', 'Running', 'Seen'))).toBe(false);
    expect(await found(flags.hasAny('r.state', 'Ready', 'Running'))).toBe(true);
    expect(await found(flags.hasNone('r.state', 'Ready', 'Running'))).toBe(false);
    expect(await found(flags.which('r.state', 'phase', 'Running'))).toBe(true);
    expect(await found(flags.equals('r.state', State.of('Running')))).toBe(false);

    const { where, set } = kyselyTransition(machine, 'finish', 'state');
    const { numUpdatedRows } = await db.updateTable('run').set({ state: set }).where('id', '=', id).where(where).executeTakeFirstOrThrow();
    expect(numUpdatedRows).toBe(1n);
    expect(await row(id)).toMatchObject({ state: State.of('Done') });
  });

  it('carries words of bigint, which are never rounded', async () => {
    const Wide = defineFlags('wide', {
      backend: 'bigint',
      bits: { Off: 0, On: 1, Sent: 53, Top: 62 },
      groups: { power: { of: ['Off', 'On'], arity: 'exactly-one' } },
    });
    const power = machineOf(Wide)()({ on: { from: { all: ['Off'] }, set: ['On', 'Top'] }, off: { from: { all: ['On', 'Top'] }, set: ['Off'], clear: ['Top'] } });
    const wide = fresh.open().query<{ wide: { id: number; word: bigint } }>();
    await wide.schema.createTable('wide').addColumn('id', 'integer').addColumn('word', dialect === 'mysql' ? sql`bigint unsigned` : sql`integer`).execute();
    await wide.insertInto('wide').values({ id: 1, word: Wide.of('Off', 'Sent') }).execute();

    const options = { machine: power, table: 'wide', key: { id: 1 }, column: 'word' } as const;
    expect(await applyTransition(wide, { ...options, event: 'on' })).toEqual({ ok: true, changed: true, value: Wide.of('On', 'Sent', 'Top'), version: undefined });
    expect(await applyTransition(wide, { ...options, event: 'on' })).toMatchObject({ ok: true, changed: false });
    const { text } = await wide.selectFrom('wide').select(wordText('wide.word').as('text')).where(kyselyFlags(Wide).hasAll('word', 'Top', 'Sent')).executeTakeFirstOrThrow();
    expect(text).toBe(String(2n ** 62n + 2n ** 53n + 2n));
    expect(Wide.fromBits(text, 'retain')).toBe(Wide.of('On', 'Sent', 'Top'));
    // Read as a number it is refused, by the client of this database before the set sees it.
    await expect(wide.selectFrom('wide').select('word').execute()).rejects.toThrow('is beyond the exact integers of a number');
    expect(await applyTransition(wide, { ...options, event: 'off' })).toMatchObject({ ok: true, value: Wide.of('Off', 'Sent') });
  });
});

// mysql2 counts the rows that an UPDATE has found, and other clients those that it has changed.
it.each([['FOUND_ROWS'], ['-FOUND_ROWS']])('tells the same with a client that connects with %s', async (flag) => {
  await using fresh = await testDatabase('mysql');
  const db = new Kysely<Tables>({ dialect: new MysqlDialect({ pool: createPool({ uri: fresh.url, flags: [flag], connectionLimit: 2 }) }) });
  try {
    await sql`create table run (id int primary key, state int unsigned not null, version int not null)`.execute(db);
    await sql`insert into run values (1, ${State.of('Ready', 'Seen')}, 1)`.execute(db);
    const apply = (event: 'start' | 'see' | 'look', context = { tries: 0 }) => applyTransition(db, { machine, event, context, table: 'run', key: { id: 1 }, column: 'state', version: { column: 'version' } });
    expect(await apply('see')).toMatchObject({ ok: true, changed: false, version: 1 });
    expect(await apply('start')).toMatchObject({ ok: true, changed: true, version: 2 });
    expect(await apply('start')).toMatchObject({ ok: true, changed: false, version: 2 });
    expect(await apply('look')).toMatchObject({ ok: false, reason: 'precondition' });
  } finally {
    await db.destroy();
  }
});

it('undoes a change of the key, after which the row cannot be read on MySQL', async () => {
  await using fresh = await testDatabase('mysql');
  const db = fresh.open().query<Tables>();
  await sql`create table run (id int primary key, state int unsigned not null)`.execute(db);
  await sql`insert into run values (1, ${State.of('Ready')})`.execute(db);
  const change = applyTransition(db, { machine, event: 'start', context: { tries: 0 }, table: 'run', key: { id: 1 }, column: 'state', set: { id: 2 } });
  await expect(change).rejects.toMatchObject({ code: 'ERR_FLAGS_INPUT', value: { id: 1 } });
  expect(await db.selectFrom('run').select(['id', 'state']).execute()).toEqual([{ id: 1, state: State.of('Ready') }]);
});

it('sees the newest row in a transaction that has read an older one', async () => {
  await using fresh = await testDatabase('mysql');
  const db = fresh.open().query<Tables>();
  await sql`create table run (id int primary key, state int unsigned not null, version int not null)`.execute(db);
  await sql`insert into run values (1, ${State.of('Ready')}, 1)`.execute(db);
  const options = { machine, event: 'start', context: { tries: 0 }, table: 'run', key: { id: 1 }, column: 'state', version: { column: 'version' } } as const;
  await db.transaction().setIsolationLevel('repeatable read').execute(async (trx) => {
    expect(await trx.selectFrom('run').select('version').execute()).toEqual([{ version: 1 }]);
    await applyTransition(db, options);
    await applyTransition(db, { ...options, event: 'finish' });
    expect(await applyTransition(trx, options)).toEqual({ ok: false, reason: 'precondition', current: State.of('Done'), version: 3 });
  });
});
