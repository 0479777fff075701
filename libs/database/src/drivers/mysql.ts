import { createPool, type FieldPacket, type Pool, type PoolConnection, type QueryResult, type ResultSetHeader } from 'mysql2';
import type { SqlConnection, SqlDriver, SqlResult, SqlValue } from '../driver.ts';
import { DatabaseValueError } from '../errors.ts';

export interface MysqlDriverOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Connections in use at once. */
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
  /** Longest wait for a row lock; the server knows whole seconds only. */
  readonly lockTimeoutMs: number;
}

// STRICT: a value that does not fit is an error, as in SQLite's STRICT tables. Neither ANSI_QUOTES nor
// NO_BACKSLASH_ESCAPES may be set, for mysql2 escapes values by the rules of their absence.
const SQL_MODE = 'STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';

/** A pool of mysql2 connections, each set up with {@link SESSION} before its first use. */
export function mysqlDriver(options: MysqlDriverOptions): SqlDriver {
  const { host, port, user, password, database, maxConnections, connectTimeoutMs, lockTimeoutMs } = options;
  const pool = createPool({
    host,
    port,
    user,
    password,
    database,
    connectionLimit: maxConnections,
    connectTimeout: connectTimeoutMs,
    charset: 'UTF8MB4_BIN',
    supportBigNumbers: true,
    dateStrings: true,
    multipleStatements: false,
    // An object as parameter would otherwise become `key` = value pairs; the core refuses objects before they come here.
    stringifyObjects: true,
  });
  const ready = new WeakSet<PoolConnection>();
  const session = [
    `set time_zone = '+00:00', sql_mode = '${SQL_MODE}', innodb_lock_wait_timeout = ${Math.max(1, Math.ceil(lockTimeoutMs / 1_000))}`,
    // Fewer gap locks than REPEATABLE READ, hence fewer deadlocks; every statement sees what is committed.
    'set session transaction isolation level read committed',
  ];
  return {
    maxConnections,
    async connect() {
      const raw = await fromPool(pool);
      if (!ready.has(raw)) {
        try {
          for (const statement of session) await send(raw, statement, []);
        } catch (error) {
          raw.destroy();
          throw error;
        }
        ready.add(raw);
      }
      return mysqlConnection(raw);
    },
    close: () => new Promise((resolve, reject) => pool.end((error) => (error ? reject(error) : resolve()))),
  };
}

function mysqlConnection(raw: PoolConnection): SqlConnection {
  return {
    beginWrite: 'start transaction',
    beginRead: 'start transaction read only',
    isolation: (level) => `set transaction isolation level ${level}`,
    async execute(sql, parameters): Promise<SqlResult> {
      const [result, fields] = await send(raw, sql, parameters);
      if (!Array.isArray(result)) {
        const { affectedRows, insertId } = result as ResultSetHeader;
        return { rows: [], affectedRows: BigInt(affectedRows), ...(insertId ? { insertId: BigInt(insertId) } : {}) };
      }
      const decode = rowDecoder(fields);
      const rows = result as Record<string, unknown>[];
      if (decode) rows.forEach(decode);
      return { rows };
    },
    async *stream(sql, parameters) {
      let decode: RowDecoder | undefined;
      const query = raw.query(sql, [...parameters]);
      query.on('fields', (fields: FieldPacket[]) => (decode = rowDecoder(fields)));
      let finished = false;
      try {
        for await (const row of query.stream() as AsyncIterable<Record<string, unknown>>) {
          decode?.(row);
          yield row;
        }
        finished = true;
      } finally {
        // Rows that nobody read are still on their way and would answer the next statement.
        if (!finished) raw.destroy();
      }
    },
    // The server does not tell; the core knows which errors end a transaction.
    inTransaction: () => true,
    release: () => raw.release(),
    destroy: () => raw.destroy(),
  };
}

function fromPool(pool: Pool): Promise<PoolConnection> {
  return new Promise((resolve, reject) => pool.getConnection((error, connection) => (error ? reject(error) : resolve(connection))));
}

// query(), not execute(): prepared statements bind every JS number as DOUBLE (LIMIT ? fails, bit masks lose their type)
// and count against max_prepared_stmt_count. The literals are exact: the core lets nothing but scalars through.
function send(raw: PoolConnection, sql: string, parameters: readonly SqlValue[]): Promise<[QueryResult, FieldPacket[]]> {
  return new Promise((resolve, reject) => {
    raw.query(sql, [...parameters], (error, result, fields) => {
      if (!error) {
        resolve([result, fields]);
        return;
      }
      // mysql2 puts the statement with its values filled in on the error, from where they would go to the log.
      if ('sql' in error) error.sql = sql;
      reject(error);
    });
  });
}

type RowDecoder = (row: Record<string, unknown>) => void;

const LONGLONG = 8;
const NEWDECIMAL = 246;

/**
 * BIGINT and scale-less DECIMAL (the type of SUM over integers) become numbers, as SQLite gives them. mysql2 returns
 * text for what a number cannot hold exactly: that is an error, never a silent change of type.
 */
function rowDecoder(fields: readonly FieldPacket[]): RowDecoder | undefined {
  const integers = fields.filter(({ columnType, decimals }) => columnType === LONGLONG || (columnType === NEWDECIMAL && decimals === 0)).map(({ name }) => name);
  if (integers.length === 0) return undefined;
  return (row) => {
    for (const name of integers) {
      const value = row[name];
      if (typeof value !== 'string') continue;
      const number = Number(value);
      if (!Number.isSafeInteger(number)) {
        throw new DatabaseValueError(`integer ${value} of column ${name}`, 'is too large for a number; select cast(… as char) and use BigInt');
      }
      row[name] = number;
    }
  };
}
