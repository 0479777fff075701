/** The contract of {@link PermissionStore} as tests: every store passes all of them, the memory store included. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AssignmentRow, GrantRow, PermissionStore, PolicyEdit, RoleRow, StoredPolicy } from '../permission-store.ts';

export interface PermissionStoreFixture {
  /** A store over the fixture's rows; every call sees the same rows, as another process would. */
  open(): PermissionStore | Promise<PermissionStore>;
  close(): Promise<void>;
}

/** Runs the contract against stores that `make` gives, a fresh and empty one for each test. */
export function describePermissionStore(name: string, make: () => PermissionStoreFixture | Promise<PermissionStoreFixture>): void {
  describe(`permission store: ${name}`, () => {
    let fixture: PermissionStoreFixture;
    let store: PermissionStore;

    beforeEach(async () => {
      fixture = await make();
      store = await fixture.open();
    });
    afterEach(() => fixture.close());

    const apply = async (...edits: PolicyEdit[]): Promise<number> => {
      const version = await store.apply({ edits, ifVersion: await store.version() });
      expect(version).toBeDefined();
      return version!;
    };

    it('is empty at first, with a version and a clock', async () => {
      const policy = await store.load();
      expect(rowsOf(policy)).toEqual({ roles: [], grants: [], assignments: [] });
      expect(policy.version).toBe(await store.version());
      expect(policy.version).toBeGreaterThan(0);
      expect(Number.isSafeInteger(policy.readAt)).toBe(true);
    });

    it('gives back every row exactly as it was put', async () => {
      await apply(put.role(CLERK), put.grant(MAY_READ), put.assignment(ALICE), put.assignment({ ...ALICE, tenant: 'acme', expiresAt: 4_102_444_800_123 }));
      expect(rowsOf(await store.load())).toEqual({
        roles: [CLERK],
        grants: [MAY_READ],
        assignments: sorted([ALICE, { ...ALICE, tenant: 'acme', expiresAt: 4_102_444_800_123 }]),
      });
    });

    it('also gives back assignments that have expired', async () => {
      await apply(put.assignment({ ...ALICE, expiresAt: 1 }));
      expect((await store.load()).assignments).toEqual([{ ...ALICE, expiresAt: 1 }]);
    });

    it('replaces the row with the same key', async () => {
      await apply(put.role(CLERK), put.grant(MAY_READ), put.assignment(ALICE));
      await apply(put.role({ ...CLERK, parent: 'staff' }), put.grant(MAY_READ), put.assignment({ ...ALICE, expiresAt: 5_000 }));
      expect(rowsOf(await store.load())).toEqual({
        roles: [{ ...CLERK, parent: 'staff' }],
        grants: [MAY_READ],
        assignments: [{ ...ALICE, expiresAt: 5_000 }],
      });
    });

    it('keeps rows apart that differ in any part of their key', async () => {
      const grants: GrantRow[] = [MAY_READ, { ...MAY_READ, effect: 'deny' }, { ...MAY_READ, permission: 'task:*' }, { ...MAY_READ, role: 'boss' }, { ...MAY_READ, tenant: 'acme' }];
      const assignments: AssignmentRow[] = [ALICE, { ...ALICE, subjectType: 'service' }, { ...ALICE, subjectId: 'bob' }, { ...ALICE, role: 'boss' }, { ...ALICE, tenant: 'acme' }];
      await apply(...grants.map(put.grant), ...assignments.map(put.assignment));
      await apply(drop.grant(MAY_READ), drop.assignment(ALICE));
      const policy = rowsOf(await store.load());
      expect(policy.grants).toEqual(sorted(grants.slice(1)));
      expect(policy.assignments).toEqual(sorted(assignments.slice(1)));
    });

    it('deletes roles, and takes the deletion of what is not there', async () => {
      await apply(put.role(CLERK));
      await apply(drop.role(CLERK), drop.role(CLERK), drop.grant(MAY_READ), drop.assignment(ALICE));
      expect(rowsOf(await store.load())).toEqual({ roles: [], grants: [], assignments: [] });
    });

    it('compares names by their bytes and without padding', async () => {
      const assignments = HOSTILE_NAMES.map((subjectId) => ({ ...ALICE, subjectId }));
      await apply(...assignments.map(put.assignment));
      expect(rowsOf(await store.load()).assignments).toEqual(sorted(assignments));
      await apply(drop.assignment(assignments[0]!));
      expect(rowsOf(await store.load()).assignments).toEqual(sorted(assignments.slice(1)));
    });

    it('raises the version with every change, for every reader', async () => {
      const other = await fixture.open();
      const before = await store.version();
      const after = await apply(put.role(CLERK));
      expect(after).toBeGreaterThan(before);
      expect(await other.version()).toBe(after);
      expect((await other.load()).version).toBe(after);
    });

    it('refuses a change that was made for another version, and writes none of it', async () => {
      const seen = await store.version();
      await apply(put.role(CLERK));
      const version = await store.version();
      expect(await store.apply({ edits: [put.role({ ...CLERK, code: 'late' }), put.grant(MAY_READ)], ifVersion: seen })).toBeUndefined();
      expect(await store.version()).toBe(version);
      expect(rowsOf(await store.load())).toEqual({ roles: [CLERK], grants: [], assignments: [] });
    });

    it('lets one of many concurrent changes of one version win', async () => {
      const stores = [store, await fixture.open()];
      const ifVersion = await store.version();
      const codes = Array.from({ length: 8 }, (_, index) => `role-${index}`);
      const versions = await Promise.all(codes.map((code, index) => stores[index % 2]!.apply({ edits: [put.role({ ...CLERK, code })], ifVersion })));
      const won = versions.filter((version) => version !== undefined);
      expect(won).toHaveLength(1);
      expect(await store.version()).toBe(won[0]);
      expect((await store.load()).roles).toHaveLength(1);
    });

    it('shows a reader all of a change or nothing', async () => {
      const reader = await fixture.open();
      const all = [put.role(CLERK), put.grant(MAY_READ), put.assignment(ALICE)] as const;
      const none = [drop.role(CLERK), drop.grant(MAY_READ), drop.assignment(ALICE)] as const;
      const write = async (): Promise<void> => {
        for (let round = 0; round < 10; round++) {
          await apply(...all);
          await apply(...none);
        }
      };
      const read = async (): Promise<void> => {
        for (let round = 0; round < 30; round++) {
          const { roles, grants, assignments } = await reader.load();
          expect([grants.length, assignments.length]).toEqual([roles.length, roles.length]);
        }
      };
      await Promise.all([write(), read()]);
    });
  });
}

