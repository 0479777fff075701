import { backoffMs, hasCode, silentLogger, sleep, systemClock, type Clock, type Logger } from '@staddle/kernel';
import { sql, type Kysely, type KyselyPlugin } from 'kysely';
import { columns, createTable } from './columns.ts';
import type { Database } from './database.ts';
import type { Dialect } from './dialect.ts';
import { MigrationFailedError, MigrationHistoryError, MigrationLockError } from './errors.ts';
import { assertDeclarations, type MigrationSet, type Step } from './migration.ts';
import { unhurriedQueries } from './session.ts';
import { storeNow } from './statements.ts';

/*
 * Schema changes of many libraries in one database, applied once whoever starts first.
 *
 * 1. Each library's migrations run in the order of their names; what the database has recorded must be the beginning of
 *    that list. Anything else (a name the code does not know, a new name before an old one) stops the start.
 * 2. Only one process migrates at a time. SQLite: each migration is one BEGIN IMMEDIATE transaction, and what is left to
 *    do is read inside of it. MySQL: GET_LOCK on the connection that migrates, so that the lock ends with the connection.
 * 3. SQLite: a migration happens completely or not at all. MySQL commits each DDL statement by itself: the record is
 *    written without `applied_at` before and completed afterwards, so an unfinished migration is seen and never run over.
 * 4. Nothing to do is found out without any lock.
 */

export interface MigrateOptions {
  /** Longest wait for another process that migrates. Default 60000. */
  readonly lockTimeoutMs?: number;
  readonly logger?: Logger;
  readonly clock?: Clock;
}

interface MigrationTables {
  staddle_migration: { library: string; name: string; applied_at: number | null };
}

interface NextStep {
  readonly step: Step;
  /** It was begun: another process is at it, or it stopped half-way. */
  readonly unfinished: boolean;
}

const LOCK_BACKOFF = { baseMs: 20, capMs: 500 } as const;

/**
 * Applies what is missing, set by set, and returns the names (`library/name`) that this call applied.
 * @throws MigrationHistoryError (`ERR_DATABASE_MIGRATION_HISTORY`)
 * @throws MigrationLockError (`ERR_DATABASE_MIGRATION_LOCK`)
 * @throws MigrationFailedError (`ERR_DATABASE_MIGRATION`) with the migration's own error as cause
 */
export async function migrate(
  database: Database,
  sets: readonly MigrationSet[],
  options: MigrateOptions = {},
): Promise<{ applied: string[] }> {
  const { lockTimeoutMs = 60_000, logger = silentLogger, clock = systemClock } = options;
  assertDeclarations(sets);
  const applied: string[] = [];
  if (await nothingToDo(database, sets)) return { applied };

  const takeStep = database.dialect === 'sqlite' ? stepOnSqlite : stepOnMysql;
  const giveUpAt = clock.monotonic() + lockTimeoutMs;
  let attempt = 0;
  for (;;) {
    const startedAt = clock.monotonic();
    const outcome = await takeStep(database, sets);
    if (outcome === 'done') return { applied };
    if (outcome === 'locked') {
      if (clock.monotonic() >= giveUpAt) throw new MigrationLockError(database.shownUrl, lockTimeoutMs);
      await sleep(1 + backoffMs(attempt++, LOCK_BACKOFF), { clock });
      continue;
    }
    attempt = 0;
    const { library, migration } = outcome;
    applied.push(`${library}/${migration.name}`);
    logger.info({ library, migration: migration.name, durationMs: Math.round(clock.monotonic() - startedAt) }, 'migration applied');
  }
}

async function nothingToDo(database: Database, sets: readonly MigrationSet[]): Promise<boolean> {
  const db = database.query<MigrationTables>();
  const { rows } =
    database.dialect === 'sqlite'
      ? await sql`select 1 from sqlite_master where type = 'table' and name = 'staddle_migration'`.execute(db)
      : await sql`select 1 from information_schema.tables where table_schema = database() and table_name = 'staddle_migration'`.execute(db);
  if (rows.length === 0) return false;
  const next = await nextStep(db, sets);
  return next === undefined;
}

/** Runs the next migration in a transaction of its own. */
async function stepOnSqlite(database: Database, sets: readonly MigrationSet[]): Promise<Step | 'done' | 'locked'> {
  let running: Step | undefined;
  try {
    return await database.transaction<MigrationTables, Step | 'done'>(async (trx) => {
      running = undefined;
      await createRecords(trx, database.dialect);
      const next = await nextStep(trx, sets);
      if (!next) return 'done';
      running = next.step;
      await next.step.migration.up(trx, database.dialect);
      await trx.insertInto('staddle_migration').values({ ...recordOf(next.step), applied_at: storeNow(database) }).execute();
      return next.step;
    });
  } catch (error) {
    if (hasCode(error, 'ERR_DATABASE_CONTENTION')) return 'locked';
    if (running) throw new MigrationFailedError(running.library, running.migration.name, 'failed; all of it was undone', error);
    throw error;
  }
}

