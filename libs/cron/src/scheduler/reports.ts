import { noMetrics, silentLogger, type Logger, type LogFields, type Metrics } from '@staddle/kernel';
import type { ScheduleEvent } from './schedule.ts';

export interface ReportsOptions {
  readonly logger?: Logger | undefined;
  readonly metrics?: Metrics | undefined;
  readonly onEvent?: ((event: ScheduleEvent) => void) | undefined;
}

/** What the scheduler tells the outside. Nothing that a listener, a logger or a metric throws reaches it. */
export interface Reports {
  readonly logger: Logger;
  log(level: 'debug' | 'warn' | 'error', fields: LogFields, message: string): void;
  emit(event: ScheduleEvent): void;
  /** A handler was called, so much after it should have been. */
  late(ms: number): void;
  /** So many handlers are at work. */
  running(count: number): void;
}

const SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 600, 3600];

export function createReports({ logger = silentLogger, metrics = noMetrics, onEvent }: ReportsOptions): Reports {
  const runs = metrics.counter({ name: 'cron_runs_total', help: 'Runs of schedules, by how they ended', labels: ['outcome'] });
  const skips = metrics.counter({ name: 'cron_skipped_total', help: 'Scheduled instants that did not run, by reason', labels: ['reason'] });
  const lateness = metrics.histogram({ name: 'cron_lateness_seconds', help: 'Time from the instant at which a run should begin to its beginning', buckets: SECONDS });
  const durations = metrics.histogram({ name: 'cron_run_seconds', help: 'How long runs took', buckets: SECONDS });
  const atWork = metrics.gauge({ name: 'cron_running', help: 'Handlers at work' });

  const log: Reports['log'] = (level, fields, message) => {
    tell(
      () => logger[level](fields, message),
      () => {
        // There is no one left to tell.
      },
    );
  };
  const measure = (count: () => unknown): void => tell(count, (error) => log('error', { err: error }, 'a metric of the scheduler threw'));
  return {
    logger,
    log,
    emit(event) {
      if (event.type === 'skipped') measure(() => skips.add(event.count, { reason: event.reason }));
      if (event.type === 'succeeded' || event.type === 'failed') {
        measure(() => runs.add(1, { outcome: event.type }));
        measure(() => durations.observe(event.durationMs / 1000));
      }
      tell(
        () => onEvent?.(event),
        (error) => log('error', { err: error, event: event.type }, 'the onEvent of the scheduler threw'),
      );
    },
    late: (ms) => measure(() => lateness.observe(Math.max(0, ms) / 1000)),
    running: (count) => measure(() => atWork.set(count)),
  };
}

/** An async function may stand where nothing is awaited: its rejection would end the process. */
function tell(outside: () => unknown, onError: (error: unknown) => void): void {
  try {
    const told = outside();
    if (told instanceof Promise) told.catch(onError);
  } catch (error) {
    onError(error);
  }
}
