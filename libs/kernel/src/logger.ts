/** Structured fields of one log line. An error goes under `err`. */
export type LogFields = Readonly<Record<string, unknown>>;

type Log = (fields: LogFields, message: string) => void;

/** What a library needs of a logger. `@staddle/logging` implements it; so does a pino instance. */
export interface Logger {
  readonly trace: Log;
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
  readonly fatal: Log;
  child(fields: LogFields): Logger;
}

const drop: Log = () => {};

/** Drops everything: the default of every library. */
export const silentLogger: Logger = {
  trace: drop,
  debug: drop,
  info: drop,
  warn: drop,
  error: drop,
  fatal: drop,
  child: () => silentLogger,
};
