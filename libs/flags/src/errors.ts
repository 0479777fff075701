/**
 * What every error of this package carries. It has the shape of a StaddleError without being one: this package
 * stands beside the kernel and imports nothing. `hasCode(error, 'ERR_FLAGS_…')` of the kernel works on it.
 */
abstract class FlagsError extends Error {
  abstract readonly code: string;
  /** Name of the flags type, the first argument of `defineFlags`. */
  readonly set: string;
  /** Place of the offending item in a list of names: `2`. */
  readonly field?: string;
  /** Never true: the same call fails again. */
  readonly retryable: boolean = false;

  constructor(set: string, message: string, field?: string) {
    super(message);
    this.set = set;
    if (field !== undefined) this.field = field;
  }

  override get name(): string {
    return this.constructor.name;
  }
}

/** One broken rule of a definition. */
export interface DefinitionFault {
  /** Dotted path inside the definition: `bits.Running`, `groups.phase.of`. */
  readonly path: string;
  readonly value: unknown;
  readonly rule: string;
}

/** The definition breaks at least one rule; `faults` holds all of them. */
export class FlagsDefinitionError extends FlagsError {
  override readonly code = 'ERR_FLAGS_DEFINITION';
  readonly faults: readonly DefinitionFault[];

  constructor(set: string, faults: readonly DefinitionFault[]) {
    const lines = faults.map(({ path, value, rule }) => `${path} ${show(value)} ${rule}`);
    super(set, `flags ${show(set)} are not well defined: ${lines.join('; ')}`);
    this.faults = faults;
  }
}

/** The input is no word at all: wrong type, fraction, negative, beyond the highest bit, text outside the grammar. */
export class FlagsInputError extends FlagsError {
  override readonly code = 'ERR_FLAGS_INPUT';
  readonly value: unknown;

  constructor(set: string, value: unknown, rule: string, field?: string) {
    super(set, `${show(value)} is not a value of flags ${show(set)}: ${rule}`, field);
    this.value = value;
  }
}

/** A name that the set does not define, or, under the policy `strict`, bits that it does not know. */
export class UnknownFlagError extends FlagsError {
  override readonly code = 'ERR_FLAGS_UNKNOWN';
  readonly value: unknown;
  /** The bits that have no flag, when it is bits and not a name. */
  readonly unknownBits?: number | bigint;

  constructor(set: string, value: unknown, rule: string, { field, unknownBits }: { field?: string; unknownBits?: number | bigint } = {}) {
    super(set, `${show(value)} is not known to flags ${show(set)}: ${rule}`, field);
    this.value = value;
    if (unknownBits !== undefined) this.unknownBits = unknownBits;
  }
}

/** Too many or too few members of a group are set. */
export class FlagsGroupError extends FlagsError {
  override readonly code = 'ERR_FLAGS_GROUP';
  /** The input as it came: a word, a list of names. */
  readonly value: unknown;
  readonly group: string;
  /** The members that are set. */
  readonly members: readonly string[];

  constructor(set: string, value: unknown, group: string, arity: string, members: readonly string[]) {
    super(set, `group ${show(group)} of flags ${show(set)} has ${arity} member, not ${members.length ? members.join(' and ') : 'none'}`);
    this.value = value;
    this.group = group;
    this.members = members;
  }
}

/** The events of a machine break at least one rule; `faults` holds all of them. */
export class FlagsMachineError extends FlagsError {
  override readonly code = 'ERR_FLAGS_MACHINE';
  readonly faults: readonly DefinitionFault[];

  constructor(set: string, faults: readonly DefinitionFault[]) {
    const lines = faults.map(({ path, value, rule }) => `${path} ${show(value)} ${rule}`);
    super(set, `the machine of flags ${show(set)} is not well defined: ${lines.join('; ')}`);
    this.faults = faults;
  }
}

/** A name for generated SQL or Lua text that is no plain identifier. */
export class FlagsIdentifierError extends FlagsError {
  override readonly code = 'ERR_FLAGS_IDENTIFIER';
  readonly value: unknown;

  constructor(set: string, value: unknown, rule: string) {
    super(set, `${show(value)} cannot go into text generated for flags ${show(set)}: ${rule}`);
    this.value = value;
  }
}

/** What was asked for works only with sets of the other backend. */
export class FlagsBackendError extends FlagsError {
  override readonly code = 'ERR_FLAGS_BACKEND';
  readonly backend: string;

  constructor(set: string, backend: string, rule: string) {
    super(set, `flags ${show(set)} have words of type ${backend}: ${rule}`);
    this.backend = backend;
  }
}

/** What a boundary refuses input with. */
export type BoundaryError = FlagsInputError | UnknownFlagError | FlagsGroupError;

export type FlagsErrorCode = (
  | FlagsDefinitionError
  | FlagsInputError
  | UnknownFlagError
  | FlagsGroupError
  | FlagsMachineError
  | FlagsIdentifierError
  | FlagsBackendError
)['code'];

function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  // JSON turns NaN and the infinities into null, which would hide what came in.
  if (typeof value === 'number') return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return Object.prototype.toString.call(value); // a cycle, or a bigint inside
  }
}
