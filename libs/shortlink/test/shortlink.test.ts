import { createShortlinks, DEFAULT_TENANT, type LinkStore, type Shortlinks, type ShortlinksOptions } from '@staddle/shortlink';
import { memoryLinkStore } from '@staddle/shortlink/memory';
import { createTestClock, type TestClock } from '@staddle/testing';
import { beforeEach, describe, expect, it } from 'vitest';

const LONG_URL = 'https://example.com/a%20b?x=%20c&flag&y=a|b#part?z=1';

let clock: TestClock;
let store: LinkStore;
let links: Shortlinks;
const shortlinks = (options: Partial<ShortlinksOptions> = {}): Shortlinks => createShortlinks({ store, baseUrl: 'https://sho.rt', clock, ...options });
beforeEach(() => {
  clock = createTestClock();
  store = memoryLinkStore({ clock });
  links = shortlinks();
});

describe('create', () => {
  it('makes a code of 7 characters that nobody confuses', async () => {
    const link = await links.create({ longUrl: LONG_URL });
    expect(link.slug).toMatch(/^[2-9A-HJ-NP-Za-km-np-z]{7}$/);
    expect(link).toEqual({
      uid: expect.stringMatching(/^[\w-]{21}$/),
      slug: link.slug,
      shortUrl: `https://sho.rt/${link.slug}`,
      longUrl: LONG_URL,
      state: 'ACTIVE',
      visits: 0,
      owner: undefined,
      version: 1,
      createdAt: clock.now(),
      updatedAt: clock.now(),
    });
    expect(await links.get(link.uid)).toEqual(link);
  });

  it('takes a slug of the caller and remembers the owner', async () => {
    expect(await links.create({ longUrl: LONG_URL, slug: 'Spring-sale_26', owner: 'alice' })).toMatchObject({ slug: 'Spring-sale_26', owner: 'alice' });
  });

  it('makes a new link for a long URL that has one', async () => {
    const [first, second] = [await links.create({ longUrl: LONG_URL }), await links.create({ longUrl: LONG_URL })];
    expect(second.uid).not.toBe(first.uid);
    expect(second.slug).not.toBe(first.slug);
  });

  it('refuses a slug that is taken, without a word about its owner', async () => {
    await links.create({ longUrl: LONG_URL, slug: 'sale', owner: 'alice', tenant: 'acme' });
    const failure = await links.create({ longUrl: LONG_URL, slug: 'sale' }).catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({ code: 'ERR_SHORTLINK_SLUG_TAKEN', field: 'slug', slug: 'sale', message: 'slug "sale" is taken' });
  });

  it('refuses the slug of a deleted link', async () => {
    const link = await links.create({ longUrl: LONG_URL, slug: 'sale' });
    await links.delete(link.uid);
    await expect(links.create({ longUrl: 'https://other.example/', slug: 'sale' })).rejects.toMatchObject({ code: 'ERR_SHORTLINK_SLUG_TAKEN' });
  });

  it('tries other codes when one is taken', async () => {
    const codes = ['aaa', 'aaa', 'aaa', 'bbb'];
    links = shortlinks({ newCode: () => codes.shift()! });
    expect((await links.create({ longUrl: LONG_URL })).slug).toBe('aaa');
    expect((await links.create({ longUrl: LONG_URL })).slug).toBe('bbb');
  });

  it('never gives out a reserved word as a code', async () => {
    const codes = ['Metrics', 'v2', 'admin', 'free'];
    links = shortlinks({ newCode: () => codes.shift()!, reservedSlugs: ['ADMIN'] });
    expect((await links.create({ longUrl: LONG_URL })).slug).toBe('free');
  });

  it('gives up when codes run out, and does not try for ever', async () => {
    let tries = 0;
    links = shortlinks({
      newCode: () => {
        tries++;
        return 'only';
      },
    });
    await links.create({ longUrl: LONG_URL });
    await expect(links.create({ longUrl: LONG_URL })).rejects.toMatchObject({ code: 'ERR_SHORTLINK_CODE_SPACE', attempts: 10, retryable: true });
    expect(tries).toBe(11);
  });

  it.each<[string, Partial<ShortlinksOptions> | object, string]>([
    ['a base that is no URL', { baseUrl: 'sho.rt' }, 'baseUrl'],
    ['a base with a query', { baseUrl: 'https://sho.rt/?a' }, 'baseUrl'],
    ['a base with a password', { baseUrl: 'https://a:b@sho.rt' }, 'baseUrl'],
    ['a base with another scheme', { baseUrl: 'ftp://sho.rt' }, 'baseUrl'],
    ['a base with a port that cannot be', { baseUrl: 'https://sho.rt:99999' }, 'baseUrl'],
    ['a base without a host', { baseUrl: 'https:///s' }, 'baseUrl'],
    ['no time between writes', { flushMs: 0 }, 'flushMs'],
    ['half milliseconds', { flushMs: 1.5 }, 'flushMs'],
  ])('refuses %s', (_what, options, field) => {
    expect(() => shortlinks(options)).toThrow(expect.objectContaining({ code: 'ERR_SHORTLINK_OPTION', field }));
  });

  it.each<[string, object, string]>([
    ['an empty tenant', { tenant: '' }, 'tenant'],
    ['a tenant with a blank at its end', { tenant: 'acme ' }, 'tenant'],
    ['a tenant with a line break', { tenant: 'ac\nme' }, 'tenant'],
    ['a long tenant', { tenant: 'x'.repeat(65) }, 'tenant'],
    ['a long owner', { owner: 'x'.repeat(256) }, 'owner'],
    ['an owner with half a character', { owner: '\ud800' }, 'owner'],
  ])('refuses %s', async (_what, input, field) => {
    await expect(links.create({ longUrl: LONG_URL, ...input })).rejects.toMatchObject({ code: 'ERR_SHORTLINK_OPTION', field });
  });

  it('refuses a code generator that makes no slugs', async () => {
    await expect(shortlinks({ newCode: () => 'a/b' }).create({ longUrl: LONG_URL })).rejects.toMatchObject({ code: 'ERR_SHORTLINK_OPTION', field: 'newCode' });
  });

  it.each([
    ['https://sho.rt/', 'https://sho.rt/a'],
    ['https://example.com/s', 'https://example.com/s/a'],
    ['HTTPS://Sho.rt:443', 'https://sho.rt/a'],
    ['http://bücher.example:4300', 'http://xn--bcher-kva.example:4300/a'],
  ])('puts the slug behind the base %s', async (baseUrl, shortUrl) => {
    expect((await shortlinks({ baseUrl }).create({ longUrl: LONG_URL, slug: 'a' })).shortUrl).toBe(shortUrl);
  });

  it('asks for a base that becomes known late', async () => {
    let port = 0;
    links = shortlinks({ baseUrl: () => `http://127.0.0.1:${port}` });
    port = 4300;
    expect((await links.create({ longUrl: 'http://127.0.0.1:4200/', slug: 'other' })).shortUrl).toBe('http://127.0.0.1:4300/other');
    await expect(links.create({ longUrl: 'http://127.0.0.1:4300/other' })).rejects.toMatchObject({ code: 'ERR_SHORTLINK_URL' });
  });
});

