import type { Lifecycle } from '@staddle/kernel';
import { withDeadline } from './with-deadline.ts';

export interface StressLifecycleOptions {
  /** Fresh instances to try, one after the other. Default 10. */
  readonly rounds?: number;
  /** Callers that start and stop one instance at the same time. Default 5. */
  readonly workers?: number;
  /** Starts and stops of each caller. Default 5. */
  readonly turns?: number;
  /** Says whether a failed `start()` is a proper answer, such as "stopped already" of something that starts only once. Default: none is. */
  readonly allowStartError?: (error: unknown) => boolean;
  /** Per round. Default 30000. */
  readonly timeoutMs?: number;
}

/**
 * Starts and stops one component from several callers at once, again and again, and fails when it hangs,
 * refuses to start, or rejects a `stop()`. It must bear `start()` while it starts or runs, `stop()` while it
 * starts, stops or has never started, and `start()` after `stop()`.
 * After riverqueue/river, rivershared/startstoptest.
 * @throws WaitTimeoutError (`ERR_TESTING_TIMEOUT`) saying in which call the callers hang; else what the component threw
 */
export async function stressLifecycle(make: () => Lifecycle | Promise<Lifecycle>, options: StressLifecycleOptions = {}): Promise<void> {
  const { rounds = 10, workers = 5, turns = 5, allowStartError = () => false, timeoutMs = 30_000 } = options;
  for (let round = 0; round < rounds; round++) {
    const component = await make();
    const doing: string[] = [];
    const worker = async (index: number): Promise<void> => {
      for (let turn = 0; turn < turns; turn++) {
        doing[index] = 'start()';
        await component.start().catch((error: unknown) => {
          if (!allowStartError(error)) throw error;
        });
        // Every worker holds on for another number of event-loop turns, so that the calls fall upon all states.
        for (let hold = (index + turn) % workers; hold > 0; hold--) await new Promise(setImmediate);
        doing[index] = 'stop()';
        await component.stop();
      }
      doing[index] = 'nothing';
    };
    const all = Promise.allSettled(Array.from({ length: workers }, (_, index) => worker(index)));
    const outcomes = await withDeadline(all, timeoutMs, () => `${component.name} to settle; its callers wait in ${doing.join(', ')}`);
    await withDeadline(component.stop(), timeoutMs, () => `the last stop() of ${component.name}`);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  }
}
