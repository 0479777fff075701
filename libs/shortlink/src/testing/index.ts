import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LinkKey, LinkRecord, LinkStore, NewLink } from '../link-store.ts';

export interface LinkStoreUnderTest {
  /** A store without links. */
  readonly store: LinkStore;
  close?(): Promise<void>;
}

/** The contract of `LinkStore` as tests: `describeLinkStore('sqlite', async () => ({ store, close }))`. */
export function describeLinkStore(storeName: string, make: () => Promise<LinkStoreUnderTest>): void {
  describe(`link store contract: ${storeName}`, () => {
    let under: LinkStoreUnderTest;
    let store: LinkStore;
    beforeEach(async () => {
      under = await make();
      store = under.store;
    });
    afterEach(() => under.close?.());

    const newLink = (link: Partial<NewLink> = {}): NewLink => ({
      uid: randomBytes(16).toString('base64url').slice(0, 21),
      slug: `s${randomBytes(8).toString('hex')}`,
      longUrl: 'https://example.com/',
      tenant: 'default',
      owner: null,
      ...link,
    });
    const insert = async (link: Partial<NewLink> = {}): Promise<LinkRecord & LinkKey> => {
      const made = newLink(link);
      const record = await store.insert(made);
      if (!record) throw new Error(`slug ${made.slug} was taken`);
      return { ...record, tenant: made.tenant };
    };

    it('gives back what was inserted, as an active link without visits', async () => {
      const made = newLink({ owner: 'alice' });
      const record = await store.insert(made);
      const { uid, slug, longUrl, owner } = made;
      expect(record).toEqual({
        id: expect.any(Number),
        uid,
        slug,
        longUrl,
        owner,
        state: 'ACTIVE',
        visits: 0,
        version: 1,
        createdAt: expect.any(Number),
        updatedAt: expect.any(Number),
      });
      expect(record!.updatedAt).toBe(record!.createdAt);
      expect(Number.isInteger(record!.createdAt)).toBe(true);
      expect(await store.get(made)).toEqual(record);
    });

    it('keeps long URLs byte for byte, up to 8000 of them', async () => {
      const odd = `https://example.com/a%20b?x=%20c&flag&y=a|b&q='";--\\${'%'.repeat(7_900)}#part?z=1`;
      const { slug, tenant, uid } = await insert({ longUrl: odd });
      expect(await store.resolve(slug)).toMatchObject({ longUrl: odd });
      expect(await store.get({ tenant, uid })).toMatchObject({ longUrl: odd });
    });

    it('keeps owners in any script', async () => {
      const owner = `Zoë 🦊 ${'x'.repeat(200)}`;
      const { tenant, uid } = await insert({ owner });
      expect(await store.get({ tenant, uid })).toMatchObject({ owner });
    });

    it('refuses a slug that is taken, by another tenant too', async () => {
      const { slug } = await insert({ tenant: 'acme' });
      expect(await store.insert(newLink({ slug, tenant: 'acme' }))).toBeUndefined();
      expect(await store.insert(newLink({ slug, tenant: 'other' }))).toBeUndefined();
    });

    it('gives one slug to one of many racing callers', async () => {
      const records = await Promise.all(Array.from({ length: 30 }, () => store.insert(newLink({ slug: 'wanted' }))));
      const winners = records.filter((record) => record !== undefined);
      expect(winners).toHaveLength(1);
      expect(await store.resolve('wanted')).toMatchObject({ uid: winners[0]!.uid });
    });

    it('tells slugs apart by their bytes', async () => {
      const lower = await insert({ slug: 'docs' });
      const upper = await insert({ slug: 'Docs' });
      expect(await store.resolve('docs')).toMatchObject({ uid: lower.uid });
      expect(await store.resolve('Docs')).toMatchObject({ uid: upper.uid });
      expect(await store.resolve('DOCS')).toBeUndefined();
    });

    it('takes slugs of 255 characters and tells them apart at the last one', async () => {
      const start = 'x'.repeat(254);
      const [a, b] = [await insert({ slug: `${start}a` }), await insert({ slug: `${start}b` })];
      expect(await store.resolve(`${start}a`)).toMatchObject({ uid: a.uid });
      expect(await store.resolve(`${start}b`)).toMatchObject({ uid: b.uid });
    });

    it('resolves nothing for a slug that no link has', async () => {
      expect(await store.resolve('nothing')).toBeUndefined();
      expect(await store.resolve('constructor')).toBeUndefined();
      expect(await store.get({ tenant: 'default', uid: 'nothing' })).toBeUndefined();
    });

    it('finds nothing for what no link can have', async () => {
      const { uid, slug, tenant } = await insert();
      for (const odd of ['é', '\u{1f98a}', `${uid}é`, '\uffff', '\0', "' or '1"]) {
        expect(await store.get({ tenant, uid: odd })).toBeUndefined();
        expect(await store.delete({ tenant, uid: odd })).toBeUndefined();
        expect(await store.resolve(odd)).toBeUndefined();
      }
      expect(await store.resolve(slug)).toMatchObject({ uid, state: 'ACTIVE' });
    });

    it('shows a link to its own tenant only', async () => {
      const { uid } = await insert({ tenant: 'acme' });
      for (const tenant of ['default', 'Acme', 'acm', 'acme2']) {
        expect(await store.get({ tenant, uid })).toBeUndefined();
        expect(await store.delete({ tenant, uid })).toBeUndefined();
      }
      expect(await store.get({ tenant: 'acme', uid })).toMatchObject({ state: 'ACTIVE', version: 1 });
    });

    it('deletes a link once and keeps its slug', async () => {
      const link = await insert();
      const deleted = await store.delete(link);
      expect(deleted).toMatchObject({ uid: link.uid, slug: link.slug, longUrl: link.longUrl, state: 'DELETED', version: 2, createdAt: link.createdAt });
      expect(deleted!.updatedAt).toBeGreaterThanOrEqual(link.updatedAt);
      expect(await store.delete(link)).toEqual(deleted);
      expect(await store.get(link)).toEqual(deleted);
      expect(await store.resolve(link.slug)).toMatchObject({ uid: link.uid, state: 'DELETED' });
      expect(await store.insert(newLink({ slug: link.slug }))).toBeUndefined();
    });

    it('raises the version once when many delete at the same time', async () => {
      const link = await insert();
      await Promise.all(Array.from({ length: 10 }, () => store.delete(link)));
      expect(await store.get(link)).toMatchObject({ state: 'DELETED', version: 2 });
    });

    it('lists active links of a tenant in pages, newest first', async () => {
      const made: (LinkRecord & LinkKey)[] = [];
      for (let count = 0; count < 7; count++) {
        made.push(await insert());
        await insert({ tenant: 'other' });
      }
      await store.delete(made[3]!);
      const first = await store.list({ tenant: 'default', beforeId: undefined, limit: 4 });
      const second = await store.list({ tenant: 'default', beforeId: first.at(-1)!.id, limit: 4 });
      const expected = made.filter((_, index) => index !== 3).toReversed();
      expect([...first, ...second].map(({ uid }) => uid)).toEqual(expected.map(({ uid }) => uid));
      expect(first[0]).toEqual(await store.get({ tenant: 'default', uid: first[0]!.uid }));
    });

    it('adds visits of many links at once', async () => {
      const [a, b, c] = [await insert(), await insert(), await insert()];
      await store.addVisits(new Map([[b.id, 5], [a.id, 1]]));
      await store.addVisits(new Map([[a.id, 2]]));
      expect(await store.get(a)).toMatchObject({ visits: 3, version: 1, updatedAt: a.updatedAt });
      expect(await store.get(b)).toMatchObject({ visits: 5 });
      expect(await store.get(c)).toMatchObject({ visits: 0 });
      expect((await store.list({ tenant: 'default', beforeId: undefined, limit: 3 })).map(({ visits }) => visits)).toEqual([0, 5, 3]);
    });

    it('loses no visits of writers that add to the same links at the same time', async () => {
      const links = [await insert(), await insert(), await insert()];
      const ids = links.map(({ id }) => id);
      // Half of the writers name the links in the other order, as two processes would.
      const orders = [ids, ids.toReversed()];
      await Promise.all(Array.from({ length: 20 }, (_, index) => store.addVisits(new Map(orders[index % 2]!.map((id) => [id, 1])))));
      for (const link of links) expect(await store.get(link)).toMatchObject({ visits: 20 });
    });

    it('adds visits of 1000 links in one go, and to deleted ones too', async () => {
      const link = await insert();
      await store.delete(link);
      const others = Array.from({ length: 999 }, (_, index) => [link.id + 1 + index, 1] as const);
      await store.addVisits(new Map([...others, [link.id, 7]]));
      expect(await store.get(link)).toMatchObject({ visits: 7, state: 'DELETED' });
    });

    it('hands out values, not its own state', async () => {
      const link = await insert();
      const record = (await store.get(link)) as { longUrl: string };
      record.longUrl = 'https://evil.example/';
      expect(await store.resolve(link.slug)).toMatchObject({ longUrl: link.longUrl });
    });
  });
}
