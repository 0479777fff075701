import { forUpdate, storeNow, upsert, type Database } from '@staddle/database';
import { sql, type Transaction } from 'kysely';
import { CollationError } from '../errors.ts';
import type { Effect, PermissionStore, PolicyEdit } from '../permission-store.ts';
import { EXACT_COLLATIONS } from './migrations.ts';

export { permissionMigrations } from './migrations.ts';

interface PermissionTables {
  permission_head: { id: number; version: number };
  permission_role: { tenant_id: string; code: string; parent_code: string };
  permission_role_permission: { tenant_id: string; role_code: string; permission: string; effect: string };
  permission_user_role: { tenant_id: string; subject_type: string; subject_id: string; role_code: string; expires_at: number };
}

/**
 * Policies in SQLite, MySQL or MariaDB, in the tables of `permissionMigrations`. The caller owns and closes the database.
 * `load` throws CollationError (`ERR_PERMISSIONS_COLLATION`) when somebody changed the tables to compare loosely.
 */
export function sqlStore(database: Database): PermissionStore {
  const db = database.query<PermissionTables>();
  let collationsChecked = database.dialect === 'sqlite';

  return {
    async version() {
      const head = await db.selectFrom('permission_head').select('version').where('id', '=', 1).executeTakeFirstOrThrow();
      return head.version;
    },

    async load() {
      if (!collationsChecked) await checkCollations(database);
      collationsChecked = true;
      // Repeatable read: all rows are those of the moment of the first one.
      return database.transaction<PermissionTables, Awaited<ReturnType<PermissionStore['load']>>>(
        async (trx) => {
          const head = await trx.selectFrom('permission_head').select(['version', storeNow(database).as('now')]).where('id', '=', 1).executeTakeFirstOrThrow();
          const roles = await trx.selectFrom('permission_role').select(['tenant_id as tenant', 'code', 'parent_code as parent']).execute();
          const grants = await trx.selectFrom('permission_role_permission').select(['tenant_id as tenant', 'role_code as role', 'permission', 'effect']).execute();
          const assignments = await trx
            .selectFrom('permission_user_role')
            .select(['tenant_id as tenant', 'subject_type as subjectType', 'subject_id as subjectId', 'role_code as role', 'expires_at as expiresAt'])
            .execute();
          return { version: head.version, readAt: head.now, roles, grants: grants.map((row) => ({ ...row, effect: row.effect as Effect })), assignments };
        },
        { readOnly: true, isolationLevel: 'repeatable read' },
      );
    },

    apply({ edits, ifVersion }) {
      return database.transaction<PermissionTables, number | undefined>(async (trx) => {
        // Every writer locks this row first, so that there is one order of changes.
        const head = await forUpdate(database, trx.selectFrom('permission_head').select('version').where('id', '=', 1)).executeTakeFirstOrThrow();
        if (head.version !== ifVersion) return undefined;
        for (const edit of edits) await write(database, trx, edit);
        const version = ifVersion + 1;
        await trx.updateTable('permission_head').set({ version }).where('id', '=', 1).execute();
        return version;
      });
    },
  };
}

async function write(database: Database, trx: Transaction<PermissionTables>, { op, kind, row }: PolicyEdit): Promise<void> {
  if (kind === 'role') {
    const key = { tenant_id: row.tenant, code: row.code };
    const put = upsert(database, trx.insertInto('permission_role').values({ ...key, parent_code: row.parent }), { key: ['tenant_id', 'code'], set: ['parent_code'] });
    await (op === 'put' ? put : trx.deleteFrom('permission_role').where((where) => where.and(key))).execute();
  } else if (kind === 'grant') {
    const key = { tenant_id: row.tenant, role_code: row.role, permission: row.permission, effect: row.effect };
    const put = upsert(database, trx.insertInto('permission_role_permission').values(key), { key: ['tenant_id', 'role_code', 'permission', 'effect'] });
    await (op === 'put' ? put : trx.deleteFrom('permission_role_permission').where((where) => where.and(key))).execute();
  } else {
    const key = { tenant_id: row.tenant, subject_type: row.subjectType, subject_id: row.subjectId, role_code: row.role };
    const put = upsert(database, trx.insertInto('permission_user_role').values({ ...key, expires_at: row.expiresAt }), {
      key: ['tenant_id', 'subject_type', 'subject_id', 'role_code'],
      set: ['expires_at'],
    });
    await (op === 'put' ? put : trx.deleteFrom('permission_user_role').where((where) => where.and(key))).execute();
  }
}

async function checkCollations(database: Database): Promise<void> {
  const { rows } = await sql<{ name: string; collation: string }>`
    select concat(table_name, '.', column_name) as name, collation_name as collation from information_schema.columns
    where table_schema = database() and table_name in ('permission_role', 'permission_role_permission', 'permission_user_role')
      and column_name in ('tenant_id', 'code', 'parent_code', 'role_code', 'subject_id')
    order by table_name, ordinal_position`.execute(database.query());
  const loose = rows.filter((row) => !EXACT_COLLATIONS.includes(row.collation));
  if (loose.length > 0) throw new CollationError(loose.map((row) => `${row.name} (${row.collation})`), EXACT_COLLATIONS);
}
