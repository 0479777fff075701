import { inspect, type InspectOptions } from 'node:util';
import type { Logger, Timer } from '@staddle/kernel';
import type { Queued } from './due-queue.ts';
import type { ScheduleRecord } from './record.ts';
import type { CronRun, RunInfo, SkipReason } from './schedule.ts';

/** How the handler ended. */
export type Outcome = { readonly failed: false } | { readonly failed: true; readonly error: unknown };

export interface RunOptions {
  readonly record: ScheduleRecord;
  readonly scheduledAt: number;
  /** When it should begin: its instant and its jitter. */
  readonly dueAt: number;
  readonly manual: boolean;
}

/** One run, from the moment at which its instant is due to its end. */
export class Run implements Queued {
  position = -1;
  readonly order: number;
  readonly record: ScheduleRecord;
  readonly scheduledAt: number;
  readonly dueAt: number;
  readonly manual: boolean;
  startedAt: number | undefined = undefined;
  /** On the monotonic clock. */
  startedMs = 0;
  fence: bigint | undefined = undefined;
  aborted: RunInfo['aborted'] = undefined;
  /** It has ended, or was skipped. */
  over = false;
  timeout: Timer | undefined = undefined;
  /** Ends the waiting for a lock, not the run. */
  claiming: AbortController | undefined = undefined;
  /** Another process had it when this one asked, and this one asks again. */
  standsBy = false;
  again: Timer | undefined = undefined;
  /** What becomes of it when it still waits for a lock then. */
  droppedAs: SkipReason = 'cancelled';
  #controller: AbortController | undefined = undefined;
  #ended: PromiseWithResolvers<Outcome | undefined> | undefined = undefined;

  constructor(order: number, { record, scheduledAt, dueAt, manual }: RunOptions) {
    this.order = order;
    this.record = record;
    this.scheduledAt = scheduledAt;
    this.dueAt = dueAt;
    this.manual = manual;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  abort(reason: NonNullable<RunInfo['aborted']>, error: unknown): void {
    this.aborted = reason;
    this.#controller ??= new AbortController();
    this.#controller.abort(error);
  }

  /** Resolves when it has ended; with undefined when it never began. */
  get ended(): Promise<Outcome | undefined> {
    this.#ended ??= Promise.withResolvers();
    return this.#ended.promise;
  }

  end(outcome: Outcome | undefined): void {
    this.#ended?.resolve(outcome);
  }
}

/** What the handler sees. */
export function viewOf(run: Run, logger: Logger): CronRun {
  return new RunView(run, logger);
}

// Made for every run, so what few handlers ask for is made when they do.
class RunView implements CronRun {
  readonly #run: Run;
  readonly #logger: Logger;

  constructor(run: Run, logger: Logger) {
    this.#run = run;
    this.#logger = logger;
  }

  get name(): string {
    return this.#run.record.name;
  }

  get scheduledAt(): number {
    return this.#run.scheduledAt;
  }

  get startedAt(): number {
    return this.#run.startedAt!;
  }

  get manual(): boolean {
    return this.#run.manual;
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  get fence(): bigint | undefined {
    return this.#run.fence;
  }

  get logger(): Logger {
    return this.#logger.child({ schedule: this.name, scheduledAt: this.scheduledAt });
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    const { name, scheduledAt, startedAt, manual, signal, fence } = this;
    return `CronRun ${inspect({ name, scheduledAt, startedAt, manual, signal, fence }, options)}`;
  }
}
