export {
  createAuthenticator,
  DEFAULT_AUDIENCE,
  signToken,
  type Authenticate,
  type AuthenticatorOptions,
  type Identity,
  type SignTokenOptions,
} from './authenticate.ts';
export { ensureStandaloneCredentials, type CredentialsOptions, type StandaloneCredentials } from './credentials.ts';
export {
  AuthExpiredError,
  AuthInvalidError,
  AuthMissingError,
  AuthSecretError,
  BodyLimitError,
  ComponentStartError,
  CredentialsError,
  CursorError,
  HeaderLimitError,
  InternalError,
  LooseSchemaError,
  MalformedBodyError,
  MediaTypeError,
  MethodNotAllowedError,
  NotFoundError,
  NotReadyError,
  RequestRefusedError,
  RequestTimeoutError,
  RouteNotFoundError,
  ServiceListenError,
  ServicePortTakenError,
  ServiceStoppedError,
  StopFailedError,
  StopTimeoutError,
  UrlError,
  ValidationError,
  type FieldError,
  type ServiceErrorCode,
} from './errors.ts';
export { type Check, type ReadinessStatus } from './health.ts';
export { type ServiceApp } from './http-app.ts';
export { identityOf } from './identity.ts';
export { decodeCursor, encodeCursor, instant, pageOf, pageQuery, type Page, type PageLimits, type PageQuery, type PageSchema } from './paging.ts';
export { type Problem, type ProblemRule, type ProblemRules } from './problem.ts';
export { runService, type Runnable, type RunOptions } from './run.ts';
export { createService, type Service, type ServiceOptions } from './service.ts';
