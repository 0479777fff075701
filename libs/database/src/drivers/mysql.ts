import { connect as openSocket, type Socket } from 'node:net';
import { createConnection, type Connection, type FieldPacket, type QueryResult, type ResultSetHeader } from 'mysql2';
import type { SqlConnection, SqlDriver, SqlResult, SqlValue } from '../driver.ts';
import { DatabaseValueError } from '../errors.ts';
import { INEXACT_INTEGER } from '../values.ts';

export interface MysqlDriverOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Longest wait for TCP, the server's greeting and the login together. */
  readonly connectTimeoutMs: number;
  /** Longest wait for a row lock; the server knows whole seconds only. */
  readonly lockTimeoutMs: number;
}

// STRICT: a value that does not fit is an error, as in SQLite's STRICT tables. Neither ANSI_QUOTES nor
// NO_BACKSLASH_ESCAPES may be set, for mysql2 escapes values by the rules of their absence.
const SQL_MODE = 'STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';

// Shorter than the 350 s after which common NAT gateways and load balancers forget a silent connection.
const KEEP_ALIVE_MS = 60_000;

/** Connections to one server, kept for reuse; the core bounds their number. */
export function mysqlDriver(options: MysqlDriverOptions): SqlDriver {
  const idle: MysqlConnection[] = [];
  const open = new Set<MysqlConnection>();
  const lockWaitSeconds = Math.max(1, Math.ceil(options.lockTimeoutMs / 1_000));
  const session = [
    `set time_zone = '+00:00', sql_mode = '${SQL_MODE}', innodb_lock_wait_timeout = ${lockWaitSeconds}`,
    // Fewer gap locks than REPEATABLE READ, hence fewer deadlocks; every statement sees what is committed.
    'set session transaction isolation level read committed',
  ];

  const dial = async (): Promise<MysqlConnection> => {
    const connection = new MysqlConnection(options, { onIdle: () => idle.push(connection), onClosed: () => forget(connection) });
    open.add(connection);
    try {
      await connection.ready;
      for (const statement of session) await connection.execute(statement, []);
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  };
  const forget = (connection: MysqlConnection): void => {
    open.delete(connection);
    const index = idle.indexOf(connection);
    if (index >= 0) idle.splice(index, 1);
  };

  return {
    // The one used last is the one most likely to be alive.
    connect: async () => idle.pop() ?? dial(),
    async close() {
      await Promise.all([...open].map((connection) => connection.end()));
    },
    destroy() {
      for (const connection of open) connection.destroy();
    },
  };
}

class MysqlConnection implements SqlConnection {
  readonly beginWrite = 'start transaction';
  readonly beginRead = 'start transaction read only';
  /** Resolves after the login. */
  readonly ready: Promise<void>;
  readonly #socket: Socket;
  readonly #raw: Connection;
  readonly #onIdle: () => void;

  constructor(options: MysqlDriverOptions, events: { readonly onIdle: () => void; readonly onClosed: () => void }) {
    const { host, port, user, password, database, connectTimeoutMs } = options;
    this.#onIdle = events.onIdle;
    // Our own socket: mysql2's destroy() only says goodbye, and waits for a server that may be gone to say it too.
    this.#socket = openSocket({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    this.#socket.once('close', events.onClosed);
    this.#raw = createConnection({
      stream: () => this.#socket,
      user,
      password,
      database,
      connectTimeout: connectTimeoutMs,
      charset: 'UTF8MB4_BIN',
      supportBigNumbers: true,
      dateStrings: true,
      multipleStatements: false,
      // An object as parameter would otherwise become `key` = value pairs; the core refuses objects before they come here.
      stringifyObjects: true,
    });
    this.ready = new Promise((resolve, reject) => this.#raw.connect((error) => (error ? reject(error) : resolve())));
    // Faults reach whoever waits for an answer. Without a listener an idle connection that breaks would end the process.
    this.#raw.on('error', () => this.#socket.destroy());
  }

  isolation(level: string): string {
    return `set transaction isolation level ${level}`;
  }

  async execute(sql: string, parameters: readonly SqlValue[]): Promise<SqlResult> {
    const [result, fields] = await this.#send(sql, parameters);
    if (!Array.isArray(result)) {
      const { affectedRows, insertId } = result as ResultSetHeader;
      return { rows: [], affectedRows: BigInt(affectedRows), ...(insertId ? { insertId: BigInt(insertId) } : {}) };
    }
    const decode = rowDecoder(fields);
    const rows = result as Record<string, unknown>[];
    if (decode) rows.forEach(decode);
    return { rows };
  }

  async *stream(sql: string, parameters: readonly SqlValue[]): AsyncIterable<Record<string, unknown>> {
    let decode: RowDecoder | undefined;
    const query = this.#raw.query(sql, [...parameters]);
    query.on('fields', (fields: FieldPacket[]) => (decode = rowDecoder(fields)));
    let finished = false;
    try {
      for await (const row of query.stream() as AsyncIterable<Record<string, unknown>>) {
        decode?.(row);
        yield row;
      }
      finished = true;
    } catch (error) {
      throw withoutValues(error, sql);
    } finally {
      // Rows that nobody read are still on their way and would answer the next statement.
      if (!finished) this.destroy();
    }
  }

  // The server does not tell; the core knows which errors end a transaction.
  inTransaction(): boolean {
    return true;
  }

  release(): void {
    if (!this.#socket.destroyed) this.#onIdle();
  }

  end(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) return resolve();
      this.#socket.once('close', () => resolve());
      this.#raw.end();
    });
  }

  // mysql2 hears the socket close and fails what was waiting for an answer.
  destroy(): void {
    this.#socket.destroy();
  }

  // query(), not execute(): prepared statements bind every JS number as DOUBLE (LIMIT ? fails, bit masks lose their type)
  // and count against max_prepared_stmt_count. The literals are exact: the core lets nothing but scalars through.
  #send(sql: string, parameters: readonly SqlValue[]): Promise<[QueryResult, FieldPacket[]]> {
    return new Promise((resolve, reject) => {
      this.#raw.query(sql, [...parameters], (error, result, fields) => {
        if (error) reject(withoutValues(error, sql));
        else resolve([result, fields]);
      });
    });
  }
}

// mysql2 puts the statement with its values filled in on the error, from where they would go to the log.
function withoutValues(error: unknown, sql: string): unknown {
  if (typeof error === 'object' && error !== null && 'sql' in error) error.sql = sql;
  return error;
}

type RowDecoder = (row: Record<string, unknown>) => void;

const LONGLONG = 8;
const NEWDECIMAL = 246;

/**
 * BIGINT and scale-less DECIMAL (the type of SUM over integers) become numbers, as SQLite gives them. mysql2 returns
 * text for what a number cannot hold exactly: that is an error, never a silent change of type.
 */
function rowDecoder(fields: readonly FieldPacket[]): RowDecoder | undefined {
  const integers = fields
    .filter(({ columnType, decimals }) => columnType === LONGLONG || (columnType === NEWDECIMAL && decimals === 0))
    .map(({ name }) => name);
  if (integers.length === 0) return undefined;
  return (row) => {
    for (const name of integers) {
      const value = row[name];
      if (typeof value !== 'string') continue;
      const number = Number(value);
      if (!Number.isSafeInteger(number)) throw new DatabaseValueError(`integer ${value} of column ${name}`, INEXACT_INTEGER);
      row[name] = number;
    }
  };
}
