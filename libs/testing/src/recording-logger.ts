import type { LogFields, Logger } from '@staddle/kernel';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export interface LogLine {
  readonly level: LogLevel;
  /** The fields of the call over those of the `child()` loggers above it. */
  readonly fields: LogFields;
  readonly message: string;
}

export interface RecordingLogger extends Logger {
  /** Every line so far, also those of child loggers, oldest first. */
  readonly lines: readonly LogLine[];
  child(fields: LogFields): RecordingLogger;
}

/** A logger that keeps what it is told, so that a test can ask for it. */
export function recordingLogger(): RecordingLogger {
  return recordInto([], {});
}

function recordInto(lines: LogLine[], inherited: LogFields): RecordingLogger {
  const at =
    (level: LogLevel) =>
    (fields: LogFields, message: string): void => {
      lines.push({ level, fields: { ...inherited, ...fields }, message });
    };
  return {
    lines,
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
    child: (fields) => recordInto(lines, { ...inherited, ...fields }),
  };
}
