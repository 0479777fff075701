import { systemClock, type Clock } from '@staddle/kernel';
import type { LinkKey, LinkRecord, LinkStore } from '../link-store.ts';

export interface MemoryLinkStoreOptions {
  /** Default: the system clock. */
  readonly clock?: Clock;
}

interface StoredLink extends LinkRecord {
  readonly tenant: string;
}

/** Links that live as long as the process: the same semantics as a database, without one. */
export function memoryLinkStore({ clock = systemClock }: MemoryLinkStoreOptions = {}): LinkStore {
  // In the order of their ids, which count from 1.
  const links: StoredLink[] = [];
  const byUid = new Map<string, number>();
  const bySlug = new Map<string, number>();

  const find = ({ uid, tenant }: LinkKey): StoredLink | undefined => {
    const link = links[(byUid.get(uid) ?? 0) - 1];
    return link?.tenant === tenant ? link : undefined;
  };
  const change = (link: StoredLink, changes: Partial<LinkRecord>): StoredLink => (links[link.id - 1] = { ...link, ...changes });
  const record = ({ tenant: _tenant, ...rest }: StoredLink): LinkRecord => rest;

  return {
    name: 'memory',
    async insert(input) {
      if (bySlug.has(input.slug) || byUid.has(input.uid)) return undefined;
      const now = clock.now();
      const link: StoredLink = { ...input, id: links.length + 1, state: 'ACTIVE', visits: 0, version: 1, createdAt: now, updatedAt: now };
      links.push(link);
      byUid.set(link.uid, link.id);
      bySlug.set(link.slug, link.id);
      return record(link);
    },
    async resolve(slug) {
      const link = links[(bySlug.get(slug) ?? 0) - 1];
      return link && { id: link.id, uid: link.uid, longUrl: link.longUrl, state: link.state };
    },
    async get(key) {
      const link = find(key);
      return link && record(link);
    },
    async delete(key) {
      const link = find(key);
      if (link?.state !== 'ACTIVE') return link && record(link);
      return record(change(link, { state: 'DELETED', version: link.version + 1, updatedAt: clock.now() }));
    },
    async list({ tenant, beforeId = Infinity, limit }) {
      const active = links.filter((link) => link.tenant === tenant && link.state === 'ACTIVE' && link.id < beforeId);
      return active.toReversed().slice(0, limit).map(record);
    },
    async addVisits(visits) {
      for (const [id, count] of visits) {
        const link = links[id - 1];
        if (link) change(link, { visits: link.visits + count });
      }
    },
  };
}
