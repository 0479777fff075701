import { columns, createTable, type Dialect, type MigrationSet } from '@staddle/database';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import { ROLE_MAX, SUBJECT_ID_MAX, TENANT_MAX } from '../subject.ts';

// `alice` and `alice ` must be two users. utf8mb4_bin compares bytes but pads with spaces, so the tables take the one
// collation without padding, which MySQL and MariaDB call by different names.
export const EXACT_COLLATIONS: readonly string[] = ['utf8mb4_0900_bin', 'utf8mb4_nopad_bin'];

/** The tables of `sqlStore`: roles, what they may, who has them, and the version of all three. */
export const permissionMigrations: MigrationSet = {
  library: 'permissions',
  migrations: [{ name: '001-create-policy', up: createPolicy }],
};

// Only what this migration itself writes; the tables of later versions would make it break later.
interface HeadTable {
  permission_head: { id: number; version: number };
}

async function createPolicy(db: Kysely<HeadTable>, dialect: Dialect): Promise<void> {
  const { asciiKey, epochMs, integer } = columns(dialect);
  const name = await exactText(db, dialect);

  await createTable(db, dialect, 'permission_role')
    .addColumn('tenant_id', name(TENANT_MAX), (column) => column.notNull())
    .addColumn('code', name(ROLE_MAX), (column) => column.notNull())
    .addColumn('parent_code', name(ROLE_MAX), (column) => column.notNull())
    .addPrimaryKeyConstraint('permission_role_pk', ['tenant_id', 'code'])
    .execute();

  await createTable(db, dialect, 'permission_role_permission')
    .addColumn('tenant_id', name(TENANT_MAX), (column) => column.notNull())
    .addColumn('role_code', name(ROLE_MAX), (column) => column.notNull())
    // 'task:read', 'task:*' or '*'.
    .addColumn('permission', asciiKey(130), (column) => column.notNull())
    .addColumn('effect', asciiKey(8), (column) => column.notNull())
    .addPrimaryKeyConstraint('permission_role_permission_pk', ['tenant_id', 'role_code', 'permission', 'effect'])
    .execute();

  await createTable(db, dialect, 'permission_user_role')
    .addColumn('tenant_id', name(TENANT_MAX), (column) => column.notNull())
    .addColumn('subject_type', asciiKey(16), (column) => column.notNull())
    .addColumn('subject_id', name(SUBJECT_ID_MAX), (column) => column.notNull())
    .addColumn('role_code', name(ROLE_MAX), (column) => column.notNull())
    // 0 for never.
    .addColumn('expires_at', epochMs, (column) => column.notNull())
    .addPrimaryKeyConstraint('permission_user_role_pk', ['tenant_id', 'subject_type', 'subject_id', 'role_code'])
    .execute();

  await createTable(db, dialect, 'permission_head')
    .addColumn('id', integer, (column) => column.primaryKey())
    .addColumn('version', integer, (column) => column.notNull())
    .execute();
  await db.insertInto('permission_head').values({ id: 1, version: 1 }).execute();
}

async function exactText(db: Kysely<HeadTable>, dialect: Dialect): Promise<(length: number) => RawBuilder<unknown>> {
  if (dialect === 'sqlite') return () => sql`text`;
  const { rows } = await sql<{ version: string }>`select version() as version`.execute(db);
  const collation = rows[0]!.version.includes('MariaDB') ? 'utf8mb4_nopad_bin' : 'utf8mb4_0900_bin';
  return (length) => sql`varchar(${sql.lit(length)}) character set utf8mb4 collate ${sql.raw(collation)}`;
}
