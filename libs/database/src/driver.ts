/** A value that both dialects can bind exactly. */
export type SqlValue = null | string | number | bigint | Uint8Array;

export interface SqlResult {
  readonly rows: Record<string, unknown>[];
  /** Rows that the statement matched, also when it set them to what they were. */
  readonly affectedRows?: bigint;
  readonly insertId?: bigint;
}

/** One connection, lent to one caller at a time. Errors are those of the backend, untouched: the core gives them their meaning. */
export interface SqlConnection {
  /** Begins a transaction that may write. */
  readonly beginWrite: string;
  /** Begins a transaction that only reads. */
  readonly beginRead: string;
  /** Sets the isolation level of the next transaction; undefined where every transaction is serializable. */
  isolation(level: string): string | undefined;
  execute(sql: string, parameters: readonly SqlValue[]): Promise<SqlResult>;
  stream(sql: string, parameters: readonly SqlValue[]): AsyncIterable<Record<string, unknown>>;
  /** False when the backend has ended the transaction by itself. Drivers that cannot know say true. */
  inTransaction(): boolean;
  /** Gives the connection back for the next caller. */
  release(): void;
  /** Ends the connection for good, whatever it is doing, and fails what waits for an answer. What was not committed is undone. */
  destroy(): void;
}

/**
 * A backend: connects, runs statements, closes. It has no policy: limits, deadlines, retries, the meaning of errors and
 * the checking of values are written once, in session.ts.
 */
export interface SqlDriver {
  /** An idle connection or a new one. */
  connect(): Promise<SqlConnection>;
  /** Says goodbye on every connection; called when none is lent any more, or the deadline for that has passed. */
  close(): Promise<void>;
  /** Drops every connection at once. Harmless after `close()`. */
  destroy(): void;
}
