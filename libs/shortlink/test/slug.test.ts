import { CODE_ALPHABET, createShortlinks, DEFAULT_CODE_LENGTH, randomCodes, RESERVED_SLUGS, type Link } from '@staddle/shortlink';
import { memoryLinkStore } from '@staddle/shortlink/memory';
import { describe, expect, it } from 'vitest';

const create = (slug: unknown, reservedSlugs: readonly string[] = []): Promise<Link> =>
  createShortlinks({ store: memoryLinkStore(), baseUrl: 'https://sho.rt', reservedSlugs }).create({ longUrl: 'https://example.com/', slug: slug as string });

describe('a slug', () => {
  it.each(['a', '7', 'A', 'spring-sale', 'spring_sale', 'a-', 'a_', 'v', 'v1a', 'vee1', 'livezz', 'constructor', 'x'.repeat(255)])('may be %s', async (slug) => {
    expect((await create(slug)).slug).toBe(slug);
  });

  it.each(['', '-a', '_a', '.', '..', 'a.b', 'a/b', 'a%2Fb', '%61', 'a b', ' a', 'a ', 'a\n', '\u0000', 'a+', 'a~', 'a?b', 'a#b', 'a@b', 'a:b', '[a]'])(
    'cannot be %j',
    async (slug) => {
      await expect(create(slug)).rejects.toMatchObject({ code: 'ERR_SHORTLINK_SLUG', field: 'slug' });
    },
  );

  it.each(['é', 'ß', 'Ａ', 'а', '١', 'a\u200b', '🦊', 'x'.repeat(256)])('cannot be %j', async (slug) => {
    await expect(create(slug)).rejects.toMatchObject({ code: 'ERR_SHORTLINK_SLUG', field: 'slug' });
  });

  it.each([null, 1, {}, ['a']])('cannot be %j, which is no text', async (slug) => {
    await expect(create(slug)).rejects.toMatchObject({ code: 'ERR_SHORTLINK_SLUG', field: 'slug' });
  });

  it.each([...RESERVED_SLUGS, 'LIVEZ', 'Metrics', 'v1', 'V2', 'v999'])('cannot be the reserved word %s', async (slug) => {
    await expect(create(slug)).rejects.toMatchObject({ code: 'ERR_SHORTLINK_SLUG', message: expect.stringContaining('is reserved') as string });
  });

  it('cannot be a word that the caller reserves', async () => {
    await expect(create('Admin', ['admin'])).rejects.toMatchObject({ code: 'ERR_SHORTLINK_SLUG' });
    expect((await create('admin2', ['admin'])).slug).toBe('admin2');
  });

  it('is shown in part when it is refused', async () => {
    const failure = await create(`${'x'.repeat(300)}`).catch((error: unknown) => error as Error);
    expect((failure as Error).message.length).toBeLessThan(300);
  });
});

describe('a code', () => {
  it('has 56 symbols to choose from, none of which looks like another', () => {
    expect(new Set(CODE_ALPHABET).size).toBe(56);
    expect(CODE_ALPHABET).not.toMatch(/[0Oo1lI]/);
  });

  it('has the length that was asked for', () => {
    expect(randomCodes()()).toHaveLength(DEFAULT_CODE_LENGTH);
    expect(randomCodes({ length: 12 })()).toHaveLength(12);
  });

  it('uses every symbol about equally often at every place', () => {
    const newCode = randomCodes({ length: 4 });
    const counts = new Map<string, number>();
    for (let made = 0; made < 20_000; made++) for (const [place, symbol] of [...newCode()].entries()) counts.set(`${place}${symbol}`, (counts.get(`${place}${symbol}`) ?? 0) + 1);
    // 357 of each are expected, with a standard deviation of 19: eight of them is never.
    expect(counts.size).toBe(4 * 56);
    for (const count of counts.values()) expect(Math.abs(count - 20_000 / 56)).toBeLessThan(150);
  });
});
