import { PermissionDefinitionError } from './errors.ts';

/** Resources and their actions: `{ task: ['read', 'create'] }`. */
export type PermissionShape = Readonly<Record<string, readonly string[]>>;

type NameOf<S extends PermissionShape> = { [R in keyof S & string]: `${R}:${S[R][number]}` }[keyof S & string];

/** The union of the names that `definitions` holds: `'task:read' | 'task:create'`. */
export type PermissionName<D> = D extends PermissionDefinitions<infer Name> ? Name : never;

/** One name, all actions of a resource (`'task:*'`) or everything (`'*'`). */
export type PermissionPattern<Name extends string> = Name | '*' | (Name extends `${infer Resource}:${string}` ? `${Resource}:*` : never);

/** A permission taken apart. */
export interface Permission<Name extends string = string> {
  readonly name: Name;
  readonly resource: string;
  readonly action: string;
}

/** The permissions of a program, fixed at compile time. Made by {@link definePermissions}. */
export interface PermissionDefinitions<Name extends string = string> {
  /** Every name, in the order of definition. */
  readonly names: readonly Name[];
  /** Resource to the resource that it lies within. */
  readonly within: ReadonlyMap<string, string>;
  has(name: unknown): name is Name;
  find(name: unknown): Permission<Name> | undefined;
  /** The names that a pattern stands for; `undefined` when it is neither a name, nor `'resource:*'`, nor `'*'`. */
  expand(pattern: unknown): readonly Name[] | undefined;
}

// A colon parts resource and action; commas and slashes would end up in names that Casbin joins.
const WORD = /^[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*$/i;
const WORD_MAX = 64;

/**
 * Fixes the permissions of a program; each becomes the name `'resource:action'`.
 * `within` makes a tree of resources: what is granted or denied on a resource also holds for the same action on
 * every resource within it.
 * @throws PermissionDefinitionError (`ERR_PERMISSIONS_DEFINITION`) for malformed or repeated names and for a cycle
 */
export function definePermissions<const S extends PermissionShape>(
  shape: S,
  options: { readonly within?: { readonly [R in keyof S & string]?: keyof S & string } } = {},
): PermissionDefinitions<NameOf<S>> {
  type Name = NameOf<S>;
  const byName = new Map<unknown, Permission<Name>>();
  const byPattern = new Map<unknown, Name[]>();
  const all: Name[] = [];

  for (const [resource, actions] of Object.entries(shape)) {
    checkWord('resource', resource);
    const ofResource: Name[] = [];
    for (const action of actions) {
      checkWord('action', action);
      const name = `${resource}:${action}` as Name;
      if (byName.has(name)) throw new PermissionDefinitionError(`permission ${name} is defined twice`);
      byName.set(name, Object.freeze({ name, resource, action }));
      ofResource.push(name);
    }
    byPattern.set(`${resource}:*`, ofResource);
    all.push(...ofResource);
  }
  byPattern.set('*', all);

  const within = new Map<string, string>();
  for (const [resource, parent] of Object.entries(options.within ?? {})) {
    for (const name of [resource, parent]) {
      if (typeof name !== 'string' || !Object.hasOwn(shape, name)) throw new PermissionDefinitionError(`within names the resource ${JSON.stringify(name)}, which is not defined`);
    }
    within.set(resource, parent as string);
  }
  for (const resource of within.keys()) checkEnds(resource, within);

  return Object.freeze({
    names: Object.freeze([...all]),
    within,
    has: (name: unknown): name is Name => byName.has(name),
    find: (name: unknown) => byName.get(name),
    expand(pattern: unknown) {
      const named = byName.get(pattern);
      return named ? [named.name] : byPattern.get(pattern);
    },
  });
}

function checkWord(kind: string, word: unknown): void {
  if (typeof word === 'string' && word.length <= WORD_MAX && WORD.test(word)) return;
  throw new PermissionDefinitionError(`${kind} ${JSON.stringify(word)} is not 1 to ${WORD_MAX} letters and digits, parted by single ".", "_" or "-"`);
}

function checkEnds(start: string, within: ReadonlyMap<string, string>): void {
  const path = [start];
  for (let next = within.get(start); next !== undefined; next = within.get(next)) {
    if (path.includes(next)) throw new PermissionDefinitionError(`resources ${[...path, next].join(' -> ')} lie within each other`);
    path.push(next);
  }
}
