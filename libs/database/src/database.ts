import { backoffMs, hasCode, silentLogger, sleep, systemClock, type Clock, type Logger } from '@staddle/kernel';
import {
  Kysely,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type Dialect as KyselyDialect,
  type IsolationLevel,
  type Transaction,
} from 'kysely';
import type { Dialect } from './dialect.ts';
import type { SqlDriver } from './driver.ts';
import { DatabaseDriverMissingError } from './errors.ts';
import { KyselyDriver } from './kysely-driver.ts';
import { BUSY_BACKOFF } from './session.ts';
import { parseDatabaseUrl, type DatabaseUrl, type Revealable } from './url.ts';

export interface DatabaseOptions {
  /** `sqlite::memory:`, `sqlite:file.db`, `mysql://user:password@host:port/database` or `mariadb://…`. */
  readonly url: string | Revealable;
  readonly logger?: Logger;
  /** Measures deadlines and pauses. Default: the system clock, also for tests that move theirs: a database answers in real time. */
  readonly clock?: Clock;
  readonly pool?: {
    /** Connections in use at once. Default 10. SQLite always has one. */
    readonly max?: number;
    /** Longest wait for a free connection. Default 5000. */
    readonly acquireTimeoutMs?: number;
    /** Longest wait for the server's greeting. Default 5000. */
    readonly connectTimeoutMs?: number;
  };
  /** Longest wait for a lock that another transaction holds. Default 5000. MySQL rounds up to whole seconds. */
  readonly lockTimeoutMs?: number;
  /** Longest wait for the answer to one statement, migrations excepted. Default 60000. Not on SQLite, which cannot be interrupted. */
  readonly statementTimeoutMs?: number;
}

export interface TransactionOptions {
  /** Default: the transaction may write. On SQLite a reading transaction does not take the write lock. */
  readonly readOnly?: boolean;
  /** MySQL: default read committed. SQLite transactions are always serializable. */
  readonly isolationLevel?: Exclude<IsolationLevel, 'snapshot'>;
  /** How often `run` is called at most when other transactions are in the way. Default 8. */
  readonly maxAttempts?: number;
}

/**
 * One SQLite file or one MySQL/MariaDB database, shared by all libraries of a process.
 *
 * 1. Opening never fails for an absent server: the first query does, with `ERR_DATABASE_UNAVAILABLE`, and so does every
 *    later one until the server is back. Nothing needs to be reopened.
 * 2. Both dialects give and take the same values: exact integers as numbers, text, bytes, null.
 * 3. A transaction that lost against others is undone completely and run again.
 */
