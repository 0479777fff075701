import { StaddleError } from '@staddle/kernel';

/** One reason why a request does not fit its schema. */
export interface FieldError {
  /** Dotted path inside its part: `trigger.expr`, `items.0.id`; empty when the part as a whole is wrong. */
  readonly field: string;
  readonly in: 'body' | 'query' | 'path' | 'header';
  /** The violated rule: `invalid_type`, `unrecognized_keys`, `too_big`. */
  readonly rule: string;
  readonly message: string;
}

// -- errors of a request: `statusCode` makes them problem responses ------------------------------------------------

/** A request without a bearer token on a route that is not public. */
export class AuthMissingError extends StaddleError {
  override readonly code = 'ERR_SERVICE_AUTH_MISSING';
  readonly statusCode = 401;

  constructor() {
    super('the request has no "Authorization: Bearer" token');
  }
}

/** A token that was not signed for us, or is not a token at all. */
export class AuthInvalidError extends StaddleError {
  override readonly code = 'ERR_SERVICE_AUTH_INVALID';
  readonly statusCode = 401;

  constructor(reason: string, options?: ErrorOptions) {
    super(`the bearer token is not valid: ${reason}`, options);
  }
}

/** A token that was good once. */
export class AuthExpiredError extends StaddleError {
  override readonly code = 'ERR_SERVICE_AUTH_EXPIRED';
  readonly statusCode = 401;
  readonly expiredAt: number;

  constructor(expiredAt: number) {
    super('the bearer token has expired');
    this.expiredAt = expiredAt;
  }
}

/** A request whose body, query, path or headers do not fit the route's schema. */
export class ValidationError extends StaddleError {
  override readonly code = 'ERR_SERVICE_VALIDATION';
  override readonly field: string;
  readonly statusCode = 422;
  readonly errors: readonly FieldError[];

  constructor(errors: readonly [FieldError, ...FieldError[]]) {
    const [first] = errors;
    super(`${first.field || `the ${first.in}`}: ${first.message}${errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''}`);
    this.field = first.field;
    this.errors = errors;
  }
}

/** A body that is not JSON that we accept: syntax, encoding, depth, `__proto__`. */
export class MalformedBodyError extends StaddleError {
  override readonly code = 'ERR_SERVICE_MALFORMED';
  /** Dotted path of the value that we do not take; undefined when the body as a whole is at fault. */
  declare readonly field?: string;
  readonly statusCode = 400;

  constructor(rule: string, field?: string) {
    super(`the body ${rule}`);
    if (field !== undefined) this.field = field;
  }
}

/** A cursor that this list never gave out. */
export class CursorError extends StaddleError {
  override readonly code = 'ERR_SERVICE_CURSOR';
  override readonly field = 'cursor';
  readonly statusCode = 400;

  constructor() {
    super('the cursor is not one that this list returned as nextCursor');
  }
}

/** For handlers: the thing that the URL names does not exist. */
export class NotFoundError extends StaddleError {
  override readonly code = 'ERR_SERVICE_NOT_FOUND';
  readonly statusCode = 404;
  readonly what: string;
  readonly id: string;

  constructor(what: string, id: string) {
    super(`${what} ${JSON.stringify(id)} does not exist`);
    this.what = what;
    this.id = id;
  }
}

/** No route has this path. */
export class RouteNotFoundError extends StaddleError {
  override readonly code = 'ERR_SERVICE_ROUTE';
  readonly statusCode = 404;

  constructor(method: string, path: string) {
    super(`there is no route ${method} ${path}`);
  }
}

/** The path exists, but not with this method. */
export class MethodNotAllowedError extends StaddleError {
  override readonly code = 'ERR_SERVICE_METHOD';
  readonly statusCode = 405;
  readonly allow: readonly string[];

  constructor(method: string, path: string, allow: readonly string[]) {
    super(`${path} does not take ${method}, only ${allow.join(', ')}`);
    this.allow = allow;
  }
}

/** A request that came before all components had started, or after they began to stop. */
export class NotReadyError extends StaddleError {
  override readonly code = 'ERR_SERVICE_NOT_READY';
  override readonly retryable = true;
  readonly statusCode = 503;

  constructor(phase: 'starting' | 'draining') {
    super(phase === 'starting' ? 'the service is still starting' : 'the service is stopping');
  }
}

/** A body in a format that the route does not take. */
export class MediaTypeError extends StaddleError {
  override readonly code = 'ERR_SERVICE_MEDIA_TYPE';
  readonly statusCode = 415;

  constructor() {
    super('the content type is not application/json');
  }
}

/** A body over the limit of the service or the route. */
export class BodyLimitError extends StaddleError {
  override readonly code = 'ERR_SERVICE_BODY_LIMIT';
  readonly statusCode = 413;

  constructor() {
    super('the body is larger than this route takes');
  }
}

/** A path that cannot be decoded (400) or has a segment longer than any of ours (414). */
export class UrlError extends StaddleError {
  override readonly code = 'ERR_SERVICE_URL';
  readonly statusCode: 400 | 414;

  constructor(statusCode: 400 | 414) {
    super(statusCode === 414 ? 'a segment of the path is too long' : 'the path holds a broken percent-encoding');
    this.statusCode = statusCode;
  }
}

/** Headers over the limit of Node's HTTP parser. */
export class HeaderLimitError extends StaddleError {
  override readonly code = 'ERR_SERVICE_HEADERS';
  readonly statusCode = 431;

