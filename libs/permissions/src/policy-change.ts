import type { PermissionDefinitions, PermissionPattern } from './definitions.ts';
import { InvalidPolicyError, RoleCycleError, UnknownPermissionError, UnknownRoleError } from './errors.ts';
import type { AssignmentRow, GrantRow, PolicyEdit, RoleRow, StoredPolicy } from './permission-store.ts';
import { checkLabel, roleHierarchy, type PolicyRows } from './policy.ts';
import { DEFAULT_TENANT, EVERY_TENANT, isSubjectId, ROLE_MAX, roleCode, roleName, SUBJECT_ID_MAX, SUBJECT_TYPES, TENANT_MAX, type Subject } from './subject.ts';

/** A role, by its code and tenant. */
export interface RoleRef {
  readonly role: string;
  /** Default {@link DEFAULT_TENANT}. */
  readonly tenant?: string;
}

export interface RoleDefinition extends RoleRef {
  /** Role of the same tenant, or built in, to inherit from. Left out: none, also if there was one before. */
  readonly parent?: string;
}

export interface Grant<Name extends string = string> extends RoleRef {
  /** A permission, `'resource:*'` or `'*'`. */
  readonly permission: PermissionPattern<Name>;
  /** Default `'allow'`. */
  readonly effect?: 'allow' | 'deny';
}

export interface RoleAssignment extends RoleRef {
  readonly subject: Pick<Subject, 'id' | 'type'>;
  /** Epoch ms by the store's clock, from which the assignment no longer counts. Left out: it lasts. */
  readonly expiresAt?: number;
}

/** What a change is checked against. */
interface PolicyView {
  readonly definitions: PermissionDefinitions;
  readonly builtIn: PolicyRows;
  readonly stored: StoredPolicy;
}

/** The edits that a change comes to; none when the policy already says so. Throws what the change breaks. */
export type PolicyPlan = (view: PolicyView) => readonly PolicyEdit[];

export function planRole(change: RoleDefinition): PolicyPlan {
  const { tenant, code } = checkRole(change);
  const parent = change.parent === undefined ? '' : checkLabel('parent', change.parent, ROLE_MAX);
  const row: RoleRow = { tenant, code, parent };
  return (view) => {
    if (view.stored.roles.some((known) => known.tenant === tenant && known.code === code && known.parent === parent)) return [];
    if (parent === code) throw new RoleCycleError([code, code]);
    if (parent !== '') {
      checkKnown('parent', { tenant, code: parent }, view);
      checkNoCycle(row, view);
    }
    return [{ op: 'put', kind: 'role', row }];
  };
}

export function planGrant(op: 'put' | 'delete', change: Grant): PolicyPlan {
  const { tenant, code } = checkRole(change);
  const { permission, effect = 'allow' } = change;
  if (effect !== 'allow' && effect !== 'deny') throw new InvalidPolicyError('effect', effect, 'is neither "allow" nor "deny"');
  const row: GrantRow = { tenant, role: code, permission, effect };
  return (view) => {
    const present = view.stored.grants.some((known) => known.tenant === tenant && known.role === code && known.permission === permission && known.effect === effect);
    // What is no longer defined can still be taken away.
    if (op === 'put') {
      if (!view.definitions.expand(permission)) throw new UnknownPermissionError(permission, 'of the grant', 'permission');
      checkKnown('role', { tenant, code }, view);
    }
    return present === (op === 'put') ? [] : [{ op, kind: 'grant', row }];
  };
}

export function planAssignment(op: 'put' | 'delete', change: RoleAssignment): PolicyPlan {
  const { tenant, code } = checkRole(change);
  const { id, type } = change.subject;
  if (!isSubjectId(id)) throw new InvalidPolicyError('subject.id', id, `is not text of 1 to ${SUBJECT_ID_MAX} characters without control characters`);
  if (!SUBJECT_TYPES.includes(type)) throw new InvalidPolicyError('subject.type', type, `is none of ${SUBJECT_TYPES.join(', ')}`);
  const { expiresAt = 0 } = change;
  if (change.expiresAt !== undefined && !(Number.isSafeInteger(expiresAt) && expiresAt > 0)) throw new InvalidPolicyError('expiresAt', expiresAt, 'is not an instant in whole epoch milliseconds');
  const row: AssignmentRow = { tenant, subjectType: type, subjectId: id, role: code, expiresAt };
  return (view) => {
    const known = view.stored.assignments.find((other) => other.tenant === tenant && other.subjectType === type && other.subjectId === id && other.role === code);
    if (op === 'put') checkKnown('role', { tenant, code }, view);
    const done = op === 'put' ? known?.expiresAt === expiresAt : !known;
    return done ? [] : [{ op, kind: 'assignment', row }];
  };
}

function checkRole({ role, tenant = DEFAULT_TENANT }: RoleRef): { readonly tenant: string; readonly code: string } {
  return { tenant: checkLabel('tenant', tenant, TENANT_MAX), code: checkLabel('role', role, ROLE_MAX) };
}

/** A role is known in a tenant if that tenant, or the code for every tenant, defines it. A typo must not make one. */
function checkKnown(field: string, { tenant, code }: { tenant: string; code: string }, { builtIn, stored }: PolicyView): void {
  const defines = (row: RoleRow): boolean => row.code === code && (row.tenant === tenant || row.tenant === EVERY_TENANT);
  if (!builtIn.roles.some(defines) && !stored.roles.some(defines)) throw new UnknownRoleError(field, code, tenant);
}

function checkNoCycle(row: RoleRow, { builtIn, stored }: PolicyView): void {
  // The parent that the role has now does not matter: a way up to the role ends there.
  const hierarchy = roleHierarchy([...builtIn.roles, ...stored.roles]);
  const self = roleName(row.tenant, row.code);
  const path = hierarchy.path(roleName(row.tenant, row.parent), self);
  if (path) throw new RoleCycleError([self, ...path].map(roleCode));
}