export interface Database {
  readonly dialect: Dialect;
  /** The URL without its password. */
  readonly shownUrl: string;
  /** The one pool, seen through a library's own table types. */
  query<Tables>(): Kysely<Tables>;
  /**
   * Runs `run` in a transaction that may write, and commits when it resolves. After a deadlock, a lock wait that took
   * too long or a busy SQLite file the transaction is undone and `run` is called again, after a random pause.
   * So `run` must be repeatable: everything it does outside of `trx` may happen several times.
   * @throws DatabaseContentionError (`ERR_DATABASE_CONTENTION`) when it lost `maxAttempts` times
   * @throws DatabaseUnavailableError (`ERR_DATABASE_UNAVAILABLE`); with `outcomeUnknown` when the answer to COMMIT was lost
   */
  transaction<Tables, T>(run: (trx: Transaction<Tables>) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Resolves when the database answered within `timeoutMs` (default 1000). */
  ping(options?: { readonly timeoutMs?: number }): Promise<void>;
  /** Refuses new work, waits up to `timeoutMs` (default 5000) for connections in use, and closes them. */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
}

const DEFAULTS = Object.freeze({
  poolMax: 10,
  acquireTimeoutMs: 5_000,
  connectTimeoutMs: 5_000,
  lockTimeoutMs: 5_000,
  // Beyond the longest lock wait by far; it ends the wait for a server whose machine is gone, which TCP notices after a quarter of an hour.
  statementTimeoutMs: 60_000,
  maxAttempts: 8,
  pingTimeoutMs: 1_000,
  closeTimeoutMs: 5_000,
});

// Long enough that the winner of a deadlock has mostly committed before the loser comes back.
const RETRY_BACKOFF = { baseMs: 20, capMs: 1_000 } as const;

/**
 * Opens lazily: nothing is connected before the first query.
 * @throws DatabaseUrlError (`ERR_DATABASE_URL`)
 */
export function openDatabase(options: DatabaseOptions): Database {
  const url = parseDatabaseUrl(options.url);
  const { clock = systemClock, logger = silentLogger, lockTimeoutMs = DEFAULTS.lockTimeoutMs, pool = {} } = options;
  const maxConnections = url.dialect === 'sqlite' ? 1 : (pool.max ?? DEFAULTS.poolMax);
  const driver = new KyselyDriver({
    shownUrl: url.shown,
    clock,
    acquireTimeoutMs: pool.acquireTimeoutMs ?? DEFAULTS.acquireTimeoutMs,
    lockTimeoutMs,
    statementTimeoutMs: url.dialect === 'sqlite' ? undefined : (options.statementTimeoutMs ?? DEFAULTS.statementTimeoutMs),
    maxConnections,
    load: () => loadDriver(url, { connectTimeoutMs: pool.connectTimeoutMs ?? DEFAULTS.connectTimeoutMs, lockTimeoutMs }),
  });
  const kysely = new Kysely<unknown>({ dialect: kyselyDialect(url.dialect, driver) });

  return {
    dialect: url.dialect,
    shownUrl: url.shown,
    query: <Tables>() => kysely as unknown as Kysely<Tables>,
    ping: ({ timeoutMs = DEFAULTS.pingTimeoutMs } = {}) => driver.ping(timeoutMs),
    close: ({ timeoutMs = DEFAULTS.closeTimeoutMs } = {}) => driver.close(timeoutMs),

    async transaction<Tables, T>(run: (trx: Transaction<Tables>) => Promise<T>, transactionOptions: TransactionOptions = {}): Promise<T> {
      const { maxAttempts = DEFAULTS.maxAttempts, readOnly = false, isolationLevel } = transactionOptions;
      let builder = kysely.transaction().setAccessMode(readOnly ? 'read only' : 'read write');
      if (isolationLevel) builder = builder.setIsolationLevel(isolationLevel);
      const giveUpAt = clock.monotonic() + lockTimeoutMs;
      let runs = 0;
      for (let attempt = 0; ; attempt++) {
        const runsBefore = runs;
        try {
          return await builder.execute((trx) => {
            runs++;
            return run(trx as unknown as Transaction<Tables>);
          });
        } catch (error) {
          if (!hasCode(error, 'ERR_DATABASE_CONTENTION')) throw error;
          // BEGIN found the SQLite file busy: nothing was attempted, so time counts and not attempts.
          const waiting = runs === runsBefore;
          if (waiting ? clock.monotonic() >= giveUpAt : runs >= maxAttempts) throw error;
          if (!waiting) logger.debug({ err: error, attempt: runs }, 'transaction runs again');
          await sleep(1 + backoffMs(waiting ? attempt : runs - 1, waiting ? BUSY_BACKOFF : RETRY_BACKOFF), { clock });
        }
      }
    },
  };
}

// Loaded when first needed, so that a user of SQLite needs no mysql2.
async function loadDriver(url: DatabaseUrl, timeouts: { connectTimeoutMs: number; lockTimeoutMs: number }): Promise<SqlDriver> {
  if (url.dialect === 'sqlite') {
    const { sqliteDriver } = await import('./drivers/sqlite.ts');
    return sqliteDriver(url);
  }
  try {
    const { mysqlDriver } = await import('./drivers/mysql.ts');
    return mysqlDriver({ ...url, ...timeouts });
  } catch (error) {
    if (hasCode(error, 'ERR_MODULE_NOT_FOUND')) throw new DatabaseDriverMissingError('mysql2', url.shown, error);
    throw error;
  }
}

// Our gate replaces Kysely's mutex for the single connection, which would wait without a deadline.
class SqliteManyCallersAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

function kyselyDialect(dialect: Dialect, driver: KyselyDriver): KyselyDialect {
  return dialect === 'sqlite'
    ? {
        createDriver: () => driver,
        createQueryCompiler: () => new SqliteQueryCompiler(),
        createAdapter: () => new SqliteManyCallersAdapter(),
        createIntrospector: (db) => new SqliteIntrospector(db),
      }
    : {
        createDriver: () => driver,
        createQueryCompiler: () => new MysqlQueryCompiler(),
        createAdapter: () => new MysqlAdapter(),
        createIntrospector: (db) => new MysqlIntrospector(db),
      };
}
