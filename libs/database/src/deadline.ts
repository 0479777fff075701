import type { Clock, Timer } from '@staddle/kernel';

/** The result of `work`, or after `timeoutMs` the error that `late()` makes; `work` then goes on unheard. */
export async function withDeadline<T>(work: Promise<T>, timeoutMs: number, clock: Clock, late: () => Error): Promise<T> {
  let timer: Timer | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = clock.setTimer(() => reject(late()), timeoutMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    timer?.cancel();
  }
}

/** Resolves when `work` has ended, well or not, and after `timeoutMs` at the latest. */
export function endedWithin(work: Promise<unknown>, timeoutMs: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(resolve, timeoutMs);
    const end = (): void => {
      timer.cancel();
      resolve();
    };
    work.then(end, end);
  });
}
