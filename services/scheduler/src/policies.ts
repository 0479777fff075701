import type { Logger } from '@staddle/kernel';
import { createPermissions, DEFAULT_TENANT, definePermissions, type PermissionDefinitions, type Permissions, type RolePolicy, type Subject } from '@staddle/permissions';
import { memoryStore } from '@staddle/permissions/memory';
import type { Identity } from '@staddle/service';

export type TaskPermission = `task:${'read' | 'create' | 'update' | 'run' | 'delete'}`;

const taskPermissions: PermissionDefinitions<TaskPermission> = definePermissions({ task: ['read', 'create', 'update', 'run', 'delete'] });

/**
 * What the roles of a token may do. Tasks are not parted by tenants: the roles of a token that is bound to a tenant hold only
 * there, and so not here.
 */
const POLICIES: readonly RolePolicy<TaskPermission>[] = [
  { role: 'admin', allow: ['task:*'] },
  // Services create tasks for themselves, and call them off.
  { role: 'service', allow: ['task:*'] },
  { role: 'operator', allow: ['task:read', 'task:update', 'task:run'] },
  { role: 'viewer', allow: ['task:read'] },
];

/** Permissions from code alone: roles are given with the token. */
export function createTaskPermissions(logger: Logger): Promise<Permissions<TaskPermission>> {
  return createPermissions<TaskPermission>({
    definitions: taskPermissions,
    store: memoryStore(),
    policies: POLICIES,
    // A store that nobody writes to need not be asked again.
    pollMs: 0,
    logger,
  });
}

/** The bearer of a token, as the permissions see them. */
export function subjectOf({ sub, roles, tenant }: Identity): Subject {
  return { id: sub, type: 'user', roles, tenant: tenant ?? DEFAULT_TENANT };
}
