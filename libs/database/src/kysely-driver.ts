import { CompiledQuery, type DatabaseConnection, type Driver, type TransactionSettings } from 'kysely';
import { endedWithin, withDeadline } from './deadline.ts';
import type { SqlDriver } from './driver.ts';
import { DatabaseAcquireTimeoutError, DatabaseClosedError, DatabaseUnavailableError, DatabaseValueError } from './errors.ts';
import { Session, typedError, whileNotBusy, type SessionOptions } from './session.ts';
import { Slots } from './slots.ts';

export interface KyselyDriverOptions extends SessionOptions {
  readonly maxConnections: number;
  readonly acquireTimeoutMs: number;
  /** Loads the driver; called again after it failed. */
  readonly load: () => Promise<SqlDriver>;
}

// For the goodbye to idle connections: a server that does not answer must not hold up the end of the process.
const GOODBYE_MS = 1_000;

/**
 * Kysely's driver over a {@link SqlDriver}.
 *
 * 1. At most `maxConnections` are lent; whoever waits longer than `acquireTimeoutMs` gets `ERR_DATABASE_ACQUIRE_TIMEOUT`.
 * 2. Every error that is not the statement's own fault leaves as a typed one, whichever call it surfaced in.
 * 3. A connection whose state is unknown (broken, silent, failed rollback) is never lent again.
 * 4. After the database has ended a transaction by itself (deadlock), every further statement and COMMIT of that
 *    transaction fails: code that swallows the error cannot go on outside of any transaction.
 * 5. Nothing waits for ever: not for a connection, not for the file, not for an answer.
 */
export class KyselyDriver implements Driver {
  readonly #options: KyselyDriverOptions;
  readonly #slots: Slots;
  #driver: Promise<SqlDriver> | undefined;

  constructor(options: KyselyDriverOptions) {
    this.#options = options;
    this.#slots = new Slots(options.maxConnections, options.clock);
  }

  /** Nothing: the first acquire connects, and each later one again as long as it fails. */
  async init(): Promise<void> {}

  acquireConnection(): Promise<Session> {
    return this.acquire(this.#options.acquireTimeoutMs);
  }

  async acquire(timeoutMs: number, onSlot: () => void = () => {}): Promise<Session> {
    const { shownUrl } = this.#options;
    const giveBack = await this.#slots.take(timeoutMs, () => this.#acquireTimeout(timeoutMs));
    onSlot();
    try {
      const driver = await this.#load();
      // Several processes that open a new SQLite file at once stand in each other's way while it changes to WAL.
      const connection = await whileNotBusy(() => driver.connect(), this.#options);
      return new Session(connection, giveBack, this.#options);
    } catch (error) {
      giveBack();
      throw typedError(error, shownUrl);
    }
  }

  async releaseConnection(session: DatabaseConnection): Promise<void> {
    (session as Session).release();
  }

  beginTransaction(session: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    return (session as Session).begin(settings);
  }

  commitTransaction(session: DatabaseConnection): Promise<void> {
    return (session as Session).commit();
  }

  rollbackTransaction(session: DatabaseConnection): Promise<void> {
    return (session as Session).rollback();
  }

  async savepoint(session: DatabaseConnection, name: string): Promise<void> {
    await session.executeQuery(CompiledQuery.raw(`savepoint ${identifier(name)}`));
  }

  async rollbackToSavepoint(session: DatabaseConnection, name: string): Promise<void> {
    await session.executeQuery(CompiledQuery.raw(`rollback to savepoint ${identifier(name)}`));
  }

  async releaseSavepoint(session: DatabaseConnection, name: string): Promise<void> {
    await session.executeQuery(CompiledQuery.raw(`release savepoint ${identifier(name)}`));
  }

  /** Rejects when no answer came in time: `ERR_DATABASE_ACQUIRE_TIMEOUT` while it waited for a connection, else `ERR_DATABASE_UNAVAILABLE`, and the silent one is dropped. */
  async ping(timeoutMs: number): Promise<void> {
    const { clock, shownUrl } = this.#options;
    let session: Session | undefined;
    let waiting = true;
    let late = false;
    const answer = async (): Promise<void> => {
      session = await this.acquire(timeoutMs, () => {
        waiting = false;
      });
      try {
        if (!late) await session.executeQuery(CompiledQuery.raw('select 1'));
      } finally {
        session.release();
      }
    };
    await withDeadline(answer(), timeoutMs, clock, () => {
      late = true;
      session?.destroy();
      // Both timers are due at once, and either may come first.
      if (waiting) return this.#acquireTimeout(timeoutMs);
      return new DatabaseUnavailableError(shownUrl, `no answer within ${timeoutMs} ms`);
    });
  }

  #acquireTimeout(timeoutMs: number): DatabaseAcquireTimeoutError {
    return new DatabaseAcquireTimeoutError(this.#options.shownUrl, this.#slots.size, timeoutMs);
  }

  async destroy(): Promise<void> {
    await this.close(this.#options.acquireTimeoutMs);
  }

  /** Refuses new callers, waits for connections in use up to `timeoutMs`, then closes. */
  async close(timeoutMs: number): Promise<void> {
    const { clock, shownUrl } = this.#options;
    await endedWithin(this.#slots.close(new DatabaseClosedError(shownUrl)), timeoutMs, clock);
    // Undefined when it was never used, or could not be loaded: nothing to close.
    const driver = await this.#driver?.catch(() => undefined);
    if (!driver) return;
    await endedWithin(driver.close(), GOODBYE_MS, clock);
    driver.destroy();
  }

  // One driver, however many callers come first; a load that failed is tried again by the next.
  #load(): Promise<SqlDriver> {
    return (this.#driver ??= this.#options.load().catch((error: unknown) => {
      this.#driver = undefined;
      throw error;
    }));
  }
}

function identifier(name: string): string {
  if (!/^\w+$/.test(name)) throw new DatabaseValueError(`savepoint name ${JSON.stringify(name)}`, 'is not made of letters, digits and _');
  return name;
}
