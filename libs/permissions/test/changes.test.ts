import { createPermissions, definePermissions, type Permissions, type PermissionStore, type RolePolicy, type Subject } from '@staddle/permissions';
import { memoryStore } from '@staddle/permissions/memory';
import { describe, expect, it } from 'vitest';

const P = definePermissions({ task: ['read', 'run'] });
type Name = (typeof P)['names'][number];

const BUILT_IN: readonly RolePolicy<Name>[] = [{ role: 'viewer', allow: ['task:read'] }];
const over = (store: PermissionStore = memoryStore(), policies = BUILT_IN): Promise<Permissions<Name>> => createPermissions({ definitions: P, store, policies, pollMs: 0 });
const alice: Subject = { id: 'alice', type: 'user' };

describe('changes', () => {
  it('take effect before they resolve, with the version that holds them', async () => {
    const perms = await over();
    const first = perms.version!;
    const version = await perms.assign({ subject: alice, role: 'viewer' });
    expect(version).toBeGreaterThan(first);
    expect(perms.version).toBe(version);
    expect(perms.can(alice, 'task:read')).toBe(true);
    expect(await perms.unassign({ subject: alice, role: 'viewer' })).toBeGreaterThan(version);
    expect(perms.can(alice, 'task:read')).toBe(false);
  });

  it('make no version when they change nothing', async () => {
    const perms = await over();
    const steps = [
      () => perms.defineRole({ role: 'clerk', parent: 'viewer' }),
      () => perms.grant({ role: 'clerk', permission: 'task:run' }),
      () => perms.grant({ role: 'clerk', permission: 'task:run', effect: 'deny' }),
      () => perms.assign({ subject: alice, role: 'clerk', expiresAt: 4_102_444_800_000 }),
    ];
    for (const step of steps) {
      const version = await step();
      expect(await step()).toBe(version);
    }
    const version = perms.version;
    expect(await perms.revoke({ role: 'clerk', permission: 'task:read' })).toBe(version);
    expect(await perms.unassign({ subject: { ...alice, type: 'service' }, role: 'clerk' })).toBe(version);
  });

  it('give a role another parent, or none', async () => {
    const perms = await over();
    await perms.defineRole({ role: 'clerk', parent: 'viewer' });
    await perms.assign({ subject: alice, role: 'clerk' });
    expect(perms.can(alice, 'task:read')).toBe(true);
    await perms.defineRole({ role: 'clerk' });
    expect(perms.can(alice, 'task:read')).toBe(false);
  });

  it('cannot take away what is built in, but can deny it', async () => {
    const perms = await over();
    await perms.revoke({ role: 'viewer', permission: 'task:read' });
    expect(perms.can({ ...alice, roles: ['viewer'] }, 'task:read')).toBe(true);
    await perms.grant({ role: 'viewer', permission: 'task:read', effect: 'deny' });
    expect(perms.can({ ...alice, roles: ['viewer'] }, 'task:read')).toBe(false);
  });

  it('of several processes at once are all written, whoever comes first', async () => {
    const store = memoryStore();
    const writers = await Promise.all(Array.from({ length: 4 }, () => over(store)));
    const ids = Array.from({ length: 12 }, (_, index) => `user-${index}`);
    const versions = await Promise.all(ids.map((id, index) => writers[index % 4]!.assign({ subject: { id, type: 'user' }, role: 'viewer' })));
    expect(new Set(versions).size).toBe(ids.length);
    for (const writer of writers) {
      await writer.refresh();
      for (const id of ids) expect(writer.can({ id, type: 'user' }, 'task:read')).toBe(true);
    }
  });

  it('give up with a retryable error when every attempt loses', async () => {
    const store = memoryStore();
    const perms = await over({ ...store, apply: () => Promise.resolve(undefined) });
    await expect(perms.assign({ subject: alice, role: 'viewer' })).rejects.toMatchObject({ code: 'ERR_PERMISSIONS_CONFLICT', retryable: true });
  });

  it('are judged against the version that they replace', async () => {
    const store = memoryStore();
    const [one, other] = [await over(store), await over(store)];
    await one.defineRole({ role: 'a' });
    await one.defineRole({ role: 'b', parent: 'a' });
    // `other` has not looked since; on its own old view this would be no cycle.
    await expect(other.defineRole({ role: 'a', parent: 'b' })).rejects.toMatchObject({ code: 'ERR_PERMISSIONS_ROLE_CYCLE' });
  });
});

