import { argv } from 'node:process';
import { createTable, columns, migrate, openDatabase, type MigrationSet } from '@staddle/database';
import { sql } from 'kysely';

// Each migration leaves one row in `trace`, so that a second run of it is seen.
const set = (library: string): MigrationSet => ({
  library,
  migrations: ['001-create', '002-fill', '003-index'].map((name) => ({
    name,
    async up(db, dialect) {
      const c = columns(dialect);
      if (name === '001-create') {
        await createTable(db, dialect, `${library}_row`).addColumn('id', c.integer, (column) => column.notNull()).execute();
      }
      if (name === '003-index') await db.schema.createIndex(`${library}_row_id`).on(`${library}_row`).column('id').execute();
      await sql`insert into trace values (${library}, ${name})`.execute(db);
    },
  })),
});

const database = openDatabase({ url: argv[2]! });
const { applied } = await migrate(database, [set('first'), set('second')]);
await database.close();
console.log(JSON.stringify(applied));
