import type { Clock } from '@staddle/kernel';

/**
 * Settles like `work`, or rejects with `late()` after `timeoutMs`. The work is not stopped; its later outcome is dropped.
 */
export function withDeadline<T>(work: Promise<T>, timeoutMs: number, clock: Clock, late: () => Error): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = clock.setTimer(() => reject(late()), timeoutMs, { keepAlive: false });
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
