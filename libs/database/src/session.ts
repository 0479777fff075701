import { backoffMs, hasCode, sleep, type Clock } from '@staddle/kernel';
import type { CompiledQuery, DatabaseConnection, QueryResult, TransactionSettings } from 'kysely';
import { withDeadline } from './deadline.ts';
import type { SqlConnection, SqlResult, SqlValue } from './driver.ts';
import { DatabaseContentionError, DatabaseRefusedError, DatabaseUnavailableError, DatabaseValueError } from './errors.ts';
import { classifyFailure, isContention } from './failures.ts';
import { bindable, INEXACT_INTEGER } from './values.ts';

export interface SessionOptions {
  readonly shownUrl: string;
  readonly clock: Clock;
  readonly lockTimeoutMs: number;
  /** Undefined where statements are synchronous and no timer could fire. */
  readonly statementTimeoutMs: number | undefined;
}

// Pauses of a caller that finds the SQLite file busy: writers of other processes hold it for a millisecond or so.
export const BUSY_BACKOFF: { readonly baseMs: number; readonly capMs: number } = { baseMs: 5, capMs: 100 };

/** Statements without a deadline, by Kysely's query id: those of migrations, which may rebuild large tables. */
export const unhurriedQueries: WeakSet<object> = new WeakSet();

interface SendOptions {
  /** The loss of the connection leaves open whether the statement took effect. */
  readonly writes?: boolean;
  readonly unhurried?: boolean;
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
    const autocommit = this.#transaction === 'none';
    const parameters = query.parameters.map(bindable);
    const options = { writes: autocommit, unhurried: unhurriedQueries.has(query.queryId) };
    const send = (): Promise<SqlResult> => this.#send(query.sql, parameters, options);
    const { rows, affectedRows, insertId } = await (autocommit ? whileNotBusy(send, this.#options) : send());
    return {
      rows: rows as R[],
      ...(affectedRows === undefined ? {} : { numAffectedRows: affectedRows }),
      ...(insertId === undefined ? {} : { insertId }),
    };
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    this.#assertUsable();
    try {
      for await (const row of this.#connection.stream(query.sql, query.parameters.map(bindable))) yield { rows: [row as R] };
    } catch (error) {
      throw this.#failed(error, {});
    }
  }

  // Does not wait for a busy SQLite file: `transaction()` does, after it has given the connection back to readers.
  async begin({ accessMode, isolationLevel }: TransactionSettings): Promise<void> {
    const isolation = isolationLevel && this.#connection.isolation(isolationLevel);
    if (isolation) await this.#send(isolation, []);
    await this.#send(accessMode === 'read only' ? this.#connection.beginRead : this.#connection.beginWrite, []);
    this.#transaction = 'open';
  }

  async commit(): Promise<void> {
    this.#assertUsable();
    await this.#send('commit', [], { writes: true });
    this.#transaction = 'none';
  }

  // Never throws: the error that led here is the one to report.
  async rollback(): Promise<void> {
    const begun = this.#transaction !== 'none';
    this.#transaction = 'none';
    if (this.#broken || !begun || !this.#connection.inTransaction()) return;
    try {
      await this.#send('rollback', []);
    } catch {
      // The end of the connection undoes the transaction as well.
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

  /** Ends the connection and what it is doing. */
  destroy(): void {
    this.#broken = true;
    this.release();
  }

  async #send(sql: string, parameters: readonly SqlValue[], options: SendOptions = {}): Promise<SqlResult> {
    const { statementTimeoutMs, clock, shownUrl } = this.#options;
    const answer = this.#connection.execute(sql, parameters);
    try {
      if (statementTimeoutMs === undefined || options.unhurried) return await answer;
      return await withDeadline(answer, statementTimeoutMs, clock, () => {
        this.#broken = true;
        this.#connection.destroy();
        const reason = `no answer to a statement within ${statementTimeoutMs} ms`;
        return new DatabaseUnavailableError(shownUrl, reason, { outcomeUnknown: options.writes });
      });
    } catch (error) {
      throw this.#failed(error, options);
    }
  }

  #failed(error: unknown, { writes }: SendOptions): unknown {
    const failure = classifyFailure(error);
    if (failure === 'lost' || failure === 'unavailable') this.#broken = true;
    if (this.#transaction === 'open' && (failure === 'deadlock' || !this.#connection.inTransaction())) {
      this.#transaction = 'ended';
      this.#endedBy = error;
    }
    return typedError(error, this.#options.shownUrl, writes);
  }

  #assertUsable(): void {
    const { shownUrl } = this.#options;
    if (this.#transaction === 'ended') throw typedError(this.#endedBy, shownUrl);
    if (this.#broken) throw new DatabaseUnavailableError(shownUrl, 'this connection is lost');
  }
}

export function typedError(error: unknown, shownUrl: string, outcomeUnknown?: boolean): unknown {
  const failure = classifyFailure(error);
  if (failure === undefined || failure === 'unique') return error;
  // The error of a host with several addresses has an empty message and says all in its code.
  const { message, code } = error as { message?: string; code?: string };
  const reason = message || code || 'unknown error';
  if (isContention(failure)) return new DatabaseContentionError(reason, error);
  if (failure === 'refused') return new DatabaseRefusedError(shownUrl, reason, error);
  if (failure === 'range') return new DatabaseValueError('an integer of the result', INEXACT_INTEGER, error);
  return new DatabaseUnavailableError(shownUrl, reason, { cause: error, outcomeUnknown: failure === 'lost' && outcomeUnknown });
}

/** Calls again, without blocking the process, while the SQLite file is busy and `lockTimeoutMs` have not passed. */
export async function whileNotBusy<T>(call: () => Promise<T>, { clock, lockTimeoutMs }: SessionOptions): Promise<T> {
  const giveUpAt = clock.monotonic() + lockTimeoutMs;
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!isBusy(error) || clock.monotonic() >= giveUpAt) throw error;
      await sleep(1 + backoffMs(attempt, BUSY_BACKOFF), { clock });
    }
  }
}

function isBusy(error: unknown): boolean {
  const raw = hasCode(error, 'ERR_DATABASE_CONTENTION') ? (error as Error).cause : error;
  return classifyFailure(raw) === 'busy';
}
