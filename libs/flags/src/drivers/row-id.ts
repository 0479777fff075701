import { FlagsInputError } from '../errors.ts';

/** A key as the caller's table has it. */
export type RowId = number | bigint | string;

/**
 * A key that is the one of its row. A client that gives 64-bit keys as numbers rounds them, and what is rounded is the key
 * of another row, or stands still in a loop over chunks.
 * @throws FlagsInputError (`ERR_FLAGS_INPUT`)
 */
export function exactId<Id>(set: string, id: Id): Id {
  if (typeof id === 'number' && Math.abs(id) > Number.MAX_SAFE_INTEGER) {
    throw new FlagsInputError(set, id, 'a key beyond 2^53 - 1 may have been rounded before it came here; let the client give a bigint or text');
  }
  return id;
}
