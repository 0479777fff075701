import { InvalidPayloadError } from '@staddle/dispatch';
import type * as z from 'zod';

/**
 * Reads a payload through its schema, in the words of a handler.
 * @throws InvalidPayloadError (`ERR_DISPATCH_PAYLOAD`) for the first thing that is wrong
 */
export function readPayload<S extends z.ZodType>(schema: S, payload: unknown): z.output<S> {
  const result = schema.safeParse(payload);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const unknownKey = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  // What is wrong with a key is one level down.
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  const field = ['payload', ...issue.path.map(String), ...(unknownKey === undefined ? [] : [unknownKey])].join('.');
  throw new InvalidPayloadError(field, unknownKey === undefined ? lowerFirst(message) : 'is not a known key');
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
