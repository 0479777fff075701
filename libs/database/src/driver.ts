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
  /** The statement that begins a transaction which may write. */
  readonly beginWrite: string;
  /** The statement that begins a transaction which only reads. */
  readonly beginRead: string;
  /** Statement that sets the isolation level of the next transaction, or undefined where every transaction is serializable. */
  isolation(level: string): string | undefined;
  execute(sql: string, parameters: readonly SqlValue[]): Promise<SqlResult>;
  stream(sql: string, parameters: readonly SqlValue[]): AsyncIterable<Record<string, unknown>>;
  /** False when the backend has ended the transaction by itself. Drivers that cannot know say true. */
  inTransaction(): boolean;
  /** Gives the connection back for the next caller. */
  release(): void;
  /** Ends the connection for good, whatever it is doing. What it had not committed is undone. */
  destroy(): void;
}

/**
 * A backend: connects, runs statements, closes. It has no policy: pool limits, deadlines, retries, the meaning of
 * errors and the checking of values are written once, in session.ts.
 */
export interface SqlDriver {
  /** How many connections may be in use at once. */
  readonly maxConnections: number;
  /** An idle connection or a new one. Called only while fewer than `maxConnections` are lent. */
  connect(): Promise<SqlConnection>;
  /** Closes idle connections; called after all have come back, or after the deadline for that. */
  close(): Promise<void>;
}
