import { ownEntries, read, spendText, toPlain, type Budget, type Plain } from './plain.ts';
import type { Redactor } from './redact.ts';

/** An error in ECS's fields, and what else it carried. */
export interface ErrorFields {
  readonly type: string;
  readonly message: string;
  readonly code: string | undefined;
  /** The stack, followed by those of its causes and of the errors that it gathers. */
  readonly stackTrace: string | undefined;
  /** Its own further properties: `field`, `retryable`, `faults`… */
  readonly data: Plain | undefined;
}

const LONGEST_WORD = 256;
const LONGEST_MESSAGE = 8_192;
const LONGEST_TRACE = 16_384;
const MOST_CAUSES = 8;
const MOST_GATHERED = 10;

// These have their own place.
const PLACED = new Set(['name', 'message', 'stack', 'cause', 'errors', 'code']);

/** Describes whatever was thrown. Never throws. */
export function errorFields(error: unknown, redactor: Redactor, budget: Budget): ErrorFields {
  const text = (raw: string, limit: number): string => spendText(redactor.text(raw, limit), budget);
  const code = read(error, 'code');
  const further = isObject(error) && Error.isError(error) ? Array.from(safeEntries(error)).filter(([key, value]) => !PLACED.has(key) && value !== undefined) : [];
  return {
    type: text(typeOf(error), LONGEST_WORD),
    message: text(messageOf(error, redactor), LONGEST_MESSAGE),
    code: typeof code === 'string' || typeof code === 'number' ? text(String(code), LONGEST_WORD) : undefined,
    stackTrace: typeof read(error, 'stack') === 'string' ? text(trace(error, new Set(), redactor), LONGEST_TRACE) : undefined,
    data: further.length > 0 ? toPlain(Object.fromEntries(further), redactor, budget) : undefined,
  };
}

/** What a person would read of a thrown value. */
export function messageOf(error: unknown, redactor: Redactor): string {
  // A function's text would be its source.
  if (!isObject(error)) return typeof error === 'function' ? '[function]' : String(error);
  const message = read(error, 'message');
  return typeof message === 'string' ? message : inBrief(error, redactor);
}

function typeOf(error: unknown): string {
  if (!isObject(error)) return typeof error;
  const name = read(error, 'name');
  if (typeof name === 'string' && name !== '') return name;
  return 'object';
}

function trace(error: unknown, seen: Set<unknown>, redactor: Redactor): string {
  if (!isObject(error)) return messageOf(error, redactor);
  seen.add(error);
  const stack = read(error, 'stack');
  let text = typeof stack === 'string' ? stack : `${typeOf(error)}: ${messageOf(error, redactor)}`;
  const cause = read(error, 'cause');
  if (cause !== undefined) text += `\ncaused by: ${follow(cause, seen, redactor)}`;
  const gathered = read(error, 'errors');
  if (Array.isArray(gathered)) {
    for (const one of gathered.slice(0, MOST_GATHERED)) text += `\ngathers: ${follow(one, seen, redactor)}`;
    if (gathered.length > MOST_GATHERED) text += `\ngathers ${gathered.length - MOST_GATHERED} more`;
  }
  return text;
}

function follow(error: unknown, seen: Set<unknown>, redactor: Redactor): string {
  if (seen.has(error)) return '[circular]';
  return seen.size > MOST_CAUSES + MOST_GATHERED ? '[truncated]' : trace(error, seen, redactor);
}

function inBrief(value: object, redactor: Redactor): string {
  const plain = toPlain(value, redactor, { bytes: 1_024 });
  return typeof plain === 'string' ? plain : JSON.stringify(plain);
}

function* safeEntries(error: object): Generator<readonly [string, unknown]> {
  try {
    yield* ownEntries(error);
  } catch {
    // A proxy: what it would say about itself is not worth an exception in a logger.
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
