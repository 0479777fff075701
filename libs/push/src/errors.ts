import { StaddleError } from '@staddle/kernel';

/** A text that is not a channel name. */
export class InvalidChannelError extends StaddleError {
  override readonly code = 'ERR_PUSH_CHANNEL';
  override readonly field: string = 'channel';
  readonly value: unknown;

  constructor(value: unknown, rule: string) {
    super(`channel ${JSON.stringify(value) ?? String(value)} ${rule}`);
    this.value = value;
  }
}

/** Data that is not JSON: undefined, a function, a bigint, a cycle, or nested too deeply. */
export class InvalidDataError extends StaddleError {
  override readonly code = 'ERR_PUSH_DATA';
  override readonly field: string = 'data';

  constructor(rule: string, options?: ErrorOptions) {
    super(`data ${rule}`, options);
  }
}

/** Data whose JSON is larger than the hub takes. */
export class PublicationTooLargeError extends StaddleError {
  override readonly code = 'ERR_PUSH_TOO_LARGE';
  override readonly field: string = 'data';
  readonly bytes: number;
  readonly limitBytes: number;

  constructor(bytes: number, limitBytes: number) {
    super(`data is ${bytes} bytes of JSON; at most ${limitBytes} are taken`);
    this.bytes = bytes;
    this.limitBytes = limitBytes;
  }
}

/** The broker refused or did not answer. The publication may or may not have gone out. */
export class BrokerUnavailableError extends StaddleError {
  override readonly code = 'ERR_PUSH_BROKER_UNAVAILABLE';
  override readonly retryable = true;
  readonly broker: string;

  constructor(broker: string, what: string, options?: ErrorOptions) {
    super(`${broker} broker ${what}`, options);
    this.broker = broker;
  }
}

/** The hub was not started yet, or is stopping. */
export class HubNotRunningError extends StaddleError {
  override readonly code = 'ERR_PUSH_NOT_RUNNING';
  override readonly retryable = true;

  constructor() {
    super('the hub is not running; publish between start() and stop()');
  }
}

/** Thrown by `authenticate` for a token that was good once: the client is asked for a fresh one. */
export class TokenExpiredError extends StaddleError {
  override readonly code = 'ERR_PUSH_TOKEN_EXPIRED';

  constructor(options?: ErrorOptions) {
    super('the connection token has expired', options);
  }
}

/** Thrown by `authenticate` for a token that can never become good: the client is told not to come back with it. */
export class InvalidTokenError extends StaddleError {
  override readonly code = 'ERR_PUSH_TOKEN_INVALID';

  constructor(options?: ErrorOptions) {
    super('the connection token is not valid', options);
  }
}

/** An option that cannot work. */
export class InvalidOptionError extends StaddleError {
  override readonly code = 'ERR_PUSH_OPTION';
  override readonly field: string;

  constructor(field: string, value: unknown, rule: string) {
    super(`option ${field} is ${JSON.stringify(value) ?? String(value)}; ${rule}`);
    this.field = field;
  }
}

export type PushErrorCode =
  | InvalidChannelError['code']
  | InvalidDataError['code']
  | PublicationTooLargeError['code']
  | BrokerUnavailableError['code']
  | HubNotRunningError['code']
  | TokenExpiredError['code']
  | InvalidTokenError['code']
  | InvalidOptionError['code'];
