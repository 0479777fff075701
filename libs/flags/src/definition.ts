import { FlagsDefinitionError, type DefinitionFault } from './errors.ts';

/** How many members of a group a complete word holds. */
export type Arity = 'exactly-one' | 'at-most-one';

/** Flags that exclude each other: a region of the state. */
export interface Group<Name extends string = string> {
  readonly of: readonly Name[];
  readonly arity: Arity;
}

/** A definition as it reaches the checks, types already forgotten. */
export interface Definition {
  readonly bits: Readonly<Record<string, number>>;
  readonly groups?: Readonly<Record<string, Group>>;
  readonly masks?: Readonly<Record<string, readonly string[]>>;
  readonly retired?: Readonly<Record<number, string>>;
}

/**
 * The highest bit index. Bit 31 is the sign in JavaScript's bit operators, in a signed SQL INT and in Lua's `bit`
 * library, so a word that holds it comes back negative somewhere.
 */
export const HIGHEST_BIT = 30;

// Leaves out `|`, `,`, blanks and a leading digit, which have a meaning in text form or as an object key.
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const NAME_RULE = 'is not a name: a letter or _, then letters, digits, _ . -';

/**
 * Checks every rule of a definition.
 * @throws FlagsDefinitionError (`ERR_FLAGS_DEFINITION`) with all faults at once
 */
export function checkDefinition(set: string, { bits, groups = {}, masks = {}, retired = {} }: Definition): void {
  const faults: DefinitionFault[] = [];
  const fault = (path: string, value: unknown, rule: string): void => void faults.push({ path, value, rule });

  if (!isName(set)) fault('name', set, NAME_RULE);

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
    if (!Number.isInteger(index) || (index as number) < 0 || (index as number) > HIGHEST_BIT) {
      fault(path, index, `is not a bit index, a whole number from 0 to ${HIGHEST_BIT}`);
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
  const names = Object.entries(bits);
  if (names.length === 0) fault('bits', bits, 'has no flag');
  for (const [name, index] of names) {
    claimIndex(`bits.${name}`, index, name);
    claimName(`bits.${name}`, name);
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

function isName(name: unknown): boolean {
  return typeof name === 'string' && NAME.test(name) && name !== '__proto__';
}
