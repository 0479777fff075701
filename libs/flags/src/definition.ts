import { BITS, type Backend } from './bits.ts';
import { FlagsDefinitionError, type DefinitionFault } from './errors.ts';

/** How many members of a group a complete word holds. */
export type Arity = 'exactly-one' | 'at-most-one';

/** Flags that exclude each other: a region of the state. */
export interface Group<Name extends string = string> {
  readonly of: readonly Name[];
  readonly arity: Arity;
}

/** What a set was defined with, for what is compiled from it: transitions, roll-ups, SQL. */
export interface FlagsDefinition<Name extends string = string, Members extends Record<string, string> = Record<string, string>, MaskName extends string = string> {
  /** Bit index of each flag. */
  readonly bits: { readonly [K in Name]: number };
  readonly groups: { readonly [K in Extract<keyof Members, string>]: Group<Members[K]> };
  readonly masks: { readonly [K in MaskName]: readonly Name[] };
  /** Bit index to the name of a flag that existed once. */
  readonly retired: Readonly<Record<number, string>>;
}

// Leaves out `|`, `,`, blanks and a leading digit, which have a meaning in text form or as an object key.
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
export const NAME_RULE = 'is not a name: a letter or _, then letters, digits, _ . -';

/**
 * Checks every rule of a definition, types already forgotten.
 * @throws FlagsDefinitionError (`ERR_FLAGS_DEFINITION`) with all faults at once
 */
export function checkDefinition(set: string, backend: Backend, { bits, groups, masks, retired }: FlagsDefinition): void {
  const faults: DefinitionFault[] = [];
  const fault = (path: string, value: unknown, rule: string): void => void faults.push({ path, value, rule });

  if (!isName(set)) fault('name', set, NAME_RULE);
  if (!Object.hasOwn(BITS, backend)) fault('backend', backend, "is neither 'number' nor 'bigint'");
  const highestBit = backend === 'bigint' ? BITS.bigint.highestBit : BITS.number.highestBit;

  // Retired bits first, so that a live flag on the index or the name of one is the flag's fault.
  const ownerOf = new Map<number, string>();
  const taken = new Map<string, string>();
  const claimName = (path: string, name: string): void => {
    if (!isName(name)) fault(path, name, NAME_RULE);
    const owner = taken.get(name);
    if (owner === undefined) taken.set(name, path);
    else fault(path, name, `is already the name of ${owner}`);
  };
  const claimIndex = (path: string, index: unknown, label: string): void => {
    if (!Number.isInteger(index) || (index as number) < 0 || (index as number) > highestBit) {
      fault(path, index, `is not a bit index, a whole number from 0 to ${highestBit}`);
      return;
    }
    const owner = ownerOf.get(index as number);
    if (owner === undefined) ownerOf.set(index as number, label);
    else fault(path, index, `is already the bit of ${owner}`);
  };

  for (const [index, name] of Object.entries(retired)) {
    claimIndex(`retired.${index}`, Number(index), `the retired flag ${name}`);
    claimName(`retired.${index}`, name);
  }
  if (isNumericEnum(bits)) {
    fault('bits', bits, 'is a numeric enum with its reverse mapping; bits are an object from name to bit index');
  } else {
    const names = Object.entries(bits);
    if (names.length === 0) fault('bits', bits, 'has no flag');
    for (const [name, index] of names) {
      claimIndex(`bits.${name}`, index, name);
      claimName(`bits.${name}`, name);
    }
  }

  const checkMembers = (path: string, members: readonly string[]): void => {
    if (members.length === 0) fault(path, members, 'has no member');
    members.forEach((member, at) => {
      if (!Object.hasOwn(bits, member)) fault(`${path}.${at}`, member, 'is not a flag of this set');
      else if (members.indexOf(member) !== at) fault(`${path}.${at}`, member, 'is listed twice');
    });
  };
  const groupOf = new Map<string, string>();
  for (const [name, { of: members, arity }] of Object.entries(groups)) {
    claimName(`groups.${name}`, name);
    checkMembers(`groups.${name}.of`, members);
    if (arity !== 'exactly-one' && arity !== 'at-most-one') fault(`groups.${name}.arity`, arity, "is neither 'exactly-one' nor 'at-most-one'");
    members.forEach((member, at) => {
      const other = groupOf.get(member);
      if (other !== undefined && other !== name) fault(`groups.${name}.of.${at}`, member, `is already a member of group ${other}`);
      groupOf.set(member, other ?? name);
    });
  }
  for (const [name, members] of Object.entries(masks)) {
    claimName(`masks.${name}`, name);
    checkMembers(`masks.${name}`, members);
  }

  if (faults.length > 0) throw new FlagsDefinitionError(set, faults);
}

/** A copy that nobody can change, in the order of the bits. */
export function freezeDefinition({ bits, groups, masks, retired }: FlagsDefinition): FlagsDefinition {
  const frozen = <T>(entries: [string, T][]): Readonly<Record<string, T>> => Object.freeze(Object.fromEntries(entries));
  return Object.freeze({
    bits: frozen(Object.entries(bits).toSorted(([, a], [, b]) => a - b)),
    groups: frozen(Object.entries(groups).map(([name, { of, arity }]) => [name, Object.freeze({ of: Object.freeze([...of]), arity })])),
    masks: frozen(Object.entries(masks).map(([name, of]) => [name, Object.freeze([...of])])),
    retired: frozen(Object.entries(retired)),
  });
}

export function isName(name: unknown): boolean {
  return typeof name === 'string' && NAME.test(name) && name !== '__proto__';
}

/** TypeScript compiles `enum E { A = 1 }` to `{ A: 1, 1: 'A' }`. */
function isNumericEnum(bits: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(bits).some(([key, value]) => typeof value === 'string' && String(bits[value]) === key);
}
