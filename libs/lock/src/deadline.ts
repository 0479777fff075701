import { sleep, type Clock } from '@staddle/kernel';

export interface Deadline {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Gives up waiting at the deadline or at the abort; the operation itself cannot be called back. */
export async function withDeadline<T>(operation: Promise<T>, { clock, timeoutMs, signal }: Deadline): Promise<T> {
  const waiting = new AbortController();
  const late = sleep(timeoutMs, { clock, keepAlive: false, signal: signal ? AbortSignal.any([signal, waiting.signal]) : waiting.signal }).then(() => {
    throw new Error(`no answer within ${Math.round(timeoutMs)} ms`);
  });
  try {
    return await Promise.race([operation, late]);
  } finally {
    late.catch(() => {});
    waiting.abort();
  }
}

