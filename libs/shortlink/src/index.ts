export {
  CodeSpaceExhaustedError,
  InvalidCursorError,
  InvalidShortlinkOptionError,
  InvalidSlugError,
  InvalidUrlError,
  SlugTakenError,
  type ShortlinkErrorCode,
} from './errors.ts';
export { DEFAULT_TENANT, type Link, type LinkState, type Resolution } from './link.ts';
export { type LinkKey, type LinkRecord, type LinkStore, type NewLink, type ResolvedLink } from './link-store.ts';
export { MAX_LONG_URL_BYTES } from './long-url.ts';
export { isBaseUrl } from './short-base.ts';
export {
  CODE_ATTEMPTS,
  createShortlinks,
  DEFAULTS,
  type LinkListOptions,
  type LinkPage,
  type NewLinkInput,
  type Shortlinks,
  type ShortlinksOptions,
  type TenantOptions,
} from './shortlink.ts';
export { CODE_ALPHABET, DEFAULT_CODE_LENGTH, MAX_SLUG_LENGTH, randomCodes, RESERVED_SLUGS } from './slug.ts';
