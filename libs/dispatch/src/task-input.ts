import { hasCode } from '@staddle/kernel';
import { InvalidPayloadError, InvalidTaskError } from './errors.ts';
import type { Handler } from './handler.ts';
import { JSON_LIMIT_BYTES, messageOf } from './stored-json.ts';

/** What a new task is made of. */
export interface NewTaskInput {
  /** The part of the product it belongs to: a letter or digit, then letters, digits, `.`, `_`, `-`; at most 64. */
  readonly module: string;
  /** Name of the handler, by the same rule; at most 128. */
  readonly handler: string;
  /** Trigger JSON of `@staddle/cron`. */
  readonly trigger: unknown;
  /** Any JSON value of at most 64 KiB, handed to the handler. Default null. */
  readonly payload?: unknown;
  /** At most 255 characters. */
  readonly title?: string | undefined;
  /** At most 4000 characters. */
  readonly description?: string | undefined;
  /** Who owns it; at most 190 characters. */
  readonly userName?: string | undefined;
  /** Your own key, at most 190 characters. One live (ACTIVE or PAUSED) task of a module may have it. */
  readonly bizKey?: string | undefined;
  /** Why it was created; at most 500 characters. */
  readonly reason?: string | undefined;
}

/** The texts of a new task, checked. */
export interface CheckedTask {
  readonly module: string;
  readonly handler: string;
  readonly title: string | null;
  readonly description: string | null;
  readonly userName: string | null;
  readonly bizKey: string | null;
  readonly reason: string | null;
}

// The module becomes part of channel and metric names, so it has no separator of those.
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** @throws InvalidTaskError (`ERR_DISPATCH_TASK`) */
export function checkNewTask(input: NewTaskInput): CheckedTask {
  return {
    module: checkName('module', input.module, 64),
    handler: checkName('handler', input.handler, 128),
    title: checkText('title', input.title, 255),
    description: checkText('description', input.description, 4_000),
    userName: checkText('userName', input.userName, 190),
    bizKey: checkKey('bizKey', input.bizKey, 190),
    reason: checkReason(input.reason),
  };
}

/** @throws InvalidTaskError (`ERR_DISPATCH_TASK`) */
export function checkReason(reason: unknown): string | null {
  return checkText('reason', reason, 500);
}

/**
 * The JSON text of a payload that the handler accepts.
 * @throws InvalidPayloadError (`ERR_DISPATCH_PAYLOAD`)
 */
export function checkPayload(payload: unknown, handler: Handler): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(payload ?? null);
  } catch (cause) {
    throw new InvalidPayloadError('payload', `is not JSON: ${messageOf(cause)}`, { cause });
  }
  if (text === undefined) throw new InvalidPayloadError('payload', `is not JSON but a ${typeof payload}`);
  const bytes = Buffer.byteLength(text);
  if (bytes > JSON_LIMIT_BYTES) throw new InvalidPayloadError('payload', `has ${bytes} bytes of JSON, more than ${JSON_LIMIT_BYTES}`);
  parsePayload(handler, JSON.parse(text));
  return text;
}

/** What the handler makes of a payload. @throws InvalidPayloadError (`ERR_DISPATCH_PAYLOAD`) */
export function parsePayload(handler: Handler, payload: unknown): unknown {
  if (!handler.parsePayload) return payload;
  try {
    return handler.parsePayload(payload);
  } catch (cause) {
    if (hasCode(cause, 'ERR_DISPATCH_PAYLOAD')) throw cause;
    throw new InvalidPayloadError('payload', `is refused by the handler: ${messageOf(cause)}`, { cause });
  }
}

function checkName(field: string, value: unknown, maxLength: number): string {
  if (typeof value === 'string' && value.length <= maxLength && NAME.test(value)) return value;
  throw new InvalidTaskError(field, `${show(value)} is not a name of 1 to ${maxLength} characters: a letter or digit, then letters, digits, . _ -`);
}

function checkText(field: string, value: unknown, maxLength: number): string | null {
  if (value === undefined || value === null) return null;
  // A lone surrogate would come back from the database as another character.
  if (typeof value === 'string' && value.length <= maxLength && value.isWellFormed()) return value;
  throw new InvalidTaskError(field, `${show(value)} is not a text of at most ${maxLength} characters`);
}

function checkKey(field: string, value: unknown, maxLength: number): string | null {
  const key = checkText(field, value, maxLength);
  // Databases compare text without regard to blanks at its end.
  if (key !== null && (key === '' || key.trim() !== key)) throw new InvalidTaskError(field, `${show(key)} is empty, or has blanks around it`);
  return key;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
