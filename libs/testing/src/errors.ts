import { StaddleError } from '@staddle/kernel';

/** No way was found to get Redis and MariaDB for a test run. The message says what to type. */
export class ServersUnavailableError extends StaddleError {
  override readonly code = 'ERR_TESTING_SERVERS';
}

/** A test asked for the run's server, but the environment names none. */
export class ServerUrlMissingError extends StaddleError {
  override readonly code = 'ERR_TESTING_SERVER_URL';
  /** The variable that is missing or cannot be read. */
  readonly variable: string;

  constructor(variable: string, rule: string) {
    super(`environment variable ${variable} ${rule}`);
    this.variable = variable;
  }
}

/** A private server ended, or did not answer in time, while it started. */
export class ServerStartError extends StaddleError {
  override readonly code = 'ERR_TESTING_SERVER_START';
}

/** What a test waited for did not happen in time. */
export class WaitTimeoutError extends StaddleError {
  override readonly code = 'ERR_TESTING_TIMEOUT';
  readonly timeoutMs: number;

  constructor(what: string, timeoutMs: number, options?: ErrorOptions) {
    super(`waited ${timeoutMs} ms for ${what}`, options);
    this.timeoutMs = timeoutMs;
  }
}

/** A child process ended before it did what the test waited for. */
export class ChildExitedError extends StaddleError {
  override readonly code = 'ERR_TESTING_CHILD_EXITED';
}

export type TestingErrorCode =
  | ServersUnavailableError['code']
  | ServerUrlMissingError['code']
  | ServerStartError['code']
  | WaitTimeoutError['code']
  | ChildExitedError['code'];