describe('resolve', () => {
  it('says where a slug leads, whoever asks', async () => {
    const { uid } = await links.create({ longUrl: LONG_URL, slug: 'sale', tenant: 'acme' });
    expect(await links.resolve('sale')).toEqual({ state: 'ACTIVE', uid, longUrl: LONG_URL });
  });

  it('tells a deleted link from none', async () => {
    const { uid } = await links.create({ longUrl: LONG_URL, slug: 'sale' });
    await links.delete(uid);
    expect(await links.resolve('sale')).toEqual({ state: 'DELETED', uid });
    expect(await links.resolve('sold')).toBeUndefined();
  });

  it.each(['', 'robots.txt', 'a/b', 'sale ', 'salé', '%73ale', '__proto__', 'x'.repeat(256)])('asks no store about %j, which cannot be a slug', async (slug) => {
    links = shortlinks({ store: { ...store, resolve: () => Promise.reject(new Error('was asked')) } });
    expect(await links.resolve(slug)).toBeUndefined();
  });

  it('throws when the store cannot answer: that is not the same as "no such link"', async () => {
    links = shortlinks({ store: { ...store, resolve: () => Promise.reject(new Error('down')) } });
    await expect(links.resolve('sale')).rejects.toThrow('down');
    await expect(links.visit('sale')).rejects.toThrow('down');
  });
});

