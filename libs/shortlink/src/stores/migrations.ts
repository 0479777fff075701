import { autoIncrement, columns, createTable, type MigrationSet } from '@staddle/database';

/** The tables shortlink_link and shortlink_count, for `migrate` of `@staddle/database`. */
export const shortlinkMigrations: MigrationSet = {
  library: 'shortlink',
  migrations: [
    {
      name: '001-create-tables',
      async up(db, dialect) {
        const { id, asciiKey, text, longText, epochMs, integer } = columns(dialect);

        await createTable(db, dialect, 'shortlink_link')
          .addColumn('id', id, autoIncrement)
          .addColumn('uid', asciiKey(21), (column) => column.notNull().unique())
          .addColumn('tenant_id', text(64), (column) => column.notNull())
          .addColumn('owner_id', text(255))
          // All links live in domain 1 so far. Not null, because a unique key lets any number of nulls pass.
          .addColumn('domain_id', integer, (column) => column.notNull().defaultTo(1))
          .addColumn('slug_key', asciiKey(255), (column) => column.notNull())
          .addColumn('long_url', longText, (column) => column.notNull())
          // 0 active, 4 deleted; 1 to 3 are kept free for disabled, archived and banned.
          .addColumn('state', integer, (column) => column.notNull())
          .addColumn('version', integer, (column) => column.notNull())
          .addColumn('created_at', epochMs, (column) => column.notNull())
          .addColumn('updated_at', epochMs, (column) => column.notNull())
          .execute();
        await db.schema.createIndex('shortlink_link_slug').unique().on('shortlink_link').columns(['domain_id', 'slug_key']).execute();
        await db.schema.createIndex('shortlink_link_tenant').on('shortlink_link').columns(['tenant_id', 'state', 'id']).execute();

        // Apart from the links, so that a busy link does not rewrite its row, URL and all, with every batch of visits.
        await createTable(db, dialect, 'shortlink_count')
          .addColumn('link_id', integer, (column) => column.primaryKey())
          .addColumn('visits', integer, (column) => column.notNull())
          .execute();
      },
    },
  ],
};
