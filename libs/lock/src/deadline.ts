import type { Clock } from '@staddle/kernel';

export interface Deadline {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Whichever aborts first ends the waiting with its reason. */
  readonly signals?: readonly (AbortSignal | undefined)[];
}

/** The operation has not answered in time. */
class NoAnswerError extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${Math.round(timeoutMs)} ms`);
  }
}

/**
 * Gives up waiting at the deadline or at an abort; the operation itself cannot be called back. The timer does not keep the
 * process alive.
 */
export function withDeadline<T>(operation: Promise<T>, { clock, timeoutMs, signals }: Deadline): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => fail(new NoAnswerError(timeoutMs)), timeoutMs, NOT_ALIVE);
    const unlisten = signals && listen(signals, (reason) => fail(reason));
    const fail = (error: unknown): void => {
      timer.cancel();
      unlisten?.();
      reject(error);
    };
    const succeed = (value: T): void => {
      timer.cancel();
      unlisten?.();
      resolve(value);
    };
    operation.then(succeed, fail);
  });
}

const NOT_ALIVE = { keepAlive: false } as const;

/** Calls back with the reason of the first signal that aborts, at once when one has aborted already. Returns what stops it. */
export function listen(signals: readonly (AbortSignal | undefined)[], onAbort: (reason: unknown) => void): () => void {
  const listener = (): void => {
    stop();
    onAbort(signals.find((signal) => signal?.aborted)!.reason);
  };
  const stop = (): void => {
    for (const signal of signals) signal?.removeEventListener('abort', listener);
  };
  if (signals.some((signal) => signal?.aborted)) queueMicrotask(listener);
  else for (const signal of signals) signal?.addEventListener('abort', listener, { once: true });
  return stop;
}
