import type { AssignmentRow, GrantRow, RoleRow, Subject } from '@staddle/permissions';

/** A policy as plain rows, and the resources of a program. */
export interface World {
  readonly permissions: readonly string[];
  readonly within: Readonly<Record<string, string>>;
  readonly roles: readonly RoleRow[];
  readonly grants: readonly GrantRow[];
  readonly assignments: readonly AssignmentRow[];
}

/**
 * The rules of the README, evaluated in the most naive way: sets of pairs that grow until they no longer do.
 * Shares no code with the package.
 */
export function mayDo(world: World, subject: Subject, permission: string, tenant: string): boolean {
  const held: [tenant: string, role: string][] = [];
  const holds = (t: string, r: string): boolean => held.some(([ht, hr]) => ht === t && hr === r);
  const add = (t: string, r: string): void => {
    if (!holds(t, r)) held.push([t, r]);
  };
  for (const row of world.assignments) {
    if (row.tenant === tenant && row.subjectType === subject.type && row.subjectId === subject.id) add(tenant, row.role);
  }
  if ((subject.tenant ?? 'default') === tenant) for (const role of subject.roles ?? []) add(tenant, role);
  for (let before = -1; before !== held.length; ) {
    before = held.length;
    for (const [t, r] of held.slice()) {
      add('*', r);
      for (const row of world.roles) if (row.tenant === t && row.code === r && row.parent !== '') add(t, row.parent);
    }
  }

  const [resource, action] = permission.split(':') as [string, string];
  const resources = [resource];
  for (let above = world.within[resource]; above !== undefined; above = world.within[above]) resources.push(above);
  const covering = resources.map((name) => `${name}:${action}`).filter((name) => world.permissions.includes(name));
  const applies = (row: GrantRow): boolean =>
    holds(row.tenant, row.role) && covering.some((name) => row.permission === '*' || row.permission === name || row.permission === `${name.split(':')[0]}:*`);
  const effects = world.grants.filter(applies).map((row) => row.effect);
  return effects.includes('allow') && !effects.includes('deny');
}
