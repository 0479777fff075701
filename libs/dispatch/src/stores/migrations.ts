import { autoIncrement, columns, createTable, type MigrationSet } from '@staddle/database';
import { sql } from 'kysely';

/** The tables dispatch_task, dispatch_occurrence and dispatch_run, for `migrate` of `@staddle/database`. */
export const dispatchMigrations: MigrationSet = {
  library: 'dispatch',
  migrations: [
    {
      name: '001-create-tables',
      async up(db, dialect) {
        const { id, asciiKey, text, json, epochMs, integer, flagsWord } = columns(dialect);

        // The masks are written out, in decimal (MySQL takes a hex literal for text): a migration keeps the meaning it
        // was released with. 1007: every bit of a task's word but `running`. 3: Active, Paused.
        await createTable(db, dialect, 'dispatch_task')
          .addColumn('id', id, autoIncrement)
          .addColumn('uid', asciiKey(21), (column) => column.notNull().unique())
          .addColumn('module', asciiKey(64), (column) => column.notNull())
          .addColumn('handler', asciiKey(128), (column) => column.notNull())
          .addColumn('title', text(255))
          .addColumn('description', text(4_000))
          .addColumn('user_name', text(190))
          .addColumn('biz_key', text(190))
          .addColumn('trigger_json', json, (column) => column.notNull())
          .addColumn('payload_json', json, (column) => column.notNull())
          .addColumn('state', flagsWord, (column) => column.notNull())
          .addColumn('reason', text(500))
          .addColumn('version', integer, (column) => column.notNull())
          .addColumn('next_run_at', epochMs)
          .addColumn('last_scheduled_at', epochMs)
          .addColumn('run_count', integer, (column) => column.notNull())
          .addColumn('created_at', epochMs, (column) => column.notNull())
          .addColumn('updated_at', epochMs, (column) => column.notNull())
          .addColumn('due_at', epochMs, (column) => column.generatedAlwaysAs(sql`case when (state & 1007) = 1 then next_run_at end`).stored())
          .addColumn('biz_live', text(190), (column) => column.generatedAlwaysAs(sql`case when (state & 3) <> 0 then biz_key end`).stored())
          .execute();
        await db.schema.createIndex('dispatch_task_due').on('dispatch_task').columns(['due_at', 'id']).execute();
        await db.schema.createIndex('dispatch_task_module').on('dispatch_task').columns(['module', 'id']).execute();
        await db.schema.createIndex('dispatch_task_biz_key').unique().on('dispatch_task').columns(['module', 'biz_live']).execute();

        await createTable(db, dialect, 'dispatch_occurrence')
          .addColumn('task_id', integer, (column) => column.notNull())
          .addColumn('occ_key', asciiKey(40), (column) => column.notNull())
          .addColumn('scheduled_at', epochMs, (column) => column.notNull())
          .addColumn('to_at', epochMs)
          .addColumn('instants', integer)
          .addColumn('outcome', integer, (column) => column.notNull())
          .addColumn('run_uid', asciiKey(21))
          .addColumn('created_at', epochMs, (column) => column.notNull())
          .addPrimaryKeyConstraint('dispatch_occurrence_pk', ['task_id', 'occ_key'])
          .execute();

        // 2: Ready. 12: Claimed, Running.
        await createTable(db, dialect, 'dispatch_run')
          .addColumn('id', id, autoIncrement)
          .addColumn('uid', asciiKey(21), (column) => column.notNull().unique())
          .addColumn('task_id', integer, (column) => column.notNull())
          .addColumn('occ_key', asciiKey(40), (column) => column.notNull())
          .addColumn('module', asciiKey(64), (column) => column.notNull())
          .addColumn('handler', asciiKey(128), (column) => column.notNull())
          .addColumn('payload_json', json, (column) => column.notNull())
          .addColumn('scheduled_at', epochMs, (column) => column.notNull())
          .addColumn('fire_at', epochMs, (column) => column.notNull())
          .addColumn('state', flagsWord, (column) => column.notNull())
          .addColumn('attempt', integer, (column) => column.notNull())
          .addColumn('claims', integer, (column) => column.notNull())
          .addColumn('fence', integer, (column) => column.notNull())
          .addColumn('owner', text(190))
          .addColumn('lease_until', epochMs)
          .addColumn('result_json', json)
          .addColumn('error_json', json)
          .addColumn('created_at', epochMs, (column) => column.notNull())
          .addColumn('claimed_at', epochMs)
          .addColumn('started_at', epochMs)
          .addColumn('finished_at', epochMs)
          .addColumn('ready_at', epochMs, (column) => column.generatedAlwaysAs(sql`case when (state & 2) <> 0 then fire_at end`).stored())
          .addColumn('lease_live', epochMs, (column) => column.generatedAlwaysAs(sql`case when (state & 12) <> 0 then lease_until end`).stored())
          .execute();
        await db.schema.createIndex('dispatch_run_ready').on('dispatch_run').columns(['ready_at', 'id']).execute();
        await db.schema.createIndex('dispatch_run_lease').on('dispatch_run').columns(['lease_live', 'id']).execute();
        await db.schema.createIndex('dispatch_run_task').on('dispatch_run').columns(['task_id', 'id']).execute();
      },
    },
  ],
};
