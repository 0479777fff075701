/**
 * Short links: a slug stands for a long URL, for ever.
 *
 * Invariants
 * 1. One slug names one link. The store's unique key decides, not a look before the insert; so racing callers need no lock.
 * 2. A slug is never given to somebody else: a deleted link leaves a tombstone that keeps it, and answers "deleted".
 * 3. A long URL is checked when it is stored and never touched again: what `resolve` gives is what was stored, byte for byte.
 * 4. Whether a slug leads somewhere is a value. Only a store that cannot answer throws, so "the database is away" can
 *    never look like "there is no such link".
 * 5. Visits are added up in memory and written in batches; a count may be too low, never too high. A visit waits for no write.
 * 6. Links belong to a tenant. Whoever asks in the name of another one learns nothing, not even that a link exists.
 *    Resolving is for everybody.
 *
 * States of a link:  ACTIVE --[delete]--> DELETED
 *
 * Time source: the store's clock for the times of links; the process clock only paces the batches.
 */
import { noMetrics, silentLogger, systemClock, type Clock, type Lifecycle, type Logger, type Metrics } from '@staddle/kernel';
import { nanoid } from 'nanoid';
import { CodeSpaceExhaustedError, InvalidCursorError, InvalidShortlinkOptionError, SlugTakenError } from './errors.ts';
import { DEFAULT_TENANT, isUid, toLink, type Link, type Resolution } from './link.ts';
import type { LinkRecord, LinkStore, ResolvedLink } from './link-store.ts';
import { checkLongUrl } from './long-url.ts';
import { parseShortBase, type ShortBase } from './short-base.ts';
import { checkSlug, isSlug, randomCodes, reservedSlugs } from './slug.ts';
import { VisitCounter } from './visit-counter.ts';

export interface ShortlinksOptions {
  readonly store: LinkStore;
  /**
   * What stands before the slug in a short URL: `https://sho.rt`. Links must not lead below it. A function when it is
   * known only later, such as the port of a server that has yet to listen.
   */
  readonly baseUrl: string | (() => string);
  /** Words that cannot be slugs, besides `RESERVED_SLUGS`. */
  readonly reservedSlugs?: readonly string[];
  /** Makes a code for a link without a slug of its own. Default: `randomCodes()`, 7 characters. */
  readonly newCode?: () => string;
  /** Longest time that a visit stays in memory while the store answers. Default 1000. */
  readonly flushMs?: number;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
}

export interface TenantOptions {
  /** Whose links. Default {@link DEFAULT_TENANT}. */
  readonly tenant?: string | undefined;
}

export interface NewLinkInput extends TenantOptions {
  readonly longUrl: string;
  /** Default: a code. */
  readonly slug?: string | undefined;
  /** Who makes it, at most 255 characters. */
  readonly owner?: string | undefined;
}

export interface LinkListOptions extends TenantOptions {
  /** 1 to 200. Default 50. */
  readonly limit?: number | undefined;
  /** `nextCursor` of the page before. */
  readonly cursor?: string | undefined;
}

export interface LinkPage {
  readonly items: readonly Link[];
  /** Undefined on the last page. */
  readonly nextCursor: string | undefined;
}

/** Links can be made and resolved at once; `start()` begins to write visits, `stop()` writes the last ones. */
export interface Shortlinks extends Lifecycle {
  /**
   * @throws InvalidUrlError (`ERR_SHORTLINK_URL`), InvalidSlugError (`ERR_SHORTLINK_SLUG`)
   * @throws SlugTakenError (`ERR_SHORTLINK_SLUG_TAKEN`) for a slug of the caller's
   * @throws CodeSpaceExhaustedError (`ERR_SHORTLINK_CODE_SPACE`) when {@link CODE_ATTEMPTS} codes in a row were taken
   */
  create(input: NewLinkInput): Promise<Link>;
  /** A link, also a deleted one; undefined when the tenant has none with this uid. */
  get(uid: string, options?: TenantOptions): Promise<Link | undefined>;
  /** Active links, newest first. @throws InvalidCursorError (`ERR_SHORTLINK_CURSOR`) */
  list(options?: LinkListOptions): Promise<LinkPage>;
  /** Leaves a tombstone; of a deleted link nothing changes. Undefined when the tenant has no link with this uid. */
  delete(uid: string, options?: TenantOptions): Promise<Link | undefined>;
  /** Where a slug leads, for whoever only wants to know. Undefined when there is no such link. */
  resolve(slug: string): Promise<Resolution | undefined>;
  /** As `resolve`, for a visitor: counts a visit when the link is active. */
  visit(slug: string): Promise<Resolution | undefined>;
}

export const DEFAULTS: { readonly flushMs: number; readonly limit: number } = Object.freeze({ flushMs: 1_000, limit: 50 });

/**
 * With a code space half full, all of them fail once in 1024 creations; long before that, codes should have grown.
 */
export const CODE_ATTEMPTS = 10;

const MAX_LIMIT = 200;
const MAX_TENANT_LENGTH = 64;
const MAX_OWNER_LENGTH = 255;