const CLERK: RoleRow = { tenant: 'default', code: 'clerk', parent: '' };
const MAY_READ: GrantRow = { tenant: 'default', role: 'clerk', permission: 'task:read', effect: 'allow' };
const ALICE: AssignmentRow = { tenant: 'default', subjectType: 'user', subjectId: 'alice', role: 'clerk', expiresAt: 0 };

const HOSTILE_NAMES = [
  'alice', 'Alice', 'alice ', ' alice', 'alice\u00a0', 'álice', 'álice'.normalize('NFD'), 'ａlice', 'ß', 'ss', 'İ', 'i',
  'role:default/clerk', 'alice,clerk', 'a$$b', "'; drop table permission_role; --", 'x" or "1"="1', '\\', '%', '_', '🐘', '🐘'.repeat(127), 'x'.repeat(255), '*',
];

const put = {
  role: (row: RoleRow): PolicyEdit => ({ op: 'put', kind: 'role', row }),
  grant: (row: GrantRow): PolicyEdit => ({ op: 'put', kind: 'grant', row }),
  assignment: (row: AssignmentRow): PolicyEdit => ({ op: 'put', kind: 'assignment', row }),
};

const drop = {
  role: (row: RoleRow): PolicyEdit => ({ op: 'delete', kind: 'role', row }),
  grant: (row: GrantRow): PolicyEdit => ({ op: 'delete', kind: 'grant', row }),
  assignment: (row: AssignmentRow): PolicyEdit => ({ op: 'delete', kind: 'assignment', row }),
};

/** The rows in an order of our own: a store promises none. */
function rowsOf({ roles, grants, assignments }: StoredPolicy): Pick<StoredPolicy, 'roles' | 'grants' | 'assignments'> {
  return { roles: sorted(roles), grants: sorted(grants), assignments: sorted(assignments) };
}

function sorted<Row extends object>(rows: readonly Row[]): Row[] {
  const key = (row: Row): string => JSON.stringify(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return rows.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}
