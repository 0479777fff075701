import type { RunChange } from '@staddle/dispatch';
import type { Clock, Lifecycle, Logger, Metrics } from '@staddle/kernel';
import { instant } from '@staddle/service';
import type { Publish } from './publish.ts';

/*
 * Tells the push service of the changes of runs, on channel `runs:<module>`.
 *
 * 1. `announce` never waits and never throws: a push service that is slow or absent delays no run.
 * 2. Changes are sent one after the other, so subscribers see those of this process in their order.
 * 3. Memory is bounded: beyond `CAPACITY` the oldest waiting change is dropped. A change that the push service did not take is
 *    dropped as well: it is a hint, the truth is in `GET /v1/tasks/{uid}/runs`.
 * 4. What is dropped is counted; the beginning and the end of the trouble are one log line each. It ends when a change was
 *    taken and none waits: a push service that is slower than the runs takes one and costs one by turns.
 */

export interface RunAnnouncer extends Lifecycle {
  announce(change: RunChange): void;
}

export interface RunAnnouncerOptions {
  readonly publish: Publish;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

// A few thousand runs that are due at once; some 5 MB. What waits longer is old news.
const CAPACITY = 10_000;

// A push service that is there answers in milliseconds; one that hangs must not hold the queue for long.
const SEND_TIMEOUT_MS = 2_000;

// Time that a stop gives to what still waits.
const FLUSH_MS = 2_000;

export function createRunAnnouncer({ publish, clock, logger, metrics }: RunAnnouncerOptions): RunAnnouncer {
  const sent = metrics.counter({ name: 'scheduler_run_changes_total', help: 'Changes of runs for the push service, by what became of them.', labels: ['outcome'] });
  const waiting: RunChange[] = [];
  let more = Promise.withResolvers<void>();
  let sending: Promise<void> | undefined;
  let dropped = 0;
  let flushing: AbortSignal | undefined;

  const drop = (err: unknown, reason: string): void => {
    sent.add(1, { outcome: 'dropped' });
    if (dropped++ === 0) logger.warn({ err, reason }, 'run changes do not reach the push service; runs go on');
  };

  const send = async (change: RunChange): Promise<void> => {
    const timeout = new AbortController();
    const timer = clock.setTimer(() => timeout.abort(), SEND_TIMEOUT_MS);
    const signal = flushing ? AbortSignal.any([timeout.signal, flushing]) : timeout.signal;
    try {
      await untilAborted(publish(`runs:${change.module}`, toMessage(change), signal), signal);
      sent.add(1, { outcome: 'sent' });
      if (dropped === 0 || waiting.length > 0) return;
      logger.info({ dropped }, 'run changes reach the push service again');
      dropped = 0;
    } catch (err) {
      drop(err, 'not taken');
    } finally {
      timer.cancel();
    }
  };

  const sendAll = async (): Promise<void> => {
    for (;;) {
      const change = waiting.shift();
      if (change) await send(change);
      else if (flushing) return;
      else await more.promise;
      more = Promise.withResolvers();
    }
  };

  return {
    name: 'run-announcer',
    announce(change) {
      waiting.push(change);
      if (waiting.length > CAPACITY) {
        waiting.shift();
        drop(undefined, 'too many are waiting');
      }
      more.resolve();
    },
    async start() {
      // One loop from here on, so that its log lines do not carry the context of whichever run woke it.
      flushing = undefined;
      sending ??= sendAll();
    },
    async stop(signal) {
      const deadline = new AbortController();
      const timer = clock.setTimer(() => deadline.abort(), FLUSH_MS);
      flushing = signal ? AbortSignal.any([deadline.signal, signal]) : deadline.signal;
      more.resolve();
      // What is not sent at the deadline fails at once, one after the other.
      await sending;
      sending = undefined;
      timer.cancel();
    },
  };
}

/** What subscribers get. */
function toMessage({ at, scheduledAt, error, ...change }: RunChange): Record<string, unknown> {
  return { ...change, scheduledAt: instant(scheduledAt), at: instant(at), ...(error ? { error } : {}) };
}

/** The outcome of `work`, or a rejection at the abort: a function that ignores its signal must not be waited for. */
async function untilAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(new Error('it took too long'));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
