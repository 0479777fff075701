export {
  definePermissions,
  type Permission,
  type PermissionDefinitions,
  type PermissionName,
  type PermissionPattern,
  type PermissionShape,
} from './definitions.ts';
export {
  CollationError,
  InvalidPolicyError,
  PermissionDefinitionError,
  PermissionDeniedError,
  PolicyConflictError,
  PolicyNotLoadedError,
  RoleCycleError,
  RouteDeclarationError,
  SubjectMissingError,
  UndeclaredRouteError,
  UnknownPermissionError,
  UnknownRoleError,
  type PermissionsErrorCode,
} from './errors.ts';
export { RBAC_TENANT_DENY } from './model.ts';
export { createPermissions, type Decision, type DecisionReason, type Permissions, type PermissionsOptions } from './permissions.ts';
export type { AssignmentRow, Effect, GrantRow, PermissionStore, PolicyEdit, RoleRow, StoredPolicy } from './permission-store.ts';
export type { PolicyRule, RolePolicy } from './policy.ts';
export type { Grant, RoleAssignment, RoleDefinition, RoleRef } from './policy-change.ts';
export { DEFAULT_TENANT, type Subject } from './subject.ts';
