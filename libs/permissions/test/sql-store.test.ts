import { migrate, type Database } from '@staddle/database';
import { createPermissions, definePermissions, type Permissions, type Subject } from '@staddle/permissions';
import { permissionMigrations, sqlStore } from '@staddle/permissions/sql';
import { DIALECTS, testDatabase, waitFor, type TestDatabase } from '@staddle/testing';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const P = definePermissions({ task: ['read', 'run'] });
type Name = (typeof P)['names'][number];

describe.each(DIALECTS)('sqlStore on %s', (dialect) => {
  let fresh: TestDatabase;
  let database: Database;
  const opened: Permissions<Name>[] = [];

  beforeEach(async () => {
    fresh = await testDatabase(dialect);
    database = fresh.open();
    await migrate(database, [permissionMigrations]);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((perms) => perms.close()));
    await fresh.close();
  });

  const open = async (pollMs = 0): Promise<Permissions<Name>> => {
    const perms = await createPermissions({ definitions: P, store: sqlStore(database), policies: [{ role: 'viewer', allow: ['task:read'] }], pollMs });
    opened.push(perms);
    return perms;
  };

  it('holds a policy beyond the life of a process', async () => {
    const first = await open();
    await first.defineRole({ role: 'runner', parent: 'viewer' });
    await first.grant({ role: 'runner', permission: 'task:run' });
    const version = await first.assign({ subject: { id: 'alice', type: 'user' }, role: 'runner' });
    await first.close();
    const second = await open();
    expect(second.version).toBe(version);
    expect(P.names.filter((name) => second.can({ id: 'alice', type: 'user' }, name))).toEqual(['task:read', 'task:run']);
  });

  it('lets polling processes see a revocation', async () => {
    const [writer, reader] = [await open(), await open(20)];
    const alice: Subject = { id: 'alice', type: 'user' };
    await writer.assign({ subject: alice, role: 'viewer' });
    await waitFor(() => reader.can(alice, 'task:read'), { timeoutMs: 10_000, what: 'the assignment to arrive' });
    const version = await writer.unassign({ subject: alice, role: 'viewer' });
    await waitFor(() => !reader.can(alice, 'task:read'), { timeoutMs: 10_000, what: 'the revocation to arrive' });
    expect(reader.version).toBe(version);
  });

  it('gives a role to exactly the subject that was named', async () => {
    const perms = await open();
    const holders = ['Alice', 'é', 'alice,x', 'a$$b', 'admin","x'];
    for (const id of holders) await perms.assign({ subject: { id, type: 'user' }, role: 'viewer' });
    for (const id of holders) expect(perms.can({ id, type: 'user' }, 'task:read'), id).toBe(true);
    for (const id of ['alice', 'ALICE', 'Alice ', ' Alice', 'é'.normalize('NFD'), 'e', 'alice', 'a', 'admin', 'x']) expect(perms.can({ id, type: 'user' }, 'task:read'), id).toBe(false);
  });

  it('ends an assignment by the clock of the database', async () => {
    const perms = await open();
    const { rows } = await (dialect === 'mysql' ? sql<{ now: number }>`select cast(unix_timestamp(now(3)) * 1000 as signed) as now` : sql<{ now: number }>`select cast(unixepoch('subsec') * 1000 as integer) as now`).execute(database.query());
    const { now } = rows[0]!;
    await perms.assign({ subject: { id: 'gone', type: 'user' }, role: 'viewer', expiresAt: now - 1 });
    await perms.assign({ subject: { id: 'here', type: 'user' }, role: 'viewer', expiresAt: now + 3_600_000 });
    expect(perms.decide({ id: 'gone', type: 'user' }, 'task:read').reason).toBe('ROLE_EXPIRED');
    expect(perms.can({ id: 'here', type: 'user' }, 'task:read')).toBe(true);
  });

  it('writes all edits of a change or none', async () => {
    const store = sqlStore(database);
    const version = await store.version();
    const row = { tenant: 'default', code: 'clerk', parent: '' };
    const broken = { ...row, code: null as unknown as string };
    const edits = [{ op: 'put', kind: 'role', row }, { op: 'put', kind: 'role', row: broken }] as const;
    await expect(store.apply({ edits, ifVersion: version })).rejects.toThrow(/null/i);
    expect(await store.load()).toMatchObject({ version, roles: [] });
  });

  it('needs the migrations', async () => {
    const bare = await testDatabase(dialect);
    try {
      await expect(createPermissions({ definitions: P, store: sqlStore(bare.open()) })).rejects.toThrow(/permission_head/);
    } finally {
      await bare.close();
    }
  });
});

describe('sqlStore on a MySQL whose tables somebody converted', () => {
  it('refuses to read names that compare loosely', async () => {
    await using fresh = await testDatabase('mysql');
    const database = fresh.open();
    await migrate(database, [permissionMigrations]);
    const store = sqlStore(database);
    await sql`alter table permission_user_role modify subject_id varchar(255) character set utf8mb4 collate utf8mb4_bin not null`.execute(database.query());
    await sql`alter table permission_role modify code varchar(64) character set utf8mb4 collate utf8mb4_general_ci not null`.execute(database.query());
    await expect(createPermissions({ definitions: P, store })).rejects.toMatchObject({
      code: 'ERR_PERMISSIONS_COLLATION',
      columns: ['permission_role.code (utf8mb4_general_ci)', 'permission_user_role.subject_id (utf8mb4_bin)'],
    });
  });
});
