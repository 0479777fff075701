import { backoffMs, sleep, type Clock } from '@staddle/kernel';
import { CompiledQuery, type DatabaseConnection, type Driver, type QueryResult, type TransactionSettings } from 'kysely';
import type { SqlConnection, SqlDriver, SqlValue } from './driver.ts';
import {
  DatabaseAcquireTimeoutError,
  DatabaseClosedError,
  DatabaseContentionError,
  DatabaseRefusedError,
  DatabaseUnavailableError,
  DatabaseValueError,
} from './errors.ts';
import { classifyFailure, isContention } from './failures.ts';
import { Slots } from './slots.ts';

export interface SessionOptions {
  readonly shownUrl: string;
  readonly clock: Clock;
  readonly acquireTimeoutMs: number;
  readonly lockTimeoutMs: number;
  /** Loads the driver; called again after it failed. */
  readonly load: () => Promise<SqlDriver>;
  readonly maxConnections: number;
}

// First and longest pause of a statement that finds the SQLite file busy. Writers of other processes hold it for about a millisecond.
export const BUSY_BACKOFF = { baseMs: 5, capMs: 100 } as const;

/**
 * Kysely's driver over a {@link SqlDriver}. Invariants:
 * 1. At most `maxConnections` are lent; whoever waits longer than `acquireTimeoutMs` gets `ERR_DATABASE_ACQUIRE_TIMEOUT`.
 * 2. Every error that is not the statement's own fault leaves as a typed one, whichever call it surfaced in.
 * 3. A connection whose state is unknown (broken, failed rollback) is never lent again.
 * 4. After the database has ended a transaction by itself (deadlock), every further statement and COMMIT of that transaction fails:
 *    code that swallows the error cannot go on outside of any transaction.
 * 5. Only values that both dialects store exactly are let through; integers are never rounded.
 */
