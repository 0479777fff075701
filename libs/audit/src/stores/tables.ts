import { autoIncrement, columns, createTable, type MigrationSet } from '@staddle/database';
import type { Generated, Selectable } from 'kysely';

export interface AuditTables {
  audit_log: {
    id: Generated<number>;
    /** The rows of one change share it. */
    batch_id: string;
    tenant: string;
    at: number;
    actor_type: string;
    actor_id: string;
    action: string;
    entity: string;
    entity_id: string;
    /** Empty when the row records the action as such. */
    field: string;
    /** JSON text; NULL for a field that did not exist, which is not the text `null`. */
    old_value: string | null;
    new_value: string | null;
    reason: string;
    request_id: string;
  };
}

export type AuditRow = Selectable<AuditTables['audit_log']>;

/** The tables of this library, for `migrate()` of `@staddle/database`. */
export const auditMigrations: MigrationSet = {
  library: 'audit',
  migrations: [
    {
      name: '001-create-audit-log',
      async up(db, dialect) {
        const { asciiKey, epochMs, id, longText, text } = columns(dialect);
        await createTable(db, dialect, 'audit_log')
          // Orders the rows of one thing, which its row lock serialises. It has gaps, and says nothing about other things.
          .addColumn('id', id, autoIncrement)
          .addColumn('batch_id', asciiKey(21), (column) => column.notNull())
          .addColumn('tenant', text(64), (column) => column.notNull())
          .addColumn('at', epochMs, (column) => column.notNull())
          .addColumn('actor_type', asciiKey(16), (column) => column.notNull())
          .addColumn('actor_id', text(200), (column) => column.notNull())
          .addColumn('action', text(64), (column) => column.notNull())
          .addColumn('entity', text(64), (column) => column.notNull())
          .addColumn('entity_id', text(200), (column) => column.notNull())
          .addColumn('field', text(64), (column) => column.notNull())
          .addColumn('old_value', longText)
          .addColumn('new_value', longText)
          .addColumn('reason', text(500), (column) => column.notNull())
          .addColumn('request_id', text(128), (column) => column.notNull())
          .execute();
        await db.schema.createIndex('audit_log_entity').on('audit_log').columns(['entity', 'entity_id', 'id']).execute();
        await db.schema.createIndex('audit_log_actor').on('audit_log').columns(['actor_id', 'id']).execute();
      },
    },
  ],
};
