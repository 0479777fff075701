import { StaddleError } from '@staddle/kernel';

/** The subject does not hold the permission. Carries nothing that tells a caller about the policy. */
export class PermissionDeniedError extends StaddleError {
  override readonly code = 'ERR_PERMISSION_DENIED';
  readonly statusCode = 403;

  constructor() {
    super('the caller does not hold the permission that this operation needs');
  }
}

/** A route that needs a permission was called without a subject. */
export class SubjectMissingError extends StaddleError {
  override readonly code = 'ERR_PERMISSIONS_SUBJECT_MISSING';
  readonly statusCode = 401;

  constructor() {
    super('the operation needs an authenticated caller');
  }
}

/** No policy has been read from the store yet, so that nothing can be allowed. */
export class PolicyNotLoadedError extends StaddleError {
  override readonly code = 'ERR_PERMISSIONS_NOT_LOADED';
  override readonly retryable = true;
  readonly statusCode = 503;

  constructor() {
    super('the permission policy has not been read from its store yet');
  }
}

/** Routes that declare neither `config.permission` nor `config.public`, or that the guard does not reach. */
export class UndeclaredRouteError extends StaddleError {
  override readonly code = 'ERR_PERMISSIONS_ROUTE_UNDECLARED';
  /** `'GET /v1/tasks'`, sorted: every such route, not the first one. */
  readonly routes: readonly string[];

  constructor(routes: readonly string[]) {
    super(`routes ${routes.join(', ')} declare neither config.permission nor config.public, or were registered before permissionGuard`);
    this.routes = routes;
  }
}

/** A route's `config.permission` or `config.public` is not of the required form. */
export class RouteDeclarationError extends StaddleError {
  override readonly code = 'ERR_PERMISSIONS_ROUTE_INVALID';
  readonly route: string;

  constructor(route: string, rule: string) {
    super(`route ${route} ${rule}`);
    this.route = route;
  }
}

/** A permission, or a pattern of permissions, that `definePermissions` did not define. */
export class UnknownPermissionError extends StaddleError {
  override readonly code = 'ERR_PERMISSIONS_UNKNOWN';
  declare readonly field?: string;
  readonly permission: unknown;

  constructor(permission: unknown, where: string, field?: string) {
    super(`permission ${show(permission)} ${where} is not defined; definePermissions must list it`);
    this.permission = permission;
    if (field !== undefined) this.field = field;
  }
}

/** Names or links given to `definePermissions` that break its rules. */
export class PermissionDefinitionError extends StaddleError {
  override readonly code = 'ERR_PERMISSIONS_DEFINITION';
}

/** A policy or a change of one with a malformed name, effect or instant. */
export class InvalidPolicyError extends StaddleError {
  override readonly code = 'ERR_PERMISSIONS_POLICY';
  override readonly field: string;
  readonly value: unknown;

  constructor(field: string, value: unknown, rule: string) {
    super(`${field} ${show(value)} ${rule}`);
    this.field = field;
    this.value = value;
  }
}

/** A change names a role that neither the code nor the store defines in that tenant. */
export class UnknownRoleError extends StaddleError {
  override readonly code = 'ERR_PERMISSIONS_ROLE_UNKNOWN';
  override readonly field: string;
  readonly role: string;
  readonly tenant: string;

  constructor(field: string, role: string, tenant: string) {
    super(`role ${show(role)} is not defined in tenant ${show(tenant)}; defineRole makes it`);
    this.field = field;
    this.role = role;
    this.tenant = tenant;
  }
}

/** A role would inherit from itself. */
export class RoleCycleError extends StaddleError {
  override readonly code = 'ERR_PERMISSIONS_ROLE_CYCLE';
  override readonly field = 'parent';
  /** The roles of the cycle; the first is repeated at the end. */
  readonly path: readonly string[];

  constructor(path: readonly string[]) {
    super(`role inheritance ${path.join(' -> ')} is a cycle`);
    this.path = path;
  }
}

/** Other processes changed the policy again and again while this change was tried. */
export class PolicyConflictError extends StaddleError {
  override readonly code = 'ERR_PERMISSIONS_CONFLICT';
  override readonly retryable = true;

  constructor(attempts: number) {
    super(`the policy changed under each of ${attempts} attempts to write it`);
  }
}

/** The permission tables compare names by something other than their bytes, so that two users could be taken for one. */
export class CollationError extends StaddleError {
  override readonly code = 'ERR_PERMISSIONS_COLLATION';
  /** `'permission_role.code (utf8mb4_general_ci)'` */
  readonly columns: readonly string[];

  constructor(columns: readonly string[], allowed: readonly string[]) {
    super(`columns ${columns.join(', ')} must have a collation that compares bytes without padding: ${allowed.join(' or ')}`);
    this.columns = columns;
  }
}

export type PermissionsErrorCode =
  | PermissionDeniedError['code']
  | SubjectMissingError['code']
  | PolicyNotLoadedError['code']
  | UndeclaredRouteError['code']
  | RouteDeclarationError['code']
  | UnknownPermissionError['code']
  | PermissionDefinitionError['code']
  | InvalidPolicyError['code']
  | UnknownRoleError['code']
  | RoleCycleError['code']
  | PolicyConflictError['code']
  | CollationError['code'];

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(typeof value === 'object' && value !== null ? 'of type object' : value);
}
