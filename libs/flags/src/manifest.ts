import type { Backend } from './bits.ts';
import type { FlagsDefinition } from './definition.ts';

/** The numbers of a set, as they are kept in a file beside its code. Has the same JSON text for the same set. */
export interface FlagsManifest {
  readonly set: string;
  readonly backend: Backend;
  /** Bit index of each flag, ascending. */
  readonly bits: Readonly<Record<string, number>>;
  /** Bit index to the name of a flag that existed once. */
  readonly retired: Readonly<Record<string, string>>;
}

/** What has become of a set since its manifest was written, in words. */
export interface ManifestChanges {
  /** Changes that give stored words another meaning. */
  readonly problems: readonly string[];
  /** Changes that stored words survive: new flags, flags retired, a wider backend. */
  readonly additions: readonly string[];
}

export function manifestOf(set: string, backend: Backend, { bits, retired }: FlagsDefinition): FlagsManifest {
  return { set, backend, bits, retired };
}

/** Compares what was committed with what the code defines now. */
export function compareManifests(committed: FlagsManifest, current: FlagsManifest): ManifestChanges {
  const problems: string[] = [];
  const additions: string[] = [];
  const [was, is] = [indexed(committed), indexed(current)];

  if (committed.set !== current.set) problems.push(`the set ${committed.set} is now called ${current.set}`);
  if (committed.backend === 'bigint' && current.backend === 'number') problems.push('the backend bigint is now number, which has no bit above 30');
  if (committed.backend === 'number' && current.backend === 'bigint') additions.push('the backend number is now bigint');

  for (const [index, name] of was.flags) {
    const successor = is.flags.get(index);
    if (successor === name) continue;
    const moved = is.indexes.get(name);
    const retiredAs = is.retired.get(index);
    if (moved !== undefined) problems.push(`${name} has moved from bit ${index} to bit ${moved}`);
    // A known flag that has moved here is told of where it came from.
    if (successor !== undefined && !was.indexes.has(successor)) problems.push(`bit ${index} was ${name} and is reused for ${successor}`);
    if (moved !== undefined || successor !== undefined) continue;
    if (retiredAs === undefined) problems.push(`${name}, bit ${index}, was removed without being retired`);
    else if (retiredAs === name) additions.push(`${name}, bit ${index}, is retired`);
    else problems.push(`bit ${index} was ${name} and is retired as ${retiredAs}`);
  }
  for (const [index, name] of was.retired) {
    const successor = is.flags.get(index);
    const elsewhere = is.indexes.get(name);
    if (successor !== undefined) problems.push(`bit ${index}, retired as ${name}, is reused for ${successor}`);
    else if (is.retired.get(index) !== name) problems.push(`bit ${index}, retired as ${name}, is no longer listed so`);
    if (elsewhere !== undefined && elsewhere !== index) problems.push(`the name ${name}, retired with bit ${index}, is reused for bit ${elsewhere}`);
  }

  const isNew = (index: number): boolean => !was.flags.has(index) && !was.retired.has(index);
  for (const [index, name] of is.flags) if (isNew(index) && !was.names.has(name)) additions.push(`${name}, bit ${index}, is new`);
  for (const [index, name] of is.retired) if (isNew(index)) additions.push(`${name}, bit ${index}, is new as a retired flag`);
  return { problems, additions };
}

interface Indexed {
  readonly flags: ReadonlyMap<number, string>;
  readonly retired: ReadonlyMap<number, string>;
  /** Of the flags. */
  readonly indexes: ReadonlyMap<string, number>;
  /** Of flags and retired flags. */
  readonly names: ReadonlySet<string>;
}

function indexed({ bits, retired }: FlagsManifest): Indexed {
  const flags = Object.entries(bits);
  const former = Object.entries(retired).map(([index, name]) => [Number(index), name] as const);
  return {
    flags: new Map(flags.map(([name, index]) => [index, name])),
    retired: new Map(former),
    indexes: new Map(flags),
    names: new Set([...flags.map(([name]) => name), ...former.map(([, name]) => name)]),
  };
}
