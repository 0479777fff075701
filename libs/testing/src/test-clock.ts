import type { Clock } from '@staddle/kernel';

/**
 * A clock that stands still until a test moves it.
 *
 * 1. Timers belong to the monotonic time line: a jump of the wall clock fires and delays none.
 * 2. Timers fire in order of due time, then of insertion, each at its own due time.
 * 3. Around every timer the pending promise callbacks run to their end, so code that awaits a timer and sets
 *    the next one has done so before the clock moves on.
 * 4. Real input and output is not simulated: what waits for a socket or a file must be awaited by the test.
 */
export interface TestClock extends Clock {
  /**
   * Moves both time lines by `ms` milliseconds and fires what falls due on the way, also timers set meanwhile.
   * Overlapping calls run one after the other. Rejects with what a callback throws.
   */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock (epoch ms), forwards or back, as NTP or an operator would. */
  setWall(epochMs: number): void;
  /** Number of timers that are set and have neither fired nor been cancelled. */
  readonly pendingTimers: number;
}

interface PendingTimer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** 2026-01-01T00:00:00Z: a fixed start makes a failure repeatable. */
const DEFAULT_START = Date.UTC(2026, 0, 1);

/** @param startAt epoch ms of the wall clock; default 2026-01-01T00:00:00Z */
export function createTestClock(startAt: number = DEFAULT_START): TestClock {
  let elapsedMs = 0;
  let wallOffsetMs = startAt;
  let firing = false;
  let lastAdvance: Promise<void> = Promise.resolve();
  const timers = new Set<PendingTimer>();

  const nextDue = (limitMs: number): PendingTimer | undefined => {
    let next: PendingTimer | undefined;
    // A Set keeps insertion order, and `<` keeps the first of equals.
    for (const timer of timers) if (timer.dueMs <= limitMs && (!next || timer.dueMs < next.dueMs)) next = timer;
    return next;
  };

  const run = async (ms: number): Promise<void> => {
    await settle();
    const targetMs = elapsedMs + ms;
    for (let timer = nextDue(targetMs); timer; timer = nextDue(targetMs)) {
      elapsedMs = Math.max(elapsedMs, timer.dueMs);
      timers.delete(timer);
      firing = true;
      try {
        timer.callback();
        await settle();
      } finally {
        firing = false;
      }
    }
    elapsedMs = targetMs;
  };

  return {
    now: () => wallOffsetMs + elapsedMs,
    monotonic: () => elapsedMs,
    setTimer(callback, delayMs) {
      // Like setTimeout, at least 1 ms while time moves: a loop of zero delays would otherwise never let `advance` end.
      const timer = { callback, dueMs: elapsedMs + Math.max(firing ? 1 : 0, delayMs || 0) };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
    advance(ms) {
      if (!(ms >= 0)) return Promise.reject(new RangeError(`advance(${ms}) is not a non-negative number of milliseconds; setWall moves the wall clock back`));
      const advanced = lastAdvance.then(() => run(ms));
      lastAdvance = advanced.catch(() => {});
      return advanced;
    },
    setWall(epochMs) {
      wallOffsetMs = epochMs - elapsedMs;
    },
    get pendingTimers() {
      return timers.size;
    },
  };
}

/** Node reaches the immediates only when the queues of nextTick and of promise callbacks are empty. */
function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
