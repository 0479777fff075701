import { createTestClock, recordingLogger, type RecordingLogger, type TestClock } from '@staddle/testing';
import { createScheduler, type CronRun, type ScheduleEvent, type Scheduler, type SchedulerOptions } from '@staddle/cron';

/** 2026-01-01T00:00:00Z, where the test clock starts. */
export const START: number = Date.UTC(2026, 0, 1);
export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;

export interface TestBench {
  readonly clock: TestClock;
  readonly scheduler: Scheduler;
  readonly events: ScheduleEvent[];
  readonly logger: RecordingLogger;
  /** The events of one type, as `+MS` after the start of the clock. */
  started(name?: string): number[];
  /** `FROM-TO xCOUNT REASON`, in ms after the start. */
  skipped(name?: string): string[];
}

/** A scheduler that has been started, on a clock that stands still. */
export function testBench(options: SchedulerOptions & { readonly start?: boolean } = {}): TestBench {
  const { start = true, clock = createTestClock(), ...rest } = options;
  const events: ScheduleEvent[] = [];
  const logger = recordingLogger();
  const scheduler = createScheduler({ logger, clock, onEvent: (event) => events.push(event), ...rest });
  if (start) scheduler.startInBackground();
  const of = (name?: string): ScheduleEvent[] => events.filter((event) => event.type === 'clock-jump' || name === undefined || event.name === name);
  return {
    clock: clock as TestClock,
    scheduler,
    events,
    logger,
    started: (name) => of(name).flatMap((event) => (event.type === 'started' && !event.manual ? [event.scheduledAt - START] : [])),
    skipped: (name) => of(name).flatMap((event) => (event.type === 'skipped' ? [`${event.fromAt - START}-${event.toAt - START} x${event.count} ${event.reason}`] : [])),
  };
}

/** A handler whose runs last until the test ends them. */
export interface HeldRuns {
  readonly handler: (run: CronRun) => Promise<void>;
  /** Those that have begun and not ended, oldest first. */
  readonly open: { readonly run: CronRun; readonly end: () => void; readonly fail: (error: unknown) => void }[];
}

export function heldRuns(): HeldRuns {
  const open: HeldRuns['open'] = [];
  return {
    open,
    handler: (run) =>
      new Promise((resolve, reject) => {
        const leave = (): void => void open.splice(open.indexOf(entry), 1);
        const entry = {
          run,
          end: () => {
            leave();
            resolve();
          },
          fail: (error: unknown) => {
            leave();
            reject(error as Error);
          },
        };
        open.push(entry);
      }),
  };
}

/** Lets pending promise callbacks run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => void setImmediate(resolve));
}
