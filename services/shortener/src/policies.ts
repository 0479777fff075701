import type { Logger } from '@staddle/kernel';
import { createPermissions, definePermissions, type PermissionDefinitions, type Permissions, type RolePolicy, type Subject } from '@staddle/permissions';
import { memoryStore } from '@staddle/permissions/memory';
import type { Identity } from '@staddle/service';

export type LinkPermission = `link:${'read' | 'create' | 'delete'}`;

const linkPermissions: PermissionDefinitions<LinkPermission> = definePermissions({ link: ['read', 'create', 'delete'] });

/** What the roles of a token may do with the links of the token's tenant. */
const POLICIES: readonly RolePolicy<LinkPermission>[] = [
  { role: 'admin', allow: ['link:*'] },
  { role: 'operator', allow: ['link:read', 'link:create', 'link:delete'] },
  // Services shorten what they send to people; taking links back is left to people.
  { role: 'service', allow: ['link:read', 'link:create'] },
  { role: 'viewer', allow: ['link:read'] },
];

/** Permissions from code alone: roles are given with the token. */
export function createLinkPermissions(logger: Logger): Promise<Permissions<LinkPermission>> {
  return createPermissions<LinkPermission>({
    definitions: linkPermissions,
    store: memoryStore(),
    policies: POLICIES,
    // A store that nobody writes to need not be asked again.
    pollMs: 0,
    logger,
  });
}

/** The bearer of a token, as the permissions see them. */
export function subjectOf({ sub, roles, tenant }: Identity): Subject {
  return { id: sub, type: 'user', roles, tenant };
}
