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
export function withDeadline<T>(operation: Promise<T>, { clock, timeoutMs, signals = [] }: Deadline): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      timer.cancel();
      for (const signal of signals) signal?.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown): void => {
      end();
      reject(error);
    };
    const onAbort = (): void => fail(signals.find((signal) => signal?.aborted)!.reason);
    const timer = clock.setTimer(() => fail(new NoAnswerError(timeoutMs)), timeoutMs, { keepAlive: false });
    for (const signal of signals) signal?.addEventListener('abort', onAbort, { once: true });
    operation.then((value) => {
      end();
      resolve(value);
    }, fail);
    if (signals.some((signal) => signal?.aborted)) onAbort();
  });
}
