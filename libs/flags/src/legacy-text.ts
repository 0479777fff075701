import type { AnyFlagSet } from './any-flag-set.ts';
import { FlagsInputError, FlagsLegacyError, UnknownFlagError, type DefinitionFault } from './errors.ts';
import type { FlagName, FlagsOf } from './flags.ts';

/**
 * How texts hold several numbered flags:
 * - `sum`: `'67'`, where position n counts 2^n, so 0, 1 and 6
 * - `binary`: `'01000011'`, where position n is the digit n places from the right, from 0, so 0, 1 and 6 again
 * - `list`: `'1,2,7'`, the positions themselves
 */
export type LegacyShape = 'sum' | 'binary' | 'list';

export interface LegacyTextOptions<Name extends string = string> {
  readonly shape: LegacyShape;
  /** The flag at each position. The old numbers need not be the bit indexes of the set. */
  readonly positions: Readonly<Record<number, Name>>;
}

const DECIMAL = /^(?:0|[1-9][0-9]{0,18})$/;
const BINARY = /^[01]{1,63}$/;
const LIST = /^(?:0|[1-9][0-9]*)(?:,(?:0|[1-9][0-9]*))*$/;

/**
 * Makes a reader of texts that hold several flags. It takes exactly what the shape says: no blanks, no signs, no leading zeros
 * but those of `binary`, nothing twice, no empty text; and the word must be sound.
 * @throws FlagsLegacyError (`ERR_FLAGS_LEGACY`) with all faults of the positions. The reader throws FlagsInputError
 *   (`ERR_FLAGS_INPUT`), UnknownFlagError (`ERR_FLAGS_UNKNOWN`) for a position without a flag, and FlagsGroupError (`ERR_FLAGS_GROUP`)
 */
export function legacyText<Flags extends AnyFlagSet>(flags: Flags, { shape, positions }: LegacyTextOptions<NoInfer<FlagName<Flags>>>): (text: unknown) => FlagsOf<Flags> {
  const nameAt = readPositions(flags, shape, positions);
  return (text) => {
    const names = positionsIn(flags.name, shape, text).map((position) => {
      const name = nameAt.get(position);
      if (name === undefined) throw new UnknownFlagError(flags.name, text, `position ${position} has no flag`);
      return name;
    });
    return flags.fromNames(names, 'strict') as FlagsOf<Flags>;
  };
}

function readPositions(flags: AnyFlagSet, shape: LegacyShape, positions: Readonly<Record<number, string>>): Map<string, string> {
  const faults: DefinitionFault[] = [];
  const entries = Object.entries(positions);
  if (!Object.hasOwn(PARSERS, shape)) faults.push({ path: 'shape', value: shape, rule: "is none of 'sum', 'binary' and 'list'" });
  for (const [at, [position, name]] of entries.entries()) {
    if (!DECIMAL.test(position)) faults.push({ path: `positions.${position}`, value: position, rule: 'is not a position, a whole number from 0' });
    if (!Object.hasOwn(flags.bit, name)) faults.push({ path: `positions.${position}`, value: name, rule: 'is not a flag of this set' });
    else if (entries.findIndex(([, other]) => other === name) !== at) faults.push({ path: `positions.${position}`, value: name, rule: 'has a position already' });
  }
  if (faults.length > 0) throw new FlagsLegacyError(flags.name, faults);
  return new Map(entries);
}

const PARSERS: Readonly<Record<LegacyShape, { readonly grammar: RegExp; readonly rule: string; readonly positions: (text: string) => string[] }>> = {
  sum: { grammar: DECIMAL, rule: 'a sum is a decimal number without sign, blanks or leading zeros', positions: (text) => onesIn(BigInt(text).toString(2)) },
  binary: { grammar: BINARY, rule: 'a binary text has 1 to 63 digits 0 and 1', positions: onesIn },
  list: { grammar: LIST, rule: 'a list has decimal numbers with commas between', positions: (text) => text.split(',') },
};

function positionsIn(set: string, shape: LegacyShape, text: unknown): string[] {
  const { grammar, rule, positions } = PARSERS[shape];
  if (typeof text !== 'string' || !grammar.test(text)) throw new FlagsInputError(set, text, rule);
  const found = positions(text);
  if (new Set(found).size !== found.length) throw new FlagsInputError(set, text, 'a position stands in a list once');
  return found;
}

function onesIn(digits: string): string[] {
  return [...digits].toReversed().flatMap((digit, position) => (digit === '1' ? [String(position)] : []));
}