describe('a change is refused', () => {
  it.each<[string, string, string | undefined, (perms: Permissions<Name>) => Promise<unknown>]>([
    ['for a role that is not defined', 'ERR_PERMISSIONS_ROLE_UNKNOWN', 'role', (perms) => perms.assign({ subject: alice, role: 'veiwer' })],
    ['for a grant to a role that is not defined', 'ERR_PERMISSIONS_ROLE_UNKNOWN', 'role', (perms) => perms.grant({ role: 'ghost', permission: 'task:read' })],
    ['for a parent that is not defined', 'ERR_PERMISSIONS_ROLE_UNKNOWN', 'parent', (perms) => perms.defineRole({ role: 'clerk', parent: 'ghost' })],
    ['for a permission that is not defined', 'ERR_PERMISSIONS_UNKNOWN', 'permission', (perms) => perms.grant({ role: 'viewer', permission: 'task:delete' as Name })],
    ['for a pattern that is none', 'ERR_PERMISSIONS_UNKNOWN', 'permission', (perms) => perms.grant({ role: 'viewer', permission: '*:read' as Name })],
    ['for a role that is its own parent', 'ERR_PERMISSIONS_ROLE_CYCLE', 'parent', (perms) => perms.defineRole({ role: 'clerk', parent: 'clerk' })],
    ['for an effect that is none', 'ERR_PERMISSIONS_POLICY', 'effect', (perms) => perms.grant({ role: 'viewer', permission: 'task:read', effect: 'ALLOW' as 'allow' })],
    ['for an empty role', 'ERR_PERMISSIONS_POLICY', 'role', (perms) => perms.defineRole({ role: '' })],
    ['for a role with a tab', 'ERR_PERMISSIONS_POLICY', 'role', (perms) => perms.defineRole({ role: 'a\tb' })],
    ['for a role that is not text', 'ERR_PERMISSIONS_POLICY', 'role', (perms) => perms.defineRole({ role: 7 as unknown as string })],
    ['for the sign of all tenants', 'ERR_PERMISSIONS_POLICY', 'tenant', (perms) => perms.defineRole({ role: 'clerk', tenant: '*' })],
    ['for a tenant with space at its end', 'ERR_PERMISSIONS_POLICY', 'tenant', (perms) => perms.defineRole({ role: 'clerk', tenant: 't1 ' })],
    ['for a parent that is too long', 'ERR_PERMISSIONS_POLICY', 'parent', (perms) => perms.defineRole({ role: 'clerk', parent: 'x'.repeat(65) })],
    ['for an empty id', 'ERR_PERMISSIONS_POLICY', 'subject.id', (perms) => perms.assign({ subject: { id: '', type: 'user' }, role: 'viewer' })],
    ['for an unknown type', 'ERR_PERMISSIONS_POLICY', 'subject.type', (perms) => perms.assign({ subject: { id: 'a', type: 'role' as 'user' }, role: 'viewer' })],
    ['for a fraction of a millisecond', 'ERR_PERMISSIONS_POLICY', 'expiresAt', (perms) => perms.assign({ subject: alice, role: 'viewer', expiresAt: 1.5 })],
    ['for an instant that is none', 'ERR_PERMISSIONS_POLICY', 'expiresAt', (perms) => perms.assign({ subject: alice, role: 'viewer', expiresAt: 0 })],
  ])('%s', async (_what, code, field, change) => {
    const perms = await over();
    const version = perms.version;
    await expect(change(perms)).rejects.toMatchObject({ code, field });
    expect(await perms.refresh()).toBe(version);
    // A refusal does not hold up the changes after it.
    await perms.assign({ subject: alice, role: 'viewer' });
    expect(perms.can(alice, 'task:read')).toBe(true);
  });

  it('when roles would inherit in a circle, naming the circle', async () => {
    const perms = await over(memoryStore(), [{ role: 'staff' }]);
    await perms.defineRole({ role: 'a', parent: 'staff' });
    await perms.defineRole({ role: 'b', parent: 'a' });
    await perms.defineRole({ role: 'c', parent: 'b' });
    await expect(perms.defineRole({ role: 'a', parent: 'c' })).rejects.toMatchObject({ path: ['a', 'c', 'b', 'a'], message: 'role inheritance a -> c -> b -> a is a cycle' });
    // The parent that the change takes away is no part of the circle.
    await perms.defineRole({ role: 'c' });
    await perms.defineRole({ role: 'a', parent: 'c' });
  });

  it('for a role of another tenant', async () => {
    const perms = await over();
    await perms.defineRole({ role: 'clerk', tenant: 'acme' });
    await expect(perms.assign({ subject: alice, role: 'clerk', tenant: 'other' })).rejects.toMatchObject({ code: 'ERR_PERMISSIONS_ROLE_UNKNOWN', tenant: 'other' });
  });

  it('not for taking away what is no longer defined', async () => {
    const store = memoryStore([{ role: 'old', tenant: 'default', allow: ['gone:read'] }]);
    const perms = await over(store);
    const version = perms.version!;
    expect(await perms.revoke({ role: 'old', permission: 'gone:read' as Name })).toBeGreaterThan(version);
  });
});

describe('built-in policies with a fault stop the program', () => {
  it.each<[string, string, string, RolePolicy[]]>([
    ['a permission that is not defined', 'ERR_PERMISSIONS_UNKNOWN', 'policies.1.deny.0', [{ role: 'a' }, { role: 'b', deny: ['task:delete'] }]],
    ['a parent that is not defined', 'ERR_PERMISSIONS_ROLE_UNKNOWN', 'policies.0.parent', [{ role: 'a', parent: 'b' }]],
    ['a circle', 'ERR_PERMISSIONS_ROLE_CYCLE', 'parent', [{ role: 'a', parent: 'b' }, { role: 'b', parent: 'a' }]],
    ['a malformed role', 'ERR_PERMISSIONS_POLICY', 'policies.0.role', [{ role: ' a' }]],
    ['a malformed tenant', 'ERR_PERMISSIONS_POLICY', 'policies.0.tenant', [{ role: 'a', tenant: '*' }]],
  ])('%s', async (_what, code, field, policies) => {
    await expect(createPermissions({ definitions: P, store: memoryStore(), policies: policies as RolePolicy<Name>[] })).rejects.toMatchObject({ code, field });
  });
});
