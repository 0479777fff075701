import { createPermissions, definePermissions, DEFAULT_TENANT, type Permissions, type RolePolicy, type Subject } from '@staddle/permissions';
import { memoryStore } from '@staddle/permissions/memory';
import { recordingLogger } from '@staddle/testing';
import { describe, expect, it } from 'vitest';

const P = definePermissions({ task: ['read', 'create', 'run'], link: ['read'] });
type Name = (typeof P)['names'][number];

const POLICIES: readonly RolePolicy<Name>[] = [
  { role: 'admin', allow: ['*'] },
  { role: 'viewer', allow: ['task:read', 'link:read'] },
  { role: 'operator', parent: 'viewer', allow: ['task:run'] },
  { role: 'suspended', deny: ['task:*'] },
];

const permissions = (policies = POLICIES): Promise<Permissions<Name>> => createPermissions({ definitions: P, store: memoryStore(), policies, pollMs: 0 });
const user = (...roles: string[]): Subject => ({ id: 'alice', type: 'user', roles });

describe('can', () => {
  it('refuses whoever holds nothing', async () => {
    const perms = await permissions();
    expect(perms.can({ id: 'alice', type: 'user' }, 'task:read')).toBe(false);
    expect(perms.can(user(), 'task:read')).toBe(false);
    expect(perms.can(user('nobody'), 'task:read')).toBe(false);
  });

  it('allows what a role of the token grants, and no more', async () => {
    const perms = await permissions();
    expect(P.names.filter((name) => perms.can(user('viewer'), name))).toEqual(['task:read', 'link:read']);
    expect(P.names.filter((name) => perms.can(user('admin'), name))).toEqual(P.names);
  });

  it('follows inheritance from child to parent only', async () => {
    const perms = await permissions();
    expect(perms.can(user('operator'), 'task:read')).toBe(true);
    expect(perms.can(user('viewer'), 'task:run')).toBe(false);
  });

  it('adds stored roles to those of the token', async () => {
    const perms = await permissions();
    await perms.assign({ subject: { id: 'alice', type: 'user' }, role: 'operator' });
    expect(perms.can(user(), 'task:run')).toBe(true);
    expect(perms.can(user('viewer'), 'task:run')).toBe(true);
    expect(perms.can({ ...user(), id: 'bob' }, 'task:run')).toBe(false);
  });

  it('lets a deny beat every allow, whichever way each of the two roles came', async () => {
    const perms = await permissions();
    for (const [stored, asserted] of [
      [[], ['admin', 'suspended']],
      [['admin', 'suspended'], []],
      [['suspended'], ['admin']],
      [['admin'], ['suspended']],
    ] as const) {
      const id = `${stored.join()}|${asserted.join()}`;
      for (const role of stored) await perms.assign({ subject: { id, type: 'user' }, role });
      const subject: Subject = { id, type: 'user', roles: asserted };
      expect(perms.decide(subject, 'task:read'), id).toMatchObject({ allow: false, reason: 'DENIED_BY_RULE', matched: { role: 'suspended', effect: 'deny' } });
      expect(perms.can(subject, 'link:read'), id).toBe(true);
    }
  });

  it('inherits denials as well', async () => {
    const perms = await permissions([...POLICIES, { role: 'trainee', parent: 'suspended', allow: ['task:read'] }]);
    expect(perms.can(user('trainee', 'admin'), 'task:read')).toBe(false);
  });

  it('keeps users and services of one id apart', async () => {
    const perms = await permissions();
    await perms.assign({ subject: { id: 'worker', type: 'service' }, role: 'admin' });
    expect(perms.can({ id: 'worker', type: 'service' }, 'task:run')).toBe(true);
    expect(perms.can({ id: 'worker', type: 'user' }, 'task:run')).toBe(false);
  });

  it('compares role codes exactly', async () => {
    const perms = await permissions();
    for (const role of ['Admin', 'admin ', ' admin', 'admin\u0000', 'ADMIN', 'default/admin', '*/admin', 'role:*/admin']) expect(perms.can(user(role), 'task:read'), role).toBe(false);
  });
});

