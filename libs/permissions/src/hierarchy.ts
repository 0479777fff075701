const NONE: readonly string[] = [];

/**
 * Names and what they lead to, over any number of steps. Cycles and cliques, which only raw SQL can make, end:
 * every name is visited once. Casbin's own role manager stops at ten steps and takes exponential time on a clique.
 */
export class Hierarchy {
  readonly #parents = new Map<string, string[]>();
  readonly #closures = new Map<string, ReadonlySet<string>>();
  readonly #implied: (name: string) => readonly string[];

  /** `implied` gives further parents of any name. */
  constructor(implied: (name: string) => readonly string[] = () => NONE) {
    this.#implied = implied;
  }

  link(child: string, parent: string): void {
    const parents = this.#parents.get(child);
    if (!parents) this.#parents.set(child, [parent]);
    else if (!parents.includes(parent)) parents.push(parent);
    this.#closures.clear();
  }

  /** `name` and everything above it. */
  closure(name: string): ReadonlySet<string> {
    const known = this.#closures.get(name);
    if (known) return known;
    const seen = new Set([name]);
    // A Set may grow while it is iterated: this is the whole breadth-first search.
    for (const next of seen) for (const parent of this.parentsOf(next)) seen.add(parent);
    // Names that nothing links come from outside and are without number: remembering them would never end.
    if (this.#parents.has(name)) this.#closures.set(name, seen);
    return seen;
  }

  /** The names on a shortest way from `from` up to `to`, both included. */
  path(from: string, to: string): readonly string[] | undefined {
    const cameFrom = new Map<string, string | undefined>([[from, undefined]]);
    for (const next of cameFrom.keys()) {
      if (next === to) return trace(to, cameFrom);
      for (const parent of this.parentsOf(next)) if (!cameFrom.has(parent)) cameFrom.set(parent, next);
    }
    return undefined;
  }

  private parentsOf(name: string): readonly string[] {
    const parents = this.#parents.get(name) ?? NONE;
    const implied = this.#implied(name);
    return implied.length > 0 ? [...parents, ...implied] : parents;
  }
}

function trace(end: string, cameFrom: ReadonlyMap<string, string | undefined>): readonly string[] {
  const path: string[] = [];
  for (let name: string | undefined = end; name !== undefined; name = cameFrom.get(name)) path.unshift(name);
  return path;
}
