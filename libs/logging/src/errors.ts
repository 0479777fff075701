import { StaddleError } from '@staddle/kernel';

/** A log level that does not exist. */
export class InvalidLogLevelError extends StaddleError {
  override readonly code = 'ERR_LOGGING_LEVEL';
  override readonly field = 'level';
  readonly level: unknown;

  constructor(level: unknown, levels: readonly string[]) {
    super(`log level ${JSON.stringify(level) ?? String(level)} is not one of ${levels.join(', ')}`);
    this.level = level;
  }
}

/** A metric whose name, labels, help or buckets Prometheus would not accept. */
export class InvalidMetricError extends StaddleError {
  override readonly code = 'ERR_LOGGING_METRIC_INVALID';
  readonly metric: string;

  constructor(metric: string, rule: string) {
    super(`metric ${JSON.stringify(metric)} ${rule}`);
    this.metric = metric;
  }
}

/** One name, two meanings: the same metric was asked for with another type, other labels or other buckets. */
export class MetricConflictError extends StaddleError {
  override readonly code = 'ERR_LOGGING_METRIC_CONFLICT';
  readonly metric: string;

  constructor(metric: string, existing: string, asked: string) {
    super(`metric ${metric} exists as ${existing} and was asked for as ${asked}`);
    this.metric = metric;
  }
}

export type LoggingErrorCode = InvalidLogLevelError['code'] | InvalidMetricError['code'] | MetricConflictError['code'];
