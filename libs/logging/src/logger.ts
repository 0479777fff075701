import { contextFields, noMetrics, systemClock, type Clock, type LogFields, type Logger, type Metrics } from '@staddle/kernel';
import { pino, type Logger as PinoLogger } from 'pino';
import { fdDestination, type Destination } from './destination.ts';
import { InvalidLogLevelError } from './errors.ts';
import { createLayout, UNBOUND, type Bound } from './layout.ts';
import { createRedactor } from './redact.ts';

/*
 * The logger: kernel's `Logger` on pino, one JSON line per call, in the names of the Elastic Common Schema.
 *
 * 1. A line is written before the call returns. A process killed with -9 after N calls leaves N lines.
 * 2. A call never throws and never waits long: values are hostile until copied (getters, proxies, cycles, 50 MB strings), and
 *    so is the reader of standard output. What cannot be written is counted.
 * 3. One call makes one line of at most 64 KB.
 * 4. Nothing reaches pino that did not pass the redactor: message, field names, values at any depth, error texts, context.
 * 5. The top level of a line has known names of known types; whatever a caller makes up lies under `data`, which an index maps
 *    as one `flattened` field. So no field can meet another of its name with another type.
 * 6. Fields of the current asynchronous flow (`runInContext`) are in every line without anybody passing them on.
 *
 * pino filters levels and joins the line. Child loggers are ours, because pino would write `data` twice.
 */

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

export type LogLevel = (typeof LEVELS)[number] | 'silent';

export interface LoggerOptions {
  /** `service.name` and `service.version` of every line. */
  readonly service: { readonly name: string; readonly version: string };
  /** Least severe level that is written. Default `info`. */
  readonly level?: LogLevel;
  /** Default: standard output, synchronously. */
  readonly destination?: Destination;
  /** Values to scrub from all texts: strings, or `Secret`s of `@staddle/config`. Those under 12 characters are ignored. */
  readonly secrets?: Iterable<string | { reveal(): unknown }>;
  /** Counts `log_lines_dropped_total`. Default: no metrics. */
  readonly metrics?: Metrics;
  /** Default: the system clock. */
  readonly clock?: Clock;
}

// The version of the field names, which the specification of ECS logging requires in each line.
const ECS_VERSION = '8.11.0';

/** Builds the root logger of a process. @throws InvalidLogLevelError (`ERR_LOGGING_LEVEL`) */
export function createLogger(options: LoggerOptions): Logger {
  const { service, level = 'info', metrics = noMetrics, clock = systemClock, secrets = [] } = options;
  if (level !== 'silent' && !LEVELS.includes(level)) throw new InvalidLogLevelError(level, [...LEVELS, 'silent']);

  const drops = metrics.counter({ name: 'log_lines_dropped_total', help: 'Log lines that could not be written' });
  const { destination = fdDestination({ onDrop: () => drops.add() }) } = options;
  const layout = createLayout(createRedactor(secrets));
  const inner: PinoLogger = pino(
    {
      level,
      base: { 'service.name': service.name, 'service.version': service.version, 'ecs.version': ECS_VERSION },
      timestamp: () => `,"@timestamp":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ 'log.level': label }) },
    },
    destination,
  );

  const write = (label: (typeof LEVELS)[number], fields: LogFields, message: unknown, bound: Bound): void => {
    try {
      inner[label](layout.line(fields, message, contextFields(), bound));
    } catch {
      // A destination of the caller's that throws. There is nowhere left to say so.
      drops.add();
    }
  };

  const bind = (bound: Bound): Logger => {
    const log = (label: (typeof LEVELS)[number]): Logger['info'] =>
      inner.isLevelEnabled(label) ? (fields, message) => write(label, fields, message, bound) : () => {};
    return {
      trace: log('trace'),
      debug: log('debug'),
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
      fatal: log('fatal'),
      child: (fields) => bind(layout.bind(fields, bound)),
    };
  };
  return bind(UNBOUND);
}