/** @throws InvalidShortlinkOptionError (`ERR_SHORTLINK_OPTION`) */
export function createShortlinks(options: ShortlinksOptions): Shortlinks {
  const { store, newCode = randomCodes(), flushMs = DEFAULTS.flushMs, clock = systemClock, logger = silentLogger, metrics = noMetrics } = options;
  checkWhole('flushMs', flushMs, 1, 2 ** 31);
  const isReserved = reservedSlugs(options.reservedSlugs);
  const base = baseReader(options.baseUrl);
  const visits = new VisitCounter({ store, flushMs, clock, logger, metrics });
  const resolutions = metrics.counter({ name: 'shortlink_resolutions_total', help: 'Slugs that were looked up, by outcome', labels: ['outcome'] });
  const collisions = metrics.counter({ name: 'shortlink_code_collisions_total', help: 'Generated codes that were taken: a rising share says that codes should be longer' });

  const look = async (slug: string): Promise<ResolvedLink | undefined> => {
    const found = isSlug(slug) ? await store.resolve(slug) : undefined;
    resolutions.add(1, { outcome: found?.state.toLowerCase() ?? 'unknown' });
    return found;
  };

  const lookUp = async (uid: string, tenant: string): Promise<LinkRecord | undefined> => (isUid(uid) ? store.get({ uid, tenant }) : undefined);

  return {
    name: 'shortlink',
    start: async () => visits.start(),
    stop: (signal) => visits.stop(signal),

    async create({ longUrl, slug, owner, tenant }) {
      const place = base();
      const link = { longUrl: checkLongUrl(longUrl, place), tenant: checkTenant(tenant), owner: checkOwner(owner) };
      if (slug !== undefined) {
        const record = await store.insert({ ...link, uid: nanoid(), slug: checkSlug(slug, isReserved) });
        if (!record) throw new SlugTakenError(slug);
        return toLink(record, place);
      }
      for (let attempt = 0; attempt < CODE_ATTEMPTS; attempt++) {
        const code = newCode();
        if (!isSlug(code)) throw new InvalidShortlinkOptionError('newCode', code, 'a function that makes slugs');
        const record = isReserved(code) ? undefined : await store.insert({ ...link, uid: nanoid(), slug: code });
        if (record) return toLink(record, place);
        collisions.add();
      }
      throw new CodeSpaceExhaustedError(CODE_ATTEMPTS);
    },

    async get(uid, { tenant } = {}) {
      const record = await lookUp(uid, checkTenant(tenant));
      return record && toLink(record, base());
    },

    async list({ tenant: asked, limit = DEFAULTS.limit, cursor } = {}) {
      const tenant = checkTenant(asked);
      checkWhole('limit', limit, 1, MAX_LIMIT);
      let last: LinkRecord | undefined;
      if (cursor !== undefined) {
        // Its link may have been deleted since: a tombstone still marks the place.
        last = await lookUp(cursor, tenant);
        if (!last) throw new InvalidCursorError(cursor);
      }
      const found = await store.list({ tenant, beforeId: last?.id, limit: limit + 1 });
      const items = found.slice(0, limit).map((record) => toLink(record, base()));
      return { items, nextCursor: found.length > limit ? items.at(-1)?.uid : undefined };
    },

    async delete(uid, { tenant } = {}) {
      const key = { uid, tenant: checkTenant(tenant) };
      const record = isUid(uid) ? await store.delete(key) : undefined;
      return record && toLink(record, base());
    },

    async resolve(slug) {
      const found = await look(slug);
      return found && toResolution(found);
    },

    async visit(slug) {
      const found = await look(slug);
      if (found?.state === 'ACTIVE') visits.add(found.id);
      return found && toResolution(found);
    },
  };
}

function toResolution({ state, uid, longUrl }: ResolvedLink): Resolution {
  return state === 'ACTIVE' ? { state, uid, longUrl } : { state, uid };
}

/** A base is parsed once, also one that becomes known late. */
function baseReader(baseUrl: string | (() => string)): () => ShortBase {
  if (typeof baseUrl === 'string') {
    const fixed = parseShortBase(baseUrl);
    return () => fixed;
  }
  let text: string | undefined;
  let parsed: ShortBase;
  return () => {
    const now = baseUrl();
    if (now !== text) parsed = parseShortBase(now);
    text = now;
    return parsed;
  };
}

// Blanks at the end are refused because databases compare text without regard to them, and a tenant must not read
// another one's links for having almost its name.
function checkTenant(tenant: string = DEFAULT_TENANT): string {
  if (tenant !== '' && tenant.length <= MAX_TENANT_LENGTH && tenant.isWellFormed() && !/^\s|\p{Cc}|\s$/u.test(tenant)) return tenant;
  throw new InvalidShortlinkOptionError('tenant', tenant, `1 to ${MAX_TENANT_LENGTH} characters without control characters and without blanks at its ends`);
}

function checkOwner(owner: string | undefined): string | null {
  if (owner === undefined) return null;
  if (owner !== '' && owner.length <= MAX_OWNER_LENGTH && owner.isWellFormed()) return owner;
  throw new InvalidShortlinkOptionError('owner', owner, `1 to ${MAX_OWNER_LENGTH} characters`);
}

function checkWhole(field: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) throw new InvalidShortlinkOptionError(field, value, `a whole number from ${min} to ${max}`);
}
