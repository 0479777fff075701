export { bindContext, contextFields, runInContext, type ContextFields } from '@staddle/kernel';
export { captureError } from './capture.ts';
export { fdDestination, type Destination, type FdDestination, type FdDestinationOptions } from './destination.ts';
export { InvalidLogLevelError, InvalidMetricError, MetricConflictError, type LoggingErrorCode } from './errors.ts';
export { createLogger, type LoggerOptions, type LogLevel } from './logger.ts';
export { createMetrics, OTHER, type MetricsOptions, type MetricsRegistry } from './metrics.ts';
