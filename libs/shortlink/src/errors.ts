import { inspect } from 'node:util';
import { StaddleError } from '@staddle/kernel';

/** A long URL that a link must not lead to, or that is none. */
export class InvalidUrlError extends StaddleError {
  override readonly code = 'ERR_SHORTLINK_URL';
  override readonly field = 'longUrl';

  constructor(longUrl: unknown, rule: string) {
    super(`longUrl ${show(longUrl)} ${rule}`);
  }
}

/** A slug with other characters than those allowed, too long, or reserved. */
export class InvalidSlugError extends StaddleError {
  override readonly code = 'ERR_SHORTLINK_SLUG';
  override readonly field = 'slug';

  constructor(slug: unknown, rule: string) {
    super(`slug ${show(slug)} ${rule}`);
  }
}

/** Another link has the slug, or had it before it was deleted. Does not tell whose. */
export class SlugTakenError extends StaddleError {
  override readonly code = 'ERR_SHORTLINK_SLUG_TAKEN';
  override readonly field = 'slug';
  readonly slug: string;

  constructor(slug: string) {
    super(`slug "${slug}" is taken`);
    this.slug = slug;
  }
}

/** Every code that was tried is taken: codes of this length are running out. */
export class CodeSpaceExhaustedError extends StaddleError {
  override readonly code = 'ERR_SHORTLINK_CODE_SPACE';
  override readonly retryable = true;
  readonly attempts: number;

  constructor(attempts: number) {
    super(`${attempts} generated codes in a row were taken; generate longer ones`);
    this.attempts = attempts;
  }
}

/** A cursor that no page of this tenant's links has given out. */
export class InvalidCursorError extends StaddleError {
  override readonly code = 'ERR_SHORTLINK_CURSOR';
  override readonly field = 'cursor';

  constructor(cursor: unknown) {
    super(`cursor ${show(cursor)} is not the nextCursor of a page`);
  }
}

/** An option outside of its range. */
export class InvalidShortlinkOptionError extends StaddleError {
  override readonly code = 'ERR_SHORTLINK_OPTION';
  override readonly field: string;

  constructor(field: string, value: unknown, rule: string) {
    super(`shortlink option ${field} is ${show(value)}; it must be ${rule}`);
    this.field = field;
  }
}

export type ShortlinkErrorCode = (
  | InvalidUrlError
  | InvalidSlugError
  | SlugTakenError
  | CodeSpaceExhaustedError
  | InvalidCursorError
  | InvalidShortlinkOptionError
)['code'];

const SHOWN_LENGTH = 100;

/** Bounded, on one line, and without the password that a URL may hold. */
function show(value: unknown): string {
  if (typeof value !== 'string') return inspect(value, { depth: 0 });
  const masked = value.replace(/[/\\]{2}[^/?#]*@/, '//[redacted]@');
  return JSON.stringify(masked.length > SHOWN_LENGTH ? `${masked.slice(0, SHOWN_LENGTH)}…` : masked);
}
