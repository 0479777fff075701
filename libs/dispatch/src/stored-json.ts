/**
 * Longest JSON text of a payload or result, in bytes of UTF-8. Rows of this size still move quickly through a claim of
 * many; larger data belongs into a store of its own, with its key in the payload.
 */
export const JSON_LIMIT_BYTES = 65_536;

// A database driver's message can hold a whole statement.
const MESSAGE_LIMIT = 2_000;

/** Why a run did not succeed, fit to be shown: no stack. */
export interface RunError {
  readonly code: string;
  readonly message: string;
}

/** The value of a stored JSON text; the text itself when it is damaged, so that one bad row does not hide the others. */
export function readJson(text: string | null): unknown {
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What is kept of a handler's return value. A value that JSON cannot hold, or too large, never fails the run that made it. */
export function resultJson(value: unknown): string | null {
  if (value === undefined) return null;
  try {
    const text = JSON.stringify(value);
    if (text === undefined) return null;
    const bytes = Buffer.byteLength(text);
    return bytes <= JSON_LIMIT_BYTES ? text : JSON.stringify({ omitted: `${bytes} bytes of JSON are more than ${JSON_LIMIT_BYTES}` });
  } catch (error) {
    return JSON.stringify({ omitted: `not JSON: ${messageOf(error)}` });
  }
}

/** Code and message of whatever a handler threw. */
export function errorJson(error: unknown): string {
  const shown: RunError = { code: codeOf(error) ?? (error instanceof Error ? error.name : 'Error'), message: messageOf(error) };
  return JSON.stringify(shown);
}

function codeOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The error of a connection to a host with several addresses has an empty message and says all in its code. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || codeOf(error) || error.name : String(error);
  return text.length > MESSAGE_LIMIT ? `${text.slice(0, MESSAGE_LIMIT)}…` : text;
}
