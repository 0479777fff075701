import { columns, createTable, type MigrationSet } from '@staddle/database';

/** Times are epoch ms of the store's clock. */
export interface LockTables {
  lock_key: KeyTable;
  lock_owner: OwnerTable;
}

/** What is remembered of a key: its last fence and, of a run, the claim. Whoever grants must change this row. */
interface KeyTable {
  /** Digest of kind and name: names are longer than a key column may be, and MySQL compares text too loosely. */
  id: string;
  kind: string;
  name: string;
  /** The highest fence that was given out, with those reserved. */
  fence: bigint;
  /** Of kind `run`: who claimed it last; else null. */
  claim_owner: string | null;
  claim_done: number;
  /** From then on the row may be removed, unless somebody holds or awaits the key. */
  forget_at: number;
}

/**
 * A row per owner who holds a key or waits for it. Rows are not deleted but used again: while somebody reads an old snapshot,
 * such as a backup, InnoDB cannot forget deleted rows, and every look at the key would have to pass all of them.
 */
interface OwnerTable {
  key_id: string;
  /** Numbers the rows of a key. */
  slot: number;
  owner: string;
  /** Null while it waits. */
  fence: bigint | null;
  /** The highest fence that is reserved with `fence`, or the same. */
  last_fence: bigint | null;
  weight: number;
  priority: number;
  /** The order in which waiters came. */
  place: number;
  /** Last ms of the lease, or of the time in which a waiter must be heard of again. 0: nobody's any more. */
  ends_at: number;
  /** 1 when the owner has let go and the key stays locked until `ends_at`. */
  kept: number;
  meta: string | null;
}

/** The tables lock_key and lock_owner, for `migrate` of `@staddle/database`. */
export const lockMigrations: MigrationSet = {
  library: 'lock',
  migrations: [
    {
      name: '001-create-tables',
      async up(db, dialect) {
        const { asciiKey, boolean, epochMs, integer, json, longText } = columns(dialect);

        await createTable(db, dialect, 'lock_key')
          .addColumn('id', asciiKey(43), (column) => column.primaryKey())
          .addColumn('kind', asciiKey(16), (column) => column.notNull())
          .addColumn('name', longText, (column) => column.notNull())
          .addColumn('fence', integer, (column) => column.notNull())
          .addColumn('claim_owner', asciiKey(255))
          .addColumn('claim_done', boolean, (column) => column.notNull())
          .addColumn('forget_at', epochMs, (column) => column.notNull())
          .execute();
        await db.schema.createIndex('lock_key_forget').on('lock_key').column('forget_at').execute();

        await createTable(db, dialect, 'lock_owner')
          .addColumn('key_id', asciiKey(43), (column) => column.notNull())
          .addColumn('slot', integer, (column) => column.notNull())
          .addColumn('owner', asciiKey(255), (column) => column.notNull())
          .addColumn('fence', integer)
          .addColumn('last_fence', integer)
          .addColumn('weight', integer, (column) => column.notNull())
          .addColumn('priority', integer, (column) => column.notNull())
          .addColumn('place', integer, (column) => column.notNull())
          .addColumn('ends_at', epochMs, (column) => column.notNull())
          .addColumn('kept', boolean, (column) => column.notNull())
          .addColumn('meta', json)
          .addPrimaryKeyConstraint('lock_owner_pk', ['key_id', 'slot'])
          .execute();
        // The owner first: rows of one key that once belonged to others are then nowhere near.
        await db.schema.createIndex('lock_owner_owner').unique().on('lock_owner').columns(['owner', 'key_id']).execute();
      },
    },
  ],
};
