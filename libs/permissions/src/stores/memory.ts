import { systemClock, type Clock } from '@staddle/kernel';
import { policyRows, type RolePolicy } from '../policy.ts';
import type { AssignmentRow, GrantRow, PolicyEdit, PermissionStore, RoleRow } from '../permission-store.ts';

/**
 * A policy that lives in this process: for tests, and for programs whose policy is part of their code.
 * `policies` are its first rows; one without a tenant holds in every tenant.
 */
export function memoryStore(policies: readonly RolePolicy[] = [], options: { readonly clock?: Clock } = {}): PermissionStore {
  const { clock = systemClock } = options;
  const rows = policyRows(policies);
  const roles = new Map(rows.roles.map((row) => [keyOf({ op: 'put', kind: 'role', row }), row]));
  const grants = new Map(rows.grants.map((row) => [keyOf({ op: 'put', kind: 'grant', row }), row]));
  const assignments = new Map<string, AssignmentRow>();
  let version = 1;

  const write = (edit: PolicyEdit): void => {
    const table: Map<string, RoleRow | GrantRow | AssignmentRow> = edit.kind === 'role' ? roles : edit.kind === 'grant' ? grants : assignments;
    if (edit.op === 'put') table.set(keyOf(edit), edit.row);
    else table.delete(keyOf(edit));
  };

  return {
    version: () => Promise.resolve(version),
    load() {
      return Promise.resolve({
        version,
        readAt: clock.now(),
        roles: [...roles.values()],
        grants: [...grants.values()],
        assignments: [...assignments.values()],
      });
    },
    apply({ edits, ifVersion }) {
      if (version !== ifVersion) return Promise.resolve(undefined);
      edits.forEach(write);
      version += 1;
      return Promise.resolve(version);
    },
  };
}

function keyOf({ kind, row }: PolicyEdit): string {
  if (kind === 'role') return JSON.stringify([row.tenant, row.code]);
  if (kind === 'grant') return JSON.stringify([row.tenant, row.role, row.permission, row.effect]);
  return JSON.stringify([row.tenant, row.subjectType, row.subjectId, row.role]);
}
