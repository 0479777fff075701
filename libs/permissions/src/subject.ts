/** Who asks. Only own properties count: what a polluted prototype adds is not seen. */
export interface Subject {
  /** 1 to 255 characters, compared exactly: `Alice` is not `alice`. */
  readonly id: string;
  /** Users and services have separate names: the service `alice` has none of the roles of the user `alice`. */
  readonly type: 'user' | 'service';
  /** Role codes that a verified token asserts, besides the stored assignments. They hold in `tenant` and nowhere else. */
  readonly roles?: readonly string[] | undefined;
  /** The tenant that the token was made for. Default {@link DEFAULT_TENANT}. */
  readonly tenant?: string | undefined;
}

/** The tenant of a program that has no tenants. */
export const DEFAULT_TENANT = 'default';

/** Where built-in policies hold. Not a tenant: no request can be made in it. */
export const EVERY_TENANT = '*';

export const SUBJECT_TYPES: readonly string[] = ['user', 'service'];

export const SUBJECT_ID_MAX = 255;
export const TENANT_MAX = 64;
export const ROLE_MAX = 64;

// Control characters are refused because drivers and terminals treat them in their own ways (SQLite tools end text at NUL).
// oxlint-disable-next-line no-control-regex -- that is what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** True for a subject id: any text without control characters, of up to 255 UTF-16 units. */
export function isSubjectId(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= SUBJECT_ID_MAX && value.isWellFormed() && !CONTROL.test(value);
}

/** True for a tenant or a role code: as an id, up to 64 units, without space at either end, and not `'*'`. */
export function isLabel(value: unknown, max: number): value is string {
  return isSubjectId(value) && value.length <= max && value.trim() === value && value !== EVERY_TENANT;
}

// Names inside the policy model. The parts are escaped, so that no part can hold the separators `:`, `/` or the comma
// with which Casbin joins arguments into a cache key: two different names can never read the same.

/** `user:42` */
export function subjectName(type: string, id: string): string {
  return `${type}:${encodeURIComponent(id)}`;
}

/** `role:acme/clerk`, with `*` for the tenant of a role that every tenant has. */
export function roleName(tenant: string, code: string): string {
  return `role:${tenantName(tenant)}/${encodeURIComponent(code)}`;
}

/** The code in a role's name. */
export function roleCode(role: string): string {
  return decodeURIComponent(role.slice(role.indexOf('/') + 1));
}

/** The built-in role of the same code, which the role of any tenant extends. */
export function builtInTwin(role: string): string {
  return `role:${EVERY_TENANT}${role.slice(role.indexOf('/'))}`;
}

// encodeURIComponent leaves '*' as it is, and `isLabel` refuses it as a tenant: EVERY_TENANT stays apart.
export function tenantName(tenant: string): string {
  return encodeURIComponent(tenant);
}

/** A subject that passed every check. */
export interface KnownSubject {
  readonly name: string;
  readonly roles: readonly string[];
  readonly tenant: string;
}

/** Checks a subject from outside; `undefined` when any part of it is malformed. May throw what a getter throws. */
export function readSubject(value: unknown): KnownSubject | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const id = own(value, 'id');
  const type = own(value, 'type');
  const roles = own(value, 'roles') ?? [];
  const tenant = own(value, 'tenant') ?? DEFAULT_TENANT;
  if (!isSubjectId(id) || typeof type !== 'string' || !SUBJECT_TYPES.includes(type)) return undefined;
  if (!Array.isArray(roles) || !roles.every((role) => typeof role === 'string') || !isLabel(tenant, TENANT_MAX)) return undefined;
  // A token may carry roles of other programs. A code that no policy can hold cannot match one, so it is dropped.
  return { name: subjectName(type, id), roles: roles.filter((role) => isLabel(role, ROLE_MAX)), tenant };
}

function own(object: object, key: string): unknown {
  return Object.hasOwn(object, key) ? (object as Record<string, unknown>)[key] : undefined;
}
