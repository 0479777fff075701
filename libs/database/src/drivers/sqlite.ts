import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { SqlConnection, SqlDriver, SqlResult, SqlValue } from '../driver.ts';

export interface SqliteDriverOptions {
  /** Absolute path or `:memory:`. */
  readonly file: string;
}

// node:sqlite is synchronous: while SQLite itself waits for a lock, nothing else runs in this process. It may therefore
// only wait out what takes a moment (the other side is between two system calls); the core waits for the rest asynchronously.
const BUSY_TIMEOUT_MS = 2;

// Bounds the memory of a program that builds endlessly many SQL texts; ours have a few hundred.
const STATEMENT_CACHE_SIZE = 500;

/** One connection to one file, opened at first use. */
export function sqliteDriver({ file }: SqliteDriverOptions): SqlDriver {
  let connection: SqliteConnection | undefined;
  return {
    async connect() {
      // An in-memory database lives in its connection; a file may be opened again after destroy().
      connection = connection?.isOpen ? connection : new SqliteConnection(openFile(file));
      return connection;
    },
    async close() {
      connection?.destroy();
    },
    destroy: () => connection?.destroy(),
  };
}

function openFile(file: string): DatabaseSync {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true });
  const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
  try {
    // WAL: readers and the one writer do not block each other. NORMAL: a power cut may lose the last commits, never
    // the file; a killed process loses nothing (https://www.sqlite.org/pragma.html#pragma_synchronous).
    db.exec('pragma journal_mode = wal; pragma synchronous = normal');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

class SqliteConnection implements SqlConnection {
  // IMMEDIATE takes the write lock at once. A transaction that reads first and upgrades later fails with
  // SQLITE_BUSY_SNAPSHOT as soon as anyone wrote in between, and waiting does not help it.
  readonly beginWrite = 'begin immediate';
  readonly beginRead = 'begin deferred';
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, { readonly statement: StatementSync; readonly returnsRows: boolean }>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  get isOpen(): boolean {
    return this.#db.isOpen;
  }

  isolation(): undefined {
    return undefined;
  }

  async execute(sql: string, parameters: readonly SqlValue[]): Promise<SqlResult> {
    const { statement, returnsRows } = this.#prepare(sql);
    const bound = parameters.map(exactly);
    if (returnsRows) return { rows: statement.all(...bound) as Record<string, unknown>[] };
    const { changes, lastInsertRowid } = statement.run(...bound);
    return { rows: [], affectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  async *stream(sql: string, parameters: readonly SqlValue[]): AsyncIterable<Record<string, unknown>> {
    // Not from the cache: an iterator that is left open would hold the cached statement.
    yield* this.#db.prepare(sql).iterate(...parameters.map(exactly)) as Iterable<Record<string, unknown>>;
  }

  inTransaction(): boolean {
    return this.#db.isOpen && this.#db.isTransaction;
  }

  release(): void {}

  destroy(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #prepare(sql: string): { readonly statement: StatementSync; readonly returnsRows: boolean } {
    let cached = this.#statements.get(sql);
    // Deleting and setting again keeps the map in order of last use.
    if (cached) this.#statements.delete(sql);
    else {
      const statement = this.#db.prepare(sql);
      cached = { statement, returnsRows: statement.columns().length > 0 };
      for (const oldest of this.#statements.keys()) {
        if (this.#statements.size < STATEMENT_CACHE_SIZE) break;
        this.#statements.delete(oldest);
      }
    }
    this.#statements.set(sql, cached);
    return cached;
  }
}

// node:sqlite binds every JS number as REAL: 5 would be stored as '5.0' in a TEXT column and `? + 1` would be 6.0.
function exactly(value: SqlValue): SqlValue {
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;
}
