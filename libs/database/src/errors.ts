import { StaddleError } from '@staddle/kernel';

/** A database URL that cannot be used. The message never shows the password. */
export class DatabaseUrlError extends StaddleError {
  override readonly code = 'ERR_DATABASE_URL';
  override readonly field = 'url';

  constructor(shownUrl: string, rule: string) {
    super(`database URL "${shownUrl}" ${rule}`);
  }
}

/** The npm package of the dialect's driver is not installed. */
export class DatabaseDriverMissingError extends StaddleError {
  override readonly code = 'ERR_DATABASE_DRIVER_MISSING';

  constructor(packageName: string, shownUrl: string, cause: unknown) {
    super(`${shownUrl} needs the npm package ${packageName}, which is not installed`, { cause });
  }
}

/** The server or file cannot be reached, or the connection broke. */
export class DatabaseUnavailableError extends StaddleError {
  override readonly code = 'ERR_DATABASE_UNAVAILABLE';
  override readonly retryable = true;
  /** True when a write or COMMIT was sent and its answer never came: it may or may not have happened. */
  readonly outcomeUnknown: boolean;

  constructor(shownUrl: string, reason: string, options: { readonly cause?: unknown; readonly outcomeUnknown?: boolean | undefined } = {}) {
    super(`database ${shownUrl} is unavailable: ${reason}`, { cause: options.cause });
    this.outcomeUnknown = options.outcomeUnknown ?? false;
  }
}

/** The server or file is there and refuses: wrong password, no such database, not a database file. Waiting does not help. */
export class DatabaseRefusedError extends StaddleError {
  override readonly code = 'ERR_DATABASE_REFUSED';

  constructor(shownUrl: string, reason: string, cause: unknown) {
    super(`database ${shownUrl} refused the connection: ${reason}`, { cause });
  }
}

/** No connection of the pool became free in time. */
export class DatabaseAcquireTimeoutError extends StaddleError {
  override readonly code = 'ERR_DATABASE_ACQUIRE_TIMEOUT';
  override readonly retryable = true;
  readonly poolSize: number;
  readonly waitedMs: number;

  constructor(shownUrl: string, poolSize: number, waitedMs: number) {
    const hint = poolSize === 1 ? '; a query outside of `trx` inside of a transaction waits for itself' : '';
    super(`no connection to ${shownUrl} became free within ${waitedMs} ms; all ${poolSize} of the pool are in use${hint}`);
    this.poolSize = poolSize;
    this.waitedMs = waitedMs;
  }
}

/** The database was closed by this process. */
export class DatabaseClosedError extends StaddleError {
  override readonly code = 'ERR_DATABASE_CLOSED';

  constructor(shownUrl: string) {
    super(`database ${shownUrl} was closed by this process`);
  }
}

/** Other transactions were in the way: a deadlock, a lock wait that took too long, a busy SQLite file. */
export class DatabaseContentionError extends StaddleError {
  override readonly code = 'ERR_DATABASE_CONTENTION';
  override readonly retryable = true;

  constructor(reason: string, cause: unknown) {
    super(`other transactions were in the way: ${reason}`, { cause });
  }
}

/** A parameter or result that cannot be passed on exactly. */
export class DatabaseValueError extends StaddleError {
  override readonly code = 'ERR_DATABASE_VALUE';

  constructor(what: string, rule: string, cause?: unknown) {
    super(`${what} ${rule}`, { cause });
  }
}

/** Another process held the migration lock for too long. */
export class MigrationLockError extends StaddleError {
  override readonly code = 'ERR_DATABASE_MIGRATION_LOCK';
  override readonly retryable = true;
  readonly waitedMs: number;

  constructor(shownUrl: string, waitedMs: number) {
    super(`another process held the migration lock of ${shownUrl} for the whole ${waitedMs} ms of waiting`);
    this.waitedMs = waitedMs;
  }
}

/** The migrations that the code declares and those that the database has recorded do not fit together. */
export class MigrationHistoryError extends StaddleError {
  override readonly code = 'ERR_DATABASE_MIGRATION_HISTORY';
  readonly library: string;
  readonly migration: string;

  constructor(library: string, migration: string, rule: string) {
    super(`migration ${library}/${migration} ${rule}`);
    this.library = library;
    this.migration = migration;
  }
}

/** A migration threw, or one that threw earlier has left the schema half-way. */
export class MigrationFailedError extends StaddleError {
  override readonly code = 'ERR_DATABASE_MIGRATION';
  readonly library: string;
  readonly migration: string;

  constructor(library: string, migration: string, state: string, cause?: unknown) {
    super(`migration ${library}/${migration} ${state}`, { cause });
    this.library = library;
    this.migration = migration;
  }
}

export type DatabaseErrorCode =
  | DatabaseUrlError['code']
  | DatabaseDriverMissingError['code']
  | DatabaseUnavailableError['code']
  | DatabaseRefusedError['code']
  | DatabaseAcquireTimeoutError['code']
  | DatabaseClosedError['code']
  | DatabaseContentionError['code']
  | DatabaseValueError['code']
  | MigrationLockError['code']
  | MigrationHistoryError['code']
  | MigrationFailedError['code'];