export class SessionDriver implements Driver {
  readonly #options: SessionOptions;
  readonly #slots: Slots;
  #driver: SqlDriver | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#slots = new Slots(options.maxConnections, options.clock);
  }

  async init(): Promise<void> {}

  acquireConnection(): Promise<Session> {
    return this.acquire(this.#options.acquireTimeoutMs);
  }

  async acquire(timeoutMs: number): Promise<Session> {
    const { shownUrl } = this.#options;
    const giveBack = await this.#slots.take(timeoutMs, () => new DatabaseAcquireTimeoutError(shownUrl, this.#slots.size, timeoutMs));
    try {
      this.#driver ??= await this.#options.load();
      return new Session(await this.#driver.connect(), giveBack, this.#options);
    } catch (error) {
      giveBack();
      throw typed(error, shownUrl);
    }
  }

  async releaseConnection(session: DatabaseConnection): Promise<void> {
    (session as Session).release();
  }

  async beginTransaction(session: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    await (session as Session).begin(settings);
  }

  async commitTransaction(session: DatabaseConnection): Promise<void> {
    await (session as Session).commit();
  }

  async rollbackTransaction(session: DatabaseConnection): Promise<void> {
    await (session as Session).rollback();
  }

  async savepoint(session: DatabaseConnection, name: string): Promise<void> {
    await session.executeQuery(CompiledQuery.raw(`savepoint ${quoted(name)}`));
  }

  async rollbackToSavepoint(session: DatabaseConnection, name: string): Promise<void> {
    await session.executeQuery(CompiledQuery.raw(`rollback to savepoint ${quoted(name)}`));
  }

  async releaseSavepoint(session: DatabaseConnection, name: string): Promise<void> {
    await session.executeQuery(CompiledQuery.raw(`release savepoint ${quoted(name)}`));
  }

  /** Rejects with `ERR_DATABASE_UNAVAILABLE` when no answer came in time; the silent connection is then dropped. */
  async ping(timeoutMs: number): Promise<void> {
    const { clock, shownUrl } = this.#options;
    let session: Session | undefined;
    let late = false;
    const answer = (async () => {
      session = await this.acquire(timeoutMs);
      try {
        if (!late) await session.executeQuery(CompiledQuery.raw('select 1'));
      } finally {
        session.release();
      }
    })();
    await new Promise<void>((resolve, reject) => {
      const timer = clock.setTimer(() => {
        late = true;
        session?.destroy();
        reject(new DatabaseUnavailableError(shownUrl, `no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      answer.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  async destroy(): Promise<void> {
    await this.close(this.#options.acquireTimeoutMs);
  }

  /** Waits for connections in use up to `timeoutMs`, then closes. */
  async close(timeoutMs: number): Promise<void> {
    const { clock, shownUrl } = this.#options;
    const idle = this.#slots.close(new DatabaseClosedError(shownUrl));
    await new Promise<void>((resolve) => {
      const timer = clock.setTimer(resolve, timeoutMs);
      void idle.then(() => {
        timer.cancel();
        resolve();
      });
    });
    const driver = this.#driver;
    this.#driver = undefined;
    await driver?.close();
  }
}

/** One lent connection, from acquire to release. */
export class Session implements DatabaseConnection {
  readonly #connection: SqlConnection;
  readonly #giveBack: () => void;
  readonly #options: SessionOptions;
  #transaction: 'none' | 'open' | 'ended' = 'none';
  #endedBy: unknown;
  #broken = false;
  #released = false;

  constructor(connection: SqlConnection, giveBack: () => void, options: SessionOptions) {
    this.#connection = connection;
    this.#giveBack = giveBack;
    this.#options = options;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    this.#assertUsable();
    const result = await this.#execute(query.sql, query.parameters.map(scalar));
    const { affectedRows, insertId } = result;
    return {
      rows: result.rows as R[],
      ...(affectedRows === undefined ? {} : { numAffectedRows: affectedRows }),
      ...(insertId === undefined ? {} : { insertId }),
    };
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    this.#assertUsable();
    try {
      for await (const row of this.#connection.stream(query.sql, query.parameters.map(scalar))) yield { rows: [row as R] };
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async begin({ accessMode, isolationLevel }: TransactionSettings): Promise<void> {
    const isolation = isolationLevel && this.#connection.isolation(isolationLevel);
    if (isolation) await this.#run(isolation);
    // Not #execute: while the file is busy the connection must go back to others, so the wait is in transaction().
    await this.#run(accessMode === 'read only' ? this.#connection.beginRead : this.#connection.beginWrite);
    this.#transaction = 'open';
  }

  async commit(): Promise<void> {
    this.#assertUsable();
    await this.#run('commit', { outcomeUnknown: true });
    this.#transaction = 'none';
  }

  async rollback(): Promise<void> {
    const open = this.#transaction === 'open';
    this.#transaction = 'none';
    if (this.#broken || !open) return;
    try {
      if (this.#connection.inTransaction()) await this.#connection.execute('rollback', []);
    } catch {
      // The error that led here is the one to report. Ending the connection undoes the transaction as well.
      this.destroy();
    }
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (this.#broken) this.#connection.destroy();
    else this.#connection.release();
    this.#giveBack();
  }

  destroy(): void {
    this.#broken = true;
    this.release();
  }

  // A single statement that finds the SQLite file busy waits here, without blocking the process.
  async #execute(sql: string, parameters: readonly SqlValue[]): ReturnType<SqlConnection['execute']> {
    const { clock, lockTimeoutMs } = this.#options;
    const giveUpAt = clock.monotonic() + lockTimeoutMs;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#connection.execute(sql, parameters);
      } catch (error) {
        const waits = classifyFailure(error) === 'busy' && this.#transaction === 'none' && clock.monotonic() < giveUpAt;
        if (!waits) throw this.#failed(error, { outcomeUnknown: this.#transaction === 'none' });
        await sleep(1 + backoffMs(attempt, BUSY_BACKOFF), { clock });
      }
    }
  }

  async #run(sql: string, options: { readonly outcomeUnknown?: boolean } = {}): Promise<void> {
    try {
      await this.#connection.execute(sql, []);
    } catch (error) {
      throw this.#failed(error, options);
    }
  }

  #failed(error: unknown, options: { readonly outcomeUnknown?: boolean } = {}): unknown {
    const failure = classifyFailure(error);
    if (failure === 'unavailable') this.#broken = true;
    if (this.#transaction === 'open' && (failure === 'deadlock' || !this.#connection.inTransaction())) {
      this.#transaction = 'ended';
      this.#endedBy = error;
    }
    return typed(error, this.#options.shownUrl, options);
  }

  #assertUsable(): void {
    const { shownUrl } = this.#options;
    if (this.#transaction === 'ended') {
      throw new DatabaseContentionError('the database has already undone this transaction', this.#endedBy);
    }
    if (this.#broken) throw new DatabaseUnavailableError(shownUrl, 'the connection of this transaction is lost');
  }
}

function typed(error: unknown, shownUrl: string, options: { readonly outcomeUnknown?: boolean } = {}): unknown {
  const failure = classifyFailure(error);
  if (failure === undefined || failure === 'unique') return error;
  const reason = reasonOf(error);
  if (isContention(failure)) return new DatabaseContentionError(reason, error);
  if (failure === 'refused') return new DatabaseRefusedError(shownUrl, reason, error);
  if (failure === 'range') return new DatabaseValueError('an integer of the result', 'is too large for a number; select cast(… as char) and use BigInt', error);
  return new DatabaseUnavailableError(shownUrl, reason, { cause: error, ...options });
}

// The error of a host with several addresses has an empty message and says all in its code.
function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || 'unknown error';
}

function scalar(value: unknown, index: number): SqlValue {
  if (value === null || typeof value === 'string' || typeof value === 'bigint' || value instanceof Uint8Array) return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  const what = `parameter ${index + 1}`;
  if (typeof value !== 'number') {
    const kind = value instanceof Date ? 'Date' : Array.isArray(value) ? 'array' : typeof value;
    throw new DatabaseValueError(`${what} of type ${kind}`, 'is none of null, string, number, bigint, boolean, Uint8Array; instants are epoch ms, objects are JSON text');
  }
  if (!Number.isFinite(value)) throw new DatabaseValueError(`${what} with the value ${value}`, 'is not a finite number');
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw new DatabaseValueError(`${what} with the value ${value}`, 'is beyond the exact integers of a number; pass a bigint');
  return value;
}

function quoted(name: string): string {
  if (!/^\w+$/.test(name)) throw new DatabaseValueError(`savepoint name ${JSON.stringify(name)}`, 'is not made of letters, digits and _');
  return name;
}
