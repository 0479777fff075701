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

  constructor(set: string, value: unknown, rule: string, { field, unknownBits }: { field?: string | undefined; unknownBits?: number | bigint } = {}) {
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

/** The rules of a roll-up are not total, hold one that is never reached, or name what does not exist; `faults` holds all of it. */
export class FlagsRollupError extends FlagsError {
  override readonly code = 'ERR_FLAGS_ROLLUP';
  readonly faults: readonly DefinitionFault[];

  constructor(set: string, faults: readonly DefinitionFault[]) {
    const lines = faults.map(({ path, value, rule }) => `${path} ${show(value)} ${rule}`);
    super(set, `the roll-up of flags ${show(set)} is not well defined: ${lines.join('; ')}`);
    this.faults = faults;
  }
}

/** A row has, or would get, more ancestors than a roll-up climbs. */
export class RollupDepthError extends FlagsError {
  override readonly code = 'ERR_FLAGS_ROLLUP_DEPTH';
  readonly id: unknown;
  readonly maxDepth: number;

  constructor(set: string, table: string, id: unknown, maxDepth: number) {
    super(set, `row ${show(id)} of ${table} leads to a path of more than ${maxDepth} ancestors, which is as far as a roll-up goes`);
    this.id = id;
    this.maxDepth = maxDepth;
  }
}

/** A row is, or would become, its own ancestor. */
export class RollupCycleError extends FlagsError {
  override readonly code = 'ERR_FLAGS_ROLLUP_CYCLE';
  /** The ids on the way up, the first and the last being the same row. */
  readonly path: readonly unknown[];

  constructor(set: string, table: string, path: readonly unknown[]) {
    super(set, `row ${show(path[0])} of ${table} is its own ancestor: ${path.map(show).join(' > ')}`);
    this.path = path;
  }
}

/** A row that a roll-up needs does not exist, or must not have the children that it has. */
export class RollupRowError extends FlagsError {
  override readonly code = 'ERR_FLAGS_ROLLUP_ROW';
  readonly id: unknown;

  constructor(set: string, table: string, id: unknown, rule: string) {
    super(set, `row ${show(id)} of ${table} ${rule}`);
    this.id = id;
  }
}

/** The counters of a row cannot be true, or children of it are in no single state. `reconcile` tells and repairs. */
export class RollupDriftError extends FlagsError {
  override readonly code = 'ERR_FLAGS_ROLLUP_DRIFT';
  readonly id: unknown;
  /** Number of children by state, and of all. */
  readonly counts: Readonly<Record<string, number>>;
  readonly total: number;

  constructor(set: string, table: string, id: unknown, counts: Readonly<Record<string, number>>, total: number) {
    super(set, `the children of row ${show(id)} of ${table} do not add up: ${total} in all, and by state ${show(counts)}`);
    this.id = id;
    this.counts = counts;
    this.total = total;
  }
}

/** The transaction would count children as they were at its first read, and a parent would stay unfinished for ever. */
export class RollupIsolationError extends FlagsError {
  override readonly code = 'ERR_FLAGS_ROLLUP_ISOLATION';
  readonly level: string;

  constructor(set: string, table: string, level: string) {
    super(set, `children in ${table} cannot be counted in a session of isolation level ${level}; it takes READ COMMITTED or SERIALIZABLE`);
    this.level = level;
  }
}

/** The map from legacy texts to flags breaks at least one rule; `faults` holds all of them. */
export class FlagsLegacyError extends FlagsError {
  override readonly code = 'ERR_FLAGS_LEGACY';
  readonly faults: readonly DefinitionFault[];

  constructor(set: string, faults: readonly DefinitionFault[]) {
    const lines = faults.map(({ path, value, rule }) => `${path} ${show(value)} ${rule}`);
    super(set, `the legacy form of flags ${show(set)} is not well defined: ${lines.join('; ')}`);
    this.faults = faults;
  }
}

/** The committed manifest of a set is missing, unreadable, outdated, or contradicts the definition. */
export class FlagsManifestError extends FlagsError {
  override readonly code = 'ERR_FLAGS_MANIFEST';
  /** What is wrong, each in words. */
  readonly problems: readonly string[];

  constructor(set: string, path: string, problems: readonly string[], advice: string) {
    super(set, `manifest ${path} does not fit flags ${show(set)}: ${problems.join('; ')}; ${advice}`);
    this.problems = problems;
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
  | FlagsRollupError
  | RollupDepthError
  | RollupCycleError
  | RollupRowError
  | RollupDriftError
  | RollupIsolationError
  | FlagsLegacyError
  | FlagsManifestError
)['code'];

/** No message is longer for what somebody sent. The error has it whole. */
const LONGEST = 200;

function show(value: unknown): string {
  const text = textOf(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function textOf(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  // JSON turns NaN and the infinities into null, which would hide what came in.
  if (typeof value === 'number') return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return Object.prototype.toString.call(value); // a cycle, or a bigint inside
  }
}
