import type { PermissionDefinitions, PermissionPattern } from './definitions.ts';
import { InvalidPolicyError, RoleCycleError, UnknownPermissionError, UnknownRoleError } from './errors.ts';
import { Hierarchy } from './hierarchy.ts';
import type { AssignmentRow, Effect, GrantRow, RoleRow } from './permission-store.ts';
import { builtInTwin, EVERY_TENANT, isLabel, ROLE_MAX, roleCode, roleName, subjectName, TENANT_MAX, tenantName } from './subject.ts';

/** What a role may and may not do, as code. */
export interface RolePolicy<Name extends string = string> {
  /** The role's code: `'operator'`. */
  readonly role: string;
  /** Where it holds. Default: in every tenant. */
  readonly tenant?: string;
  /** Role whose permissions, allowed and denied, this one has as well. */
  readonly parent?: string;
  readonly allow?: readonly PermissionPattern<Name>[];
  /** Beats every allow of every role that the subject holds. */
  readonly deny?: readonly PermissionPattern<Name>[];
}

export interface PolicyRows {
  readonly roles: readonly RoleRow[];
  readonly grants: readonly GrantRow[];
}

/** Policies as the rows of a store. Throws `ERR_PERMISSIONS_POLICY` for malformed names. */
export function policyRows(policies: readonly RolePolicy[]): PolicyRows {
  const roles: RoleRow[] = [];
  const grants: GrantRow[] = [];
  policies.forEach((policy, index) => {
    const at = `policies.${index}`;
    const code = checkLabel(`${at}.role`, policy.role, ROLE_MAX);
    const tenant = policy.tenant === undefined ? EVERY_TENANT : checkLabel(`${at}.tenant`, policy.tenant, TENANT_MAX);
    roles.push({ tenant, code, parent: policy.parent === undefined ? '' : checkLabel(`${at}.parent`, policy.parent, ROLE_MAX) });
    for (const permission of policy.allow ?? []) grants.push({ tenant, role: code, permission, effect: 'allow' });
    for (const permission of policy.deny ?? []) grants.push({ tenant, role: code, permission, effect: 'deny' });
  });
  return { roles, grants };
}

/** The rows of built-in policies, after checks that stored rows do not get: a fault here is a fault of the program. */
export function builtInRows(definitions: PermissionDefinitions, policies: readonly RolePolicy[]): PolicyRows {
  const rows = policyRows(policies);
  policies.forEach((policy, index) => {
    for (const list of ['allow', 'deny'] as const) {
      policy[list]?.forEach((pattern, position) => {
        if (!definitions.expand(pattern)) throw new UnknownPermissionError(pattern, `of role ${JSON.stringify(policy.role)}`, `policies.${index}.${list}.${position}`);
      });
    }
  });
  const hierarchy = roleHierarchy(rows.roles);
  rows.roles.forEach(({ tenant, code, parent }, index) => {
    if (parent === '') return;
    const known = rows.roles.some((row) => row.code === parent && (row.tenant === tenant || row.tenant === EVERY_TENANT));
    if (!known) throw new UnknownRoleError(`policies.${index}.parent`, parent, tenant);
    const path = hierarchy.path(roleName(tenant, parent), roleName(tenant, code));
    if (path) throw new RoleCycleError([code, ...path.map(roleCode)]);
  });
  return rows;
}

/** `value` if it is a tenant or role code. Throws `ERR_PERMISSIONS_POLICY`. */
export function checkLabel(field: string, value: unknown, max: number): string {
  if (isLabel(value, max)) return value;
  throw new InvalidPolicyError(field, value, `is not text of 1 to ${max} characters without control characters, without space at its ends and other than "*"`);
}

/** One line of the policy: a role, a tenant (or `'*'`) and one permission. */
export interface PolicyRule {
  readonly tenant: string;
  readonly role: string;
  readonly permission: string;
  readonly effect: Effect;
}

/** A rule in the names of the Casbin model. */
interface CompiledRule {
  readonly sub: string;
  readonly dom: string;
  readonly obj: string;
  readonly act: string;
  readonly eft: Effect;
  readonly rule: PolicyRule;
}

