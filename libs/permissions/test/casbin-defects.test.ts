// What goes wrong with casbin 5.51.1 used as its documentation shows, and must not go wrong here.
// The parts of casbin that this package does not use (its caches, CSV lines, pattern functions, watchers, adapters and
// in-place changes) are left out: `src/enforcer.ts` says which parts are used.
import { createPermissions, definePermissions, type Permissions, type PermissionStore, type StoredPolicy, type Subject } from '@staddle/permissions';
import { memoryStore } from '@staddle/permissions/memory';
import { describe, expect, it } from 'vitest';

const P = definePermissions({ doc: ['read', 'secret'] });
type Name = (typeof P)['names'][number];

const user = (id: string, ...roles: string[]): Subject => ({ id, type: 'user', roles });

/** A store over rows that no check has seen, as raw SQL would leave them. */
function rawStore(policy: Partial<StoredPolicy>): PermissionStore {
  const stored: StoredPolicy = { version: 1, readAt: Date.now(), roles: [], grants: [], assignments: [], ...policy };
  return { version: () => Promise.resolve(stored.version), load: () => Promise.resolve(stored), apply: () => Promise.resolve(undefined) };
}

const over = (store: PermissionStore): Promise<Permissions<Name>> => createPermissions({ definitions: P, store, pollMs: 0 });
const grant = (role: string, permission = 'doc:read', effect = 'allow') => ({ tenant: 'default', role, permission, effect: effect as 'allow' });
const assignment = (subjectId: string, role: string) => ({ tenant: 'default', subjectType: 'user', subjectId, role, expiresAt: 0 });

describe('decisions are not remembered beyond a change', () => {
  it('refuses at once what was allowed before and is revoked', async () => {
    const perms = await over(memoryStore([{ role: 'reader', allow: ['doc:read'] }]));
    await perms.assign({ subject: user('alice'), role: 'reader' });
    expect(perms.can(user('alice'), 'doc:read')).toBe(true);
    await perms.unassign({ subject: user('alice'), role: 'reader' });
    expect(perms.can(user('alice'), 'doc:read')).toBe(false);
  });
});

describe('names that join to the same text stay different', () => {
  it.each([
    ['a comma between user and role', 'alice,x', 'y,z', 'alice', 'x,y,z'],
    ['the separator of casbin’s decision cache', 'a$$b', 'c', 'a', 'b$$c'],
    ['quotes that end a CSV field', 'alice", "secret', 'r', 'alice', 'secret'],
    ['percent signs that look escaped', 'a%2Cb', 'r', 'a,b', 'r%2C'],
  ])('with %s', async (_what, id, role, otherId, otherRole) => {
    const perms = await over(rawStore({ grants: [grant(role), grant(otherRole, 'doc:secret')], assignments: [assignment(id, role)] }));
    expect([perms.can(user(id), 'doc:read'), perms.can(user(id), 'doc:secret')]).toEqual([true, false]);
    expect([perms.can(user(otherId), 'doc:read'), perms.can(user(otherId), 'doc:secret')]).toEqual([false, false]);
  });

  it('with a memo key that casbin builds by joining arguments with commas', async () => {
    // alice has the role x in the tenant "y,z"; the rule wants the role "x,y" in the tenant z.
    const perms = await over(
      rawStore({
        grants: [
          { tenant: 'y,z', role: 'x', permission: 'doc:read', effect: 'allow' },
          { tenant: 'z', role: 'x,y', permission: 'doc:secret', effect: 'allow' },
        ],
        assignments: [{ ...assignment('alice', 'x'), tenant: 'y,z' }],
      }),
    );
    expect(perms.can(user('alice'), 'doc:read', { tenant: 'y,z' })).toBe(true);
    expect(perms.can(user('alice'), 'doc:secret', { tenant: 'z' })).toBe(false);
    expect(perms.can(user('alice'), 'doc:secret', { tenant: 'y,z' })).toBe(false);
  });

  it('with a slash between tenant and role', async () => {
    // The role b of the tenant "t/a" must not be taken for the built-in role "a/b".
    const perms = await over(
      rawStore({
        grants: [
          { tenant: 't/a', role: 'b', permission: 'doc:read', effect: 'allow' },
          { tenant: '*', role: 'a/b', permission: 'doc:secret', effect: 'allow' },
        ],
        assignments: [{ ...assignment('alice', 'b'), tenant: 't/a' }],
      }),
    );
    expect(perms.can(user('alice'), 'doc:read', { tenant: 't/a' })).toBe(true);
    expect(perms.can(user('alice'), 'doc:secret', { tenant: 't/a' })).toBe(false);
  });

  it('with a user named like a role', async () => {
    const perms = await over(rawStore({ grants: [grant('admin', '*')] }));
    for (const id of ['admin', 'role:default/admin', 'role:*/admin', 'default/admin']) expect(perms.can(user(id), 'doc:read'), id).toBe(false);
  });

  it('keeps the spaces of a name', async () => {
    const perms = await over(rawStore({ grants: [grant('r')], assignments: [assignment(' alice ', 'r')] }));
    expect(perms.can(user(' alice '), 'doc:read')).toBe(true);
    expect(perms.can(user('alice'), 'doc:read')).toBe(false);
  });
});

