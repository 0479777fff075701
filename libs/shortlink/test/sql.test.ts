import { migrate, openDatabase, type Database } from '@staddle/database';
import { createShortlinks, type Shortlinks } from '@staddle/shortlink';
import { shortlinkMigrations, sqlLinkStore } from '@staddle/shortlink/sql';
import { createFaultProxy, DIALECTS, testDatabase, waitFor } from '@staddle/testing';
import { sql, type RawBuilder } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';

interface World {
  readonly database: Database;
  readonly links: Shortlinks;
}

/** The plan of a query, as one text. */
const planOf = async (database: Database, query: RawBuilder<unknown>): Promise<string> => {
  const { rows } = await (database.dialect === 'sqlite' ? sql`explain query plan ${query}` : sql`explain ${query}`).execute(database.query());
  return JSON.stringify(rows);
};

const world = async (dialect: (typeof DIALECTS)[number]): Promise<World> => {
  const fresh = await testDatabase(dialect);
  onTestFinished(() => fresh.close());
  const database = fresh.open();
  await migrate(database, [shortlinkMigrations]);
  return { database, links: createShortlinks({ store: sqlLinkStore(database), baseUrl: 'https://sho.rt' }) };
};

describe.each(DIALECTS)('links on %s', (dialect) => {
  it('resolve by one lookup in the unique key', async () => {
    const { database, links } = await world(dialect);
    for (let count = 0; count < 50; count++) await links.create({ longUrl: 'https://example.com/', slug: `s${count}` });
    const query = sql`select id, uid, long_url, state from shortlink_link where domain_id = 1 and slug_key = 's7' and state in (0, 4)`;
    const found = { sqlite: 'SEARCH shortlink_link USING INDEX shortlink_link_slug (domain_id=? AND slug_key=?)', mysql: '"type":"const","possible_keys":"shortlink_link_slug"' };
    expect(await planOf(database, query)).toContain(found[dialect]);
  });

  it('are listed without a look at what is not shown', async () => {
    const { database, links } = await world(dialect);
    for (let count = 0; count < 200; count++) await links.create({ longUrl: 'https://example.com/', slug: `s${count}`, tenant: `t${count % 20}` });
    const query = sql`select id from shortlink_link where tenant_id = 't1' and state = 0 and id < 100 order by id desc limit 5`;
    const plan = await planOf(database, query);
    expect(plan).toContain({ sqlite: 'shortlink_link_tenant (tenant_id=? AND state=? AND id<?)', mysql: '"key":"shortlink_link_tenant"' }[dialect]);
    expect(plan).not.toMatch(/filesort|TEMP B-TREE/);
  });

  it('in a state that only a newer version knows are as if they were not there', async () => {
    const { database, links } = await world(dialect);
    const { uid } = await links.create({ longUrl: 'https://example.com/', slug: 'banned' });
    await sql`update shortlink_link set state = 3`.execute(database.query());
    expect(await links.resolve('banned')).toBeUndefined();
    expect(await links.get(uid)).toBeUndefined();
    expect(await links.delete(uid)).toBeUndefined();
    expect((await links.list()).items).toEqual([]);
    await expect(links.create({ longUrl: 'https://example.com/', slug: 'banned' })).rejects.toMatchObject({ code: 'ERR_SHORTLINK_SLUG_TAKEN' });
    const { rows } = await sql`select state from shortlink_link`.execute(database.query());
    expect(rows).toEqual([{ state: 3 }]);
  });

  it('have the clock of the store, not of the process', async () => {
    const { links } = await world(dialect);
    const before = Date.now();
    const { createdAt } = await links.create({ longUrl: 'https://example.com/' });
    // The server runs on this machine; a local time that passed as text would be wrong by hours.
    expect(Math.abs(createdAt - before)).toBeLessThan(60_000);
  });

  it('are made with different codes by many callers at once', async () => {
    const { links } = await world(dialect);
    const made = await Promise.all(Array.from({ length: 40 }, () => links.create({ longUrl: 'https://example.com/' })));
    expect(new Set(made.map(({ slug }) => slug)).size).toBe(40);
  });

  it('share a small set of codes among many callers without an error or an endless loop', async () => {
    const { database } = await world(dialect);
    let next = 0;
    // 16 codes, met by every caller in the same order: as many collisions as there can be.
    const links = createShortlinks({ store: sqlLinkStore(database), baseUrl: 'https://sho.rt', newCode: () => `c${next++ % 16}` });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => links.create({ longUrl: 'https://example.com/' })));
    const slugs = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.slug] : []));
    expect(new Set(slugs).size).toBe(slugs.length);
    const codes = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [(outcome.reason as { code?: string }).code] : []));
    expect(codes).toEqual(codes.map(() => 'ERR_SHORTLINK_CODE_SPACE'));
  });
});

it('keeps visits while the server is away and writes them when it is back', async () => {
  const fresh = await testDatabase('mysql');
  onTestFinished(() => fresh.close());
  await migrate(fresh.open(), [shortlinkMigrations]);
  const proxy = await createFaultProxy({ target: fresh.url });
  onTestFinished(() => proxy.close());
  const database = openDatabase({ url: proxy.url() });
  onTestFinished(() => database.close());
  const links = createShortlinks({ store: sqlLinkStore(database), baseUrl: 'https://sho.rt', flushMs: 20 });
  const { uid } = await links.create({ longUrl: 'https://example.com/', slug: 'sale' });
  // Not started, so nothing is written while the link is still up.
  for (let count = 0; count < 5; count++) await links.visit('sale');
  proxy.cut();
  await links.start();
  await expect(links.visit('sale')).rejects.toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE' });
  proxy.restore();
  await waitFor(async () => (await links.get(uid))!.visits > 0, { what: 'the visits to be written' });
  expect(await links.get(uid)).toMatchObject({ visits: 5 });
  await links.stop();
});
