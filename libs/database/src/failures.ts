import { hasCode } from '@staddle/kernel';

/**
 * What a raw error of node:sqlite or mysql2 means.
 * - `lost`: the connection broke, so what the last statement did is unknown. `unavailable`: the database says it cannot
 *   do it now. `refused`: it says no for good.
 * - `busy`: nothing was done, another SQLite connection writes. `lock`: a lock wait of MySQL took too long; the statement is undone.
 * - `deadlock`: the whole transaction is undone. `unique`: a unique key forbids the row. `range`: a number would be rounded.
 */
export type Failure = 'lost' | 'unavailable' | 'refused' | 'busy' | 'lock' | 'deadlock' | 'unique' | 'range';

// https://www.sqlite.org/rescode.html: primary codes; the extended code carries the primary one in its low byte.
const SQLITE_PRIMARY: Readonly<Record<number, Failure>> = {
  5: 'busy', // SQLITE_BUSY, with _SNAPSHOT, _RECOVERY and _TIMEOUT
  6: 'busy', // SQLITE_LOCKED
  8: 'refused', // SQLITE_READONLY
  10: 'unavailable', // SQLITE_IOERR
  11: 'refused', // SQLITE_CORRUPT
  13: 'unavailable', // SQLITE_FULL: no space on the disk
  14: 'unavailable', // SQLITE_CANTOPEN
  15: 'busy', // SQLITE_PROTOCOL: many open the same WAL file at once
  26: 'refused', // SQLITE_NOTADB
};
const SQLITE_UNIQUE = new Set([1555, 2067, 2579]); // SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE, _ROWID

// https://mariadb.com/kb/en/mariadb-error-code-reference/ and the MySQL server error reference.
const MYSQL_ERRNO: Readonly<Record<number, Failure>> = {
  1040: 'unavailable', // ER_CON_COUNT_ERROR: too many connections
  1042: 'unavailable', // ER_BAD_HOST_ERROR
  1043: 'unavailable', // ER_HANDSHAKE_ERROR
  1047: 'unavailable', // ER_UNKNOWN_COM_ERROR: a Galera node that is not in the cluster
  1053: 'unavailable', // ER_SERVER_SHUTDOWN
  1077: 'unavailable', // ER_NORMAL_SHUTDOWN
  1152: 'unavailable', // ER_ABORTING_CONNECTION
  1203: 'unavailable', // ER_TOO_MANY_USER_CONNECTIONS
  1226: 'unavailable', // ER_USER_LIMIT_REACHED
  1290: 'unavailable', // ER_OPTION_PREVENTS_STATEMENT: read-only during a failover
  1317: 'unavailable', // ER_QUERY_INTERRUPTED: somebody killed the statement, who does not want to see it again at once
  1836: 'unavailable', // ER_READ_ONLY_MODE
  1927: 'unavailable', // ER_CONNECTION_KILLED (MariaDB)
  1969: 'unavailable', // ER_STATEMENT_TIMEOUT: longer than the server allows (MariaDB)
  3024: 'unavailable', // ER_QUERY_TIMEOUT: the same on MySQL
  4031: 'unavailable', // ER_CLIENT_INTERACTION_TIMEOUT: the server gave up an idle connection (MySQL)
  1044: 'refused', // ER_DBACCESS_DENIED_ERROR
  1045: 'refused', // ER_ACCESS_DENIED_ERROR
  1049: 'refused', // ER_BAD_DB_ERROR
  1698: 'refused', // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
  1205: 'lock', // ER_LOCK_WAIT_TIMEOUT
  3572: 'lock', // ER_LOCK_NOWAIT
  1213: 'deadlock', // ER_LOCK_DEADLOCK
  1020: 'deadlock', // ER_CHECKREAD with innodb_snapshot_isolation (MariaDB)
  1062: 'unique', // ER_DUP_ENTRY
  1586: 'unique', // ER_DUP_ENTRY_WITH_KEY_NAME
};

const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'PROTOCOL_ENQUEUE_AFTER_QUIT',
  'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR',
]);

const TRANSIENT_CODES = [
  'ERR_DATABASE_ACQUIRE_TIMEOUT',
  'ERR_DATABASE_CONTENTION',
  'ERR_DATABASE_MIGRATION_LOCK',
  'ERR_DATABASE_UNAVAILABLE',
];

/** Undefined for everything that is the statement's own fault. */
export function classifyFailure(error: unknown): Failure | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, errcode, errno, fatal, syscall } = error as Record<string, unknown>;
  if (code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number') {
    return SQLITE_UNIQUE.has(errcode) ? 'unique' : SQLITE_PRIMARY[errcode & 0xff];
  }
  if (code === 'ERR_OUT_OF_RANGE') return 'range';
  if (typeof errno === 'number' && errno > 0 && errno in MYSQL_ERRNO) return MYSQL_ERRNO[errno];
  // The folder of a SQLite file cannot be made: a disk that is not mounted yet, a missing right.
  if (syscall === 'mkdir') return 'unavailable';
  if (typeof code === 'string' && CONNECTION_CODES.has(code)) return 'lost';
  // mysql2 marks protocol and socket errors that have no code of their own as fatal: the connection is gone.
  return fatal === true ? 'lost' : undefined;
}

/** True when a row was refused because a primary or unique key already holds its value. */
export function isUniqueViolation(error: unknown): boolean {
  return classifyFailure(error) === 'unique';
}

/** True when the same statement or transaction may succeed later: contention, a broken connection, a full pool. */
export function isTransient(error: unknown): boolean {
  if (TRANSIENT_CODES.some((code) => hasCode(error, code))) return true;
  const failure = classifyFailure(error);
  return failure === 'lost' || failure === 'unavailable' || isContention(failure);
}

export function isContention(failure: Failure | undefined): boolean {
  return failure === 'busy' || failure === 'lock' || failure === 'deadlock';
}