  constructor() {
    super('the headers are larger than 16 KiB');
  }
}

/** A request that was not complete in time. */
export class RequestTimeoutError extends StaddleError {
  override readonly code = 'ERR_SERVICE_REQUEST_TIMEOUT';
  readonly statusCode = 408;

  constructor() {
    super('the request did not arrive in time');
  }
}

/** Any other refusal: broken HTTP, a request that ends early, a plugin's veto. */
export class RequestRefusedError extends StaddleError {
  override readonly code = 'ERR_SERVICE_REQUEST';
  readonly statusCode: number;

  constructor(statusCode: number, reason: string) {
    super(reason);
    this.statusCode = statusCode;
  }
}

/** What a caller sees of an error that nobody foresaw. Its cause is in the log, never in the response. */
export class InternalError extends StaddleError {
  override readonly code = 'ERR_SERVICE_INTERNAL';
  readonly statusCode = 500;

  constructor(cause: unknown) {
    super('the service failed unexpectedly', { cause });
  }
}

// -- errors of the service itself ----------------------------------------------------------------------------------

/** Another process listens on our port. */
export class ServicePortTakenError extends StaddleError {
  override readonly code = 'ERR_SERVICE_PORT_TAKEN';
  readonly host: string;
  readonly port: number;

  constructor({ host, port, portSetting, cause }: { host: string; port: number; portSetting?: string | undefined; cause?: unknown }) {
    super(`port ${port} on ${host} is taken by another process; stop that one or choose a port${portSetting ? ` with ${portSetting}` : ''}`, { cause });
    this.host = host;
    this.port = port;
  }
}

/** The operating system refuses to let us listen: a foreign address, a privileged port. */
export class ServiceListenError extends StaddleError {
  override readonly code = 'ERR_SERVICE_LISTEN';

  constructor({ host, port, cause }: { host: string; port: number; cause: Error }) {
    super(`cannot listen on ${host} port ${port}: ${cause.message}`, { cause });
  }
}

/** The service was stopped, so it cannot become ready or start again. */
export class ServiceStoppedError extends StaddleError {
  override readonly code = 'ERR_SERVICE_STOPPED';

  constructor(name: string) {
    super(`service ${name} has been stopped`);
  }
}

/** A component failed to start, and trying again will not help. */
export class ComponentStartError extends StaddleError {
  override readonly code = 'ERR_SERVICE_COMPONENT';
  readonly component: string;

  constructor(component: string, cause: unknown) {
    super(`component ${component} cannot start: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.component = component;
  }
}

/** The stop deadline passed. */
export class StopTimeoutError extends StaddleError {
  override readonly code = 'ERR_SERVICE_STOP_TIMEOUT';
  /** What held the stop up: `component dispatch`, `2 requests in flight`. */
  readonly waitingFor: string;

  constructor(name: string, waitingFor: string) {
    super(`service ${name} did not stop by its deadline: still waiting for ${waitingFor}`);
    this.waitingFor = waitingFor;
  }
}

/** Everything was stopped, but some components reported errors on the way. */
export class StopFailedError extends StaddleError {
  override readonly code = 'ERR_SERVICE_STOP';
  readonly components: readonly string[];

  constructor(name: string, failures: ReadonlyMap<string, unknown>) {
    const components = [...failures.keys()];
    super(`service ${name} stopped with errors in ${components.join(', ')}`, { cause: failures.values().next().value });
    this.components = components;
  }
}

/** A route's schema would drop unknown keys in silence. */
export class LooseSchemaError extends StaddleError {
  override readonly code = 'ERR_SERVICE_SCHEMA';

  constructor(route: string, where: string) {
    super(`the schema of ${route} has a z.object() at ${where}, which drops unknown keys; use z.strictObject() (or z.looseObject() to keep them)`);
  }
}

/** A signing secret that is too short to be one. */
export class AuthSecretError extends StaddleError {
  override readonly code = 'ERR_SERVICE_AUTH_SECRET';
  override readonly field = 'secret';

  constructor(bytes: number) {
    super(`the secret has ${bytes} bytes; HS256 needs at least 32`);
  }
}

/** A credentials file that cannot be read, written or used. */
export class CredentialsError extends StaddleError {
  override readonly code = 'ERR_SERVICE_CREDENTIALS';
  readonly file: string;

  constructor(file: string, rule: string, options?: ErrorOptions) {
    super(`credentials file ${file} ${rule}`, options);
    this.file = file;
  }
}

export type ServiceErrorCode =
  | AuthMissingError['code']
  | AuthInvalidError['code']
  | AuthExpiredError['code']
  | ValidationError['code']
  | MalformedBodyError['code']
  | CursorError['code']
  | NotFoundError['code']
  | RouteNotFoundError['code']
  | MethodNotAllowedError['code']
  | NotReadyError['code']
  | MediaTypeError['code']
  | BodyLimitError['code']
  | UrlError['code']
  | HeaderLimitError['code']
  | RequestTimeoutError['code']
  | RequestRefusedError['code']
  | InternalError['code']
  | ServicePortTakenError['code']
  | ServiceListenError['code']
  | ServiceStoppedError['code']
  | ComponentStartError['code']
  | StopTimeoutError['code']
  | StopFailedError['code']
  | LooseSchemaError['code']
  | AuthSecretError['code']
  | CredentialsError['code'];
