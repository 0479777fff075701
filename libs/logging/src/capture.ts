import type { LogFields, Logger } from '@staddle/kernel';
import { read } from './plain.ts';

// Held weakly, so remembering an error does not keep it alive. Frozen errors can be remembered as well, which a mark on the object could not do.
const captured = new WeakSet<object>();

// A longer chain of causes is a mistake; following it is not worth the time.
const MOST_LINKS = 100;

/**
 * Logs an error at `error` level, once per error object however many layers catch and rethrow it. Call it where the error is handled;
 * layers in between wrap with `cause` and rethrow. An error that was reported as the cause of another counts as reported.
 * Returns false when it was already reported. Thrown values that are no objects cannot be recognised and are always logged.
 */
export function captureError(logger: Logger, error: unknown, fields: LogFields = {}): boolean {
  if (typeof error === 'object' && error !== null) {
    if (captured.has(error)) return false;
    remember(error);
  }
  const message = read(error, 'message');
  // Copied by descriptor: spreading would call the getters of `fields`.
  const withError = Object.defineProperties({}, { ...Object.getOwnPropertyDescriptors(fields), err: { value: error, enumerable: true } });
  logger.error(withError, typeof message === 'string' && message !== '' ? message : 'an error without a message was thrown');
  return true;
}

/** Marks an error with its causes and the errors that it gathers: its line tells of them all. */
function remember(error: object): void {
  const waiting: unknown[] = [error];
  for (let links = 0; waiting.length > 0 && links < MOST_LINKS; links++) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null || captured.has(next)) continue;
    captured.add(next);
    const gathered = read(next, 'errors');
    waiting.push(read(next, 'cause'), ...(Array.isArray(gathered) ? gathered.slice(0, MOST_LINKS) : []));
  }
}
