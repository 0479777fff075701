import type { LinkRecord } from './link-store.ts';
import type { ShortBase } from './short-base.ts';

/** The tenant of a program that has no tenants. */
export const DEFAULT_TENANT = 'default';

export type LinkState = 'ACTIVE' | 'DELETED';

/** A short link as its owner sees it. Times are epoch ms of the store's clock. */
export interface Link {
  /** Public id, which never changes. */
  readonly uid: string;
  readonly slug: string;
  readonly shortUrl: string;
  /** What `Location` says, byte for byte. */
  readonly longUrl: string;
  readonly state: LinkState;
  /** Counted visits; those of the last second or so may be missing. */
  readonly visits: number;
  /** Who made it. */
  readonly owner: string | undefined;
  /** Grows with each change. */
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Where a slug leads. */
export type Resolution =
  | { readonly state: 'ACTIVE'; readonly uid: string; readonly longUrl: string }
  /** There was a link, and its owner deleted it. */
  | { readonly state: 'DELETED'; readonly uid: string };

// What nanoid() makes.
const UID = /^[\w-]{21}$/;

/** True for text that some link could have as its uid. A database may find "x" when it is asked for "x ". */
export function isUid(text: string): boolean {
  return UID.test(text);
}

export function toLink(record: LinkRecord, base: ShortBase): Link {
  return {
    uid: record.uid,
    slug: record.slug,
    shortUrl: base.shortUrl(record.slug),
    longUrl: record.longUrl,
    state: record.state,
    visits: record.visits,
    owner: record.owner ?? undefined,
    version: record.version,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
  };
}