describe('an empty policy', () => {
  it('refuses everything, also an empty request', async () => {
    const perms = await over(rawStore({}));
    expect(perms.can(user('alice', 'admin'), 'doc:read')).toBe(false);
    expect(perms.can({ id: '', type: '' as 'user', roles: [''] }, '' as Name, { tenant: '' })).toBe(false);
  });
});

describe('values of other types', () => {
  it('are not coerced into a match', async () => {
    const perms = await over(rawStore({ grants: [grant('1')], assignments: [assignment('1', '1')] }));
    expect(perms.can(user('1'), 'doc:read')).toBe(true);
    for (const id of [1, ['1'], { toString: () => '1' }, new String('1')]) expect(perms.can({ id: id as string, type: 'user' }, 'doc:read')).toBe(false);
    expect(perms.can({ id: 'x', type: 'user', roles: [1 as never] }, 'doc:read')).toBe(false);
    expect(perms.can(user('1'), ['doc:read'] as unknown as Name)).toBe(false);
  });
});

describe('role graphs that only raw SQL can make', () => {
  const role = (code: string, parent: string) => ({ tenant: 'default', code, parent });

  it('answers a clique at once', async () => {
    const codes = Array.from({ length: 30 }, (_, index) => `r${index}`);
    const perms = await over(
      rawStore({ roles: codes.flatMap((code) => codes.map((parent) => role(code, parent))), grants: [grant('elsewhere'), grant('r29', 'doc:secret')], assignments: [assignment('alice', 'r0')] }),
    );
    expect(perms.can(user('alice'), 'doc:read')).toBe(false);
    expect(perms.can(user('alice'), 'doc:secret')).toBe(true);
  });

  it('ends on a cycle', async () => {
    const perms = await over(rawStore({ roles: [role('a', 'b'), role('b', 'a'), role('c', 'c')], grants: [grant('b')], assignments: [assignment('alice', 'a'), assignment('bob', 'c')] }));
    expect(perms.can(user('alice'), 'doc:read')).toBe(true);
    expect(perms.can(user('bob'), 'doc:read')).toBe(false);
  });

  it('follows more than ten links', async () => {
    const roles = Array.from({ length: 40 }, (_, index) => role(`r${index}`, `r${index + 1}`));
    const perms = await over(rawStore({ roles, grants: [grant('r40')], assignments: [assignment('alice', 'r0')] }));
    expect(perms.can(user('alice'), 'doc:read')).toBe(true);
    expect(perms.can(user('bob', 'r1'), 'doc:read')).toBe(true);
  });
});

describe('rows that are not as they should be', () => {
  it('treats an effect that is not exactly allow as deny', async () => {
    const perms = await over(rawStore({ grants: [grant('r', 'doc:*'), grant('r', 'doc:secret', 'DENY')] }));
    expect(perms.can(user('alice', 'r'), 'doc:read')).toBe(true);
    expect(perms.can(user('alice', 'r'), 'doc:secret')).toBe(false);
  });

  it('ignores permissions that look like patterns or expressions', async () => {
    const patterns = ['(', 'doc:(a+)+$', '/doc/:', 'doc:{id', 'doc:re*', '*:*', ' *', 'doc:read,doc:secret', ''];
    const perms = await over(rawStore({ grants: [...patterns.map((pattern) => grant('r', pattern)), grant('r', 'doc:read')] }));
    expect(perms.can(user('alice', 'r'), 'doc:read')).toBe(true);
    expect(perms.can(user('alice', 'r'), 'doc:secret')).toBe(false);
  });

  it('takes duplicate rows', async () => {
    const perms = await over(rawStore({ grants: [grant('r'), grant('r')], assignments: [assignment('alice', 'r'), assignment('alice', 'r')] }));
    expect(perms.can(user('alice'), 'doc:read')).toBe(true);
  });
});
