import { createPermissions, definePermissions, type GrantRow, type Permissions, type PermissionStore, type Subject } from '@staddle/permissions';
import { memoryStore } from '@staddle/permissions/memory';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mayDo, type World } from './oracle.ts';

const WITHIN = { card: 'board', board: 'space' } as const;
const P = definePermissions({ space: ['read', 'edit'], board: ['read'], card: ['read', 'edit'] }, { within: WITHIN });
type Name = (typeof P)['names'][number];

// Few names, so that they meet; among them some that would run together if they were joined without escaping.
const ROLES = ['a', 'b', 'a,b', 'a/b', 'a%2Cb', '🐘'] as const;
const TENANTS = ['default', 't', 't/a'] as const;
const SUBJECTS = ['a', 'b', 'role:*/a', 'a,b'] as const;

const role = fc.constantFrom(...ROLES);
const tenant = fc.constantFrom(...TENANTS);
const tenantOrAll = fc.oneof({ weight: 3, arbitrary: tenant }, { weight: 2, arbitrary: fc.constant('*') });
const pattern = fc.oneof({ weight: 4, arbitrary: fc.constantFrom<string>(...P.names) }, { weight: 2, arbitrary: fc.constantFrom('card:*', 'space:*', 'gone:read') }, { weight: 1, arbitrary: fc.constant('*') });
const effect = fc.oneof({ weight: 8, arbitrary: fc.constant('allow' as const) }, { weight: 1, arbitrary: fc.constant('deny' as const) });
const type = fc.constantFrom('user' as const, 'service' as const);

const world: fc.Arbitrary<World> = fc.record({
  permissions: fc.constant(P.names),
  within: fc.constant(WITHIN),
  roles: fc.array(fc.record({ tenant: tenantOrAll, code: role, parent: fc.oneof(role, fc.constant('')) }), { maxLength: 12 }),
  grants: fc.array(fc.record<GrantRow>({ tenant: tenantOrAll, role, permission: pattern, effect }), { minLength: 6, maxLength: 20 }),
  assignments: fc.array(fc.record({ tenant, subjectType: type, subjectId: fc.constantFrom(...SUBJECTS), role, expiresAt: fc.constant(0) }), { minLength: 4, maxLength: 30 }),
});

const subject: fc.Arbitrary<Subject> = fc.record(
  { id: fc.constantFrom(...SUBJECTS), type, roles: fc.array(role, { minLength: 1, maxLength: 4 }), tenant },
  { requiredKeys: ['id', 'type'] },
);

function storeOf({ roles, grants, assignments }: World): PermissionStore {
  const stored = { version: 1, readAt: 0, roles, grants, assignments };
  return { version: () => Promise.resolve(1), load: () => Promise.resolve(stored), apply: () => Promise.resolve(undefined) };
}

const over = (store: PermissionStore): Promise<Permissions<Name>> => createPermissions({ definitions: P, store, pollMs: 0 });