describe('a uid', () => {
  it('that cannot be one has no link, without a look into the store', async () => {
    const { uid } = await links.create({ longUrl: LONG_URL });
    const asked = (): Promise<never> => Promise.reject(new Error('was asked'));
    links = shortlinks({ store: { ...store, get: asked, delete: asked } });
    for (const other of ['', 'é', '\0', `${uid} `, ` ${uid}`, `${uid}é`, `${uid}/`, uid.slice(1), `${uid}x`, 'x'.repeat(1_000)]) {
      expect(await links.get(other)).toBeUndefined();
      expect(await links.delete(other)).toBeUndefined();
      await expect(links.list({ cursor: other })).rejects.toMatchObject({ code: 'ERR_SHORTLINK_CURSOR' });
    }
    await expect(links.get(uid)).rejects.toThrow('was asked');
  });
});

describe('delete', () => {
  it('leaves a tombstone, once', async () => {
    const link = await links.create({ longUrl: LONG_URL });
    await clock.advance(5_000);
    const deleted = await links.delete(link.uid);
    expect(deleted).toEqual({ ...link, state: 'DELETED', version: 2, updatedAt: link.createdAt + 5_000 });
    expect(await links.delete(link.uid)).toEqual(deleted);
    expect(await links.get(link.uid)).toEqual(deleted);
  });

  it('gives undefined for a link that is not there', async () => {
    expect(await links.delete('nothing')).toBeUndefined();
  });
});

describe('a tenant', () => {
  it('sees its own links only', async () => {
    const { uid } = await links.create({ longUrl: LONG_URL, tenant: 'acme' });
    for (const tenant of [undefined, DEFAULT_TENANT, 'other']) {
      expect(await links.get(uid, { tenant })).toBeUndefined();
      expect(await links.delete(uid, { tenant })).toBeUndefined();
      expect((await links.list({ tenant })).items).toEqual([]);
      await expect(links.list({ tenant, cursor: uid })).rejects.toMatchObject({ code: 'ERR_SHORTLINK_CURSOR' });
    }
    expect(await links.get(uid, { tenant: 'acme' })).toMatchObject({ state: 'ACTIVE' });
  });
});

describe('list', () => {
  it('gives active links in pages, newest first', async () => {
    const slugs = ['a', 'b', 'c', 'd', 'e'];
    for (const slug of slugs) await links.create({ longUrl: LONG_URL, slug });
    const first = await links.list({ limit: 2 });
    expect(first.items.map(({ slug }) => slug)).toEqual(['e', 'd']);
    // A cursor survives the deletion of its link.
    await links.delete(first.nextCursor!);
    const second = await links.list({ limit: 2, cursor: first.nextCursor });
    expect(second.items.map(({ slug }) => slug)).toEqual(['c', 'b']);
    const third = await links.list({ limit: 2, cursor: second.nextCursor });
    expect(third.items.map(({ slug }) => slug)).toEqual(['a']);
    expect(third.nextCursor).toBeUndefined();
    expect((await links.list()).items.map(({ slug }) => slug)).toEqual(['e', 'c', 'b', 'a']);
  });

  it.each([0, 201, 1.5, Number.NaN])('refuses a limit of %d', async (limit) => {
    await expect(links.list({ limit })).rejects.toMatchObject({ code: 'ERR_SHORTLINK_OPTION', field: 'limit' });
  });

  it('refuses a cursor that it never gave out', async () => {
    await expect(links.list({ cursor: 'nothing' })).rejects.toMatchObject({ code: 'ERR_SHORTLINK_CURSOR', field: 'cursor' });
  });
});
