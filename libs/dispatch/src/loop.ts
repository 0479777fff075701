import { backoffMs, type Clock, type Logger } from '@staddle/kernel';

export interface LoopOptions {
  /** Names the loop in log lines: `planner`. */
  readonly name: string;
  /** Does one round and gives the ms until the next. */
  readonly tick: () => Promise<number>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * A round that is repeated until stopped: at the time the last round asked for, or at once when woken. A round that
 * throws is tried again with backoff; it is logged when the trouble begins and when it ends, not every time.
 */
export interface Loop {
  start(): void;
  /** Makes the next round due now. A wake during a round is kept for the one after it. */
  wake(): void;
  /** Resolves when the current round has ended. May be started again. */
  stop(): Promise<void>;
}

// A database that comes back should be noticed within seconds; a hundred processes must not all ask at once.
const RETRY = { baseMs: 200, capMs: 5_000 } as const;

export function createLoop({ name, tick, clock, logger }: LoopOptions): Loop {
  let running: Promise<void> | undefined;
  let stop = new AbortController();
  let woken = false;
  let endPause: (() => void) | undefined;

  const pause = (delayMs: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = clock.setTimer(resolve, delayMs);
      endPause = () => {
        timer.cancel();
        resolve();
      };
    });

  const run = async (): Promise<void> => {
    let failures = 0;
    while (!stop.signal.aborted) {
      woken = false;
      let delayMs: number;
      try {
        delayMs = await tick();
        if (failures > 0) logger.info({ loop: name, failures }, 'dispatch works again');
        failures = 0;
      } catch (err) {
        if (failures === 0) logger.warn({ loop: name, err }, 'dispatch round failed; trying again');
        delayMs = 1 + backoffMs(failures++, RETRY);
      }
      // Even a round that is due at once lets the event loop turn: on SQLite every step of a round is a microtask, and
      // a planner that catches up would otherwise keep timers and sockets waiting.
      if (!stop.signal.aborted) await pause(woken ? 0 : delayMs);
      endPause = undefined;
    }
  };

  return {
    start() {
      if (running) return;
      stop = new AbortController();
      running = run();
    },
    wake() {
      woken = true;
      endPause?.();
    },
    async stop() {
      stop.abort();
      endPause?.();
      await running;
      running = undefined;
    },
  };
}
