/** Something with a start and an end: a worker, a pool, a server. */
export interface Lifecycle {
  /** Shown in logs, above all when it is the one that hangs. */
  readonly name: string;
  /** Resolves when it is ready for use. A failed start leaves nothing running and may be tried again. */
  start(): Promise<void>;
  /** Takes no new work, finishes or hands back what is in hand, and resolves. Idempotent. `signal` aborts at the deadline. */
  stop(signal?: AbortSignal): Promise<void>;
}