describe('can, asked with nonsense', () => {
  const poisoned = Object.create({ id: 'alice', type: 'user', roles: ['admin'] }) as Subject;

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a string', 'alice'],
    ['an array', ['alice']],
    ['an id that is a number', { id: 1, type: 'user', roles: ['admin'] }],
    ['an id that is an array', { id: ['alice'], type: 'user', roles: ['admin'] }],
    ['an empty id', { id: '', type: 'user', roles: ['admin'] }],
    ['an id with a line break', { id: 'a\nb', type: 'user', roles: ['admin'] }],
    ['an id with half a surrogate pair', { id: 'a\ud800', type: 'user', roles: ['admin'] }],
    ['an id of 256 characters', { id: 'x'.repeat(256), type: 'user', roles: ['admin'] }],
    ['an unknown type', { id: 'alice', type: 'role', roles: ['admin'] }],
    ['no type', { id: 'alice', roles: ['admin'] }],
    ['a type that is an array', { id: 'alice', type: ['user'], roles: ['admin'] }],
    ['roles that are a string', { id: 'alice', type: 'user', roles: 'admin' }],
    ['roles that are a set', { id: 'alice', type: 'user', roles: new Set(['admin']) }],
    ['a role that is no string', { id: 'alice', type: 'user', roles: ['admin', ['admin']] }],
    ['null roles of an inherited kind', poisoned],
    ['a tenant that is the sign for all tenants', { id: 'alice', type: 'user', roles: ['admin'], tenant: '*' }],
    ['a tenant with space at its end', { id: 'alice', type: 'user', roles: ['admin'], tenant: 'acme ' }],
    ['an empty tenant', { id: 'alice', type: 'user', roles: ['admin'], tenant: '' }],
  ])('refuses %s', async (_what, subject) => {
    const perms = await permissions();
    expect(perms.decide(subject as Subject, 'task:read')).toEqual({ allow: false, reason: 'INVALID_REQUEST' });
  });

  it.each<[string, unknown]>([
    ['the sign for all tenants', '*'],
    ['an empty text', ''],
    ['a number', 1],
    ['an array', ['default']],
    ['null', null],
  ])('refuses %s as the tenant', async (what, tenant) => {
    const perms = await permissions();
    const decision = perms.decide(user('admin'), 'task:read', { tenant: tenant as string });
    // null is what JSON has for undefined.
    expect(decision.allow).toBe(what === 'null');
  });

  it.each<unknown>(['task:delete', 'task:*', '*', '', 'task', '__proto__', 'constructor', undefined, null, 0, ['task:read'], { toString: () => 'task:read' }])('refuses the permission %o', async (name) => {
    const perms = await permissions();
    expect(perms.decide(user('admin'), name as Name)).toEqual({ allow: false, reason: 'UNKNOWN_PERMISSION' });
  });

  it('does not read roles that a polluted Object.prototype adds', async () => {
    const perms = await permissions();
    const prototype = Object.prototype as { roles?: unknown };
    prototype.roles = ['admin'];
    try {
      expect(perms.can({ id: 'alice', type: 'user' }, 'task:read')).toBe(false);
    } finally {
      delete prototype.roles;
    }
  });

  it('refuses and logs when the subject itself throws', async () => {
    const logger = recordingLogger();
    const perms = await createPermissions({ definitions: P, store: memoryStore(), policies: POLICIES, pollMs: 0, logger });
    const subject = {
      type: 'user',
      get id(): string {
        throw new Error('boom');
      },
    } as const;
    expect(perms.decide(subject, 'task:read')).toEqual({ allow: false, reason: 'ENGINE_ERROR' });
    expect(logger.lines).toMatchObject([{ level: 'error', fields: { err: { message: 'boom' } } }]);
  });

  it('ignores roles of the token that no policy could name', async () => {
    const perms = await permissions();
    expect(perms.can(user('', 'x'.repeat(500), 'https://example.com/roles/a b', 'viewer'), 'task:read')).toBe(true);
  });
});

describe('decide', () => {
  it('names the reason and the rule', async () => {
    const perms = await permissions();
    expect(perms.decide(user('operator'), 'task:read')).toEqual({
      allow: true,
      reason: 'ALLOWED',
      matched: { tenant: '*', role: 'viewer', permission: 'task:read', effect: 'allow' },
      policyVersion: perms.version,
    });
    expect(perms.decide(user('viewer'), 'task:run')).toEqual({ allow: false, reason: 'NOT_GRANTED', policyVersion: perms.version });
    expect(perms.decide(user('unheard-of'), 'task:run')).toEqual({ allow: false, reason: 'NO_ROLE_IN_TENANT', policyVersion: perms.version });
  });
});

