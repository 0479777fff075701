import { systemClock, type Clock } from './clock.ts';

export interface SleepOptions {
  /** Ends the sleep early; the promise then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the system clock. */
  readonly clock?: Clock | undefined;
  /** False lets the process exit while it sleeps. Default true. */
  readonly keepAlive?: boolean;
}

/** Resolves after `delayMs` milliseconds; rejects with `signal.reason` when aborted, and leaves no listener behind. */
export function sleep(delayMs: number, options: SleepOptions = {}): Promise<void> {
  const { signal, clock = systemClock, keepAlive = true } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal!.reason);
    };
    const timer = clock.setTimer(
      () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      delayMs,
      { keepAlive },
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
