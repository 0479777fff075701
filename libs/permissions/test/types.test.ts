import { createPermissions, definePermissions, type PermissionName, type PermissionPattern, type RolePolicy } from '@staddle/permissions';
import type { RouteAccess } from '@staddle/permissions/fastify';
import { memoryStore } from '@staddle/permissions/memory';
import { expect, expectTypeOf, it } from 'vitest';

const P = definePermissions({ task: ['read', 'run'], link: ['read'] }, { within: { link: 'task' } });
type Name = PermissionName<typeof P>;

it('permission names are the union of what was defined', () => {
  expectTypeOf<Name>().toEqualTypeOf<'task:read' | 'task:run' | 'link:read'>();
  expectTypeOf<PermissionPattern<Name>>().toEqualTypeOf<Name | 'task:*' | 'link:*' | '*'>();
});

it('a misspelt name does not compile', async () => {
  const perms = await createPermissions({ definitions: P, store: memoryStore(), pollMs: 0 });
  // @ts-expect-error -- link has no run
  expect(perms.can({ id: 'a', type: 'user' }, 'link:run')).toBe(false);
  // @ts-expect-error -- roles have types as well
  expect(perms.can({ id: 'a', type: 'robot' }, 'link:read')).toBe(false);
  // @ts-expect-error -- a pattern is no permission
  expect(perms.can({ id: 'a', type: 'user' }, 'task:*')).toBe(false);
  // @ts-expect-error -- no such resource
  const policy: RolePolicy<Name> = { role: 'a', allow: ['job:*'] };
  // @ts-expect-error -- no such parent
  expect(() => definePermissions({ task: ['read'] }, { within: { task: 'job' } })).toThrow('job');
  // @ts-expect-error -- public and protected exclude each other
  const both: RouteAccess<Name> = { public: true, permission: 'task:read' };
  // @ts-expect-error -- an empty list would need nothing
  const none: RouteAccess<Name> = { permission: [] };
  const several: RouteAccess<Name> = { permission: ['task:read', 'link:read'] };
  expect([policy, both, none, several]).toHaveLength(4);
});
