import { BITS, type Backend } from './bits.ts';
import { FlagsDefinitionError, type DefinitionFault } from './errors.ts';
import { checkList, isRecord, isShape, type Fault } from './shape.ts';

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
const INDEX = /^(?:0|[1-9][0-9]*)$/;

type ClaimName = (path: string, name: string) => void;

const PARTS = ['backend', 'bits', 'groups', 'masks', 'retired'];

/** @throws FlagsDefinitionError (`ERR_FLAGS_DEFINITION`) for what has not the shape of a definition */
export function checkShape(set: string, spec: unknown): void {
  const faults: DefinitionFault[] = [];
  const fault: Fault = (path, value, rule) => void faults.push({ path, value, rule });
  if (isShape(fault, 'spec', spec, PARTS, '')) {
    const { bits, groups = {}, masks = {}, retired = {} } = spec as Readonly<Record<string, unknown>>;
    isRecord(fault, 'bits', bits);
    isRecord(fault, 'retired', retired);
    if (isRecord(fault, 'groups', groups)) {
      for (const [name, group] of Object.entries(groups)) if (isRecord(fault, `groups.${name}`, group)) checkList(fault, `groups.${name}.of`, group['of']);
    }
    if (isRecord(fault, 'masks', masks)) for (const [name, of] of Object.entries(masks)) checkList(fault, `masks.${name}`, of);
  }
  if (faults.length > 0) throw new FlagsDefinitionError(set, faults);
}

/**
 * Checks every rule of a definition, types already forgotten.
 * @throws FlagsDefinitionError (`ERR_FLAGS_DEFINITION`) with all faults at once
 */
export function checkDefinition(set: string, backend: Backend, definition: FlagsDefinition): void {
  const faults: DefinitionFault[] = [];
  const fault: Fault = (path, value, rule) => void faults.push({ path, value, rule });
  const taken = new Map<string, string>();
  const claimName: ClaimName = (path, name) => {
    if (!isName(name)) fault(path, name, NAME_RULE);
    const owner = taken.get(name);
    if (owner === undefined) taken.set(name, path);
    else fault(path, name, `is already the name of ${owner}`);
  };

  if (!isName(set)) fault('name', set, NAME_RULE);
  if (!Object.hasOwn(BITS, backend)) fault('backend', backend, "is neither 'number' nor 'bigint'");
  checkIndexes(definition, backend === 'bigint' ? BITS.bigint.highestBit : BITS.number.highestBit, claimName, fault);
  checkGroups(definition, claimName, fault);
  for (const [name, members] of Object.entries(definition.masks)) {
    claimName(`masks.${name}`, name);
    checkMembers(definition, `masks.${name}`, members, fault);
  }
  if (faults.length > 0) throw new FlagsDefinitionError(set, faults);
}

function checkIndexes({ bits, retired }: FlagsDefinition, highestBit: number, claimName: ClaimName, fault: Fault): void {
  const ownerOf = new Map<unknown, string>();
  const claimIndex = (path: string, index: unknown, label: string): void => {
    if (!Number.isInteger(index) || (index as number) < 0 || (index as number) > highestBit) {
      fault(path, index, `is not a bit index, a whole number from 0 to ${highestBit}`);
      return;
    }
    const owner = ownerOf.get(index);
    if (owner === undefined) ownerOf.set(index, label);
    else fault(path, index, `is already the bit of ${owner}`);
  };

  // Retired bits first, so that a live flag on the index or the name of one is the flag's fault.
  for (const [index, name] of Object.entries(retired)) {
    claimIndex(`retired.${index}`, INDEX.test(index) ? Number(index) : index, `the retired flag ${name}`);
    claimName(`retired.${index}`, name);
  }
  if (isNumericEnum(bits)) {
    fault('bits', bits, 'is a numeric enum with its reverse mapping; bits are an object from name to bit index');
    return;
  }
  const flags = Object.entries(bits);
  if (flags.length === 0) fault('bits', bits, 'has no flag');
  for (const [name, index] of flags) {
    claimIndex(`bits.${name}`, index, name);
    claimName(`bits.${name}`, name);
  }
}

function checkGroups(definition: FlagsDefinition, claimName: ClaimName, fault: Fault): void {
  const groupOf = new Map<string, string>();
  for (const [name, { of: members, arity }] of Object.entries(definition.groups)) {
    claimName(`groups.${name}`, name);
    checkMembers(definition, `groups.${name}.of`, members, fault);
    if (arity !== 'exactly-one' && arity !== 'at-most-one') fault(`groups.${name}.arity`, arity, "is neither 'exactly-one' nor 'at-most-one'");
    members.forEach((member, at) => {
      const other = groupOf.get(member);
      if (other !== undefined && other !== name) fault(`groups.${name}.of.${at}`, member, `is already a member of group ${other}`);
      groupOf.set(member, other ?? name);
    });
  }
}

function checkMembers({ bits }: FlagsDefinition, path: string, members: readonly string[], fault: Fault): void {
  if (members.length === 0) fault(path, members, 'has no member');
  members.forEach((member, at) => {
    if (!Object.hasOwn(bits, member)) fault(`${path}.${at}`, member, 'is not a flag of this set');
    else if (members.indexOf(member) !== at) fault(`${path}.${at}`, member, 'is listed twice');
  });
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
