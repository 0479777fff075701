import { customAlphabet } from 'nanoid';
import { InvalidSlugError } from './errors.ts';

/** The longest slug, in characters. */
export const MAX_SLUG_LENGTH = 255;

/** Digits and letters without 0, O, o, 1, l and I, which people confuse when they copy a code from paper. */
export const CODE_ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz';

/** 56^7 codes: among a million links, one guess in 1.7 million hits. */
export const DEFAULT_CODE_LENGTH = 7;

// A small set on purpose: nothing that a URL, a shell, a line of text or a database collation treats specially. No dot,
// so that /robots.txt, /favicon.ico and what scanners ask for (/wp-login.php) can be told from a slug without a look.
const SLUG = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

/**
 * Never a slug, in any case of letters: paths of the services themselves, and files that browsers and crawlers ask
 * every host for. `v1`, `v2`, … are reserved as well.
 */
export const RESERVED_SLUGS: readonly string[] = Object.freeze([
  'livez',
  'readyz',
  'startupz',
  'metrics',
  'openapi.json',
  'robots.txt',
  'favicon.ico',
  '.well-known',
]);

const API_VERSION = /^v\d+$/i;

/** True for text that some link could have as its slug; whatever else is asked for needs no look into the store. */
export function isSlug(text: string): boolean {
  return text.length <= MAX_SLUG_LENGTH && SLUG.test(text);
}

/** Says whether a slug is reserved: {@link RESERVED_SLUGS}, `v` and a number, or one of `more`. */
export function reservedSlugs(more: readonly string[] = []): (slug: string) => boolean {
  const words = new Set([...RESERVED_SLUGS, ...more].map((word) => word.toLowerCase()));
  return (slug) => words.has(slug.toLowerCase()) || API_VERSION.test(slug);
}

/** @throws InvalidSlugError (`ERR_SHORTLINK_SLUG`) */
export function checkSlug(slug: unknown, isReserved: (slug: string) => boolean): string {
  if (typeof slug === 'string' && isReserved(slug)) throw new InvalidSlugError(slug, 'is reserved');
  if (typeof slug === 'string' && isSlug(slug)) return slug;
  throw new InvalidSlugError(slug, `must be 1 to ${MAX_SLUG_LENGTH} characters: a letter or digit, then letters, digits, "-" or "_"`);
}

/**
 * Random codes of `length` symbols of {@link CODE_ALPHABET} (default {@link DEFAULT_CODE_LENGTH}), from the system's
 * secure random generator and without bias.
 */
export function randomCodes({ length = DEFAULT_CODE_LENGTH }: { readonly length?: number } = {}): () => string {
  return customAlphabet(CODE_ALPHABET, length);
}
