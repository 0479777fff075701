import type { LinkState } from './link.ts';

/**
 * Where links live. A store checks no slug and no URL, makes no code and retries nothing: that is written once, in
 * `shortlink.ts` and `visit-counter.ts`.
 *
 * Contract (run `describeLinkStore` of `@staddle/shortlink/testing` against an implementation):
 * - slugs are unique over all tenants and states, and compared by their bytes: `Docs` is not `docs`;
 * - every operation is atomic; times are the store's own clock;
 * - `resolve` is one lookup by key, for it runs on every redirect;
 * - links in a state that this version does not know are as if they were not there.
 */
export interface LinkStore {
  /** Shown in logs: `sqlite`, `memory`. */
  readonly name: string;

  /** Stores an ACTIVE link with version 1 and no visits; undefined when the slug (or the uid) is taken. */
  insert(link: NewLink): Promise<LinkRecord | undefined>;

  resolve(slug: string): Promise<ResolvedLink | undefined>;

  /** A link of the tenant, also a deleted one. */
  get(key: LinkKey): Promise<LinkRecord | undefined>;

  /** Makes the link DELETED and raises its version, unless it is so already. The slug stays taken. */
  delete(key: LinkKey): Promise<LinkRecord | undefined>;

  /** ACTIVE links of the tenant, newest first, from the one before `beforeId`. */
  list(query: { readonly tenant: string; readonly beforeId: number | undefined; readonly limit: number }): Promise<readonly LinkRecord[]>;

  /**
   * Adds visits to links by their id: all of them, or none when it rejects. Rejects with `outcomeUnknown: true` when they
   * may have been added.
   */
  addVisits(visits: ReadonlyMap<number, number>): Promise<void>;
}

export interface NewLink {
  readonly uid: string;
  readonly slug: string;
  readonly longUrl: string;
  readonly tenant: string;
  readonly owner: string | null;
}

export interface LinkKey {
  readonly tenant: string;
  readonly uid: string;
}

export interface ResolvedLink {
  /** Number of the link in its store. Not for the outside. */
  readonly id: number;
  readonly uid: string;
  readonly longUrl: string;
  readonly state: LinkState;
}

export interface LinkRecord extends ResolvedLink {
  readonly slug: string;
  readonly owner: string | null;
  readonly visits: number;
  readonly version: number;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly updatedAt: number;
}
