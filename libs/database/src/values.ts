import type { SqlValue } from './driver.ts';
import { DatabaseValueError } from './errors.ts';

/** What the errors about integers beyond 2^53 in results advise. */
export const INEXACT_INTEGER = 'is beyond the exact integers of a number; select cast(column as char) and use BigInt';

/**
 * A parameter as both dialects store it exactly, or `ERR_DATABASE_VALUE`. Objects are refused, not turned into text:
 * mysql2 would make SQL of some of them, and a forgotten JSON.stringify would store '[object Object]'.
 */
export function bindable(value: unknown, index: number): SqlValue {
  if (value === null || typeof value === 'string' || typeof value === 'bigint' || value instanceof Uint8Array) return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  const what = `parameter ${index + 1}`;
  if (typeof value !== 'number') {
    const kind = value instanceof Date ? 'Date' : Array.isArray(value) ? 'array' : typeof value;
    const rule = 'is none of null, string, number, bigint, boolean, Uint8Array; instants are epoch ms, objects are JSON text';
    throw new DatabaseValueError(`${what} of type ${kind}`, rule);
  }
  if (!Number.isFinite(value)) throw new DatabaseValueError(`${what} with the value ${value}`, 'is not a finite number');
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new DatabaseValueError(`${what} with the value ${value}`, 'is beyond the exact integers of a number; pass a bigint');
  }
  return value;
}