/** An assignment in force until either clock says otherwise. */
export interface Assignment {
  readonly role: string;
  /** Epoch ms; `Infinity` for never. */
  readonly expiresAt: number;
  /** The same instant on the process's monotonic clock. */
  readonly expiresMonotonic: number;
}

/** A policy ready to be asked. Never changed after it was made. */
export interface CompiledPolicy {
  readonly rules: readonly CompiledRule[];
  readonly roles: Hierarchy;
  /** Roles that a rule or a definition names. */
  readonly knownRoles: ReadonlySet<string>;
  readonly resources: Hierarchy;
  /** Assignments of a subject in a tenant, both by their names in the model. */
  assignmentsOf(subject: string, dom: string): readonly Assignment[];
  /** Stored permissions that the program no longer defines; they have no effect. */
  readonly unknown: readonly string[];
}

export interface PolicySource extends PolicyRows {
  readonly assignments: readonly AssignmentRow[];
  /** The store's clock when the rows were read, epoch ms. */
  readonly readAt: number;
  /** The process's monotonic clock just before they were asked for: what expires does so rather earlier than later. */
  readonly askedAtMonotonic: number;
}

const NO_ASSIGNMENTS: readonly Assignment[] = [];

/** Turns rows into rules, links and assignments; patterns become the permissions that they stand for. */
export function compilePolicy(definitions: PermissionDefinitions, source: PolicySource): CompiledPolicy {
  const roles = roleHierarchy(source.roles);
  const knownRoles = new Set(source.roles.map((row) => roleName(row.tenant, row.code)));
  const rules = new Map<string, CompiledRule>();
  const unknown = new Set<string>();

  for (const grant of source.grants) {
    const sub = roleName(grant.tenant, grant.role);
    knownRoles.add(sub);
    const names = definitions.expand(grant.permission);
    if (!names) unknown.add(grant.permission);
    for (const name of names ?? []) {
      const { resource: obj, action: act } = definitions.find(name)!;
      // A store is text: an effect that is not exactly 'allow' must not open anything.
      const eft = grant.effect === 'allow' ? 'allow' : 'deny';
      const dom = tenantName(grant.tenant);
      const rule = { tenant: grant.tenant, role: grant.role, permission: name, effect: eft } as const;
      rules.set([sub, name, eft].join(' '), { sub, dom, obj, act, eft, rule });
    }
  }

  const resources = new Hierarchy();
  for (const [child, parent] of definitions.within) resources.link(child, parent);

  const assignments = new Map<string, Assignment[]>();
  for (const row of source.assignments) {
    const key = assignmentKey(subjectName(row.subjectType, row.subjectId), tenantName(row.tenant));
    const never = row.expiresAt === 0;
    const assignment: Assignment = {
      role: roleName(row.tenant, row.role),
      expiresAt: never ? Infinity : row.expiresAt,
      expiresMonotonic: never ? Infinity : source.askedAtMonotonic + (row.expiresAt - source.readAt),
    };
    const others = assignments.get(key);
    if (others) others.push(assignment);
    else assignments.set(key, [assignment]);
  }

  return {
    rules: [...rules.values()],
    roles,
    knownRoles,
    resources,
    assignmentsOf: (subject, dom) => assignments.get(assignmentKey(subject, dom)) ?? NO_ASSIGNMENTS,
    unknown: [...unknown],
  };
}

/** Inheritance between roles; the role of any tenant also extends the built-in role of the same code. */
export function roleHierarchy(rows: readonly RoleRow[]): Hierarchy {
  const hierarchy = new Hierarchy((role) => {
    const twin = builtInTwin(role);
    return twin === role ? [] : [twin];
  });
  for (const { tenant, code, parent } of rows) {
    if (parent !== '') hierarchy.link(roleName(tenant, code), roleName(tenant, parent));
  }
  return hierarchy;
}

function assignmentKey(subject: string, dom: string): string {
  return `${subject} ${dom}`;
}
