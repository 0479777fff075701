export { autoIncrement, columns, createTable, type Columns } from './columns.ts';
export { openDatabase, type Database, type DatabaseOptions, type TransactionOptions } from './database.ts';
export { dialectOf, type Dialect, type DialectSource } from './dialect.ts';
export {
  DatabaseAcquireTimeoutError,
  DatabaseClosedError,
  DatabaseContentionError,
  DatabaseDriverMissingError,
  DatabaseRefusedError,
  DatabaseUnavailableError,
  DatabaseUrlError,
  DatabaseValueError,
  MigrationFailedError,
  MigrationHistoryError,
  MigrationLockError,
  type DatabaseErrorCode,
} from './errors.ts';
export { isTransient, isUniqueViolation } from './failures.ts';
export { migrate, type MigrateOptions } from './migrate.ts';
export { type Migration, type MigrationSet } from './migration.ts';
export { forUpdate, insertIgnore, skipLocked, storeNow, upsert, type UpsertOptions } from './statements.ts';
export { parseDatabaseUrl, type DatabaseUrl, type Revealable } from './url.ts';
