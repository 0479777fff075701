import { createHash } from 'node:crypto';
import { autoIncrement, columns, createTable, migrate, type Database } from '@staddle/database';
import { runInContext } from '@staddle/kernel';
import { createTestClock, DIALECTS, testDatabase, type TestDatabase } from '@staddle/testing';
import { sql, type Generated, type Transaction } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  auditMigrations,
  createAudit,
  createdFields,
  deletedFields,
  type Audit,
  type AuditEntry,
  type AuditTables,
  type FieldChange,
  type RecordOptions,
} from '@staddle/audit';

interface Tables {
  account: {
    id: Generated<number>;
    uid: string;
    name: string;
    balance: number;
    active: number;
    note: string | null;
    token: string | null;
    data: Uint8Array | null;
    version: number;
  };
}

const alice = { type: 'user', id: 'alice' } as const;
const because = { actor: alice, reason: 'ticket 4711' } as const;
const onAccount = { ...because, entity: 'account', entityId: 'a1', action: 'update' } as const;

describe.each(DIALECTS)('audit on %s', (dialect) => {
  let place: TestDatabase;
  let database: Database;
  let audit: Audit;

  beforeAll(async () => {
    place = await testDatabase(dialect);
    database = place.open();
    await migrate(database, [auditMigrations]);
    const c = columns(dialect);
    await createTable(database.query(), dialect, 'account')
      .addColumn('id', c.id, autoIncrement)
      .addColumn('uid', c.asciiKey(21), (column) => column.notNull().unique())
      .addColumn('name', c.text(100), (column) => column.notNull())
      .addColumn('balance', c.integer, (column) => column.notNull())
      .addColumn('active', c.boolean, (column) => column.notNull())
      .addColumn('note', c.longText)
      .addColumn('token', c.longText)
      .addColumn('data', c.bytes)
      .addColumn('version', c.integer, (column) => column.notNull())
      .execute();
    audit = createAudit({ database, secretFields: { account: ['token'] } });
  });
  beforeEach(async () => {
    await sql`delete from audit_log`.execute(database.query());
    await sql`delete from account`.execute(database.query());
    const row = { uid: 'a1', name: 'Ann', balance: 10, active: 1, note: null, token: null, data: null, version: 1 };
    await database.query<Tables>().insertInto('account').values(row).execute();
    await database.query<Tables>().insertInto('account').values({ ...row, uid: 'a2' }).execute();
  });
  afterAll(() => place.close());

  const inTransaction = <T>(run: (trx: Transaction<Tables>) => Promise<T>): Promise<T> => database.transaction(run);
  const history = async (): Promise<readonly AuditEntry[]> => (await audit.history('account', 'a1')).items;
  const auditRows = async (): Promise<number> => (await database.query<AuditTables>().selectFrom('audit_log').selectAll().execute()).length;
  const balances = async (): Promise<number[]> =>
    (await database.query<Tables>().selectFrom('account').select('balance').orderBy('uid').execute()).map(({ balance }) => balance);
  const oneChange = async (change: FieldChange): Promise<AuditEntry> => {
    await inTransaction((trx) => audit.record(trx, { ...onAccount, changes: [change] }));
    return (await history())[0]!;
  };

  describe('update', () => {
    it('writes one row per changed field, with before and after', async () => {
      const changed = await inTransaction((trx) =>
        audit.update(trx, { ...because, table: 'account', key: { uid: 'a1' }, patch: { name: 'Anna', balance: 25, note: null, active: 1 } }),
      );
      expect(changed).toEqual(['name', 'balance']);
      const [second, first, ...none] = await history();
      expect(none).toEqual([]);
      expect(first).toEqual({
        batchId: expect.stringMatching(/^[\w-]{21}$/),
        at: expect.any(Number),
        actor: alice,
        action: 'update',
        field: 'name',
        from: 'Ann',
        to: 'Anna',
        reason: 'ticket 4711',
      });
      expect(second).toEqual({ ...first, field: 'balance', from: 10, to: 25 });
      expect(await balances()).toEqual([25, 10]);
      // The server's clock is this machine's; the minute is for a slow run.
      expect(Math.abs(Date.now() - first!.at)).toBeLessThan(60_000);
    });

    it('records what is stored, not what was asked for', async () => {
      await inTransaction((trx) =>
        audit.update(trx, {
          ...because,
          table: 'account',
          key: { uid: 'a1' },
          patch: { balance: sql`balance * 3`, active: true as unknown as number },
        }),
      );
      expect((await history()).map(({ field, from, to }) => ({ field, from, to }))).toEqual([{ field: 'balance', from: 10, to: 30 }]);
    });

    it('changes the row and writes nothing when only ignored or equal columns are different', async () => {
      const changed = await inTransaction((trx) =>
        audit.update(trx, { ...because, table: 'account', key: { uid: 'a1' }, patch: { name: 'Ann', version: 2 }, ignore: ['version'] }),
      );
      expect(changed).toEqual([]);
      expect(await auditRows()).toBe(0);
      const { version } = await database.query<Tables>().selectFrom('account').select('version').where('uid', '=', 'a1').executeTakeFirstOrThrow();
      expect(version).toBe(2);
    });

    it('tells a row that does not exist from one that did not change', async () => {
      const update = (uid: string) =>
        inTransaction((trx) => audit.update(trx, { ...because, table: 'account', key: { uid }, patch: { name: 'Ann' } }));
      expect(await update('a1')).toEqual([]);
      expect(await update('nobody')).toBeUndefined();
      expect(await inTransaction((trx) => audit.update(trx, { ...because, table: 'account', key: { uid: 'a1' }, patch: {} }))).toEqual([]);
    });

    it('takes another entity, id and action than those of the table', async () => {
      const { id } = await database.query<Tables>().selectFrom('account').select('id').where('uid', '=', 'a1').executeTakeFirstOrThrow();
      await inTransaction((trx) =>
        audit.update(trx, { ...because, table: 'account', key: { id, version: 1 }, patch: { active: 0 }, entity: 'customer', entityId: 'c1', action: 'suspend' }),
      );
      expect((await audit.history('customer', 'c1')).items).toMatchObject([{ action: 'suspend', field: 'active', from: 1, to: 0 }]);
    });

    it('leaves neither change nor record when the transaction is undone', async () => {
      const undone = inTransaction(async (trx) => {
        await audit.update(trx, { ...because, table: 'account', key: { uid: 'a1' }, patch: { balance: 99 } });
        throw new Error('changed my mind');
      });
      await expect(undone).rejects.toThrow('changed my mind');
      expect(await auditRows()).toBe(0);
      expect(await balances()).toEqual([10, 10]);
    });

    it('records every step when many change the same row at once', async () => {
      await Promise.all(
        Array.from({ length: 8 }, () =>
          inTransaction((trx) => audit.update(trx, { ...because, table: 'account', key: { uid: 'a1' }, patch: { balance: sql`balance + 1` } })),
        ),
      );
      const steps = (await history()).map(({ from, to }) => [from, to]);
      expect(steps).toEqual([17, 16, 15, 14, 13, 12, 11, 10].map((from) => [from, from + 1]));
    });

    it.each([
      ['names no column', {}, { balance: 1 }],
      ['matches several rows', { name: 'Ann' }, { balance: 1 }],
      ['is changed by the patch', { uid: 'a1' }, { uid: 'a9' }],
    ])('refuses a key that %s', async (rule, key, patch) => {
      const update = inTransaction((trx) => audit.update(trx, { ...because, table: 'account', key, patch, entityId: 'a1' }));
      await expect(update).rejects.toMatchObject({ code: 'ERR_AUDIT_KEY', field: 'key', table: 'account', message: expect.stringContaining(rule) });
      expect(await balances()).toEqual([10, 10]);
    });

    it('asks for the entity id when the key has several columns', async () => {
      const update = inTransaction((trx) => audit.update(trx, { ...because, table: 'account', key: { uid: 'a1', version: 1 }, patch: { balance: 1 } }));
      await expect(update).rejects.toMatchObject({ code: 'ERR_AUDIT_KEY', message: expect.stringContaining('entityId must be given') });
    });
  });

  describe('who and why', () => {
    const wrong: [string, object, string, string][] = [
      ['no actor', { actor: undefined }, 'ERR_AUDIT_ACTOR', 'actor.type'],
      ['an actor of an unknown type', { actor: { type: 'ghost', id: 'x' } }, 'ERR_AUDIT_ACTOR', 'actor.type'],
      ['an actor without id', { actor: { type: 'user' } }, 'ERR_AUDIT_ACTOR', 'actor.id'],
      ['a blank actor', { actor: { type: 'user', id: ' ' } }, 'ERR_AUDIT_ACTOR', 'actor.id'],
      ['an endless actor', { actor: { type: 'user', id: 'x'.repeat(201) } }, 'ERR_AUDIT_ACTOR', 'actor.id'],
      ['no reason', { reason: undefined }, 'ERR_AUDIT_REASON', 'reason'],
      ['a blank reason', { reason: ' \n\t' }, 'ERR_AUDIT_REASON', 'reason'],
      ['an endless reason', { reason: 'x'.repeat(501) }, 'ERR_AUDIT_REASON', 'reason'],
      ['a blank tenant', { tenant: '' }, 'ERR_AUDIT_INPUT', 'tenant'],
      ['a blank action', { action: '' }, 'ERR_AUDIT_INPUT', 'action'],
      ['an endless entity', { entity: 'x'.repeat(65) }, 'ERR_AUDIT_INPUT', 'entity'],
      ['an endless entity id', { entityId: 'x'.repeat(201) }, 'ERR_AUDIT_INPUT', 'entityId'],
    ];

    it.each(wrong)('%s is refused before anything is written', async (_, options, code, field) => {
      const attempt = { ...onAccount, ...options } as unknown as RecordOptions;
      await inTransaction(async (trx) => {
        await expect(audit.record(trx, attempt)).rejects.toMatchObject({ code, field });
        await expect(audit.update(trx, { ...attempt, table: 'account', key: { uid: 'a1' }, patch: { balance: 1 } })).rejects.toMatchObject({ code, field });
      });
      expect(await auditRows()).toBe(0);
      expect(await balances()).toEqual([10, 10]);
    });

    it('a connection outside of a transaction is refused', async () => {
      const outside = database.query<Tables>() as unknown as Transaction<Tables>;
      await expect(audit.record(outside, onAccount)).rejects.toMatchObject({ code: 'ERR_AUDIT_TRANSACTION' });
      expect(await auditRows()).toBe(0);
    });

    it('the longest texts fit, in the widest characters', async () => {
      const wide = (length: number): string => '🎉'.repeat(length / 2);
      const options = { actor: { type: 'service', id: wide(200) }, reason: wide(500), tenant: wide(64), entity: wide(64), entityId: wide(200), action: wide(64) } as const;
      await inTransaction((trx) => audit.record(trx, { ...options, changes: [{ field: wide(64), to: 1 }] }));
      const { items } = await audit.history(options.entity, options.entityId);
      expect(items).toMatchObject([{ actor: options.actor, reason: options.reason, tenant: options.tenant, action: options.action, field: wide(64) }]);
    });

    it('the request id of the context is recorded', async () => {
      await runInContext({ request_id: 'req-7' }, () => inTransaction((trx) => audit.record(trx, onAccount)));
      expect((await history())[0]!.requestId).toBe('req-7');
    });
  });

  describe('record', () => {
    it('writes one row for an action without fields', async () => {
      const batchId = await inTransaction((trx) => audit.record(trx, { ...onAccount, action: 'pause', reason: '  holiday ' }));
      expect(await history()).toEqual([{ batchId, at: expect.any(Number), actor: alice, action: 'pause', reason: 'holiday' }]);
    });

    it('leaves out what did not change, and writes nothing when nothing did', async () => {
      const same = [{ field: 'tags', from: { a: 1, b: [2] }, to: { b: [2], a: 1 } }];
      expect(await inTransaction((trx) => audit.record(trx, { ...onAccount, changes: same }))).toBeUndefined();
      await inTransaction((trx) => audit.record(trx, { ...onAccount, changes: [...same, { field: 'x', from: 1, to: '1' }] }));
      expect((await history()).map(({ field }) => field)).toEqual(['x']);
    });

    it('tells a field that is new or gone from one that is null', async () => {
      expect(await oneChange({ field: 'f', to: null })).toMatchObject({ to: null });
      expect(Object.keys(await oneChange({ field: 'f', to: 1 }))).not.toContain('from');
      expect(Object.keys(await oneChange({ field: 'f', from: 1 }))).not.toContain('to');
    });

    it('takes whole rows of what is created and deleted', async () => {
      await inTransaction((trx) => audit.record(trx, { ...onAccount, action: 'create', changes: createdFields({ name: 'Ann', note: null }) }));
      await inTransaction((trx) => audit.record(trx, { ...onAccount, action: 'delete', changes: deletedFields({ name: 'Ann' }) }));
      expect((await history()).map(({ action, field, from, to }) => [action, field, from, to])).toEqual([
        ['delete', 'name', 'Ann', undefined],
        ['create', 'note', undefined, null],
        ['create', 'name', undefined, 'Ann'],
      ]);
    });

    it('stores bigints as text and bytes as base64, the same on every database', async () => {
      expect(await oneChange({ field: 'f', from: 2n ** 62n, to: new Uint8Array([1, 255]) })).toMatchObject({ from: '4611686018427387904', to: 'base64:Af8=' });
      expect(await oneChange({ field: 'f', to: { deep: Buffer.from('x') } })).toMatchObject({ to: { deep: 'base64:eA==' } });
    });

    it('refuses values that JSON cannot say', async () => {
      const cycle: { self?: unknown } = {};
      cycle.self = cycle;
      // JSON.stringify would make {} or null of most of them, so that one looks like the other.
      const lossy = [new Map([['a', 1]]), new Set([1]), /x/, new Error('x'), new ArrayBuffer(1), Promise.resolve(), Number.NaN, -Infinity, new Date(Number.NaN)];
      const inside = [{ a: [new Map()] }, { a: () => {} }, [Symbol('s')], [{ at: Number.NaN }]];
      for (const to of [cycle, () => {}, Symbol('s'), ...lossy, ...inside]) {
        await expect(oneChange({ field: 'odd', to })).rejects.toMatchObject({ code: 'ERR_AUDIT_INPUT', field: 'changes.odd' });
      }
      await expect(oneChange({ field: '', to: 1 })).rejects.toMatchObject({ code: 'ERR_AUDIT_INPUT', field: 'changes.field' });
    });

    it('keeps 4 KB of a value, and of a longer one its beginning and its hash', async () => {
      const fits = 'x'.repeat(4_094);
      expect((await oneChange({ field: 'f', to: fits })).to).toBe(fits);
      for (const long of ['x'.repeat(4_095), '"\\'.repeat(50_000), `x${'🎉'.repeat(5_000)}`, '\0'.repeat(5_000)]) {
        const json = JSON.stringify(long);
        const { to } = await oneChange({ field: 'f', to: long });
        const { truncated, ...rest } = to as { truncated: string };
        expect(rest).toEqual({ bytes: Buffer.byteLength(json), sha256: createHash('sha256').update(json).digest('hex') });
        expect(json.startsWith(truncated)).toBe(true);
        expect(truncated.length).toBeGreaterThan(400);
        expect(Buffer.byteLength(JSON.stringify(to))).toBeLessThanOrEqual(4_096);
      }
    });

    it('sees a change behind the cut of a long value', async () => {
      const entry = await oneChange({ field: 'f', from: `${'x'.repeat(9_000)}1`, to: `${'x'.repeat(9_000)}2` });
      expect(entry.from).not.toEqual(entry.to);
    });
  });

  it('stores secret fields as hashes only', async () => {
    await inTransaction((trx) => audit.update(trx, { ...because, table: 'account', key: { uid: 'a1' }, patch: { token: 'hunter2' } }));
    await inTransaction((trx) => audit.update(trx, { ...because, table: 'account', key: { uid: 'a1' }, patch: { token: 'hunter3' } }));
    const [second, first] = await history();
    expect(first).toMatchObject({ field: 'token', from: null, to: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
    expect(second).toMatchObject({ from: first!.to });
    expect(second!.to).not.toBe(first!.to);
    const renamed = { ...because, table: 'account', key: { uid: 'a2' }, patch: { token: 'hunter4' }, entity: 'customer' } as const;
    await inTransaction((trx) => audit.update(trx, renamed));
    const rows = await database.query<AuditTables>().selectFrom('audit_log').selectAll().execute();
    expect(rows).toHaveLength(3);
    expect(JSON.stringify(rows)).not.toContain('hunter');
  });

  it('history comes in pages, newest first, for all fields or one', async () => {
    for (let n = 0; n < 5; n++) {
      await inTransaction((trx) => audit.record(trx, { ...onAccount, changes: [{ field: 'n', from: n, to: n + 1 }, { field: 'other', from: n, to: -n - 1 }] }));
    }
    const seen: unknown[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await audit.history('account', 'a1', { field: 'n', limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.items.map(({ to }) => to));
      cursor = page.nextCursor;
      pages++;
    } while (cursor !== undefined);
    expect(seen).toEqual([5, 4, 3, 2, 1]);
    expect(pages).toBe(3);
    expect((await audit.history('account', 'a1')).items).toHaveLength(10);
    expect(await audit.history('account', 'nobody')).toEqual({ items: [] });
  });

  it('history refuses a cursor or limit that cannot be', async () => {
    await expect(audit.history('account', 'a1', { cursor: "' or 1" })).rejects.toMatchObject({ code: 'ERR_AUDIT_INPUT', field: 'cursor' });
    await expect(audit.history('account', 'a1', { limit: 0 })).rejects.toMatchObject({ code: 'ERR_AUDIT_INPUT', field: 'limit' });
  });

  it('takes its instants from a clock when given one', async () => {
    const timed = createAudit({ database, clock: createTestClock(1_700_000_000_000) });
    await inTransaction((trx) => timed.record(trx, onAccount));
    expect((await history())[0]!.at).toBe(1_700_000_000_000);
  });
});