describe('tenants', () => {
  it('asks in the tenant of the call, else of the subject, else in the default one', async () => {
    const perms = await permissions([]);
    await perms.defineRole({ role: 'clerk', tenant: 'acme' });
    await perms.grant({ role: 'clerk', tenant: 'acme', permission: 'task:read' });
    await perms.assign({ subject: { id: 'alice', type: 'user' }, role: 'clerk', tenant: 'acme' });
    const alice: Subject = { id: 'alice', type: 'user' };
    expect(perms.can(alice, 'task:read')).toBe(false);
    expect(perms.can(alice, 'task:read', { tenant: DEFAULT_TENANT })).toBe(false);
    expect(perms.can(alice, 'task:read', { tenant: 'acme' })).toBe(true);
    expect(perms.can({ ...alice, tenant: 'acme' }, 'task:read')).toBe(true);
    expect(perms.can({ ...alice, tenant: 'acme' }, 'task:read', { tenant: 'other' })).toBe(false);
    expect(perms.can({ ...alice, tenant: 'acme' }, 'task:read', { tenant: undefined })).toBe(true);
  });

  it('counts the roles of a token in the tenant of the token only', async () => {
    const perms = await permissions();
    const subject: Subject = { id: 'alice', type: 'user', roles: ['admin'], tenant: 'acme' };
    expect(perms.can(subject, 'task:read')).toBe(true);
    expect(perms.decide(subject, 'task:read', { tenant: 'other' })).toMatchObject({ allow: false, reason: 'NO_ROLE_IN_TENANT' });
    expect(perms.can(user('admin'), 'task:read', { tenant: 'acme' })).toBe(false);
  });

  it('holds built-in policies in every tenant, and those with a tenant in that one', async () => {
    const perms = await permissions([...POLICIES, { role: 'auditor', tenant: 'acme', allow: ['link:read'] }]);
    for (const tenant of ['acme', 'other']) expect(perms.can({ ...user('viewer'), tenant }, 'task:read')).toBe(true);
    expect(perms.can({ ...user('auditor'), tenant: 'acme' }, 'link:read')).toBe(true);
    expect(perms.can({ ...user('auditor'), tenant: 'other' }, 'link:read')).toBe(false);
  });

  it("lets a tenant's own role extend the built-in role of the same code", async () => {
    const perms = await permissions();
    await perms.grant({ role: 'viewer', tenant: 'acme', permission: 'task:run' });
    expect(perms.can({ ...user('viewer'), tenant: 'acme' }, 'task:run')).toBe(true);
    expect(perms.can({ ...user('viewer'), tenant: 'acme' }, 'task:read')).toBe(true);
    expect(perms.can({ ...user('viewer'), tenant: 'other' }, 'task:run')).toBe(false);
  });

  it('keeps a deny of one tenant out of all others', async () => {
    const perms = await permissions();
    await perms.grant({ role: 'viewer', tenant: 'acme', permission: '*', effect: 'deny' });
    expect(perms.can({ ...user('viewer'), tenant: 'acme' }, 'task:read')).toBe(false);
    expect(perms.can({ ...user('viewer'), tenant: 'other' }, 'task:read')).toBe(true);
  });
});

describe('resources within others', () => {
  const Tree = definePermissions({ project: ['read', 'delete'], board: ['read'], card: ['read', 'move'] }, { within: { card: 'board', board: 'project' } });

  it('hands grants and denials of a resource down for the same action', async () => {
    const perms = await createPermissions({
      definitions: Tree,
      store: memoryStore(),
      pollMs: 0,
      policies: [
        { role: 'member', allow: ['project:read'] },
        { role: 'card-only', allow: ['card:*'] },
        { role: 'closed', deny: ['board:read'] },
      ],
    });
    const allowed = (...roles: string[]): string[] => Tree.names.filter((name) => perms.can(user(...roles), name));
    expect(allowed('member')).toEqual(['project:read', 'board:read', 'card:read']);
    expect(allowed('card-only')).toEqual(['card:read', 'card:move']);
    expect(allowed('member', 'card-only', 'closed')).toEqual(['project:read', 'card:move']);
  });
});
