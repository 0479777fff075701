export { backoffMs, type BackoffOptions } from './backoff.ts';
export { systemClock, type Clock, type Timer } from './clock.ts';
export { bindContext, contextFields, runInContext, type ContextFields } from './context.ts';
export { formatDuration, parseDuration, type DurationInput } from './duration.ts';
export { hasCode, InvalidDurationError, StaddleError, type KernelErrorCode } from './errors.ts';
export { type Lifecycle } from './lifecycle.ts';
export { silentLogger, type Logger, type LogFields } from './logger.ts';
export { noMetrics, type Counter, type Gauge, type Histogram, type MetricOptions, type Metrics } from './metrics.ts';
export { sleep, type SleepOptions } from './sleep.ts';