describe('can', () => {
  it('answers as a naive evaluation of the rules does', async () => {
    let allowed = 0;
    let asked = 0;
    const property = fc.asyncProperty(world, fc.array(subject, { minLength: 4, maxLength: 8 }), async (policy, subjects) => {
      const perms = await over(storeOf(policy));
      for (const who of subjects) {
        for (const where of TENANTS) {
          for (const name of P.names) {
            const expected = mayDo(policy, who, name, where);
            expect(perms.can(who, name, { tenant: where }), `${JSON.stringify(who)} ${name} in ${where}`).toBe(expected);
            asked++;
            if (expected) allowed++;
          }
        }
      }
    });
    await fc.assert(property, { numRuns: 400 });
    // Worlds in which nearly everything is refused would prove little.
    expect(allowed / asked).toBeGreaterThan(0.2);
    expect(allowed / asked).toBeLessThan(0.8);
  });

  it('does not depend on the order of rows', async () => {
    await fc.assert(
      fc.asyncProperty(world, subject, async (policy, who) => {
        const one = await over(storeOf(policy));
        const other = await over(storeOf({ ...policy, roles: policy.roles.toReversed(), grants: policy.grants.toReversed(), assignments: policy.assignments.toReversed() }));
        for (const name of P.names) expect(other.can(who, name)).toBe(one.can(who, name));
      }),
    );
  });

  it('never gains by a deny and never loses by an allow', async () => {
    await fc.assert(
      fc.asyncProperty(world, subject, fc.record({ tenant: tenantOrAll, role, permission: pattern }), async (policy, who, row) => {
        const before = await over(storeOf(policy));
        const withAllow = await over(storeOf({ ...policy, grants: [...policy.grants, { ...row, effect: 'allow' }] }));
        const withDeny = await over(storeOf({ ...policy, grants: [...policy.grants, { ...row, effect: 'deny' }] }));
        for (const name of P.names) {
          expect(Number(withAllow.can(who, name))).toBeGreaterThanOrEqual(Number(before.can(who, name)));
          expect(Number(withDeny.can(who, name))).toBeLessThanOrEqual(Number(before.can(who, name)));
        }
      }),
    );
  });

  it('does not let rows of one tenant change another', async () => {
    await fc.assert(
      fc.asyncProperty(world, subject, async (policy, who) => {
        const own = (row: { tenant: string }): boolean => row.tenant === 't' || row.tenant === '*';
        const alone = { ...policy, roles: policy.roles.filter(own), grants: policy.grants.filter(own), assignments: policy.assignments.filter(own) };
        const [all, only] = [await over(storeOf(policy)), await over(storeOf(alone))];
        for (const name of P.names) expect(only.can(who, name, { tenant: 't' })).toBe(all.can(who, name, { tenant: 't' }));
      }),
    );
  });
});

describe('changes, one after the other', () => {
  const change = fc.oneof(
    fc.record({ kind: fc.constant('grant' as const), role, tenant, permission: fc.constantFrom(...P.names), effect }),
    fc.record({ kind: fc.constant('revoke' as const), role, tenant, permission: fc.constantFrom(...P.names), effect }),
    fc.record({ kind: fc.constant('assign' as const), role, tenant, subject: fc.record({ id: fc.constantFrom(...SUBJECTS), type }) }),
    fc.record({ kind: fc.constant('unassign' as const), role, tenant, subject: fc.record({ id: fc.constantFrom(...SUBJECTS), type }) }),
  );

  it('come to the rows that they say', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 20 }), fc.array(subject, { minLength: 1, maxLength: 4 }), async (changes, subjects) => {
        const store = memoryStore();
        const perms = await createPermissions({ definitions: P, store, pollMs: 0, policies: ROLES.map((code) => ({ role: code })) });
        const grants = new Map<string, GrantRow>();
        const assignments = new Map<string, World['assignments'][number]>();
        for (const step of changes) {
          const { role: code, tenant: where } = step;
          if (step.kind === 'grant' || step.kind === 'revoke') {
            const key = JSON.stringify([where, code, step.permission, step.effect]);
            await perms[step.kind](step);
            if (step.kind === 'grant') grants.set(key, { tenant: where, role: code, permission: step.permission, effect: step.effect });
            else grants.delete(key);
          } else {
            const key = JSON.stringify([where, code, step.subject.id, step.subject.type]);
            await perms[step.kind](step);
            if (step.kind === 'assign') assignments.set(key, { tenant: where, role: code, subjectId: step.subject.id, subjectType: step.subject.type, expiresAt: 0 });
            else assignments.delete(key);
          }
        }
        const policy: World = { permissions: P.names, within: WITHIN, roles: [], grants: [...grants.values()], assignments: [...assignments.values()] };
        for (const who of subjects) {
          for (const where of TENANTS) for (const name of P.names) expect(perms.can(who, name, { tenant: where })).toBe(mayDo(policy, who, name, where));
        }
      }),
      { numRuns: 60 },
    );
  });
});