/** Runs the next migration on a connection that holds the named lock. */
async function stepOnMysql(database: Database, sets: readonly MigrationSet[]): Promise<Step | 'done' | 'locked'> {
  return database.query<MigrationTables>().connection().execute(async (db) => {
    // Named locks belong to the whole server, hence the database's name in it; hashed, for they have at most 64 characters.
    const lock = sql`concat('staddle:', sha1(database()))`;
    const { rows } = await sql<{ taken: number | null }>`select get_lock(${lock}, 0) as taken`.execute(db);
    if (rows[0]?.taken !== 1) return 'locked';
    try {
      await createRecords(db, database.dialect);
      const next = await nextStep(db, sets);
      if (!next) return 'done';
      if (next.unfinished) throw halfWay(next.step, 'was started earlier and never finished');
      await runOnMysql(db, next.step);
      return next.step;
    } finally {
      // A lost connection has taken the lock with it; its own error is the one to report.
      await sql`select release_lock(${lock})`.execute(db).catch(() => {});
    }
  });
}

async function runOnMysql(db: Kysely<MigrationTables>, step: Step): Promise<void> {
  const record = recordOf(step);
  await db.insertInto('staddle_migration').values({ ...record, applied_at: null }).execute();
  const counter = countStatements();
  try {
    await step.migration.up(db.withPlugin(counter.plugin), 'mysql');
  } catch (error) {
    if (counter.succeeded > 0) throw halfWay(step, `failed after ${counter.succeeded} of its statements had succeeded`, error);
    try {
      await db.deleteFrom('staddle_migration').where('library', '=', record.library).where('name', '=', record.name).execute();
    } catch {
      // The connection is lost, and with it the answer to the first statement.
      throw halfWay(step, 'failed, and whether its first statement took effect is unknown', error);
    }
    throw new MigrationFailedError(step.library, step.migration.name, 'failed before any of its statements succeeded; nothing was changed', error);
  }
  await db
    .updateTable('staddle_migration')
    .set({ applied_at: storeNow('mysql') })
    .where('library', '=', record.library)
    .where('name', '=', record.name)
    .execute();
}

function halfWay({ library, migration: { name } }: Step, what: string, cause?: unknown): MigrationFailedError {
  const where = `WHERE library = '${library}' AND name = '${name}'`;
  return new MigrationFailedError(
    library,
    name,
    `${what}, and MySQL does not undo DDL. Bring the schema to the state before it and run "DELETE FROM staddle_migration ${where}", ` +
      `or to the state after it and run "UPDATE staddle_migration SET applied_at = 1 ${where}"`,
    cause,
  );
}

async function createRecords(db: Kysely<MigrationTables>, dialect: Dialect): Promise<void> {
  const { asciiKey, epochMs } = columns(dialect);
  await createTable(db, dialect, 'staddle_migration')
    .ifNotExists()
    .addColumn('library', asciiKey(64), (column) => column.notNull())
    .addColumn('name', asciiKey(128), (column) => column.notNull())
    // Null while it runs, and for ever when it stopped half-way.
    .addColumn('applied_at', epochMs)
    .addPrimaryKeyConstraint('staddle_migration_pk', ['library', 'name'])
    .execute();
}

/** The first migration that is not recorded as applied; undefined when all are. */
async function nextStep(db: Kysely<MigrationTables>, sets: readonly MigrationSet[]): Promise<NextStep | undefined> {
  const records = await db.selectFrom('staddle_migration').selectAll().execute();
  let next: NextStep | undefined;
  for (const { library, migrations } of sets) {
    const own = records.filter((record) => record.library === library);
    const recorded = new Map(own.map((record) => [record.name, record.applied_at]));
    let firstMissing: string | undefined;
    for (const migration of migrations) {
      const appliedAt = recorded.get(migration.name);
      if (appliedAt !== undefined && firstMissing !== undefined) {
        const rule = `sorts before ${migration.name}, which is already applied; new migrations go to the end`;
        throw new MigrationHistoryError(library, firstMissing, rule);
      }
      if (appliedAt === undefined) firstMissing ??= migration.name;
      if (typeof appliedAt !== 'number') next ??= { step: { library, migration }, unfinished: appliedAt === null };
      recorded.delete(migration.name);
    }
    for (const unknown of recorded.keys()) {
      const rule = 'is applied in the database and unknown to this program, which is older than the schema';
      throw new MigrationHistoryError(library, unknown, rule);
    }
  }
  return next;
}

function recordOf({ library, migration }: Step): { library: string; name: string } {
  return { library, name: migration.name };
}

// A plugin sees each statement, which it frees of the deadline, and each result, hence each statement that succeeded.
function countStatements(): { readonly plugin: KyselyPlugin; readonly succeeded: number } {
  let succeeded = 0;
  const plugin: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      unhurriedQueries.add(queryId);
      return node;
    },
    async transformResult({ result }) {
      succeeded++;
      return result;
    },
  };
  return {
    plugin,
    get succeeded() {
      return succeeded;
    },
  };
}
